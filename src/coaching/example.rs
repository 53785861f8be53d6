//! The case library (案例库): calls that people choose for others to learn from. What is told of one is the log of what happened to
//! it: somebody nominates it, somebody else decides, anybody with the right withdraws it. What is kept is the masked text of the
//! chosen turns without the agent's name, id and staff number; once approved it is an article of the knowledge base of its own kind.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use qingting_index::knowledge::{Article, ArticleKind, CASE_PREFIX};
use qingting_index::{Error, ExampleEntry, Result};
use qingting_pipeline::Analyzed;
use qingting_pipeline::finding::Catalog;
use qingting_pipeline::record::{Agent, Role};
use serde::{Deserialize, Serialize};

use super::Refusal;
use super::anonymous::without_agent;
pub use crate::who::Who;

/// Most characters of a title.
const LONGEST_TITLE: usize = 60;
/// Most characters of a lesson or a note.
const LONGEST_TEXT: usize = 1000;
/// Most turns of an example.
pub const MOST_TURNS: usize = 60;

/// A turn as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Who spoke.
    pub role: Role,
    /// What was said, masked.
    pub text: String,
}

/// What somebody proposes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Order {
    /// What it is called.
    pub title: String,
    /// What to learn from it.
    pub lesson: String,
    /// Anything else.
    pub note: String,
    /// The behaviour that it shows: a code of the catalog, or empty.
    pub code: String,
    /// A good example; else one of how not to do it.
    pub good: bool,
    /// First turn, from 0, and last; `None`: the whole call.
    pub turns: Option<(u32, u32)>,
}

/// What was nominated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nomination {
    /// What it is called.
    pub title: String,
    /// What to learn from it.
    pub lesson: String,
    /// Anything else.
    pub note: String,
    /// The behaviour, or empty.
    pub code: String,
    /// A good example.
    pub good: bool,
    /// First turn.
    pub first: u32,
    /// Last turn.
    pub last: u32,
    /// What was said, masked and without the agent.
    pub lines: Vec<Line>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It was nominated.
    Nominated(Nomination),
    /// Somebody else approved it.
    Approved {
        /// For the whole hotline; else for those who see the call.
        shared: bool,
        /// Why.
        note: String,
    },
    /// Somebody else turned it down.
    Rejected {
        /// Why.
        note: String,
    },
    /// It was taken back.
    Withdrawn {
        /// Why.
        note: String,
    },
}

impl Event {
    fn kind(&self) -> &'static str {
        match self {
            Self::Nominated(_) => "nominated",
            Self::Approved { .. } => "approved",
            Self::Rejected { .. } => "rejected",
            Self::Withdrawn { .. } => "withdrawn",
        }
    }
}

/// How far an example has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits for somebody else.
    Nominated,
    /// In the library.
    Approved,
    /// Turned down.
    Rejected,
    /// Taken back.
    Withdrawn,
}

impl State {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Nominated, Self::Approved, Self::Rejected, Self::Withdrawn];

    /// The name in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nominated => "nominated",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// What supervisors read.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Nominated => "待审",
            Self::Approved => "已入库",
            Self::Rejected => "未通过",
            Self::Withdrawn => "已撤回",
        }
    }
}

/// An example with where it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseStudy {
    /// Its number.
    pub number: i64,
    /// The call; empty for those who do not see it.
    pub call_id: String,
    /// Team of the call at the time; `None` also for those who do not see it.
    pub team: Option<String>,
    /// Agent of the call at the time: never shown, it only tells who may see it.
    #[serde(skip)]
    pub agent: Option<String>,
    /// Who nominated it.
    pub by: String,
    /// By whom, as the program tells them apart.
    #[serde(skip)]
    pub by_id: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    #[serde(flatten)]
    pub nomination: Nomination,
    /// Where it stands.
    pub state: State,
    /// Who decided, or took it back.
    pub decided_by: String,
    /// What they said.
    pub decision: String,
    /// Whether it is for the whole hotline.
    pub shared: bool,
    /// When it came into the library.
    pub approved_at: Option<DateTime<Utc>>,
}

/// Makes a row of what is to be kept.
pub fn row(who: &Who, at: DateTime<Utc>, on: On<'_>, event: &Event) -> Result<ExampleEntry> {
    let body = serde_json::to_string(event)
        .map_err(|e| Error::Refused { what: "example".to_owned(), message: e.to_string() })?;
    Ok(ExampleEntry {
        number: 0,
        at: at.to_rfc3339(),
        kind: event.kind().to_owned(),
        who: who.id.clone(),
        name: who.name.clone(),
        nomination: on.nomination,
        call_id: on.call_id.to_owned(),
        agent: on.agent.map(str::to_owned),
        team: on.team.map(str::to_owned),
        body,
    })
}

