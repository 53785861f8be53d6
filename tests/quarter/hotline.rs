//! A hotline that never was: forty agents of five teams take calls for a quarter. From the seed alone, so that a run can be
//! repeated. What is said in a call is one of the demo's conversations; everything around it (who, when, waits, ratings, work
//! orders, who calls again) is drawn here, and is what the checks count on their own.

use chrono::{DateTime, Days, FixedOffset, NaiveDate, TimeDelta, TimeZone};
use qingting_pipeline::record::{Agent, CallRecord, Caller, Ticket};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

pub(crate) const TEAMS: [&str; 5] = ["一班", "二班", "三班", "四班", "五班"];
pub(crate) const AGENTS: usize = 40;
const REGIONS: [&str; 3] = ["云岭区", "青河区", "松湖区"];
/// Share of the calls in which an agent of a team does something wrong; agents of a team differ a little.
const FAULTY: [f64; 5] = [0.10, 0.20, 0.32, 0.45, 0.60];

/// First day and number of days.
pub(crate) fn days() -> (NaiveDate, u64) {
    (NaiveDate::from_ymd_opt(2026, 7, 1).unwrap(), 92)
}

pub(crate) fn last_day() -> NaiveDate {
    let (first, count) = days();
    first + Days::new(count - 1)
}

/// Conversations by what the agent does in them.
pub(crate) struct Said {
    pub(crate) all: Vec<CallRecord>,
    pub(crate) clean: Vec<usize>,
    pub(crate) faulty: Vec<usize>,
    pub(crate) crises: Vec<usize>,
    /// Whether the matter was settled in the call: such a call has no work order.
    pub(crate) settled: Vec<bool>,
}

/// A call, and which conversation it is; `None`: nobody took it.
pub(crate) struct Made {
    pub(crate) record: CallRecord,
    pub(crate) said: Option<usize>,
}

/// The calls of the quarter in the order of time.
pub(crate) fn calls(seed: u64, count: usize, said: &Said) -> Vec<Made> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut times: Vec<DateTime<FixedOffset>> = (0..count).map(|_| moment(&mut random)).collect();
    times.sort_unstable();
    let mut made: Vec<Made> = Vec::with_capacity(count);
    for (nth, at) in times.into_iter().enumerate() {
        let call = call(&mut random, nth, at, said, &made);
        made.push(call);
    }
    made
}

/// Offices are asked in the morning and after lunch; the lines are open from eight to ten.
fn moment(random: &mut StdRng) -> DateTime<FixedOffset> {
    let (first, count) = days();
    let day = first + Days::new(random.random_range(0..count));
    let hour = *[
        8, 9, 9, 9, 10, 10, 10, 11, 11, 13, 14, 14, 14, 15, 15, 16, 16, 17, 18, 19, 20, 21,
    ]
    .choose(random)
    .unwrap();
    let time = day.and_hms_opt(hour, random.random_range(0..60), random.random_range(0..60)).unwrap();
    FixedOffset::east_opt(8 * 3600).unwrap().from_local_datetime(&time).unwrap()
}

fn call(random: &mut StdRng, nth: usize, at: DateTime<FixedOffset>, said: &Said, before: &[Made]) -> Made {
    let mut record = CallRecord::new(format!("q-{nth:06}"));
    record.started_at = Some(at);
    record.queue = Some("12345".to_owned());
    record.region = REGIONS.choose(random).map(|&region| region.to_owned());
    // Every seventh call is by somebody who called a few days ago, about the same.
    let recent = before.len().saturating_sub(before.len() / 12 + 4);
    let again = random.random_bool(0.14).then(|| before[recent..].choose(random)).flatten();
    let again = again.filter(|earlier| earlier.said.is_some());
    record.caller = Some(again.and_then(|earlier| earlier.record.caller.clone()).unwrap_or_else(|| Caller {
        id: None,
        number: Some(format!("138{:08}", random.random_range(0..100_000_000))),
    }));
    record.answered = Some(random.random_bool(0.93));
    if record.answered == Some(false) {
        record.wait_ms = Some(random.random_range(10..180) * 500);
        return Made { record, said: None };
    }
    let agent = random.random_range(0..AGENTS);
    let team = agent * TEAMS.len() / AGENTS;
    record.agent = Some(Agent {
        id: format!("A{agent:02}"),
        team: Some(TEAMS[team].to_owned()),
        ..Agent::default()
    });
    let faulty = FAULTY[team] + (agent % 8) as f64 * 0.01 - 0.035;
    let conversation = match again.and_then(|earlier| earlier.said) {
        Some(same) => same,
        None if random.random_bool(0.012) => *said.crises.choose(random).unwrap(),
        None if random.random_bool(faulty) => *said.faulty.choose(random).unwrap(),
        None => *said.clean.choose(random).unwrap(),
    };
    record.turns.clone_from(&said.all[conversation].turns);
    around(&mut record, random, said.faulty.contains(&conversation));
    if !said.settled[conversation] && random.random_bool(0.85) {
        let earlier = again.and_then(|earlier| earlier.record.ticket.clone()).filter(|_| random.random_bool(0.7));
        record.ticket = Some(earlier.unwrap_or_else(|| ticket(random, nth, at)));
        if random.random_bool(0.9) {
            let answered = random.random_bool(0.92);
            record.attributes.insert("ticket_responded".to_owned(), answered.to_string());
        }
    }
    Made { record, said: Some(conversation) }
}

/// What the switch and the survey tell of a call that was taken. Some of it is missing, as it is.
fn around(record: &mut CallRecord, random: &mut StdRng, faulty: bool) {
    let wait = -18.0 * (1.0 - random.random::<f64>()).ln();
    record.wait_ms = random.random_bool(0.96).then_some((wait * 2.0) as u64 * 500);
    record.hold_ms = match random.random_range(0..10) {
        0 | 1 => None,
        2..7 => Some(0),
        _ => Some(random.random_range(10..240) * 500),
    };
    record.transferred = random.random_bool(0.95).then(|| random.random_bool(0.12));
    if random.random_bool(0.85) {
        let after = random.random_range(20..240) * 500;
        record.attributes.insert("after_call_ms".to_owned(), after.to_string());
    }
    let ratings: &[u8] = if faulty {
        &[1, 1, 1, 2, 2, 2, 3, 4, 5, 5]
    } else {
        &[5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 4, 4, 4, 4, 4, 3, 2, 1]
    };
    record.rating = random.random_bool(0.38).then(|| *ratings.choose(random).unwrap());
}

/// Due in five days; most are closed by then, some later, some not yet.
fn ticket(random: &mut StdRng, nth: usize, at: DateTime<FixedOffset>) -> Ticket {
    let hours = match random.random_range(0..20) {
        0..16 => Some(random.random_range(4..120)),
        16..19 => Some(random.random_range(121..240)),
        _ => None,
    };
    Ticket {
        id: format!("T{nth:06}"),
        opened_at: Some(at),
        due_at: Some(at + TimeDelta::days(5)),
        closed_at: hours.map(|hours| at + TimeDelta::hours(hours)),
        ..Ticket::default()
    }
}
