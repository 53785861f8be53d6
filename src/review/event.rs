//! What can happen, and how it is written into the ledger.

use chrono::{DateTime, Utc};
use qingting_index::{Error, Result, ReviewEntry, ReviewKind};
use qingting_pipeline::record::Agent;
use serde::{Deserialize, Serialize};

use super::verdict::{Label, Review, Verdict};
pub use crate::who::Who;

/// How calls are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Every call is as likely as any other.
    Random,
    /// Equal shares of the agents.
    ByAgent,
    /// Where the machine is least sure.
    ByUncertainty,
}

/// A sampling plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What people call it.
    pub display_name: String,
    /// How it draws.
    pub method: Method,
    /// From which calls; the language of the call index.
    pub filter: String,
    /// Calls of a draw.
    pub size: usize,
    /// Of everything that is drawn.
    pub seed: i64,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A plan was set up.
    Planned(Plan),
    /// A call was drawn, under a plan.
    Drawn,
    /// A call was leased, under the plan that it was drawn by.
    Leased {
        /// The end of the lease.
        until: DateTime<Utc>,
    },
    /// A call was reviewed.
    Reviewed(Review),
    /// Somebody appealed against what stands on a call.
    Appealed {
        /// What they say.
        text: String,
        /// The review; `None`: the machine's verdict.
        against: Option<i64>,
    },
    /// An appeal was decided; under its number.
    Decided(Ruling),
    /// That was contested; under the number of the appeal.
    Contested {
        /// What is said against it.
        text: String,
    },
    /// An appeal was judged; under its number.
    Judged(Ruling),
    /// A calibration was opened.
    Opened {
        /// What people call it.
        display_name: String,
        /// What to look for.
        codes: Vec<String>,
    },
    /// A call belongs to the calibration that the row is under.
    Included,
    /// A call was labelled, under a calibration.
    Answered {
        /// What is there.
        labels: Vec<Label>,
        /// Anything else.
        note: String,
    },
    /// What the machine had asserted of a call when the calibration that the row is under was closed.
    Compared {
        /// Of the codes of the calibration.
        labels: Vec<Label>,
    },
    /// The calibration that the row is under was closed.
    Closed,
}

/// What was decided on an appeal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ruling {
    /// Whether it is granted.
    pub granted: bool,
    /// What is right instead, where it is.
    pub review: Option<Review>,
    /// Why.
    pub reason: String,
}

impl Ruling {
    /// The verdicts that it puts in the place of the earlier ones.
    pub fn verdicts(&self) -> &[Verdict] {
        self.review.as_ref().map_or(&[], |review| &review.verdicts)
    }
}

impl Event {
    fn kind(&self) -> ReviewKind {
        match self {
            Self::Planned(_) => ReviewKind::Planned,
            Self::Drawn => ReviewKind::Drawn,
            Self::Leased { .. } => ReviewKind::Leased,
            Self::Reviewed(_) => ReviewKind::Reviewed,
            Self::Appealed { .. } => ReviewKind::Appealed,
            Self::Decided(_) => ReviewKind::Decided,
            Self::Contested { .. } => ReviewKind::Contested,
            Self::Judged(_) => ReviewKind::Judged,
            Self::Opened { .. } => ReviewKind::Opened,
            Self::Included => ReviewKind::Included,
            Self::Answered { .. } => ReviewKind::Answered,
            Self::Compared { .. } => ReviewKind::Compared,
            Self::Closed => ReviewKind::Closed,
        }
    }
}

/// Something that happened, with when, by whom and to what.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its number; 0 until it is kept.
    pub number: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub who: Who,
    /// The plan, appeal or calibration that it belongs to; 0: what is kept first together with it.
    pub under: Option<i64>,
    /// The call that it is about.
    pub call_id: Option<String>,
    /// Agent of the call at the time.
    pub agent: Option<String>,
    /// Team of the call at the time.
    pub team: Option<String>,
    /// What.
    pub event: Event,
}

impl Recorded {
    /// Something that is about no call.
    pub fn new(who: &Who, at: DateTime<Utc>, under: Option<i64>, event: Event) -> Self {
        Self {
            number: 0,
            at,
            who: who.clone(),
            under,
            call_id: None,
            agent: None,
            team: None,
            event,
        }
    }

    /// The same about a call of that agent.
    #[must_use]
    pub fn on(self, call_id: &str, agent: Option<&Agent>) -> Self {
        Self {
            call_id: Some(call_id.to_owned()),
            agent: agent.map(|agent| agent.id.clone()),
            team: agent.and_then(|agent| agent.team.clone()),
            ..self
        }
    }

    /// As a row of the ledger.
    ///
    /// # Errors
    /// When it cannot be written as JSON, as a number that is none cannot.
    pub fn to_entry(&self) -> Result<ReviewEntry> {
        let body = serde_json::to_string(&self.event)
            .map_err(|e| Error::Refused { what: "review".to_owned(), message: e.to_string() })?;
        Ok(ReviewEntry {
            number: self.number,
            at: self.at.to_rfc3339(),
            kind: self.event.kind(),
            who: self.who.id.clone(),
            name: self.who.name.clone(),
            under: self.under,
            call_id: self.call_id.clone(),
            agent: self.agent.clone(),
            team: self.team.clone(),
            body,
        })
    }

    /// Reads a row of the ledger.
    ///
    /// # Errors
    /// When it is not of the form.
    pub fn of(entry: ReviewEntry) -> Result<Self> {
        let number = entry.number;
        let corrupt = |e: &dyn std::fmt::Display| Error::corrupt("ledger.sqlite", format!("review {number}: {e}"));
        Ok(Self {
            number,
            at: DateTime::parse_from_rfc3339(&entry.at).map_err(|e| corrupt(&e))?.to_utc(),
            who: Who { id: entry.who, name: entry.name },
            under: entry.under,
            call_id: entry.call_id,
            agent: entry.agent,
            team: entry.team,
            event: serde_json::from_str(&entry.body).map_err(|e| corrupt(&e))?,
        })
    }
}