/// What a row is about.
#[derive(Debug, Clone, Copy)]
pub struct On<'a> {
    /// Number of the nomination; `None`: this is one.
    pub nomination: Option<i64>,
    /// The call.
    pub call_id: &'a str,
    /// Its agent.
    pub agent: Option<&'a str>,
    /// Its team.
    pub team: Option<&'a str>,
}

impl<'a> On<'a> {
    /// A new one about a call.
    pub fn call(call: &'a Analyzed) -> Self {
        let agent = call.record.agent.as_ref();
        Self {
            nomination: None,
            call_id: &call.record.call_id,
            agent: agent.map(|agent| agent.id.as_str()),
            team: agent.and_then(|agent| agent.team.as_deref()),
        }
    }

    /// One that is there.
    pub fn study(study: &'a CaseStudy) -> Self {
        Self {
            nomination: Some(study.number),
            call_id: &study.call_id,
            agent: study.agent.as_deref(),
            team: study.team.as_deref(),
        }
    }
}

/// Puts the rows of a log together, by number.
///
/// # Errors
/// When a row is not of the form.
pub fn studies(rows: Vec<ExampleEntry>) -> Result<Vec<CaseStudy>> {
    let mut all: Vec<CaseStudy> = Vec::new();
    for row in rows {
        let number = row.number;
        let corrupt = |e: &dyn std::fmt::Display| Error::corrupt("ledger.sqlite", format!("example {number}: {e}"));
        let at = DateTime::parse_from_rfc3339(&row.at).map_err(|e| corrupt(&e))?.to_utc();
        let event: Event = serde_json::from_str(&row.body).map_err(|e| corrupt(&e))?;
        match event {
            Event::Nominated(nomination) => all.push(CaseStudy {
                number,
                call_id: row.call_id,
                team: row.team,
                agent: row.agent,
                by: row.name,
                by_id: row.who,
                at,
                nomination,
                state: State::Nominated,
                decided_by: String::new(),
                decision: String::new(),
                shared: false,
                approved_at: None,
            }),
            other => {
                let under = row.nomination;
                if let Some(study) = all.iter_mut().find(|study| Some(study.number) == under) {
                    study.follow(other, row.name, at);
                }
            }
        }
    }
    Ok(all)
}

impl CaseStudy {
    fn follow(&mut self, event: Event, by: String, at: DateTime<Utc>) {
        let (state, note) = match event {
            Event::Nominated(_) => return,
            Event::Approved { shared, note } => {
                self.shared = shared;
                self.approved_at = Some(at);
                (State::Approved, note)
            }
            Event::Rejected { note } => (State::Rejected, note),
            Event::Withdrawn { note } => (State::Withdrawn, note),
        };
        (self.state, self.decided_by, self.decision) = (state, by, note);
    }

    /// Whether it is in the library.
    pub fn is_approved(&self) -> bool {
        self.state == State::Approved
    }

    /// Whether somebody may decide on it.
    ///
    /// # Errors
    /// When it does not wait for that, or they have nominated it.
    pub fn may_decide(&self, who: &Who) -> Result<(), Refusal> {
        if self.state != State::Nominated {
            return Err(Refusal::NotNow("the example was decided on, or withdrawn"));
        }
        match self.by_id == who.id {
            true => Err(Refusal::OwnDecision("nobody decides on an example that they have nominated")),
            false => Ok(()),
        }
    }

    /// Whether it can be taken back.
    ///
    /// # Errors
    /// When it was turned down or taken back before.
    pub fn may_withdraw(&self) -> Result<(), Refusal> {
        match self.state {
            State::Nominated | State::Approved => Ok(()),
            State::Rejected | State::Withdrawn => Err(Refusal::NotNow("the example is not in the library")),
        }
    }

    /// Id of its article.
    pub fn article_id(&self) -> String {
        format!("{CASE_PREFIX}{}", self.number)
    }

    /// The article that it is in the knowledge base.
    pub fn article(&self, catalog: &Catalog) -> Article {
        let Nomination { title, lesson, note, code, good, lines, .. } = &self.nomination;
        let mut body = format!("要点：{lesson}\n");
        if let Some(info) = catalog.get(code) {
            body.push_str(&format!("行为：{}\n", info.title));
        }
        for line in lines {
            body.push_str(&format!("{}：{}\n", speaker(line.role), line.text));
        }
        if !note.is_empty() {
            body.push_str(&format!("备注：{note}\n"));
        }
        Article {
            id: self.article_id(),
            title: title.clone(),
            body,
            category: Some(if *good { "示范案例" } else { "反面案例" }.to_owned()),
            source: Some("案例库".to_owned()),
            kind: Some(ArticleKind::Case),
            ..Article::default()
        }
    }
}

