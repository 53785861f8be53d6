//! The history card of a caller: a headline and at most five lines, to be read while the telephone rings, with the contacts
//! behind them. Crises come first. Everything on it is told from the caller's own earlier contacts; nobody is judged by it.

use chrono::{DateTime, FixedOffset, Utc};
use qingting_pipeline::Analyzed;
use qingting_pipeline::record::{Act, CallerStyle, ConductStep, Direction, Role, StepStatus, Ticket};
use qingting_pipeline::topic::digest::style;
use serde::Serialize;

use super::promise::{Kept, Promise, promise};
use super::{TopicNames, matter, short};
use crate::case::Case;
use crate::journey::mean::outcome_zh;

/// Most lines beneath the headline.
pub const LINES: usize = 5;
/// Most contacts on a card.
pub const CONTACTS: usize = 20;
/// Predicted satisfaction from which an unrated contact went well.
const WENT_WELL: f32 = 3.5;
/// Characters of a quote in a line.
const QUOTE: usize = 36;

/// An earlier contact.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Contact {
    /// The call.
    pub call_id: String,
    /// When it began.
    pub at: Option<DateTime<FixedOffset>>,
    /// The hotline called the caller.
    pub outbound: bool,
    /// Channel.
    pub channel: String,
    /// What it was about.
    pub matter: Option<String>,
    /// Id of its topic.
    pub topic: Option<String>,
    /// Category, from broad to narrow.
    pub category: Vec<String>,
    /// Appeal type.
    pub appeal_type: String,
    /// `resolved`, `follow_up`, `unresolved`.
    pub outcome: String,
    /// The caller's own rating, 1 to 5.
    pub rating: Option<u8>,
    /// Predicted satisfaction, 1 to 5.
    pub satisfaction: f32,
    /// Number of the work order.
    pub ticket: Option<String>,
    /// Whether that is open; absent where nothing says.
    pub ticket_open: Option<bool>,
    /// When it is due.
    pub ticket_due: Option<DateTime<FixedOffset>>,
    /// A life was in danger, or may have been.
    pub crisis: bool,
    /// What was promised.
    pub promise: Option<Promise>,
}

/// A case about one of the contacts that is still open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenCase {
    /// Its number.
    pub number: i64,
    /// The call.
    pub call_id: String,
    /// Why it was opened, in Chinese.
    pub cause: String,
    /// What it waits for, in Chinese.
    pub state: String,
    /// When that is due.
    pub due: DateTime<Utc>,
}

/// A matter that the caller came back about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RepeatMatter {
    /// Topic or category.
    pub matter: String,
    /// Contacts about it.
    pub contacts: usize,
    /// Those after which it was not resolved.
    pub unresolved: usize,
}

/// An answer after which things went well.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Helped {
    /// The call.
    pub call_id: String,
    /// The agent's turn.
    pub turn: u32,
    /// What was said there, masked.
    pub quote: String,
    /// What it was about.
    pub matter: Option<String>,
    /// When.
    pub at: Option<DateTime<FixedOffset>>,
    /// The caller's rating then.
    pub rating: Option<u8>,
}

/// The card.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Card {
    /// The pseudonyms under which calls were found, else those that were looked for.
    pub pseudonyms: Vec<String>,
    /// One line in Chinese: what to know first.
    pub headline: String,
    /// At most five lines more.
    pub lines: Vec<String>,
    /// A life was in danger in one of the contacts, or may have been.
    pub crisis: bool,
    /// Days that it looks back.
    pub days: u16,
    /// The newest first; at most [`CONTACTS`].
    pub contacts: Vec<Contact>,
    /// There are more contacts than that.
    pub more: bool,
    /// The matter that the caller most often came back about.
    pub repeat: Option<RepeatMatter>,
    /// What helped last time.
    pub helped: Option<Helped>,
    /// Cases that are still open.
    pub cases: Vec<OpenCase>,
    /// How the caller mostly speaks.
    pub style: Option<CallerStyle>,
    /// BCP 47 language of the last conversation.
    pub language: Option<String>,
}

/// What is known of a caller beside the calls.
pub struct Known<'a> {
    /// The pseudonyms that were looked for.
    pub pseudonyms: &'a [String],
    /// Topics of the calls.
    pub topics: &'a TopicNames,
    /// Cases of the calls.
    pub cases: &'a [Case],
    /// Days that were looked back.
    pub days: u16,
    /// Now.
    pub now: DateTime<Utc>,
}

