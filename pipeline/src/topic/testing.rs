//! Calls and topics for the tests of this stage.

use chrono::{DateTime, Days, FixedOffset, NaiveDate};

use super::known::{Change, ChangeKind};
use super::view::TopicView;
use super::{Topic, Topics};
use crate::record::{CallDigest, CallerStyle, Need};

/// A day after Monday, 5 January 2026.
pub(super) fn day(offset: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 5).unwrap().checked_add_days(Days::new(offset)).unwrap()
}

fn at(offset: u64) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(&format!("{}T10:00:00+08:00", day(offset))).unwrap()
}

/// A call of a satisfied caller.
pub(super) fn call(id: impl Into<String>, offset: u64) -> CallDigest {
    CallDigest {
        call_id: id.into(),
        started_at: Some(at(offset)),
        caller: None,
        agent: None,
        team: None,
        queue: None,
        channel: "phone".to_owned(),
        department: None,
        places: Vec::new(),
        organisations: Vec::new(),
        services: Vec::new(),
        category: Vec::new(),
        appeal_type: "求助".to_owned(),
        outcome: "resolved".to_owned(),
        satisfaction: 4.0,
        rating: None,
        faults: Vec::new(),
        crisis: false,
        crisis_quote: None,
        repeat_contact: false,
        emotional: Need::None,
        factual: Need::Met,
        lowest: 0.0,
        style: Some(CallerStyle::Calm),
    }
}

/// Calls with the numbers of their topics.
pub(super) fn view(calls: Vec<(CallDigest, usize)>) -> TopicView {
    let count = calls.iter().map(|(_, topic)| topic + 1).max().unwrap_or(0);
    let topic = |number: usize| {
        let ids = calls.iter().filter(|(_, topic)| *topic == number).map(|(call, _)| call.call_id.clone()).collect();
        let opened = Change { day: None, what: ChangeKind::Opened, topics: Vec::new(), by_hand: false };
        let mut topic = Topic::new(format!("t{}", number + 1), ids, opened);
        topic.label = format!("主题{}", number + 1);
        topic
    };
    let topics = Topics { topics: (0..count).map(topic).collect(), ..Topics::default() };
    TopicView::new(topics, calls.into_iter().map(|(call, _)| call).collect())
}
