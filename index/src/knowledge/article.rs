//! A knowledge article as it is imported, and what may be wrong with one.

use chrono::NaiveDate;
use serde::{Deserialize, Deserializer, Serialize};

/// What the ids of the case library's articles begin with: those of nothing else do.
pub const CASE_PREFIX: &str = "case:";

/// What an article is, where it is none of those that callers are answered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArticleKind {
    /// An example of the case library.
    Case,
}

impl ArticleKind {
    /// Its term beside the categories, which no category is: so an index that was built before there were kinds needs not be built
    /// anew.
    pub(super) fn term(self) -> &'static str {
        match self {
            Self::Case => "\u{0}kind:case",
        }
    }
}

/// Which articles are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kinds {
    /// Those that callers are answered by.
    #[default]
    Answers,
    /// Examples of the case library.
    Cases,
    /// All of them.
    All,
}

/// An article of the knowledge base.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Article {
    /// Unique id; an article that comes again under the same id replaces the earlier one. Integers
    /// are read as decimal strings.
    #[serde(deserialize_with = "text_or_number", alias = "编号")]
    pub id: String,
    /// Title or question; may be empty.
    #[serde(default, alias = "标题", alias = "问题", alias = "question")]
    pub title: String,
    /// Text or answer.
    #[serde(
        alias = "内容",
        alias = "正文",
        alias = "答案",
        alias = "回复",
        alias = "answer",
        alias = "text"
    )]
    pub body: String,
    /// Category.
    #[serde(
        default,
        alias = "分类",
        alias = "类别",
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub category: Option<String>,
    /// Department that answers for it.
    #[serde(
        default,
        alias = "部门",
        alias = "承办单位",
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub department: Option<String>,
    /// First day on which it holds.
    #[serde(
        default,
        alias = "生效日期",
        deserialize_with = "day",
        skip_serializing_if = "Option::is_none"
    )]
    pub valid_from: Option<NaiveDate>,
    /// Last day on which it holds.
    #[serde(
        default,
        alias = "失效日期",
        alias = "有效期至",
        deserialize_with = "day",
        skip_serializing_if = "Option::is_none"
    )]
    pub valid_to: Option<NaiveDate>,
    /// Where it comes from: a link, a document number.
    #[serde(
        default,
        alias = "来源",
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub source: Option<String>,
    /// What it is; `None`: something that callers are answered by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ArticleKind>,
}

impl Article {
    /// What is wrong with it as an article that somebody hands in, if anything.
    pub fn problem(&self) -> Option<&'static str> {
        if self.id.trim().is_empty() {
            Some("the article has no id")
        } else if self.id.len() > 512 {
            Some("the id is longer than 512 bytes")
        } else if self.id.starts_with(CASE_PREFIX) || self.kind.is_some() {
            Some("the case library makes its articles itself: choose another id, and no kind")
        } else if self.body.trim().is_empty() && self.title.trim().is_empty() {
            Some("the article has neither title nor body")
        } else {
            None
        }
    }
}

fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Id {
        Text(String),
        Number(u64),
    }
    Ok(match Id::deserialize(deserializer)? {
        Id::Text(text) => text.trim().to_owned(),
        Id::Number(number) => number.to_string(),
    })
}

/// A blank string is no value.
fn filled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()))
}

fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveDate>, D::Error> {
    match filled(deserializer)? {
        None => Ok(None),
        Some(text) => parse_day(&text).map(Some).map_err(serde::de::Error::custom),
    }
}

/// Reads a day as `2026-03-05`, `2026/3/5`, `20260305` or `2026年3月5日`; a time after it is ignored.
pub(super) fn parse_day(text: &str) -> Result<NaiveDate, String> {
    let date = text.split(['T', ' ']).next().unwrap_or_default();
    let date = date.replace(['年', '月', '/', '.'], "-").replace('日', "");
    ["%Y-%m-%d", "%Y%m%d"]
        .iter()
        .find_map(|format| NaiveDate::parse_from_str(&date, format).ok())
        .ok_or_else(|| format!("\"{text}\" is not a day such as 2026-03-05"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_may_be_numbers_and_fields_may_be_chinese() {
        let article: Article = serde_json::from_str(
            r#"{"id": 7, "标题": "办理社保卡", "内容": "带身份证", "失效日期": "2026年3月5日", "部门": " "}"#,
        )
        .unwrap();
        assert_eq!((article.id.as_str(), article.title.as_str()), ("7", "办理社保卡"));
        assert_eq!(article.valid_to, NaiveDate::from_ymd_opt(2026, 3, 5));
        assert_eq!(article.department, None);
    }

    #[test]
    fn days_come_in_several_forms() {
        let expected = NaiveDate::from_ymd_opt(2026, 3, 5).unwrap();
        for text in [
            "2026-03-05",
            "2026/3/5",
            "20260305",
            "2026-03-05T08:00:00+08:00",
            "2026.3.5",
        ] {
            assert_eq!(parse_day(text), Ok(expected), "{text}");
        }
        assert!(parse_day("soon").is_err());
    }
}