/// Who speaks, for people.
pub fn speaker(role: Role) -> &'static str {
    match role {
        Role::Agent => "坐席",
        Role::Caller => "来电人",
        _ => "其他",
    }
}

/// Number of the example that an article is.
pub fn number_of(article_id: &str) -> Option<i64> {
    article_id.strip_prefix(CASE_PREFIX)?.parse().ok()
}

/// Leaves of a log what somebody sees: all of an example whose call they see, and of one that is shared with the whole hotline
/// everything but whose call it is, unless the call is among those that are contested: they could not tell.
///
/// # Errors
/// When a row is not of the form.
pub fn narrowed(
    rows: Vec<ExampleEntry>,
    contested: &BTreeSet<String>,
    sees: impl Fn(Option<&Agent>) -> bool,
) -> Result<Vec<ExampleEntry>> {
    let all = studies(rows.clone())?;
    let found = |number: i64| all.iter().find(|study| study.number == number);
    let sees = |study: &CaseStudy| {
        let agent = study.agent.clone().map(|id| Agent { id, team: study.team.clone(), ..Agent::default() });
        sees(agent.as_ref())
    };
    let narrow = |mut row: ExampleEntry| {
        let study = found(row.nomination.unwrap_or(row.number))?;
        if sees(study) {
            return Some(row);
        }
        if !(study.is_approved() && study.shared) || contested.contains(&study.call_id) {
            return None;
        }
        row.call_id.clear();
        (row.agent, row.team) = (None, None);
        Some(row)
    };
    Ok(rows.into_iter().filter_map(narrow).collect())
}

/// What is nominated of a call: `mask` takes personal data out of what a person wrote.
///
/// # Errors
/// Names the field that is wrong.
pub fn nominate(
    order: &Order,
    call: &Analyzed,
    known: &[CaseStudy],
    catalog: &Catalog,
    mask: impl Fn(&str) -> String,
) -> Result<Nomination, Refusal> {
    let text = |field: &'static str, text: &str, longest: usize, required: bool| -> Result<String, Refusal> {
        let masked = mask(text.trim());
        if required && masked.is_empty() {
            return Err(Refusal::wrong(field, "required"));
        }
        if masked.chars().count() > longest {
            return Err(Refusal::wrong(field, format!("longer than {longest} characters")));
        }
        Ok(without_agent(&masked, call.record.agent.as_ref(), false))
    };
    let title = text("title", &order.title, LONGEST_TITLE, true)?;
    let lesson = text("lesson", &order.lesson, LONGEST_TEXT, true)?;
    let note = text("note", &order.note, LONGEST_TEXT, false)?;
    if !order.code.is_empty() && catalog.get(&order.code).is_none() {
        return Err(Refusal::wrong("code", format!("there is no code \"{}\"", order.code)));
    }
    let turns = call.analysis.turns.len();
    let (first, last) = order.turns.unwrap_or((0, u32::try_from(turns.saturating_sub(1)).unwrap_or(u32::MAX)));
    if first > last || last as usize >= turns {
        return Err(Refusal::wrong("last_turn", format!("the call has {turns} turns, counted from 0")));
    }
    if (last - first) as usize >= MOST_TURNS {
        return Err(Refusal::wrong("last_turn", format!("at most {MOST_TURNS} turns: choose those that matter")));
    }
    let same = |study: &&CaseStudy| {
        let nomination = &study.nomination;
        study.call_id == call.record.call_id && nomination.first <= last && first <= nomination.last
    };
    if known.iter().filter(same).any(|study| matches!(study.state, State::Nominated | State::Approved)) {
        return Err(Refusal::NotNow("these turns are in the library, or nominated"));
    }
    let lines = call.analysis.turns.iter().filter(|turn| (first..=last).contains(&turn.turn)).map(|turn| {
        let role = call.record.turns.get(turn.turn as usize).map_or(Role::Caller, |turn| turn.role);
        let text = without_agent(&turn.text, call.record.agent.as_ref(), role == Role::Agent);
        Line { role, text }
    });
    Ok(Nomination {
        title,
        lesson,
        note,
        code: order.code.clone(),
        good: order.good,
        first,
        last,
        lines: lines.collect(),
    })
}
