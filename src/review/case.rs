//! What was decided on one call, and who may decide what next.
//!
//! ```text
//! machine ── review* ── appeal ── second decision ── (contested ── final judgement)
//! ```
//!
//! An appeal is against the last review, or against the machine's verdict where there is none. While it is under way there is no
//! other one and no further review. After a decision that is not contested there may be further reviews, and an appeal
//! against the last of them. A final judgement ends it all.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use qingting_pipeline::Analyzed;

use super::Refusal;
use super::event::{Event, Recorded, Ruling, Who};
use super::verdict::{Label, Review, checked_text};

/// How far an appeal has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Waits for the second decision.
    Open,
    /// Decided.
    Decided,
    /// Waits for the final judgement.
    Contested,
    /// Judged.
    Judged,
}

/// A decision on an appeal, with who made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Its number.
    pub number: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub who: Who,
    /// What.
    pub ruling: Ruling,
}

/// An appeal with what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Appeal {
    /// Its number.
    pub number: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who appealed.
    pub who: Who,
    /// Whose call it is.
    pub agent: Option<String>,
    /// What they say.
    pub text: String,
    /// The review; `None`: the machine's verdict.
    pub against: Option<i64>,
    /// The second decision.
    pub decision: Option<Decision>,
    /// What is said against that.
    pub contest: Option<String>,
    /// The final judgement.
    pub judgement: Option<Decision>,
}

impl Appeal {
    /// How far it has got.
    pub fn stage(&self) -> Stage {
        match (&self.decision, &self.contest, &self.judgement) {
            (None, ..) => Stage::Open,
            (Some(_), None, None) => Stage::Decided,
            (Some(_), Some(_), None) => Stage::Contested,
            (Some(_), _, Some(_)) => Stage::Judged,
        }
    }

    fn is_under_way(&self) -> bool {
        matches!(self.stage(), Stage::Open | Stage::Contested)
    }
}

/// What what stands comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Nobody has reviewed the call.
    Machine,
    /// The last review.
    Review,
    /// A second decision.
    Appeal,
    /// The final judgement.
    Judgement,
}

/// Everything that was decided on a call.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Case {
    /// Reviews, oldest first.
    pub reviews: Vec<(Recorded, Review)>,
    /// Appeals, oldest first.
    pub appeals: Vec<Appeal>,
}

impl Case {
    /// Puts the events of one call together, oldest first; those that are no decisions are passed over.
    pub fn of(events: impl IntoIterator<Item = Recorded>) -> Self {
        let mut case = Self::default();
        for event in events {
            case.add(event);
        }
        case
    }

    /// One more.
    pub fn add(&mut self, recorded: Recorded) {
        let Recorded { number, at, ref who, under, .. } = recorded;
        let decision = |ruling: &Ruling| Some(Decision { number, at, who: who.clone(), ruling: ruling.clone() });
        match &recorded.event {
            Event::Reviewed(review) => {
                let review = review.clone();
                self.reviews.push((recorded, review));
            }
            Event::Appealed { text, against } => self.appeals.push(Appeal {
                number,
                at,
                who: who.clone(),
                agent: recorded.agent.clone(),
                text: text.clone(),
                against: *against,
                decision: None,
                contest: None,
                judgement: None,
            }),
            Event::Decided(ruling) => self.change(under, |appeal| appeal.decision = decision(ruling)),
            Event::Contested { text } => self.change(under, |appeal| appeal.contest = Some(text.clone())),
            Event::Judged(ruling) => self.change(under, |appeal| appeal.judgement = decision(ruling)),
            _ => {}
        }
    }

    fn change(&mut self, number: Option<i64>, change: impl FnOnce(&mut Appeal)) {
        if let Some(appeal) = self.appeals.iter_mut().find(|appeal| Some(appeal.number) == number) {
            change(appeal);
        }
    }

    /// An appeal by its number.
    ///
    /// # Errors
    /// When there is none.
    pub fn appeal(&self, number: i64) -> Result<&Appeal, Refusal> {
        let found = self.appeals.iter().find(|appeal| appeal.number == number);
        found.ok_or_else(|| Refusal::Unknown(format!("appeals/{number}")))
    }

    fn judged(&self) -> Result<(), Refusal> {
        match self.appeals.iter().any(|appeal| appeal.judgement.is_some()) {
            true => Err(Refusal::NotNow("the call was judged, which is final")),
            false => Ok(()),
        }
    }

    /// Whether the call may be reviewed.
    ///
    /// # Errors
    /// While an appeal is under way, and after the final judgement.
    pub fn may_review(&self) -> Result<(), Refusal> {
        self.judged()?;
        match self.appeals.iter().any(Appeal::is_under_way) {
            true => Err(Refusal::NotNow("an appeal is under way: it is decided first")),
            false => Ok(()),
        }
    }

