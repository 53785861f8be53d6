//! What can be asked of the call index and what it answers: plain types.

use chrono::NaiveDate;
use qingting_pipeline::record::{Role, Span};
use serde::{Serialize, Serializer, ser::SerializeSeq};

use super::filter::Filter;
use super::schema::{self, Kind};
use crate::{Error, Result};

/// Whose turns a text is looked for in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The agent.
    Agent = 0,
    /// The caller.
    Caller = 1,
    /// Bots, menus and everybody else.
    Other = 2,
}

/// A search over calls. Everything that is given has to hold.
#[derive(Debug, Clone)]
pub struct CallQuery {
    /// Words, "phrases", -exclusions, OR, and conditions; see [`super::Expression`].
    pub text: Option<String>,
    /// Only calls like this one, the likest first; the call itself is none of them.
    pub like: Option<String>,
    /// Look for the text in these turns only.
    pub spoken_by: Option<Speaker>,
    /// Conditions on the fields; see [`Filter::parse`].
    pub filter: Option<Filter>,
    /// Only these calls, such as those of a topic.
    pub call_ids: Option<Vec<String>>,
    /// First day, in the calls' own time zone.
    pub since: Option<NaiveDate>,
    /// Last day, included.
    pub until: Option<NaiveDate>,
    /// Order; by relevance where there are words or a call to be like, else newest first.
    pub sort: Option<Sort>,
    /// Hits on a page, 1 to 1,000.
    pub limit: usize,
    /// [`CallPage::next`] of the page before.
    pub page_token: Option<String>,
    /// Values to count over all calls that match.
    pub facets: Vec<FacetRequest>,
    /// Matching turns shown of a call; 0 for none.
    pub turns_per_call: usize,
    /// Characters of a snippet.
    pub snippet_chars: u32,
    /// Where few calls match, look for calls that sound like the text, after all others.
    pub by_sound: bool,
}

impl Default for CallQuery {
    fn default() -> Self {
        Self {
            text: None,
            like: None,
            spoken_by: None,
            filter: None,
            call_ids: None,
            since: None,
            until: None,
            sort: None,
            limit: 20,
            page_token: None,
            facets: Vec::new(),
            turns_per_call: 3,
            snippet_chars: 80,
            by_sound: true,
        }
    }
}

impl CallQuery {
    /// A query for a text alone.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }
}

/// What hits are sorted by. Calls without the value come last in either direction, and calls of
/// the same value are in order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortBy {
    /// How well the text matches.
    Relevance,
    /// A number, day or time field, by its name.
    Field(&'static str),
}

/// An order of hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub by: SortBy,
    /// Highest first.
    pub descending: bool,
}

impl Sort {
    /// Best match first.
    pub const RELEVANCE: Self = Self { by: SortBy::Relevance, descending: true };
    /// Latest call first.
    pub const NEWEST: Self = Self { by: SortBy::Field("started_at"), descending: true };

    /// Reads `relevance`, `newest`, `oldest`, `FIELD` (lowest first) or `-FIELD` (highest first).
    ///
    /// # Errors
    /// When there is no such field, or it has no order.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "relevance" => return Ok(Self::RELEVANCE),
            "newest" => return Ok(Self::NEWEST),
            "oldest" => return Ok(Self { descending: false, ..Self::NEWEST }),
            _ => {}
        }
        let name = text.strip_prefix('-').unwrap_or(text);
        match schema::field_info(name) {
            Some(info) if matches!(info.kind, Kind::Number | Kind::Day | Kind::Instant) => {
                Ok(Self { by: SortBy::Field(info.name), descending: text.starts_with('-') })
            }
            _ => {
                let names: Vec<_> = schema::FIELDS
                    .iter()
                    .filter(|f| matches!(f.kind, Kind::Number | Kind::Day | Kind::Instant))
                    .map(|f| f.name)
                    .collect();
                Err(Error::query(
                    format!("cannot sort by \"{name}\": relevance, newest, oldest, or one of {}", names.join(", ")),
                    1,
                ))
            }
        }
    }
}

/// A field whose values are to be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetRequest {
    /// Name of the field; `attr.KEY` counts the values of an attribute. `date`, `week` and `month` give
    /// a histogram from the first to the last call that matches, `hour` and `weekday` one of the day and
    /// of the week, all with the values that no call has.
    pub field: String,
    /// Most values returned; of a histogram the latest. Hours and weekdays are always all returned.
    pub limit: usize,
}

/// A page of hits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallPage {
    /// Calls that match, on all pages.
    pub total: u64,
    /// This page's.
    pub hits: Vec<CallHit>,
    /// Token of the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Counts, in the order in which they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facets: Vec<Facet>,
    /// What in the text was understood otherwise than written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A call that matches.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct CallHit {
    /// The call.
    pub call_id: String,
    /// How well the text matches; 0 without a text or where hits are sorted by a field.
    pub relevance: f32,
    /// When it began, RFC 3339 with its own offset.
    pub started_at: Option<String>,
    /// Agent.
    pub agent: Option<String>,
    /// Queue.
    pub queue: Option<String>,
    /// 咨询 求助 投诉 举报 建议 表扬.
    pub appeal_type: String,
    /// `resolved`, `follow_up` or `unresolved`.
    pub outcome: String,
    /// Total of the scorecard.
    pub score: Option<f64>,
    /// Milliseconds.
    pub duration_ms: Option<u64>,
    /// Distinct codes that were asserted.
    pub codes: Vec<String>,
    /// Distinctive words that it shares with the call that it is like, the heaviest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shared_words: Vec<String>,
    /// It only sounds like the text; such calls come after all others.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub by_sound: bool,
    /// Turns that match best, in order of the call.
    pub turns: Vec<TurnHit>,
}

/// A turn that matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TurnHit {
    /// Index into the call's turns.
    pub turn: u32,
    /// Who speaks.
    pub role: Role,
    /// Start, milliseconds.
    pub start_ms: Option<u64>,
    /// End, milliseconds.
    pub end_ms: Option<u64>,
    /// The part of the turn's text that is worth showing.
    pub snippet: String,
    /// First character of the snippet in the turn's text.
    pub snippet_start: u32,
    /// What matched, as characters of the turn's text; in order, not touching.
    #[serde(serialize_with = "span_pairs")]
    pub highlights: Vec<Span>,
    /// Some of the highlighted characters are others than those of the text and sound like them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub by_sound: bool,
}

fn span_pairs<S: Serializer>(spans: &[Span], serializer: S) -> std::result::Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(Some(spans.len()))?;
    for span in spans {
        list.serialize_element(&[span.start, span.end])?;
    }
    list.end()
}

/// Counts of the values of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facet {
    /// As it was asked for.
    pub field: String,
    /// Most frequent first, then by value; histograms in their own order.
    pub values: Vec<FacetValue>,
}

/// A value and the number of matching calls that have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FacetValue {
    /// The value.
    pub value: String,
    /// Calls.
    pub calls: u64,
}
