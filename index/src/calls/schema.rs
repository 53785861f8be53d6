//! The fields of the call index and of the filter language: one table for both. How a value
//! gets into a field is [`super::document`]'s business.

use tantivy::schema::{DateOptions, DateTimePrecision, FAST, Field, INDEXED, STORED, STRING, Schema};

use crate::analyzer::{GRAMS, WORDS, text_options};
use crate::{Error, Result};

/// Changes with every change of the fields or of what is put into them.
pub const SCHEMA_VERSION: u32 = 1;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Exact strings, several a call where that makes sense.
    Keyword,
    /// A number.
    Number,
    /// A calendar day in the call's own time zone, kept as the number `yyyymmdd`.
    Day,
    /// A point in time.
    Instant,
    /// `attr.KEY`: free attributes of the record.
    Attribute,
}

/// A field that can be filtered by, counted or sorted by.
#[derive(Debug)]
pub struct FieldInfo {
    /// Name in filters, facets and groupings.
    pub name: &'static str,
    /// Other names that filters understand.
    pub aliases: &'static [&'static str],
    /// What it holds.
    pub kind: Kind,
    /// One line for a list of fields.
    pub about: &'static str,
}

const fn keyword(name: &'static str, aliases: &'static [&'static str], about: &'static str) -> FieldInfo {
    FieldInfo { name, aliases, kind: Kind::Keyword, about }
}

const fn number(name: &'static str, aliases: &'static [&'static str], about: &'static str) -> FieldInfo {
    FieldInfo { name, aliases, kind: Kind::Number, about }
}

/// Every field, in the order in which lists show them.
pub const FIELDS: &[FieldInfo] = &[
    keyword("call_id", &["call", "id"], "id of the call"),
    keyword("agent", &["agent_id"], "id of the agent"),
    keyword("team", &["agent_team"], "team of the agent"),
    keyword("site", &["agent_site"], "site of the agent"),
    keyword("queue", &[], "queue or line"),
    keyword("region", &[], "region of the matter"),
    keyword("channel", &[], "phone, web, app, letter, window"),
    keyword("direction", &[], "inbound or outbound"),
    keyword("language", &["lang"], "BCP 47 language"),
    keyword("code", &["finding"], "code of a finding that the machine asserts"),
    keyword("uncertain", &[], "code of a finding for human review"),
    keyword("severity", &[], "minor, major or fatal: severity of an asserted finding"),
    keyword("taboo", &[], "T1 to T8: taboo of an asserted finding"),
    keyword("rule", &[], "detector or rule of an asserted finding"),
    keyword("appeal_type", &["appeal", "type"], "咨询 求助 投诉 举报 建议 表扬"),
    keyword("outcome", &[], "resolved, follow_up or unresolved"),
    keyword("crisis", &[], "true where a life may be in danger"),
    keyword("repeat_contact", &["repeat"], "true where the caller has called about it before"),
    keyword("emotional", &[], "met, unmet or none: the need to be heard"),
    keyword("factual", &[], "met, unmet or none: the need to be helped"),
    keyword("category", &["topic"], "category, a level or a path such as 城乡建设/物业管理"),
    keyword("ticket", &["ticket_id"], "number of the work order"),
    keyword("ticket_category", &[], "category of the work order"),
    keyword("department", &["ticket_department"], "department of the work order"),
    keyword("status", &["ticket_status"], "status of the work order"),
    keyword("answered", &[], "true or false"),
    keyword("transferred", &[], "true or false"),
    keyword("hangup_by", &[], "agent, caller or system"),
    keyword("scorecard", &[], "id of the scorecard"),
    keyword("fatal", &[], "id of a scorecard item that failed the call"),
    number("score", &[], "total of the scorecard, 0 to 100"),
    number("rating", &[], "the caller's own rating, 1 to 5"),
    number("satisfaction", &["sat"], "predicted rating, 1 to 5"),
    number("duration", &[], "seconds"),
    number("silence", &[], "longest silence, seconds"),
    number("wait", &[], "seconds in the queue"),
    number("interruptions", &[], "interruptions by the agent"),
    number("turns", &[], "number of turns"),
    FieldInfo {
        name: "date",
        aliases: &["day"],
        kind: Kind::Day,
        about: "2026, 2026-03 or 2026-03-05, in the call's time zone",
    },
    FieldInfo {
        name: "started_at",
        aliases: &["time"],
        kind: Kind::Instant,
        about: "RFC 3339 time",
    },
    FieldInfo {
        name: "attr",
        aliases: &[],
        kind: Kind::Attribute,
        about: "attr.KEY: an attribute of the record",
    },
];

/// Names of the levels of a category, beside its paths; only filters see it.
pub(crate) const CATEGORY_LEVEL: &str = "category_level";

/// Finds a field by name or alias; `attr.KEY` gives the attribute field.
pub fn field_info(name: &str) -> Option<&'static FieldInfo> {
    let name = if name.starts_with("attr.") { "attr" } else { name };
    FIELDS.iter().find(|f| f.name == name || f.aliases.contains(&name))
}

/// Text fields of the turns of one kind of speaker.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextFields {
    pub(crate) words: Field,
    pub(crate) grams: Field,
}

/// The fields of an open index.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    pub(crate) schema: Schema,
    pub(crate) call_id: Field,
    /// Turns of agents, of callers, of everybody else.
    pub(crate) texts: [TextFields; 3],
    /// The part of the call that hits show.
    pub(crate) stored: Field,
}

const TEXTS: [(&str, &str); 3] = [
    ("agent_words", "agent_grams"),
    ("caller_words", "caller_grams"),
    ("other_words", "other_grams"),
];

/// The schema of the call index.
pub(crate) fn schema() -> Schema {
    let mut builder = Schema::builder();
    for (words, grams) in TEXTS {
        builder.add_text_field(words, text_options(WORDS));
        builder.add_text_field(grams, text_options(GRAMS));
    }
    for field in FIELDS {
        match field.kind {
            Kind::Keyword | Kind::Attribute => builder.add_text_field(field.name, STRING | FAST),
            Kind::Number => builder.add_f64_field(field.name, FAST),
            Kind::Day => builder.add_u64_field(field.name, FAST | INDEXED),
            Kind::Instant => builder.add_date_field(
                field.name,
                DateOptions::default().set_fast().set_precision(DateTimePrecision::Milliseconds),
            ),
        };
    }
    builder.add_text_field(CATEGORY_LEVEL, STRING | FAST);
    builder.add_bytes_field("stored", STORED);
    builder.build()
}

impl Fields {
    pub(crate) fn new(schema: &Schema) -> Result<Self> {
        let get = |name: &str| schema.get_field(name).map_err(Error::from);
        let [agent, caller, other] =
            TEXTS.map(|(words, grams)| Ok::<_, Error>(TextFields { words: get(words)?, grams: get(grams)? }));
        Ok(Self {
            call_id: get("call_id")?,
            texts: [agent?, caller?, other?],
            stored: get("stored")?,
            schema: schema.clone(),
        })
    }

    pub(crate) fn get(&self, name: &str) -> Result<Field> {
        Ok(self.schema.get_field(name)?)
    }
}
