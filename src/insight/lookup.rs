//! `topic:t3` in queries and filters: the calls of a topic, for the call index, which knows no topics.

use qingting_index::calls::{Lookup, NoLookup, NotThere};
use qingting_pipeline::topic::{TopicError, Topics};

use super::{Error, Result};

/// Looks topics up by a function that gives the calls of one.
pub struct TopicLookup<F>(pub F);

/// The calls of a topic, given by its id or its name. An id that was merged away leads on.
///
/// # Errors
/// When there is no such topic.
pub fn calls_of(topics: &Topics, topic: &str) -> Result<Vec<String>> {
    let by_id = topics.get(topic);
    let found =
        by_id.or_else(|unknown: TopicError| topics.topics.iter().find(|other| other.label == topic).ok_or(unknown));
    Ok(found?.call_ids.clone())
}

impl<F: Fn(&str) -> Result<Vec<String>>> Lookup for TopicLookup<F> {
    fn calls(&self, field: &'static str, value: &str) -> std::result::Result<Vec<String>, NotThere> {
        if field != "topic" {
            return NoLookup.calls(field, value);
        }
        (self.0)(value).map_err(|error| match error {
            Error::NoTopics => NotThere {
                message: "there are no topics yet: `qingting topics` or RefreshTopics finds them".to_owned(),
                zh: "还没有主题，请先运行 qingting topics".to_owned(),
            },
            Error::Topic(_) => NotThere {
                message: format!("no topic \"{value}\": `qingting topics` or ListTopics tells which there are"),
                zh: format!("没有主题“{value}”，主题编号和名称可用 qingting topics 查看"),
            },
            other => {
                tracing::error!(error = %other, "topics cannot be read");
                NotThere {
                    message: "the topics cannot be read".to_owned(),
                    zh: "主题暂时无法读取".to_owned(),
                }
            }
        })
    }
}
