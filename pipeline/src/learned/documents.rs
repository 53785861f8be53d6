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
const OPENING: usize = 3;
/// How many turns are the ending.
const ENDING: usize = 6;
/// What a number weighs beside a field of unit length.
const NUMBER: f32 = 0.3;
/// Length of the part of the document that is the vector of its meaning.
const MEANING: f32 = 1.0;
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

    /// The model for turns of a role.
    pub fn of(role: Role) -> Option<Self> {
        match role {
            Role::Agent => Some(Self::Agent),
            Role::Caller => Some(Self::Caller),
            Role::Bot | Role::Ivr | Role::Other => None,
        }
    }
}

/// The fields of a turn's document: its own words, the other party's before and after.
pub fn turn_fields() -> Vec<Field> {
    vec![
        Field { longest: 4, min_documents: 2, weight: 1.0 },
        Field { longest: 3, min_documents: 3, weight: 0.5 },
        Field { longest: 3, min_documents: 3, weight: 0.5 },
    ]
}

/// The fields of a call's document: the caller's opening, all that the caller said, all that the
/// agent said, and the ending.
pub fn call_fields() -> Vec<Field> {
    vec![
        Field { longest: 3, min_documents: 3, weight: 1.0 },
        Field { longest: 3, min_documents: 3, weight: 0.8 },
        Field { longest: 3, min_documents: 3, weight: 0.8 },
        Field { longest: 3, min_documents: 3, weight: 0.6 },
    ]
}

/// Makes the documents, with the vectors that stand for what a turn means.
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

    /// Appends the vector of a text.
    fn meaning(&self, text: &str, numbers: &mut Vec<f32>) {
        numbers.extend(self.vectors.vector(text).into_iter().map(|x| x * MEANING));
    }

    /// The document of a turn; `None` for a turn of neither party or without words.
    pub fn turn(&self, record: &CallRecord, turns: &[NormalizedTurn], turn: usize) -> Option<(TurnModel, Document)> {
        let (model, texts, numbers) = self.parts(record, turns, turn)?;
        Some((model, Document { texts: texts.map(str::to_owned).into(), numbers }))
    }

    /// Texts and numbers of the document of a turn.
    pub(super) fn parts<'t>(
        &self,
        record: &CallRecord,
        turns: &'t [NormalizedTurn],
        turn: usize,
    ) -> Option<(TurnModel, [&'t str; 3], Vec<f32>)> {
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
        let text = |i: Option<usize>| i.map_or("", |i| turns[i].fold.as_str());
        let length = own.chars().count();
        let flag = |set: bool| if set { NUMBER } else { 0.0 };
        let mut numbers = vec![
            turn as f32 / turns.len() as f32 * NUMBER,
            flag(turn == 0),
            flag(turn + 1 == turns.len()),
            (length as f32 / LENGTH_UNIT).min(1.0) * NUMBER,
            flag(length < SHORT),
        ];
        self.meaning(own, &mut numbers);
        let texts = [
            own,
            text((0..turn).rev().find(other)),
            text((turn + 1..turns.len()).find(other)),
        ];
        Some((model, texts, numbers))
    }

    /// The document for the category of a text, by its words with content, joined by spaces.
    pub fn category(&self, words: &str) -> Document {
        let mut numbers = Vec::new();
        self.meaning(words, &mut numbers);
        Document { texts: vec![words.to_owned()], numbers }
    }

    /// The document for the emotion of a turn; `None` for one without words.
    pub fn emotion(&self, turns: &[NormalizedTurn], turn: usize) -> Option<Document> {
        let (texts, numbers) = self.emotion_parts(turns, turn)?;
        Some(Document { texts: texts.map(str::to_owned).into(), numbers })
    }

    /// Its texts and numbers.
    pub(crate) fn emotion_parts<'t>(
        &self,
        turns: &'t [NormalizedTurn],
        turn: usize,
    ) -> Option<([&'t str; 2], Vec<f32>)> {
        let own = turns.get(turn).map(|own| own.fold.as_str()).filter(|own| !own.is_empty())?;
        let before = turn.checked_sub(1).and_then(|i| turns.get(i)).map_or("", |turn| turn.fold.as_str());
        let mut numbers = Vec::new();
        self.meaning(own, &mut numbers);
        Some(([own, before], numbers))
    }
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
    Document { texts: call_texts(record, turns).into(), numbers: Vec::new() }
}

/// Its texts.
pub(super) fn call_texts(record: &CallRecord, turns: &[NormalizedTurn]) -> [String; 4] {
    let join = |wanted: &mut dyn Iterator<Item = usize>| {
        let texts: Vec<&str> = wanted.map(|i| turns[i].fold.as_str()).collect();
        texts.join("\n")
    };
    let of = |role: Role| (0..turns.len()).filter(move |&i| record.turns[i].role == role);
    [
        join(&mut of(Role::Caller).take(OPENING)),
        join(&mut of(Role::Caller)),
        join(&mut of(Role::Agent)),
        join(&mut (turns.len().saturating_sub(ENDING)..turns.len())),
    ]
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
        assert_eq!((model, document.texts), (TurnModel::Agent, vec!["在的".to_owned(), "在吗".into(), "好".into()]));
        assert!(documents.turn(&record, &turns, 0).is_none() && documents.turn(&record, &turns, 2).is_none());
        assert_eq!(call_document(&record, &turns).texts[1], "在吗\n好");
    }
}
