//! The behaviour codes of the annotation guide: names, taboos, levels, severities and
//! Chinese titles. Detectors and declarative rules refer to codes; they define none of
//! these, though a rule file may add codes of its own.

use std::collections::BTreeMap;

use crate::record::{Role, Severity, Taboo};

/// Whether a code stands on a turn or on the whole call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// On one turn.
    Turn,
    /// On the whole call.
    Call,
}

/// What a code means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeInfo {
    /// The code.
    pub code: String,
    /// What supervisors read.
    pub title: String,
    /// Turn or call.
    pub level: Level,
    /// Whose behaviour it is.
    pub role: Role,
    /// Which of the eight taboos, if one.
    pub taboo: Option<Taboo>,
    /// How grave, unless a rule says otherwise.
    pub severity: Severity,
}

impl CodeInfo {
    /// A fault of the agent, as against something that the caller did.
    pub fn is_fault(&self) -> bool {
        self.role == Role::Agent
    }
}

/// Every code that the loaded detectors and rules may find.
#[derive(Debug, Clone)]
pub struct Catalog {
    codes: BTreeMap<String, CodeInfo>,
}

impl Catalog {
    /// The codes of the guide.
    pub fn guide() -> Self {
        use Level::{Call, Turn};
        use Role::{Agent, Caller};
        use Severity::{Fatal, Major, Minor};
        let rows = [
            ("interruption", "抢话打断", Turn, Agent, Some(Taboo::T1), Major),
            ("impatience", "语气随意或不耐烦", Turn, Agent, Some(Taboo::T4), Major),
            ("emotional_display", "流露个人情绪", Turn, Agent, Some(Taboo::T5), Major),
            ("dismissive", "不听取用户意见", Turn, Agent, Some(Taboo::T8), Major),
            ("forbidden_phrase", "使用服务禁语", Turn, Agent, None, Fatal),
            ("deflection", "推诿", Turn, Agent, None, Major),
            ("overpromise", "过度承诺", Turn, Agent, None, Major),
            ("no_acknowledgement", "吝啬赞美与共情", Call, Agent, Some(Taboo::T2), Minor),
            ("verbal_tic", "口头禅多", Call, Agent, Some(Taboo::T3), Minor),
            ("passive_service", "被动执行、没有主动挖掘", Call, Agent, Some(Taboo::T6), Major),
            ("fast_speech", "语速过快", Call, Agent, Some(Taboo::T7), Minor),
            ("missing_greeting", "缺少开场问候", Call, Agent, None, Minor),
            ("missing_closing", "缺少结束语", Call, Agent, None, Minor),
            ("no_recap", "未复述确认", Call, Agent, None, Minor),
            ("unexplained_silence", "无说明的长时间静默", Call, Agent, None, Minor),
            ("clarification_request", "来电人要求重复或解释", Turn, Caller, None, Minor),
            ("repeat_contact", "重复来电", Turn, Caller, None, Minor),
            ("escalation_threat", "来电人表示将升级投诉", Turn, Caller, None, Major),
            ("crisis", "危机情形", Turn, Caller, None, Fatal),
        ];
        let codes = rows
            .into_iter()
            .map(|(code, title, level, role, taboo, severity)| {
                let info = CodeInfo { code: code.to_owned(), title: title.to_owned(), level, role, taboo, severity };
                (code.to_owned(), info)
            })
            .collect();
        Self { codes }
    }

    /// Adds a code that a rule file defines; `false` when there is one of that name already.
    pub fn add(&mut self, info: CodeInfo) -> bool {
        match self.codes.entry(info.code.clone()) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(info);
                true
            }
            std::collections::btree_map::Entry::Occupied(_) => false,
        }
    }

    /// What a code means.
    pub fn get(&self, code: &str) -> Option<&CodeInfo> {
        self.codes.get(code)
    }

    /// Every code, by name.
    pub fn iter(&self) -> impl Iterator<Item = &CodeInfo> {
        self.codes.values()
    }
}