    /// Whether what stands may be appealed against; the event that does.
    ///
    /// # Errors
    /// While an appeal is under way, when what stands is a decision on one, and after the final judgement.
    pub fn may_appeal(&self, text: &str) -> Result<Event, Refusal> {
        checked_text("text", text, true)?;
        self.judged()?;
        if self.appeals.iter().any(Appeal::is_under_way) {
            return Err(Refusal::NotNow("an appeal is under way"));
        }
        let against = self.reviews.last().map(|(review, _)| review.number);
        if self.appeals.last().is_some_and(|appeal| against.is_none_or(|review| review < appeal.number)) {
            return Err(Refusal::NotNow("this was appealed against and decided: contest the decision"));
        }
        Ok(Event::Appealed { text: text.trim().to_owned(), against })
    }

    /// Whether somebody may make the second decision on an appeal.
    ///
    /// # Errors
    /// When it is not open, or they have made the review that it is against.
    pub fn may_decide(&self, number: i64, who: &Who) -> Result<(), Refusal> {
        let appeal = self.appeal(number)?;
        if appeal.stage() != Stage::Open {
            return Err(Refusal::NotNow("the appeal was decided already"));
        }
        self.not_own(appeal, who)
    }

    /// Whether the second decision on an appeal may be contested.
    ///
    /// # Errors
    /// When there is none yet, it was contested before, or something came after it.
    pub fn may_contest(&self, number: i64, text: &str) -> Result<(), Refusal> {
        checked_text("text", text, true)?;
        let appeal = self.appeal(number)?;
        let Some(decision) = appeal.decision.as_ref().filter(|_| appeal.stage() == Stage::Decided) else {
            return Err(Refusal::NotNow("there is no decision to contest, or it was contested before"));
        };
        // A later review has taken the decision's place: that is what to appeal against.
        if self.reviews.last().is_some_and(|(review, _)| review.number > decision.number) {
            return Err(Refusal::NotNow("the call was reviewed since: appeal against that"));
        }
        Ok(())
    }

    /// Whether somebody may judge an appeal.
    ///
    /// # Errors
    /// When it was not contested, was judged, or they have decided on it before.
    pub fn may_judge(&self, number: i64, who: &Who) -> Result<(), Refusal> {
        let appeal = self.appeal(number)?;
        if appeal.stage() != Stage::Contested {
            return Err(Refusal::NotNow("only a decision that is contested is judged, and once"));
        }
        if appeal.decision.as_ref().is_some_and(|decision| decision.who.id == who.id) {
            return Err(Refusal::OwnDecision("nobody judges an appeal that they have decided"));
        }
        self.not_own(appeal, who)
    }

    fn not_own(&self, appeal: &Appeal, who: &Who) -> Result<(), Refusal> {
        let against = self.reviews.iter().find(|(review, _)| Some(review.number) == appeal.against);
        if appeal.who.id == who.id || against.is_some_and(|(review, _)| review.who.id == who.id) {
            return Err(Refusal::OwnDecision("nobody decides an appeal of their own or against their own review"));
        }
        Ok(())
    }

    /// Whether no appeal waits for a decision.
    pub fn is_settled(&self) -> bool {
        !self.appeals.iter().any(Appeal::is_under_way)
    }

    /// Whether somebody has decided anything on the call.
    pub fn has_decided(&self, who: &Who) -> bool {
        let rulings = self.appeals.iter().flat_map(|appeal| [&appeal.decision, &appeal.judgement]).flatten();
        self.reviews.iter().any(|(review, _)| review.who.id == who.id)
            || rulings.into_iter().any(|decision| decision.who.id == who.id)
    }

    /// The review that stands, with where it comes from and when: the final judgement, else the newest of the reviews and
    /// of the decisions that grant an appeal. An appeal that is refused leaves what stood before.
    pub fn standing(&self) -> Option<(&Review, Source, DateTime<Utc>)> {
        let mut standing = Vec::new();
        for (recorded, review) in &self.reviews {
            standing.push((recorded.number, review, Source::Review, recorded.at));
        }
        for appeal in &self.appeals {
            for (decision, source) in [
                (&appeal.decision, Source::Appeal),
                (&appeal.judgement, Source::Judgement),
            ] {
                if let Some(Decision { number, at, ruling: Ruling { review: Some(review), .. }, .. }) = decision {
                    standing.push((*number, review, source, *at));
                }
            }
        }
        let last = standing.into_iter().max_by_key(|(number, ..)| *number);
        last.map(|(_, review, source, at)| (review, source, at))
    }

    /// What stands on the call: codes with their places.
    pub fn labels(&self, call: &Analyzed) -> (BTreeSet<Label>, Source) {
        match self.standing() {
            Some((review, source, _)) => (review.labels(), source),
            None => (asserted(call), Source::Machine),
        }
    }
}

/// What the machine asserts of a call.
pub(crate) fn asserted(call: &Analyzed) -> BTreeSet<Label> {
    let label = |finding: &qingting_pipeline::record::Finding| Label { code: finding.code.clone(), turn: finding.turn };
    call.analysis.findings.iter().map(label).collect()
}
