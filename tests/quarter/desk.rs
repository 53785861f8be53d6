//! The desk that works on the cases of the quarter: opened by rule every night, then verified, assigned, mended, answered, rechecked
//! and closed by drawn people at drawn times, some of them late. Beside each case runs its mirror, which is told the same.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use qingting::case::{Case, Channel, Event, Kind, Night, Recorded, Refusal, Rules, Who, cases, fresh, reminders};
use qingting_index::{CaseQuery, DataDir, DateRange, Depth};
use qingting_pipeline::Pipeline;
use qingting_pipeline::record::CallRecord;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::minutes::{DAY, Minutes};
use super::mirror::{Mirror, Place, Span, Told};

/// What there is to do at a moment; earlier ones come first at the same moment.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Task {
    Night(NaiveDate),
    Act(i64),
    Look(i64),
    Round,
}

/// What was seen.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) looks: usize,
    pub(crate) reminders: usize,
    pub(crate) warnings: BTreeSet<(i64, DateTime<Utc>)>,
    pub(crate) escalations: BTreeSet<(i64, DateTime<Utc>, i32)>,
    pub(crate) steps: usize,
}

pub(crate) struct Desk<'a> {
    data: &'a DataDir,
    pipeline: &'a Pipeline,
    rules: Rules,
    minutes: Minutes,
    random: StdRng,
    agenda: BTreeSet<(DateTime<Utc>, Task)>,
    cases: BTreeMap<i64, (Case, Mirror)>,
    pub(crate) seen: Seen,
}

/// Two in the morning in China.
fn night(after: NaiveDate) -> DateTime<Utc> {
    after.and_hms_opt(18, 0, 0).unwrap().and_utc()
}

fn who(id: &str) -> Who {
    Who { id: id.to_owned(), name: id.to_owned() }
}

impl<'a> Desk<'a> {
    pub(crate) fn new(data: &'a DataDir, pipeline: &'a Pipeline, rules: Rules, seed: u64) -> Self {
        Self {
            data,
            pipeline,
            rules,
            minutes: Minutes::new(NaiveDate::from_ymd_opt(2026, 6, 1).unwrap(), 400),
            random: StdRng::seed_from_u64(seed),
            agenda: BTreeSet::new(),
            cases: BTreeMap::new(),
            seen: Seen::default(),
        }
    }

    /// Goes through the quarter: the calls of a day come in the night after it. `due` tells what the rules have to open of them.
    pub(crate) fn run<'c>(
        &mut self,
        days: &BTreeMap<NaiveDate, Vec<&'c CallRecord>>,
        due: impl Fn(&'c CallRecord) -> Vec<&'static str>,
    ) {
        let (first, last) = (*days.keys().next().unwrap(), *days.keys().last().unwrap());
        for day in first.iter_days().take_while(|day| *day <= last) {
            self.agenda.insert((night(day), Task::Night(day)));
        }
        let end = night(last) + TimeDelta::days(45);
        let mut round = night(first) + TimeDelta::minutes(30);
        while round < end {
            self.agenda.insert((round, Task::Round));
            round += TimeDelta::hours(1);
        }
        while let Some((at, task)) = self.agenda.pop_first() {
            match task {
                Task::Night(day) => {
                    let calls = days.get(&day).map(Vec::as_slice).unwrap_or_default();
                    self.ingest(calls);
                    let wanted = calls.iter().flat_map(|call| due(call).into_iter().map(|cause| (*call, cause)));
                    self.open(at, wanted.collect());
                    if day.iter_days().nth(1).is_none_or(|next| next.to_string().ends_with('5')) {
                        // The timer ran twice.
                        self.open(at, Vec::new());
                    }
                }
                Task::Act(number) => self.act(number, at),
                Task::Look(number) => self.look(number, at),
                Task::Round => self.round(at),
            }
        }
    }

    /// Every case, as the log tells it, beside its mirror.
    pub(crate) fn finish(self) -> (Vec<(Case, Mirror)>, Seen) {
        let kept = cases(self.data, &CaseQuery::default()).unwrap();
        let worked: Vec<(Case, Mirror)> = self.cases.into_values().collect();
        assert!(kept.iter().eq(worked.iter().map(|(case, _)| case)), "what is kept is what was done");
        (worked, self.seen)
    }

