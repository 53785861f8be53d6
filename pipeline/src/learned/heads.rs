//! The heads of turns and calls, read together. The text of a turn is read once for all that look at it: as
//! the turn's own words, as what was said before and after others, and as a part of the call. Owns which
//! models and fields these are; how a text is read is the business of [`Reader`].

use std::sync::Arc;

use qingting_models::StaticVectors;
use qingting_models::text::{Part, Reader, Reading, Sum, TextModel};

use super::TurnModel;
use super::documents::{
    AFTER, AGENT_SAYS, Around, BEFORE, CALLER_SAYS, ENDING, ENDING_TURNS, OPENING, OPENING_TURNS, OWN,
};
use crate::record::{CallMargins, CallRecord, HeadNames, Margins, NormalizedTurn, Role};

/// A model that looks at turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looker {
    Turn(TurnModel),
    Call,
    Emotion,
}

use Looker::{Call, Emotion, Turn};

/// As which fields of which models the turns of the agent, of the caller and of others are read.
const AGENT: [(Looker, usize); 7] = [
    (Turn(TurnModel::Agent), OWN),
    (Turn(TurnModel::Caller), BEFORE),
    (Turn(TurnModel::Caller), AFTER),
    (Call, AGENT_SAYS),
    (Call, ENDING),
    (Emotion, OWN),
    (Emotion, BEFORE),
];
const CALLER: [(Looker, usize); 8] = [
    (Turn(TurnModel::Caller), OWN),
    (Turn(TurnModel::Agent), BEFORE),
    (Turn(TurnModel::Agent), AFTER),
    (Call, OPENING),
    (Call, CALLER_SAYS),
    (Call, ENDING),
    (Emotion, OWN),
    (Emotion, BEFORE),
];
const OTHERS: [(Looker, usize); 2] = [(Call, ENDING), (Emotion, BEFORE)];

/// A model with the names of its heads.
#[derive(Debug, Clone)]
struct Named {
    looker: Looker,
    model: Arc<TextModel>,
    names: HeadNames,
}

/// A reader of the turns of one role, and what its parts are.
#[derive(Debug, Clone)]
struct Side {
    reader: Reader,
    parts: Vec<(Looker, usize)>,
}

/// The models with what reads for them.
#[derive(Debug, Clone)]
pub(super) struct Heads {
    models: Vec<Named>,
    /// Of the agent, the caller and others.
    sides: [Side; 3],
}

impl Side {
    fn new(looks: &[(Looker, usize)], models: &[Named], vectors: &Arc<StaticVectors>) -> Self {
        let there = looks.iter().filter_map(|&(looker, field)| {
            let named = models.iter().find(|named| named.looker == looker)?;
            Some(((looker, field), Part { model: &named.model, field, meaning: field == OWN && looker != Call }))
        });
        let (parts, read): (Vec<_>, Vec<_>) = there.unzip();
        Self { reader: Reader::new(&read, vectors), parts }
    }

    fn part(&self, looker: Looker, field: usize) -> Option<usize> {
        self.parts.iter().position(|part| *part == (looker, field))
    }

    /// The bits of all parts but those of a call's opening and ending, where the turn is not in them.
    fn wanted(&self, opening: bool, ending: bool) -> u8 {
        let wants = |part: &(Looker, usize)| match *part {
            (Call, OPENING) => opening,
            (Call, ENDING) => ending,
            _ => true,
        };
        (0..).zip(&self.parts).filter(|(_, part)| wants(part)).fold(0, |bits, (at, _)| bits | 1 << at)
    }
}

/// A call as it is read: who spoke each turn, and what each came to.
struct Read<'h> {
    heads: &'h Heads,
    turns: Vec<(&'h Side, Reading)>,
}

impl Heads {
    /// Of the models over turns, over calls, and of emotions, where there are such.
    pub(super) fn new(
        turn: [Option<&TextModel>; 2],
        call: Option<&TextModel>,
        emotion: Option<&TextModel>,
        vectors: &Arc<StaticVectors>,
    ) -> Self {
        let [agent, caller] = turn;
        let all = [
            (Turn(TurnModel::Agent), agent),
            (Turn(TurnModel::Caller), caller),
            (Call, call),
            (Emotion, emotion),
        ];
        let named = |(looker, model): (Looker, Option<&TextModel>)| {
            let model = Arc::new(model?.clone());
            Some(Named { looker, names: HeadNames::from(model.heads().to_vec()), model })
        };
        let models: Vec<Named> = all.into_iter().filter_map(named).collect();
        let sides = [&AGENT[..], &CALLER, &OTHERS].map(|looks| Side::new(looks, &models, vectors));
        Self { models, sides }
    }

