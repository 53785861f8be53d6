//! Callers as those who serve them need them: the history card while the telephone rings ([`card`]), and whom an alert or a
//! change of policy concerns ([`affected`]). Owns what is on a card, and who is on a list and who is not; where calls are kept,
//! and who may ask, is the business of the index and the server. Nothing here is ever sent to a caller. Definitions are in
//! docs/callers.md.

pub mod affected;
pub mod card;
pub mod find;
mod promise;
pub mod table;

#[cfg(test)]
mod tests;

pub use affected::{Affected, AffectedCaller};
pub use card::{Card, Contact};
pub use promise::{Kept, Promise};

use std::collections::BTreeMap;

use qingting_pipeline::record::{CallRecord, Facts};

/// The action in the audit trail of a look at a card.
pub const CARD_SHOWN: &str = "caller card shown";
/// The action in the audit trail of a list of affected callers.
pub const LISTED: &str = "affected callers listed";

/// Id and name of the topic of each call that has one.
pub type TopicNames = BTreeMap<String, (String, String)>;

/// What a call is about: its topic, else its category down to the second level; `None` while neither is told. Two calls are
/// about the same where this is the same.
fn matter(record: &CallRecord, facts: &Facts, topics: &TopicNames) -> Option<String> {
    let topic = topics.get(&record.call_id).map(|(_, label)| label.clone());
    topic.or_else(|| facts.category.get(1).or_else(|| facts.category.first()).cloned())
}

/// The pseudonym by which a caller is named: that of the id, else that of the number.
pub fn pseudonym(record: &CallRecord) -> Option<&str> {
    let caller = record.caller.as_ref()?;
    caller.id.as_deref().or(caller.number.as_deref())
}

/// A text that is cut.
fn short(text: &str, most: usize) -> String {
    let mut cut: String = text.chars().take(most).collect();
    if text.chars().nth(most).is_some() {
        cut.push('…');
    }
    cut
}
