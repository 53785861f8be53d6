//! What a case should be like, told a second time: where it stands, what is due when, and what is to be reminded of. The limits are
//! those of `config/cases.toml`, written down again; time is counted minute by minute.

use chrono::{DateTime, Utc};

use super::minutes::{DAY, Minutes};

/// Limits of the working hours and days from each place on: `4h` is `Hours(4)`.
#[derive(Clone, Copy)]
pub(crate) enum Span {
    Hours(i64),
    Days(usize),
}

use Span::{Days, Hours};

/// Where a case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Opened,
    Confirmed,
    Assigned,
    Rectified,
    Replied,
    Rechecked,
    Unfounded,
    Contested,
    Closed,
    Excluded,
}

/// A reminder: -1 is a warning, 0 and above an overdue step with the level that it has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) level: i32,
    pub(crate) due: DateTime<Utc>,
    pub(crate) is_step: bool,
}

pub(crate) struct Mirror {
    pub(crate) call_id: String,
    pub(crate) cause: &'static str,
    pub(crate) team: String,
    pub(crate) place: Place,
    pub(crate) opened_at: DateTime<Utc>,
    pub(crate) closed_at: Option<DateTime<Utc>>,
    pub(crate) due: Option<DateTime<Utc>>,
    pub(crate) total_due: DateTime<Utc>,
    pub(crate) was_contested: bool,
    /// Contested since it was opened last.
    pub(crate) contested_now: bool,
    pub(crate) reopened: bool,
    before: (Place, DateTime<Utc>),
}

/// Verify, assign, rectify, reply, recheck, close, contest, total.
fn limits(cause: &str) -> [Span; 8] {
    match cause {
        "finding" => [Hours(4), Hours(4), Days(2), Days(1), Days(2), Days(1), Days(2), Days(7)],
        "crisis" => [
            Hours(1),
            Hours(1),
            Hours(4),
            Hours(4),
            Days(1),
            Hours(4),
            Days(2),
            Days(3),
        ],
        _ => [Days(1), Hours(4), Days(5), Days(1), Days(2), Days(1), Days(2), Days(15)],
    }
}

impl Mirror {
    pub(crate) fn open(call_id: &str, cause: &'static str, team: &str, at: DateTime<Utc>, minutes: &Minutes) -> Self {
        let mut mirror = Self {
            call_id: call_id.to_owned(),
            cause,
            team: team.to_owned(),
            place: Place::Opened,
            opened_at: at,
            closed_at: None,
            due: None,
            total_due: end(limits(cause)[7], at, minutes),
            was_contested: false,
            contested_now: false,
            reopened: false,
            before: (Place::Opened, at),
        };
        mirror.stand(Place::Opened, at, minutes);
        mirror
    }

    /// How long it may stay where it is.
    pub(crate) fn limit(&self) -> Option<Span> {
        let nth = match self.place {
            Place::Opened => 0,
            Place::Confirmed => 1,
            Place::Assigned => 2,
            Place::Rectified => 3,
            Place::Replied => 4,
            Place::Rechecked | Place::Unfounded => 5,
            Place::Contested => 6,
            Place::Closed | Place::Excluded => return None,
        };
        Some(limits(self.cause)[nth])
    }

    fn stand(&mut self, place: Place, at: DateTime<Utc>, minutes: &Minutes) {
        self.place = place;
        self.due = self.limit().map(|limit| end(limit, at, minutes));
        self.closed_at = matches!(place, Place::Closed | Place::Excluded).then_some(at);
    }

    /// It goes on to a place.
    pub(crate) fn to(&mut self, place: Place, at: DateTime<Utc>, minutes: &Minutes) {
        match (self.place, place) {
            (_, Place::Contested) => {
                self.before = (self.place, at);
                (self.was_contested, self.contested_now) = (true, true);
            }
            (Place::Closed | Place::Excluded, Place::Opened) => {
                (self.reopened, self.contested_now) = (true, false);
                self.total_due = end(limits(self.cause)[7], at, minutes);
            }
            _ => {}
        }
        self.stand(place, at, minutes);
    }

    /// The rating was found true after all: it is where it was before, and the time meanwhile does not count.
    pub(crate) fn dismissed(&mut self, at: DateTime<Utc>, minutes: &Minutes) {
        let (before, since) = self.before;
        self.total_due = minutes.after(self.total_due, minutes.between(since, at));
        self.stand(before, at, minutes);
    }

    pub(crate) fn first_due(&self) -> DateTime<Utc> {
        self.due.map_or(self.total_due, |due| due.min(self.total_due))
    }

    /// What is to be reminded of at a moment: from four working hours before until it is done.
    pub(crate) fn told(&self, at: DateTime<Utc>, minutes: &Minutes) -> Option<Told> {
        self.due?;
        let due = self.first_due();
        let level = if at <= due {
            if minutes.between(at, due) > 4 * 60 {
                return None;
            }
            -1
        } else {
            let late = minutes.between(due, at);
            [1, DAY, 3 * DAY].iter().filter(|&&after| late >= after).count() as i32
        };
        Some(Told { level, due, is_step: self.due == Some(due) })
    }

    /// The moments around which something else begins to be told as long as nothing is done.
    pub(crate) fn turns(&self, minutes: &Minutes) -> Vec<DateTime<Utc>> {
        if self.due.is_none() {
            return Vec::new();
        }
        let due = self.first_due();
        let minute = chrono::TimeDelta::minutes(1);
        // The last moment with more than four hours left, and the first with no more than that.
        let mut warned = due;
        while warned > self.opened_at && minutes.between(warned - minute, due) <= 4 * 60 {
            warned -= minute;
        }
        let mut moments = vec![warned - minute, warned, due, due + minute];
        for after in [1, DAY, 3 * DAY] {
            let reached = minutes.after(due, after);
            moments.extend([reached - minute, reached]);
        }
        moments
    }
}

/// The end of a limit, minute by minute.
pub(crate) fn end(limit: Span, from: DateTime<Utc>, minutes: &Minutes) -> DateTime<Utc> {
    match limit {
        Hours(hours) => minutes.after(from, hours * 60),
        Days(days) => minutes.after_days(from, days),
    }
}