    fn ingest(&self, calls: &[&CallRecord]) {
        let records: Vec<CallRecord> = calls.iter().map(|&call| call.clone()).collect();
        let mut session = self.data.ingest().unwrap();
        session.put_batch(self.pipeline.analyze_batch(&records), "quarter").unwrap();
        session.finish().unwrap();
    }

    /// A night: opened is exactly what has to be.
    fn open(&mut self, at: DateTime<Utc>, mut wanted: Vec<(&CallRecord, &'static str)>) {
        let night = Night { rules: &self.rules, catalog: self.pipeline.finder().catalog(), now: at };
        let range = DateRange { since: Some(night.since()), until: None };
        let found = night.wanted(self.data.scan_to(range, Depth::Outline).unwrap(), &[], self.data).unwrap();
        let new = fresh(self.data, found, &self.rules).unwrap();
        let entries: Vec<_> = new.iter().map(|row| row.to_entry().unwrap()).collect();
        let numbers = self.data.add_cases(&entries).unwrap();
        let mut opened: Vec<(&str, &str)> = new.iter().map(|row| (row.call_id.as_str(), row.cause.as_str())).collect();
        opened.sort_unstable();
        wanted.sort_unstable_by_key(|(call, cause)| (call.call_id.as_str(), *cause));
        let expected: Vec<(&str, &str)> = wanted.iter().map(|(call, cause)| (call.call_id.as_str(), *cause)).collect();
        assert_eq!(opened, expected, "cases of the night of {at}");
        for (row, number) in new.into_iter().zip(numbers) {
            let (call, cause) = wanted
                .iter()
                .find(|(call, cause)| call.call_id == row.call_id && *cause == row.cause.as_str())
                .unwrap();
            let team = call.agent.as_ref().and_then(|agent| agent.team.as_deref()).unwrap();
            let mirror = Mirror::open(&call.call_id, cause, team, at, &self.minutes);
            let case = Case::of([Recorded { number, case: number, ..row }]).unwrap();
            self.cases.insert(number, (case, mirror));
            self.plan(number, at);
        }
    }

    /// When somebody will act next, and when to look at what is told until then.
    fn plan(&mut self, number: i64, at: DateTime<Utc>) {
        let (case, mirror) = &self.cases[&number];
        assert_eq!((case.due, case.total_due), (mirror.due, mirror.total_due), "case {number}, {:?}", mirror.place);
        for moment in mirror.turns(&self.minutes).into_iter().filter(|moment| *moment > at) {
            self.agenda.insert((moment, Task::Look(number)));
        }
        let minutes = match mirror.limit() {
            Some(Span::Hours(hours)) => hours * 60,
            Some(Span::Days(days)) => days as i64 * DAY,
            // Few closed cases are opened again, once.
            None if mirror.reopened || !self.random.random_bool(0.05) => return,
            None => 5 * DAY,
        };
        let needed = match self.random.random_range(0..100) {
            0..78 => self.random.random_range(5..=minutes * 4 / 5),
            78..92 => self.random.random_range(minutes * 4 / 5..=minutes),
            _ => minutes + self.random.random_range(1..=2 * DAY),
        };
        // People begin when they come in, and take a step in working hours.
        let then = self.minutes.after(at, needed.max(1));
        self.agenda.insert((then, Task::Act(number)));
    }

    fn act(&mut self, number: i64, at: DateTime<Utc>) {
        // What was told up to now is looked at before.
        self.look(number, at);
        let (case, mirror) = self.cases.get_mut(&number).unwrap();
        let random = &mut self.random;
        let text = || "按流程办理".to_owned();
        let may_contest = mirror.cause == "rating" && !mirror.contested_now;
        let (event, by, place) = match mirror.place {
            Place::Opened if may_contest && random.random_bool(0.15) => {
                (Event::Contested { reason: text() }, "坐席", Some(Place::Contested))
            }
            Place::Opened => {
                let confirmed = random.random_bool(0.9);
                let place = if confirmed { Place::Confirmed } else { Place::Unfounded };
                (Event::Verified { confirmed, note: text() }, "质检员", Some(place))
            }
            Place::Confirmed => {
                (Event::Assigned { to: mirror.team.clone(), note: text() }, "质检员", Some(Place::Assigned))
            }
            Place::Assigned => (Event::Rectified { measures: text() }, "班长", Some(Place::Rectified)),
            Place::Rectified => {
                let event = Event::Replied {
                    channel: Channel::Phone,
                    at,
                    reached: true,
                    told: text(),
                    answer: "知道了，谢谢".to_owned(),
                    satisfied: Some(true),
                };
                (event, "班长", Some(Place::Replied))
            }
            Place::Replied => {
                let passed = random.random_bool(0.88);
                let place = if passed { Place::Rechecked } else { Place::Assigned };
                (Event::Rechecked { passed, note: text() }, "复核员", Some(place))
            }
            Place::Rechecked | Place::Unfounded => (Event::Closed { result: text() }, "质检员", Some(Place::Closed)),
            Place::Contested => {
                let upheld = random.random_bool(0.45);
                (Event::Decided { upheld, reason: text() }, "主管", upheld.then_some(Place::Excluded))
            }
            Place::Closed | Place::Excluded => (Event::Reopened { reason: text() }, "主管", Some(Place::Opened)),
        };
        // Nothing is skipped: whoever wants to close what is not at its end is turned away.
        if !matches!(mirror.place, Place::Rechecked | Place::Unfounded) {
            let refused = case.take(Event::Closed { result: text() }, &who(by), at, case.version, &self.rules);
            assert!(matches!(refused, Err(Refusal::NotNow(_))), "{:?}", mirror.place);
        }
        let row = case.take(event, &who(by), at, case.version, &self.rules).unwrap();
        let numbers = self.data.add_cases(&[row.to_entry().unwrap()]).unwrap();
        case.add(Recorded { number: numbers[0], ..row });
        match place {
            Some(place) => mirror.to(place, at, &self.minutes),
            None => mirror.dismissed(at, &self.minutes),
        }
        self.seen.steps += 1;
        self.plan(number, at);
    }

    fn look(&mut self, number: i64, at: DateTime<Utc>) {
        let (case, mirror) = &self.cases[&number];
        let expected: Vec<(i64, Told)> =
            mirror.told(at, &self.minutes).map(|told| (number, told)).into_iter().collect();
        let found = told([case.clone()], &self.rules, at);
        assert_eq!(found, expected, "case {number} at {at}");
        self.seen.looks += 1;
    }

    /// Once an hour everything that is to be told of any case.
    fn round(&mut self, at: DateTime<Utc>) {
        let open = self.cases.values().filter(|(case, _)| case.state.is_open()).map(|(case, _)| case.clone());
        let mut found = told(open, &self.rules, at);
        found.sort_by_key(|(number, _)| *number);
        let expected: Vec<(i64, Told)> = self
            .cases
            .iter()
            .filter_map(|(number, (_, mirror))| Some((*number, mirror.told(at, &self.minutes)?)))
            .collect();
        assert_eq!(found, expected, "at {at}");
        self.seen.reminders += found.len();
        for (number, told) in found {
            if told.level < 0 {
                self.seen.warnings.insert((number, told.due));
            } else {
                self.seen.escalations.insert((number, told.due, told.level));
            }
        }
    }
}

fn told(cases: impl IntoIterator<Item = Case>, rules: &Rules, at: DateTime<Utc>) -> Vec<(i64, Told)> {
    let reminders = reminders(cases, rules, at);
    let one = |reminder: qingting::case::Reminder| {
        let level = match reminder.kind {
            Kind::Warning => -1,
            Kind::Overdue(level) => level as i32,
        };
        (reminder.case.number, Told { level, due: reminder.due, is_step: reminder.step.is_some() })
    };
    reminders.into_iter().map(one).collect()
}

/// The days of some calls.
pub(crate) fn by_day<'c>(calls: impl IntoIterator<Item = &'c CallRecord>) -> BTreeMap<NaiveDate, Vec<&'c CallRecord>> {
    let mut days: BTreeMap<NaiveDate, Vec<&CallRecord>> = BTreeMap::new();
    for call in calls {
        days.entry(call.started_at.unwrap().date_naive()).or_default().push(call);
    }
    let (first, last) = (*days.keys().next().unwrap(), *days.keys().last().unwrap());
    let mut day = first;
    while day < last {
        days.entry(day).or_default();
        day = day + Days::new(1);
    }
    days
}