impl Card {
    /// The card of a caller whose calls these are, the newest first; one more than [`CONTACTS`] tells that there are more.
    pub fn new(calls: &[Analyzed], known: &Known<'_>) -> Self {
        let shown = &calls[..calls.len().min(CONTACTS)];
        let contacts: Vec<Contact> = (0..shown.len()).map(|nth| contact(shown, nth, known)).collect();
        let repeat = repeat(&contacts);
        let helped = helped(shown, &contacts, repeat.as_ref());
        let mut cases: Vec<OpenCase> = known
            .cases
            .iter()
            .filter(|case| case.state.is_open())
            .map(|case| OpenCase {
                number: case.number,
                call_id: case.call_id.clone(),
                cause: case.cause.zh().to_owned(),
                state: case.state.zh().to_owned(),
                due: case.first_due(),
            })
            .collect();
        cases.sort_by_key(|case| (case.due, case.number));
        let spoken: Vec<&Analyzed> = shown.iter().filter(|call| call.record.spoken()).collect();
        let mut card = Self {
            pseudonyms: found(shown, known.pseudonyms),
            headline: String::new(),
            lines: Vec::new(),
            crisis: contacts.iter().any(|contact| contact.crisis),
            days: known.days,
            more: calls.len() > CONTACTS,
            repeat,
            helped,
            cases,
            style: most(&spoken.iter().map(|call| style(&call.record, &call.analysis))),
            language: spoken.first().map(|call| call.analysis.facts.language.clone()),
            contacts,
        };
        card.headline = card.say_headline();
        card.lines = card.say_lines();
        card
    }

    fn say_headline(&self) -> String {
        let inbound = self.contacts.iter().filter(|contact| !contact.outbound).count();
        if self.contacts.is_empty() {
            return format!("{} 天内没有来电记录", self.days);
        }
        let mut parts = Vec::new();
        if self.crisis {
            parts.push("【曾有危机情形】先确认安全".to_owned());
        }
        if let Some(language) = self.language.as_deref().and_then(foreign) {
            parts.push(format!("说{language}"));
        }
        let more = if self.more { "以上" } else { "" };
        parts.push(format!("{} 天内来电 {inbound} 次{more}", self.days));
        if let Some(repeat) = &self.repeat {
            let unresolved = match repeat.unresolved {
                0 => String::new(),
                n => format!("，{n} 次未解决"),
            };
            parts.push(format!("“{}”反复来电{unresolved}", short(&repeat.matter, 12)));
        }
        if self.contacts.iter().find(|contact| !contact.outbound).is_some_and(Contact::dissatisfied) {
            parts.push("上次不满意".to_owned());
        }
        parts.join("；")
    }

