//! Figures of work orders (工单), as the records of calls carry them: closed, closed in time, answered. Definitions are in
//! docs/kpi.md.
//!
//! Several calls may carry one work order. It counts once, as the last of its calls in the period tells it, and for whoever
//! took that call: so the work orders of all teams add up. What is held grows with the work orders of the period.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::NaiveDate;
use qingting_pipeline::record::CallRecord;

use super::figures::Share;
use super::listed::Figure;

/// The attribute of a call that says whether whoever handles its work order has answered the caller: `true` or `false`.
pub const RESPONDED: &str = "ticket_responded";

/// Figures of the work orders of a set of calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TicketFigures {
    /// Work orders.
    pub tickets: u64,
    /// Closed, of those that carry a time of opening or closing.
    closed: Share,
    /// Closed by the time they were due, of those with a due time that are closed or overdue.
    on_time: Share,
    /// Answered, of those that say.
    responded: Share,
}

impl TicketFigures {
    /// Closed, of those that carry a time; nothing where no work order carries its closing, as the source may not say.
    pub fn closed(&self) -> Share {
        if self.closed.part == 0 {
            Share::default()
        } else {
            self.closed
        }
    }

    /// Closed in time, of those that are closed or overdue; nothing where no work order carries its closing.
    pub fn on_time(&self) -> Share {
        if self.closed.part == 0 {
            Share::default()
        } else {
            self.on_time
        }
    }

    /// Answered, of those that say.
    pub fn responded(&self) -> Share {
        self.responded
    }

    /// Every figure.
    pub fn figures(&self) -> [Figure; 4] {
        let about = self.tickets;
        [
            Figure::count("tickets", "工单量", about),
            Figure::share("ticket_closed", "工单办结率", self.closed(), about),
            Figure::share("ticket_on_time", "按时办结率", self.on_time(), about),
            Figure::share("ticket_responded", "诉求响应率", self.responded, about),
        ]
    }

    /// Both sets of work orders together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            tickets: self.tickets + other.tickets,
            closed: self.closed.with(other.closed),
            on_time: self.on_time.with(other.on_time),
            responded: self.responded.with(other.responded),
        }
    }

    fn add(&mut self, state: State) {
        self.tickets += 1;
        state.closed.into_iter().for_each(|yes| self.closed.add(yes));
        state.on_time.into_iter().for_each(|yes| self.on_time.add(yes));
        state.responded.into_iter().for_each(|yes| self.responded.add(yes));
    }
}

/// What a work order is told to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Whether it is closed; `None` without times.
    pub closed: Option<bool>,
    /// Whether it was closed in time; `None` without a due time, and as long as it is open and not due.
    pub on_time: Option<bool>,
    /// Whether the caller was answered; `None` where nothing says.
    pub responded: Option<bool>,
}

struct Last {
    /// Which set it counts into; `None` where its last call is in none.
    of: Option<usize>,
    /// Empty where nobody wants to know which calls they are.
    call_id: String,
    state: State,
}

/// Work orders on their way into figures.
#[derive(Default)]
pub struct Tickets {
    /// The last day that has calls: what was due until then is overdue.
    until: Option<NaiveDate>,
    last: HashMap<u64, Last>,
    traced: bool,
}

impl Tickets {
    /// `days` are the first and the last day with calls.
    pub fn new(days: Option<(NaiveDate, NaiveDate)>) -> Self {
        Self { until: days.map(|(_, last)| last), ..Self::default() }
    }

    /// Also notes which calls count.
    #[must_use]
    pub fn traced(self) -> Self {
        Self { traced: true, ..self }
    }

    /// Takes a call of the period in, in the order of time; `of` is the set that its work order counts into, if it counts.
    pub fn add(&mut self, record: &CallRecord, of: Option<usize>) {
        let Some(ticket) = &record.ticket else { return };
        let mut hash = DefaultHasher::new();
        ticket.id.hash(&mut hash);
        let call_id = if self.traced {
            record.call_id.clone()
        } else {
            String::new()
        };
        self.last.insert(hash.finish(), Last { of, call_id, state: self.state(record) });
    }

