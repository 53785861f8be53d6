//! The fields of the call index and of the filter language: one table for both. How a value
//! gets into a field is [`super::document`]'s business.

use tantivy::schema::{DateOptions, DateTimePrecision, FAST, Field, INDEXED, IndexRecordOption, Schema, TextOptions};

use crate::analyzer::{CHARS, PAIRS, options_of, text_options};
use crate::{Error, Result};

/// Changes with every change of the fields or of what is put into them.
pub const SCHEMA_VERSION: u32 = 3;

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
    /// Sets of calls that are kept elsewhere; whoever asks brings a [`super::Lookup`] for them.
    Elsewhere,
}

/// A field that can be filtered by, counted or sorted by.
#[derive(Debug)]
pub struct FieldInfo {
    /// Name in filters, facets and groupings.
    pub name: &'static str,
    /// Other names that filters understand; the first Chinese one is what supervisors are told.
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
    keyword("call_id", &["call", "id", "通话", "通话编号"], "id of the call"),
    keyword("agent", &["agent_id", "坐席", "座席", "工号", "话务员"], "id of the agent"),
    keyword("team", &["agent_team", "班组", "小组"], "team of the agent"),
    keyword("site", &["agent_site", "职场", "场地"], "site of the agent"),
    keyword("queue", &["队列", "线路"], "queue or line"),
    keyword("region", &["地区", "区域"], "region of the matter"),
    keyword("channel", &["渠道"], "phone, web, app, letter, window"),
    keyword("direction", &["方向", "呼叫方向"], "inbound or outbound"),
    keyword("language", &["lang", "语言", "语种"], "BCP 47 language"),
    keyword("code", &["finding", "服务问题", "质检项"], "code of a finding that the machine asserts"),
    keyword("uncertain", &["待复核"], "code of a finding for human review"),
    keyword("severity", &["严重程度"], "minor, major or fatal: severity of an asserted finding"),
    keyword("taboo", &["禁忌"], "T1 to T8: taboo of an asserted finding"),
    keyword("rule", &["规则"], "detector or rule of an asserted finding"),
    keyword("appeal_type", &["appeal", "type", "诉求类型", "诉求"], "咨询 求助 投诉 举报 建议 表扬"),
    keyword("outcome", &["办理结果", "结果"], "resolved, follow_up or unresolved"),
    keyword("crisis", &["危机"], "true where a life may be in danger"),
    keyword("repeat_contact", &["repeat", "重复来电"], "true where the caller has called about it before"),
    keyword("emotional", &["倾诉需求"], "met, unmet or none: the need to be heard"),
    keyword("factual", &["办事需求"], "met, unmet or none: the need to be helped"),
    keyword("category", &["类别", "分类"], "category, a level or a path such as 城乡建设/物业管理"),
    keyword("ticket", &["ticket_id", "工单", "工单号"], "number of the work order"),
    keyword("ticket_category", &["工单类别"], "category of the work order"),
    keyword("department", &["ticket_department", "承办部门", "部门"], "department of the work order"),
    keyword("status", &["ticket_status", "工单状态", "状态"], "status of the work order"),
    keyword("answered", &["接通"], "true or false"),
    keyword("transferred", &["转接"], "true or false"),
    keyword("hangup_by", &["挂机方"], "agent, caller or system"),
    keyword("scorecard", &["评分表"], "id of the scorecard"),
    keyword("fatal", &["一票否决", "致命项"], "id of a scorecard item that failed the call"),
    number("score", &["分数", "得分"], "total of the scorecard, 0 to 100"),
    number("rating", &["来电人评价", "评价"], "the caller's own rating, 1 to 5"),
    number("satisfaction", &["sat", "满意度"], "predicted rating, 1 to 5"),
    number("duration", &["时长", "通话时长"], "seconds"),
    number("silence", &["静默", "最长静默"], "longest silence, seconds"),
    number("wait", &["等待", "排队"], "seconds in the queue"),
    number("interruptions", &["打断", "打断次数"], "interruptions by the agent"),
    number("turns", &["话轮数", "轮数"], "number of turns"),
    number("hour", &["时段", "小时"], "hour of the day in the call's time zone, 0 to 23"),
    number("weekday", &["星期"], "day of the week in the call's time zone, 1 (Monday) to 7"),
    FieldInfo {
        name: "date",
        aliases: &["day", "日期", "时间"],
        kind: Kind::Day,
        about: "2026, 2026-03, 2026-W10 or 2026-03-05, in the call's time zone",
    },
    FieldInfo {
        name: "started_at",
        aliases: &["time", "开始时间"],
        kind: Kind::Instant,
        about: "RFC 3339 time",
    },
    FieldInfo {
        name: "attr",
        aliases: &[],
        kind: Kind::Attribute,
        about: "attr.KEY: an attribute of the record",
    },
    FieldInfo {
        name: "topic",
        aliases: &["主题"],
        kind: Kind::Elsewhere,
        about: "id or name of a topic, such as t3",
    },
    FieldInfo {
        name: "figure",
        aliases: &[],
        kind: Kind::Elsewhere,
        about: "the calls behind a figure: FIGURE/PART/SINCE/UNTIL, as ExplainIndicator writes it",
    },
];