    fn side(&self, role: Role) -> &Side {
        match role {
            Role::Agent => &self.sides[0],
            Role::Caller => &self.sides[1],
            Role::Bot | Role::Ivr | Role::Other => &self.sides[2],
        }
    }

    fn named(&self, looker: Looker) -> Option<&Named> {
        self.models.iter().find(|named| named.looker == looker)
    }

    /// What each character of a turn of a party adds to one of its heads.
    pub(super) fn contributions(&self, turn: TurnModel, text: &str, head: &str) -> Vec<f32> {
        let side = self.side(turn.role());
        match (self.named(Turn(turn)), side.part(Turn(turn), OWN)) {
            (Some(named), Some(part)) => side.reader.contributions(part, &named.model, text, head),
            _ => Vec::new(),
        }
    }

    /// The margins of every head on every turn and on the call.
    pub(super) fn read(&self, record: &CallRecord, turns: &[NormalizedTurn]) -> CallMargins {
        let ending = turns.len().saturating_sub(ENDING_TURNS);
        let mut callers = 0;
        let read = turns.iter().zip(&record.turns).enumerate().map(|(i, (turn, recorded))| {
            callers += usize::from(recorded.role == Role::Caller);
            let side = self.side(recorded.role);
            (side, side.reader.read(&turn.fold, side.wanted(callers <= OPENING_TURNS, i >= ending)))
        });
        let read = Read { heads: self, turns: read.collect() };
        let around: Vec<Option<Around>> = (0..turns.len()).map(|i| Around::new(record, turns, i)).collect();
        CallMargins {
            turns: around.iter().enumerate().map(|(i, around)| read.turn(i, *around)).collect(),
            emotions: around.iter().enumerate().map(|(i, around)| read.emotion(i, *around)).collect(),
            call: read.call(),
            deep: Vec::new(),
        }
    }
}

impl Read<'_> {
    /// Adds what a turn came to as a field of a model.
    fn add(&self, named: &Named, field: usize, turn: Option<usize>, margins: &mut [f32]) {
        let Some((side, reading)) = turn.and_then(|turn| self.turns.get(turn)) else {
            return;
        };
        if let Some(part) = side.part(named.looker, field) {
            side.reader.add(part, &named.model, field, reading, margins);
            if field == OWN {
                side.reader.add_meaning(part, &named.model, reading, margins);
            }
        }
    }

    fn turn(&self, turn: usize, around: Option<Around>) -> Margins {
        let Some((around, named)) = around.and_then(|around| Some((around, self.heads.named(Turn(around.model))?)))
        else {
            return Margins::default();
        };
        let mut margins = named.model.begin(&around.numbers);
        self.add(named, OWN, Some(turn), &mut margins);
        self.add(named, BEFORE, around.before, &mut margins);
        self.add(named, AFTER, around.after, &mut margins);
        Margins::new(named.names.clone(), margins)
    }

    fn emotion(&self, turn: usize, around: Option<Around>) -> Margins {
        let Some(named) = around.and_then(|_| self.heads.named(Emotion)) else {
            return Margins::default();
        };
        let mut margins = named.model.begin(&[]);
        self.add(named, OWN, Some(turn), &mut margins);
        self.add(named, BEFORE, turn.checked_sub(1), &mut margins);
        Margins::new(named.names.clone(), margins)
    }

    fn call(&self) -> Margins {
        let Some(named) = self.heads.named(Call) else {
            return Margins::default();
        };
        let mut margins = named.model.begin(&[]);
        for field in [OPENING, CALLER_SAYS, AGENT_SAYS, ENDING] {
            let mut sum = Sum::default();
            for (side, reading) in &self.turns {
                if let Some(part) = side.part(Call, field) {
                    side.reader.merge(part, reading, &mut sum);
                }
            }
            named.model.add_field(field, &sum.weights, sum.rarity, &mut margins);
        }
        Margins::new(named.names.clone(), margins)
    }
}