    fn say_lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(contact) = self.contacts.iter().find(|contact| contact.crisis) {
            lines.push(format!("危机：{}来电曾涉及人身安全，有危险迹象立即转人工专席", contact.day()));
        }
        if let Some(last) = self.contacts.iter().find(|contact| !contact.outbound) {
            let rating = match last.rating {
                Some(rating) => format!("，评价 {rating} 分"),
                None => String::new(),
            };
            let about = last.matter.as_deref().unwrap_or(&last.appeal_type);
            lines.push(format!("上次：{}{}，{}{rating}", last.day(), short(about, 16), outcome_zh(&last.outcome)));
        }
        let promised = |wanted: &[Kept]| {
            let of =
                |contact: &&Contact| contact.promise.as_ref().is_some_and(|promise| wanted.contains(&promise.kept));
            self.contacts.iter().find(of)
        };
        // What was broken before what nobody knows; what was kept needs no line.
        if let Some(contact) = promised(&[Kept::Broken, Kept::Late]).or_else(|| promised(&[Kept::Unknown]))
            && let Some(promise) = &contact.promise
        {
            let said = if promise.quote.is_empty() {
                "后续处理".to_owned()
            } else {
                format!("“{}”", short(&promise.quote, QUOTE))
            };
            lines.push(format!("承诺：{}{said}，{}", contact.day(), promise.why));
        }
        let open: Vec<String> = self.open();
        if !open.is_empty() {
            let more = if open.len() > 2 {
                format!("等 {} 件", open.len())
            } else {
                String::new()
            };
            lines.push(format!("未了：{}{more}", open.iter().take(2).cloned().collect::<Vec<_>>().join("；")));
        }
        if let Some(helped) = &self.helped {
            lines.push(format!("有效：“{}”", short(&helped.quote, QUOTE)));
        }
        if let Some(style) = self.style.filter(|style| *style != CallerStyle::Calm) {
            lines.push(format!("风格：{}", style.zh()));
        }
        lines.truncate(LINES);
        lines
    }

    /// Open cases, then open work orders, each once.
    fn open(&self) -> Vec<String> {
        let mut open: Vec<String> = self
            .cases
            .iter()
            .map(|case| format!("案件 {}（{}，{}）", case.number, case.cause, case.state))
            .collect();
        let mut told = Vec::new();
        for contact in &self.contacts {
            let Some(ticket) = contact.ticket.as_ref() else {
                continue;
            };
            if told.contains(&ticket) {
                continue;
            }
            told.push(ticket);
            if contact.ticket_open == Some(true) {
                let due = contact.ticket_due.map_or_else(String::new, |due| due.format("，%-m月%-d日到期").to_string());
                open.push(format!("工单 {ticket} 未办结{due}"));
            }
        }
        open
    }
}

impl Contact {
    fn day(&self) -> String {
        self.at.map_or_else(|| "日期不详".to_owned(), |at| at.format("%-m月%-d日").to_string())
    }

    /// By the caller's own rating (1 or 2), else by the predicted one (below 2.5).
    fn dissatisfied(&self) -> bool {
        self.rating.map_or(self.satisfaction < 2.5, |rating| rating <= 2)
    }

    fn went_well(&self) -> bool {
        let satisfied = self.rating.map_or(self.satisfaction >= WENT_WELL, |rating| rating >= 4);
        satisfied && self.outcome == "resolved"
    }
}

fn is_open(ticket: &Ticket) -> Option<bool> {
    match (ticket.closed_at, ticket.opened_at, ticket.due_at) {
        (Some(_), ..) => Some(false),
        (None, None, None) => None,
        _ => Some(true),
    }
}

fn in_danger(call: &Analyzed) -> bool {
    call.analysis.facts.crisis || call.analysis.uncertain.iter().any(|finding| finding.code == "crisis")
}

fn contact(calls: &[Analyzed], nth: usize, known: &Known<'_>) -> Contact {
    let (call, later) = (&calls[nth], calls[..nth].iter().rev());
    let (record, facts) = (&call.record, &call.analysis.facts);
    let about = matter(record, facts, known.topics);
    let same = |other: &Analyzed| {
        let ticket = |call: &Analyzed| call.record.ticket.as_ref().map(|ticket| ticket.id.clone());
        let order = ticket(call).is_some_and(|id| Some(id) == ticket(other));
        order || about.is_some() && about == matter(&other.record, &other.analysis.facts, known.topics)
    };
    // What a later record says of a work order is newer.
    let own = record.ticket.as_ref();
    let mut newest = later.clone().filter_map(|call| call.record.ticket.as_ref());
    let ticket = own.map(|own| newest.rfind(|ticket| ticket.id == own.id).unwrap_or(own));
    Contact {
        call_id: record.call_id.clone(),
        at: record.started_at,
        outbound: record.direction == Direction::Outbound,
        channel: record.channel.clone(),
        topic: known.topics.get(&record.call_id).map(|(id, _)| id.clone()),
        category: facts.category.clone(),
        appeal_type: facts.appeal_type.clone(),
        outcome: facts.outcome.clone(),
        rating: record.rating,
        satisfaction: facts.satisfaction,
        ticket: ticket.map(|ticket| ticket.id.clone()),
        ticket_open: ticket.and_then(is_open),
        ticket_due: ticket.and_then(|ticket| ticket.due_at),
        crisis: in_danger(call),
        promise: promise(call, later, same, known.now),
        matter: about,
    }
}