impl FieldInfo {
    /// What supervisors are told: the Chinese name, or the name where there is none.
    pub fn zh(&self) -> &'static str {
        self.aliases.iter().find(|alias| !alias.is_ascii()).copied().unwrap_or(self.name)
    }
}

/// Names of the levels of a category, beside its paths; only filters see it.
pub(crate) const CATEGORY_LEVEL: &str = "category_level";

/// Finds a field by name or alias; `attr.KEY` gives the attribute field.
pub fn field_info(name: &str) -> Option<&'static FieldInfo> {
    let name = if name.starts_with("attr.") { "attr" } else { name };
    FIELDS.iter().find(|f| f.name == name || f.aliases.contains(&name))
}

/// Position in the text at which the part of the agents ends; see [`super::document`].
pub(crate) const AGENT_END: &str = "agent_end";
/// Position in the text at which the part of the callers ends.
pub(crate) const CALLER_END: &str = "caller_end";

/// Text fields. They hold the turns of all speakers; whose turn it is is told by the position.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextFields {
    /// Pairs of neighbouring characters with their positions: what decides whether a string is there.
    pub(crate) pairs: Field,
    /// Single characters, each with its speaker.
    pub(crate) chars: Field,
}

/// The fields of an open index.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    pub(crate) schema: Schema,
    pub(crate) call_id: Field,
    pub(crate) text: TextFields,
}

/// An exact string. Nobody asks how long a call's list of values is.
fn keyword_options() -> TextOptions {
    options_of("raw", IndexRecordOption::Basic) | TextOptions::from(FAST)
}

/// The schema of the call index. What was said is in it as terms alone: the store has the texts, and
/// an index of half the size stays in memory.
pub(crate) fn schema() -> Schema {
    let mut builder = Schema::builder();
    builder.add_text_field("pairs", text_options(PAIRS));
    builder.add_text_field("chars", options_of(CHARS, IndexRecordOption::Basic));
    builder.add_u64_field(AGENT_END, FAST);
    builder.add_u64_field(CALLER_END, FAST);
    for field in FIELDS {
        match field.kind {
            Kind::Elsewhere => continue,
            Kind::Keyword | Kind::Attribute => builder.add_text_field(field.name, keyword_options()),
            Kind::Number => builder.add_f64_field(field.name, FAST),
            Kind::Day => builder.add_u64_field(field.name, FAST | INDEXED),
            Kind::Instant => builder.add_date_field(
                field.name,
                DateOptions::default().set_fast().set_precision(DateTimePrecision::Milliseconds),
            ),
        };
    }
    builder.add_text_field(CATEGORY_LEVEL, keyword_options());
    builder.build()
}

impl Fields {
    pub(crate) fn new(schema: &Schema) -> Result<Self> {
        let get = |name: &str| schema.get_field(name).map_err(Error::from);
        Ok(Self {
            call_id: get("call_id")?,
            text: TextFields { pairs: get("pairs")?, chars: get("chars")? },
            schema: schema.clone(),
        })
    }

    pub(crate) fn get(&self, name: &str) -> Result<Field> {
        Ok(self.schema.get_field(name)?)
    }
}
