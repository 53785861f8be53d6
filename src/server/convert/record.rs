//! The call record. What comes in is checked as strictly as a line of a file is: times
//! not negative and not inverted, a rating of 1 to 5, dates with their offset.

use chrono::{DateTime, FixedOffset, SecondsFormat};
use qingting_pipeline::record::{Agent, CallRecord, Caller, Ticket, Turn, Word};
use qingting_proto::v1;

use super::enums::{
    direction_from_wire, direction_to_wire, party_from_wire, party_to_wire, role_from_wire, role_to_wire,
};
use super::json::{json_from_wire, json_to_wire};
use super::{Invalid, signed};

/// RFC 3339 with offset, with as many decimals as the time has.
pub fn time_to_wire(time: &DateTime<FixedOffset>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, false)
}

/// The agent.
pub fn agent_to_wire(agent: Agent) -> v1::Agent {
    v1::Agent { id: agent.id, name: agent.name, team: agent.team, site: agent.site }
}

/// A record on its way out.
pub fn record_to_wire(record: CallRecord) -> v1::CallRecord {
    v1::CallRecord {
        call_id: record.call_id,
        started_at: record.started_at.as_ref().map(time_to_wire),
        direction: direction_to_wire(record.direction).into(),
        channel: record.channel,
        queue: record.queue,
        region: record.region,
        language: record.language,
        agent: record.agent.map(agent_to_wire),
        caller: record.caller.map(|c| v1::Caller { id: c.id, number: c.number }),
        wait_ms: record.wait_ms.map(signed),
        ring_ms: record.ring_ms.map(signed),
        hold_ms: record.hold_ms.map(signed),
        answered: record.answered,
        hangup_by: record.hangup_by.map_or(v1::Party::Unspecified, party_to_wire).into(),
        transferred: record.transferred,
        rating: record.rating.map(i32::from),
        ticket: record.ticket.map(|t| v1::Ticket {
            id: t.id,
            category: t.category,
            department: t.department,
            status: t.status,
            opened_at: t.opened_at.as_ref().map(time_to_wire),
            due_at: t.due_at.as_ref().map(time_to_wire),
            closed_at: t.closed_at.as_ref().map(time_to_wire),
        }),
        turns: record.turns.into_iter().map(turn_to_wire).collect(),
        attributes: record.attributes,
        labels: record.labels.map(json_to_wire),
    }
}

fn turn_to_wire(turn: Turn) -> v1::Turn {
    v1::Turn {
        role: role_to_wire(turn.role).into(),
        start_ms: turn.start_ms.map(signed),
        end_ms: turn.end_ms.map(signed),
        text: turn.text,
        words: turn
            .words
            .into_iter()
            .map(|w| v1::Word { text: w.text, start_ms: signed(w.start_ms), end_ms: signed(w.end_ms) })
            .collect(),
        energy_db: turn.energy_db,
        emotion: turn.emotion,
    }
}

/// A record on its way in; `field` is its path in the request.
///
/// # Errors
/// Every field that is missing or wrong, not only the first.
pub fn record_from_wire(wire: Option<v1::CallRecord>, field: &str) -> Result<CallRecord, Invalid> {
    let Some(wire) = wire else {
        return Err(Invalid::field(field, "required"));
    };
    let mut check = Check { invalid: Invalid::default(), root: field };
    if wire.call_id.is_empty() {
        check.wrong("call_id", "required");
    }
    let record = CallRecord {
        call_id: wire.call_id,
        started_at: check.time("started_at", wire.started_at.as_deref()),
        direction: check.known("direction", wire.direction, direction_from_wire).unwrap_or_default(),
        channel: if wire.channel.is_empty() {
            "phone".to_owned()
        } else {
            wire.channel
        },
        queue: wire.queue,
        region: wire.region,
        language: wire.language,
        agent: wire.agent.map(|a| Agent { id: a.id, name: a.name, team: a.team, site: a.site }),
        caller: wire.caller.map(|c| Caller { id: c.id, number: c.number }),
        wait_ms: check.ms("wait_ms", wire.wait_ms),
        ring_ms: check.ms("ring_ms", wire.ring_ms),
        hold_ms: check.ms("hold_ms", wire.hold_ms),
        answered: wire.answered,
        hangup_by: check.known("hangup_by", wire.hangup_by, party_from_wire).flatten(),
        transferred: wire.transferred,
        rating: wire.rating.and_then(|rating| match u8::try_from(rating) {
            Ok(rating @ 1..=5) => Some(rating),
            _ => {
                check.wrong("rating", format!("must be 1 to 5, is {rating}"));
                None
            }
        }),
        ticket: wire.ticket.map(|t| Ticket {
            id: t.id,
            category: t.category,
            department: t.department,
            status: t.status,
            opened_at: check.time("ticket.opened_at", t.opened_at.as_deref()),
            due_at: check.time("ticket.due_at", t.due_at.as_deref()),
            closed_at: check.time("ticket.closed_at", t.closed_at.as_deref()),
        }),
        turns: wire.turns.into_iter().enumerate().map(|(i, turn)| check.turn(i, turn)).collect(),
        attributes: wire.attributes,
        labels: wire.labels.map(json_from_wire),
    };
    check.invalid.or(record)
}

