//! A call as models see it: who spoke, the folded text, and for training the labels. Names of
//! labels are data; this crate does not know what they mean.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dialogue {
    /// Id of the call.
    pub id: String,
    /// The set it comes from; folds are made of whole sets or whole calls, never of turns.
    pub set: String,
    /// Turns in order of their start.
    pub turns: Vec<Utterance>,
}

/// One turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Utterance {
    /// Who spoke.
    pub speaker: Speaker,
    /// What was said, normalised and folded as at analysis.
    pub text: String,
    /// What people say of it; `None` for a turn that is only context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<TurnLabels>,
}

/// Side of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// Who works there.
    Agent,
    /// Who has the matter.
    Caller,
    /// A machine, a third person, or not known.
    Other,
}

/// Labels of a turn. `None` means that nobody looked, an empty set that there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TurnLabels {
    /// Codes of the turn; always looked for.
    pub codes: BTreeSet<String>,
    /// Dialogue acts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acts: Option<BTreeSet<String>>,
    /// Name of the sentiment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sentiment: Option<String>,
    /// Name of the emotion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emotion: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialogue_survives_json() {
        let json = r#"{"id":"1","set":"a","turns":[{"speaker":"agent","text":"您好","labels":{"codes":[],"acts":["greeting"],"sentiment":"neu"}},{"speaker":"other","text":"嘟"}]}"#;
        let dialogue: Dialogue = serde_json::from_str(json).unwrap();
        assert_eq!(dialogue.turns[1].labels, None);
        assert_eq!(serde_json::to_string(&dialogue).unwrap(), json);
        assert!(serde_json::from_str::<Dialogue>(&json.replace("codes", "code")).is_err());
    }
}
