//! Which texts and numbers the heads look at: for a turn its own words and their meaning, what the
//! other party said before and after, and its place in the call; for a call what each party said.

use std::sync::Arc;

use qingting_models::StaticVectors;
use qingting_models::dialogue::{Speaker, Utterance};
use qingting_models::text::{Document, Field};

use crate::Result;
use crate::record::{CallRecord, NormalizedTurn, Role};

/// Name of the model of emotions.
pub const EMOTION_MODEL: &str = "emotion";
/// Name of the model over whole calls.
pub const CALL_MODEL: &str = "call";
/// How many of the caller's first turns are the opening.
pub(super) const OPENING_TURNS: usize = 3;
/// How many turns are the ending.
pub(super) const ENDING_TURNS: usize = 6;

/// The fields of a turn's document: its own words, the other party's before and after. Of an emotion's the
/// first two, where anybody's words came before.
pub(super) const OWN: usize = 0;
pub(super) const BEFORE: usize = 1;
pub(super) const AFTER: usize = 2;
/// The fields of a call's document: the caller's opening, all that the caller said, all that the
/// agent said, and the ending.
pub(super) const OPENING: usize = 0;
pub(super) const CALLER_SAYS: usize = 1;
pub(super) const AGENT_SAYS: usize = 2;
pub(super) const ENDING: usize = 3;

/// What a number weighs beside a field of unit length.
const NUMBER: f32 = 0.3;
/// Characters that make a length of 1, and up to which a turn is short.
const LENGTH_UNIT: f32 = 60.0;
const SHORT: usize = 5;

/// The models over turns, one a party.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TurnModel {
    /// Turns of the agent.
    Agent,
    /// Turns of the caller.
    Caller,
}

impl TurnModel {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Agent, Self::Caller];

    /// Its name on the shelf.
    pub fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Caller => "caller",
        }
    }

    /// Whose turns it is for.
    pub fn role(self) -> Role {
        match self {
            Self::Agent => Role::Agent,
            Self::Caller => Role::Caller,
        }
    }

    /// The model for turns of a role.
    pub fn of(role: Role) -> Option<Self> {
        match role {
            Role::Agent => Some(Self::Agent),
            Role::Caller => Some(Self::Caller),
            Role::Bot | Role::Ivr | Role::Other => None,
        }
    }
}

/// The fields of a turn's document.
pub fn turn_fields() -> Vec<Field> {
    vec![
        Field { longest: 4, min_documents: 2, weight: 1.0 },
        Field { longest: 3, min_documents: 3, weight: 0.5 },
        Field { longest: 3, min_documents: 3, weight: 0.5 },
    ]
}

/// The fields of a call's document.
pub fn call_fields() -> Vec<Field> {
    vec![
        Field { longest: 3, min_documents: 3, weight: 1.0 },
        Field { longest: 3, min_documents: 3, weight: 0.8 },
        Field { longest: 3, min_documents: 3, weight: 0.8 },
        Field { longest: 3, min_documents: 3, weight: 0.6 },
    ]
}

/// A turn of one of the parties with what the other said around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Around {
    pub(super) model: TurnModel,
    /// The other party's last turn with words before it, and the next after it.
    pub(super) before: Option<usize>,
    pub(super) after: Option<usize>,
    /// Its place in the call and its length.
    pub(super) numbers: [f32; 5],
}

impl Around {
    /// `None` for a turn of neither party or without words.
    pub(super) fn new(record: &CallRecord, turns: &[NormalizedTurn], turn: usize) -> Option<Self> {
        let role = record.turns.get(turn)?.role;
        let model = TurnModel::of(role)?;
        let own = turns.get(turn)?.fold.as_str();
        if own.is_empty() {
            return None;
        }
        let other = |i: &usize| {
            let speaker = record.turns[*i].role;
            speaker != role && TurnModel::of(speaker).is_some() && !turns[*i].fold.is_empty()
        };
        let length = own.chars().count();
        let flag = |set: bool| if set { NUMBER } else { 0.0 };
        let numbers = [
            turn as f32 / turns.len() as f32 * NUMBER,
            flag(turn == 0),
            flag(turn + 1 == turns.len()),
            (length as f32 / LENGTH_UNIT).min(1.0) * NUMBER,
            flag(length < SHORT),
        ];
        let before = (0..turn).rev().find(other);
        let after = (turn + 1..turns.len()).find(other);
        Some(Self { model, before, after, numbers })
    }
}