/// Turns on their way in; they are the request's own field `turns`.
///
/// # Errors
/// Every field that is wrong, not only the first.
pub(in crate::server) fn turns_from_wire(turns: Vec<v1::Turn>) -> Result<Vec<Turn>, Invalid> {
    let mut check = Check { invalid: Invalid::default(), root: "" };
    let turns = turns.into_iter().enumerate().map(|(i, turn)| check.turn(i, turn)).collect();
    for (field, _) in &mut check.invalid.violations {
        // Below the request itself there is no name for the point to part from.
        field.remove(0);
    }
    check.invalid.or(turns)
}

/// Collects what is wrong below one root field.
struct Check<'a> {
    invalid: Invalid,
    root: &'a str,
}

impl Check<'_> {
    fn wrong(&mut self, field: &str, what: impl Into<String>) {
        self.invalid.add(format!("{}.{field}", self.root), what);
    }

    fn time(&mut self, field: &str, value: Option<&str>) -> Option<DateTime<FixedOffset>> {
        match DateTime::parse_from_rfc3339(value?) {
            Ok(time) => Some(time),
            Err(error) => {
                self.wrong(field, format!("not RFC 3339 with offset: {error}"));
                None
            }
        }
    }

    fn ms(&mut self, field: &str, value: Option<i64>) -> Option<u64> {
        let value = value?;
        let ms = u64::try_from(value).ok();
        if ms.is_none() {
            self.wrong(field, format!("must not be negative, is {value}"));
        }
        ms
    }

    fn known<T>(&mut self, field: &str, value: i32, read: impl Fn(i32) -> Option<T>) -> Option<T> {
        let known = read(value);
        if known.is_none() {
            self.wrong(field, format!("unknown value {value}"));
        }
        known
    }

    fn turn(&mut self, i: usize, wire: v1::Turn) -> Turn {
        // Paths are written only when something is wrong: a call may have 10,000 turns.
        let before = self.invalid.violations.len();
        let start_ms = self.ms("start_ms", wire.start_ms);
        let end_ms = self.ms("end_ms", wire.end_ms);
        if let (Some(start), Some(end)) = (start_ms, end_ms)
            && end < start
        {
            self.wrong("end_ms", format!("is before start_ms ({end} < {start})"));
        }
        if wire.energy_db.is_some_and(|db| !db.is_finite()) {
            self.wrong("energy_db", "must be finite");
        }
        let role = self.known("role", wire.role, role_from_wire);
        let words = wire.words.into_iter().enumerate().map(|(w, word)| self.word(w, word)).collect();
        for (field, _) in self.invalid.violations.iter_mut().skip(before) {
            field.insert_str(self.root.len(), &format!(".turns[{i}]"));
        }
        Turn {
            role: role.unwrap_or(qingting_pipeline::record::Role::Other),
            start_ms,
            end_ms,
            text: wire.text,
            words,
            energy_db: wire.energy_db,
            emotion: wire.emotion,
        }
    }

    fn word(&mut self, w: usize, wire: v1::Word) -> Word {
        let times = (u64::try_from(wire.start_ms), u64::try_from(wire.end_ms));
        let (start_ms, end_ms) = match times {
            (Ok(start), Ok(end)) if start <= end => (start, end),
            _ => {
                self.wrong(&format!("words[{w}]"), "times must not be negative or inverted");
                (0, 0)
            }
        };
        Word { text: wire.text, start_ms, end_ms }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::TimeZone;
    use proptest::collection::{btree_map, vec};
    use proptest::option::of;
    use proptest::prelude::*;
    use qingting_pipeline::record::{Direction, Party, Role};
    use serde_json::json;

    use super::*;

    fn time() -> impl Strategy<Value = DateTime<FixedOffset>> {
        (0i64..4_000_000_000, 0u32..1_000_000_000, -14 * 60i32..=14 * 60).prop_map(|(seconds, nanos, minutes)| {
            FixedOffset::east_opt(minutes * 60).unwrap().timestamp_opt(seconds, nanos).unwrap()
        })
    }

    fn text() -> impl Strategy<Value = String> {
        "\\PC{0,12}"
    }

    fn ms() -> impl Strategy<Value = u64> {
        0u64..=i64::MAX as u64
    }

    fn labels() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            (-(1i64 << 53)..=1 << 53).prop_map(Into::into),
            (-1000i32..1000).prop_map(|n| json!(f64::from(n) + 0.25)),
            text().prop_map(Into::into),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Into::into),
                btree_map(text(), inner, 0..4).prop_map(|m| m.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    fn turn() -> impl Strategy<Value = Turn> {
        let role = prop::sample::select(vec![Role::Agent, Role::Caller, Role::Bot, Role::Ivr, Role::Other]);
        let span = || (0u64..1 << 40, 0u64..1 << 20).prop_map(|(start, length)| (start, start + length));
        let word = (text(), span()).prop_map(|(text, (start_ms, end_ms))| Word { text, start_ms, end_ms });
        (role, of(span()), text(), vec(word, 0..3), of(-90f32..0.0), of(text())).prop_map(
            |(role, times, text, words, energy_db, emotion)| Turn {
                role,
                start_ms: times.map(|t| t.0),
                end_ms: times.map(|t| t.1),
                text,
                words,
                energy_db,
                emotion,
            },
        )
    }

    prop_compose! {
        fn record()(
            call_id in "\\PC{1,12}",
            started_at in of(time()),
            outbound in any::<bool>(),
            channel in "[a-z]{1,6}",
            (queue, region, language) in (of(text()), of(text()), of(text())),
            agent in of((text(), of(text()), of(text()), of(text()))),
            caller in of((of(text()), of(text()))),
            (wait_ms, ring_ms, hold_ms) in (of(ms()), of(ms()), of(ms())),
            (answered, transferred) in (of(any::<bool>()), of(any::<bool>())),
            hangup_by in of(prop::sample::select(vec![Party::Agent, Party::Caller, Party::System])),
            rating in of(1u8..=5),
            ticket in of((text(), (of(text()), of(text()), of(text())), (of(time()), of(time()), of(time())))),
            turns in vec(turn(), 0..4),
            attributes in btree_map(text(), text(), 0..3),
            labels in of(labels()),
        ) -> CallRecord {
            let attributes: BTreeMap<_, _> = attributes;
            CallRecord {
                call_id, started_at, channel, queue, region, language, wait_ms, ring_ms, hold_ms, answered, hangup_by,
                transferred, rating, turns, attributes, labels,
                direction: if outbound { Direction::Outbound } else { Direction::Inbound },
                agent: agent.map(|(id, name, team, site)| Agent { id, name, team, site }),
                caller: caller.map(|(id, number)| Caller { id, number }),
                ticket: ticket.map(|(id, (category, department, status), (opened_at, due_at, closed_at))| Ticket {
                    id, category, department, status, opened_at, due_at, closed_at,
                }),
            }
        }
    }

    proptest! {
        #[test]
        fn a_record_comes_back_as_it_went(record in record()) {
            use prost::Message;
            let bytes = record_to_wire(record.clone()).encode_to_vec();
            let wire = v1::CallRecord::decode(bytes.as_slice()).unwrap();
            let back = record_from_wire(Some(wire), "call").unwrap();
            // Instants compare equal across offsets, so the offset is compared apart.
            prop_assert_eq!(record.started_at.map(|t| *t.offset()), back.started_at.map(|t| *t.offset()));
            prop_assert_eq!(record, back);
        }
    }

    #[test]
    fn everything_wrong_is_named_by_its_field() {
        let wire = v1::CallRecord {
            started_at: Some("2026-03-02 09:15".into()),
            rating: Some(6),
            wait_ms: Some(-1),
            direction: 9,
            turns: vec![
                v1::Turn::default(),
                v1::Turn {
                    start_ms: Some(20),
                    end_ms: Some(10),
                    role: 77,
                    energy_db: Some(f32::NAN),
                    words: vec![v1::Word { start_ms: 2, end_ms: 1, ..Default::default() }],
                    ..Default::default()
                },
            ],
            ..Default::default()
        };
        let invalid = record_from_wire(Some(wire), "call").unwrap_err();
        let fields: Vec<_> = invalid.violations.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "call.call_id",
                "call.started_at",
                "call.direction",
                "call.wait_ms",
                "call.rating",
                "call.turns[1].end_ms",
                "call.turns[1].energy_db",
                "call.turns[1].role",
                "call.turns[1].words[0]",
            ]
        );
        assert_eq!(record_from_wire(None, "call").unwrap_err(), Invalid::field("call", "required"));
    }

    #[test]
    fn turns_by_themselves_are_named_without_a_root() {
        let wrong = v1::Turn { start_ms: Some(-1), ..Default::default() };
        let invalid = turns_from_wire(vec![v1::Turn::default(), wrong]).unwrap_err();
        assert_eq!(invalid.violations[0].0, "turns[1].start_ms");
        assert_eq!(turns_from_wire(vec![v1::Turn::default()]).unwrap(), [Turn::new(Role::Other, "")]);
    }

    #[test]
    fn what_is_not_said_takes_the_defaults_of_the_file_format() {
        let wire = v1::CallRecord { call_id: "1".into(), turns: vec![v1::Turn::default()], ..Default::default() };
        let record = record_from_wire(Some(wire), "call").unwrap();
        let mut expected = CallRecord::new("1");
        expected.turns.push(Turn::new(Role::Other, ""));
        assert_eq!(record, expected);
    }
}