    /// The figures of so many sets.
    pub fn finish(self, sets: usize) -> Vec<TicketFigures> {
        let mut figures = vec![TicketFigures::default(); sets];
        for last in self.last.into_values() {
            if let Some(set) = last.of.and_then(|of| figures.get_mut(of)) {
                set.add(last.state);
            }
        }
        figures
    }

    /// The call by which each work order counts, and as what.
    pub fn finish_traced(self) -> Vec<(String, State)> {
        let counted = self.last.into_values().filter(|last| last.of.is_some());
        counted.map(|last| (last.call_id, last.state)).collect()
    }

    fn state(&self, record: &CallRecord) -> State {
        let Some(ticket) = &record.ticket else {
            return State { closed: None, on_time: None, responded: None };
        };
        let closed = ticket.closed_at;
        let on_time = ticket.due_at.and_then(|due| match closed {
            Some(closed) => Some(closed <= due),
            None => self.until.is_some_and(|until| due.date_naive() <= until).then_some(false),
        });
        let responded = record.attributes.get(RESPONDED).and_then(|value| match value.trim() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        });
        State {
            closed: (ticket.opened_at.is_some() || closed.is_some()).then_some(closed.is_some()),
            on_time,
            responded,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, FixedOffset};
    use qingting_pipeline::record::Ticket;

    use super::*;

    fn at(day: u32) -> Option<DateTime<FixedOffset>> {
        Some(format!("2026-03-{day:02}T12:00:00+08:00").parse().unwrap())
    }

    fn call(id: &str, ticket: &str, due: u32, closed: Option<u32>) -> CallRecord {
        let closed_at = closed.and_then(at);
        let ticket = Ticket {
            id: ticket.into(),
            opened_at: at(1),
            due_at: at(due),
            closed_at,
            ..Ticket::default()
        };
        CallRecord { ticket: Some(ticket), ..CallRecord::new(id) }
    }

    fn tickets() -> Tickets {
        let day = |day: u32| NaiveDate::from_ymd_opt(2026, 3, day).unwrap();
        Tickets::new(Some((day(1), day(20))))
    }

    #[test]
    fn a_work_order_counts_once_as_its_last_call_tells_it() {
        let mut counted = tickets();
        counted.add(&call("a", "T1", 5, None), Some(0));
        counted.add(&call("b", "T1", 5, Some(4)), Some(1));
        // Late, overdue, not due yet, and somebody else's.
        counted.add(&call("c", "T2", 5, Some(6)), Some(1));
        counted.add(&call("d", "T3", 5, None), Some(1));
        counted.add(&call("e", "T4", 25, None), Some(1));
        counted.add(&call("f", "T5", 5, Some(3)), None);
        let figures = counted.finish(2);
        assert_eq!(figures[0], TicketFigures::default(), "the last call of T1 is the other set's");
        assert_eq!((figures[1].tickets, figures[1].closed()), (4, Share::new(2, 4)));
        assert_eq!(figures[1].on_time(), Share::new(1, 3));
        let listed: Vec<_> = figures[1].figures().iter().map(|figure| (figure.id, figure.missing())).collect();
        assert_eq!(
            listed,
            [
                ("tickets", 0),
                ("ticket_closed", 0),
                ("ticket_on_time", 1),
                ("ticket_responded", 4)
            ]
        );
    }

    #[test]
    fn a_source_that_never_says_when_a_work_order_was_closed_says_nothing_of_it() {
        let mut counted = tickets();
        counted.add(&call("a", "T1", 5, None), Some(0));
        let figures = counted.finish(1)[0];
        assert_eq!((figures.closed().value(), figures.on_time().value()), (None, None));
    }

    #[test]
    fn answers_are_taken_from_the_attribute_alone() {
        let mut counted = tickets();
        for (nth, said) in ["true", "false", "maybe", " true "].into_iter().enumerate() {
            let mut record = call(&format!("c{nth}"), &format!("T{nth}"), 5, Some(4));
            record.attributes.insert(RESPONDED.into(), said.into());
            counted.add(&record, Some(0));
        }
        assert_eq!(counted.finish(1)[0].responded(), Share::new(2, 3));
    }
}