/// The matter with most inbound contacts, two at least; of equal ones that of the newest contact.
fn repeat(contacts: &[Contact]) -> Option<RepeatMatter> {
    let mut matters: Vec<RepeatMatter> = Vec::new();
    for contact in contacts.iter().filter(|contact| !contact.outbound) {
        let Some(matter) = &contact.matter else { continue };
        let at = matters.iter().position(|known| known.matter == *matter).unwrap_or_else(|| {
            matters.push(RepeatMatter { matter: matter.clone(), contacts: 0, unresolved: 0 });
            matters.len() - 1
        });
        matters[at].contacts += 1;
        matters[at].unresolved += usize::from(contact.outcome != "resolved");
    }
    matters.into_iter().rev().max_by_key(|matter| matter.contacts).filter(|matter| matter.contacts > 1)
}

/// The answer of the newest contact that went well: about the matter that the caller comes back about where there is one, else
/// about that of the last contact, else any.
fn helped(calls: &[Analyzed], contacts: &[Contact], repeat: Option<&RepeatMatter>) -> Option<Helped> {
    let wanted = repeat.map(|repeat| &repeat.matter).or_else(|| contacts.first()?.matter.as_ref());
    let well = || contacts.iter().zip(calls).filter(|(contact, _)| contact.went_well());
    let about = |(contact, _): &(&Contact, &Analyzed)| wanted.is_some() && contact.matter.as_ref() == wanted;
    let answer = |(contact, call): (&Contact, &Analyzed)| {
        let (turn, quote) = answer(call)?;
        Some(Helped {
            call_id: contact.call_id.clone(),
            turn,
            quote: short(&quote, 80),
            matter: contact.matter.clone(),
            at: contact.at,
            rating: contact.rating,
        })
    };
    well().filter(about).find_map(answer).or_else(|| well().find_map(answer))
}

/// The agent's turn that resolved it: as the conduct of the call says, else the first that gives information or a way.
fn answer(call: &Analyzed) -> Option<(u32, String)> {
    let analysis = &call.analysis;
    let resolved = analysis
        .conduct
        .iter()
        .flat_map(|conduct| &conduct.steps)
        .find(|step| step.step == ConductStep::Resolve && step.status == StepStatus::Done);
    let gives = |acts: &[Act]| acts.iter().any(|act| matches!(act, Act::Explain | Act::Alternative | Act::NextStep));
    let turn = resolved.and_then(|step| step.turns.first().copied()).or_else(|| {
        let turns = call.record.turns.iter().zip(&analysis.turns);
        turns.filter(|(turn, of)| turn.role == Role::Agent && gives(&of.acts)).map(|(_, of)| of.turn).next()
    })?;
    let text = &analysis.turns.get(turn as usize)?.text;
    (!text.trim().is_empty()).then(|| (turn, text.clone()))
}

/// The most frequent; of equal ones that which comes first.
fn most<T: Copy + PartialEq>(values: &(impl Iterator<Item = T> + Clone)) -> Option<T> {
    let count = |of: T| values.clone().filter(|value| *value == of).count();
    values.clone().fold(None, |best, value| match best {
        Some(known) if count(known) >= count(value) => Some(known),
        _ => Some(value),
    })
}

/// The pseudonyms of the calls among those that were looked for; all of these where there are no calls.
fn found(calls: &[Analyzed], wanted: &[String]) -> Vec<String> {
    let has = |pseudonym: &&String| {
        let callers = calls.iter().filter_map(|call| call.record.caller.as_ref());
        callers.flat_map(|caller| [&caller.id, &caller.number]).flatten().any(|of| of == *pseudonym)
    };
    let found: Vec<String> = wanted.iter().filter(has).cloned().collect();
    if found.is_empty() { wanted.to_vec() } else { found }
}

/// What a language is called where it is not that of most calls.
fn foreign(language: &str) -> Option<String> {
    let name = match language.split('-').next().unwrap_or_default() {
        "zh" | "cmn" | "und" | "" => return None,
        "yue" => "粤语",
        "nan" => "闽南语",
        "wuu" => "吴语",
        "hak" => "客家话",
        "bo" => "藏语",
        "mn" => "蒙古语",
        "ug" => "维吾尔语",
        "en" => "英语",
        "ja" => "日语",
        "ko" => "韩语",
        "ru" => "俄语",
        other => return Some(format!(" {other}")),
    };
    Some(name.to_owned())
}