/// Makes the documents that heads are trained on, with the vectors that stand for what words mean.
#[derive(Debug)]
pub struct Documents {
    vectors: Arc<StaticVectors>,
}

impl Documents {
    /// Loads the vectors.
    ///
    /// # Errors
    /// When the program was built with damaged ones.
    pub fn load() -> Result<Self> {
        Ok(Self { vectors: StaticVectors::embedded()? })
    }

    /// The vectors.
    pub fn vectors(&self) -> &Arc<StaticVectors> {
        &self.vectors
    }

    /// The document of a turn; `None` for a turn of neither party or without words.
    pub fn turn(&self, record: &CallRecord, turns: &[NormalizedTurn], turn: usize) -> Option<(TurnModel, Document)> {
        let around = Around::new(record, turns, turn)?;
        let texts = [Some(turn), around.before, around.after].map(|i| said(turns, i));
        Some((around.model, Document { texts: texts.into(), numbers: around.numbers.into() }))
    }

    /// The document for the category of a text, by its words with content, joined by spaces.
    pub fn category(&self, words: &str) -> Document {
        Document { texts: vec![vec![words.to_owned()]], numbers: self.vectors.vector(words) }
    }

    /// The document for the emotion of a turn; `None` for one without words.
    pub fn emotion(&self, turns: &[NormalizedTurn], turn: usize) -> Option<Document> {
        turns.get(turn).filter(|own| !own.fold.is_empty())?;
        let texts = vec![said(turns, Some(turn)), said(turns, turn.checked_sub(1))];
        Some(Document { texts, numbers: Vec::new() })
    }
}

fn said(turns: &[NormalizedTurn], turn: Option<usize>) -> Vec<String> {
    turn.into_iter().map(|i| turns[i].fold.clone()).collect()
}

/// The fields of a document for a category: the words of the text.
pub fn category_fields() -> Vec<Field> {
    vec![Field { longest: 5, min_documents: 2, weight: 1.0 }]
}

/// The fields of a document for the emotion of a turn: its own words and those before.
pub fn emotion_fields() -> Vec<Field> {
    vec![
        Field { longest: 4, min_documents: 2, weight: 1.0 },
        Field { longest: 3, min_documents: 3, weight: 0.5 },
    ]
}

/// A turn as the transformer sees it.
pub fn utterance(role: Role, turn: &NormalizedTurn) -> Utterance {
    let speaker = match role {
        Role::Agent => Speaker::Agent,
        Role::Caller => Speaker::Caller,
        Role::Bot | Role::Ivr | Role::Other => Speaker::Other,
    };
    Utterance { speaker, text: turn.fold.clone(), labels: None }
}

/// The document of a call.
pub fn call_document(record: &CallRecord, turns: &[NormalizedTurn]) -> Document {
    let of = |role: Role| (0..turns.len()).filter(move |&i| record.turns[i].role == role);
    let texts = |wanted: &mut dyn Iterator<Item = usize>| -> Vec<String> {
        wanted.flat_map(|i| said(turns, Some(i))).collect()
    };
    let texts = vec![
        texts(&mut of(Role::Caller).take(OPENING_TURNS)),
        texts(&mut of(Role::Caller)),
        texts(&mut of(Role::Agent)),
        texts(&mut (turns.len().saturating_sub(ENDING_TURNS)..turns.len())),
    ];
    Document { texts, numbers: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Turn;

    #[test]
    fn a_turn_is_seen_with_what_the_other_party_said_around_it() {
        let documents = Documents::load().unwrap();
        let said = [
            (Role::Ivr, "嘟"),
            (Role::Caller, "在吗"),
            (Role::Agent, ""),
            (Role::Agent, "在的"),
            (Role::Caller, "好"),
        ];
        let mut record = CallRecord::new("x");
        record.turns = said.iter().map(|(role, text)| Turn::new(*role, *text)).collect();
        let turns: Vec<_> = said
            .iter()
            .map(|(_, text)| NormalizedTurn { fold: (*text).to_owned(), ..Default::default() })
            .collect();
        let (model, document) = documents.turn(&record, &turns, 3).unwrap();
        let texts = ["在的", "在吗", "好"].map(|text| vec![text.to_owned()]);
        assert_eq!((model, document.texts), (TurnModel::Agent, texts.into()));
        assert!(documents.turn(&record, &turns, 0).is_none() && documents.turn(&record, &turns, 2).is_none());
        assert_eq!(call_document(&record, &turns).texts[CALLER_SAYS], ["在吗", "好"]);
    }
}
