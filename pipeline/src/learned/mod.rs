//! The trained models as the stages see them, loaded once. Owns which text a head looks at
//! ([`documents`]) and the margins that come out; what is made of them is the business of
//! the signal, finding and fact stages.

mod deep;
mod documents;
mod heads;

use std::path::PathBuf;
use std::sync::Arc;

use qingting_models::text::TextModel;
use qingting_models::{Aligned, Judge, JudgeThreshold, Judges, Shelf};
use serde::{Deserialize, Serialize};

pub use deep::{Deep, DeepReport};
pub use documents::{
    CALL_MODEL, Documents, EMOTION_MODEL, TurnModel, call_document, call_fields, category_fields, emotion_fields,
    turn_fields, utterance,
};
use heads::Heads;

use crate::record::{CallMargins, CallRecord, Margins, NormalizedTurn};
use crate::{Error, Result};

/// Which models decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decide {
    /// Those inside the program.
    #[default]
    Static,
    /// The transformer on every turn.
    Bert,
    /// The transformer on the turns of which the others are unsure.
    Cascade,
}

/// Settings of the models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelsConfig {
    /// Which models decide.
    pub decide: Decide,
    /// Folder of the transformer; empty for the usual place.
    pub encoder: PathBuf,
    /// In a cascade, turns with a probability between this and 1 less this go to the transformer.
    pub unsure: f32,
    /// Threads of the transformer, each with a copy of it; 0 takes one a core.
    pub encoder_threads: usize,
    /// Folder with `heads.bin` and `judges.json` of one's own, as `qingting models train` writes it, and
    /// perhaps `emotion.bin` and `category.bin`; empty for those inside the program.
    pub dir: PathBuf,
}

impl Default for ModelsConfig {
    fn default() -> Self {
        Self {
            decide: Decide::Static,
            encoder: PathBuf::new(),
            unsure: 0.05,
            encoder_threads: 0,
            dir: PathBuf::new(),
        }
    }
}

/// Heads, judgements, and the transformer where it is to be asked; empty, the stages go by their lexicons.
#[derive(Debug, Clone, Default)]
pub struct Learned {
    shelf: Arc<Shelf>,
    judges: Arc<Judges>,
    documents: Option<Arc<Documents>>,
    heads: Option<Arc<Heads>>,
    /// The model of emotions, with the fingerprint of its file.
    emotion: Option<(Arc<TextModel>, String)>,
    /// The models of categories, by the name of their tree.
    categories: Option<Arc<Shelf>>,
    deep: Option<Arc<Deep>>,
}

/// A judgement with its features in a stage's order.
#[derive(Debug, Clone)]
pub struct Ready {
    model: Aligned,
    /// Its thresholds, where it has some.
    pub threshold: Option<JudgeThreshold>,
}

impl Ready {
    /// 0 to 1.
    pub fn probability(&self, values: &[f32]) -> f32 {
        self.model.probability(values)
    }
}

impl Learned {
    /// The models of a folder, or those inside the program.
    ///
    /// # Errors
    /// When a file is missing or not of this version.
    pub fn load(config: &ModelsConfig) -> Result<Self> {
        let own = Some(config.dir.as_path()).filter(|dir| !dir.as_os_str().is_empty());
        let (shelf, judges) = match own {
            Some(dir) => (Shelf::read(&dir.join("heads.bin"))?, Judges::read(&dir.join("judges.json"))?),
            None => (Shelf::embedded()?, Judges::embedded()?),
        };
        let beside = |file: &str| own.map(|dir| dir.join(file)).filter(|path| path.exists());
        let emotion = beside("emotion.bin").map_or_else(Shelf::embedded_emotion, |path| Shelf::read(&path))?;
        let categories = beside("category.bin").map_or_else(Shelf::embedded_categories, |path| Shelf::read(&path))?;
        let emotion =
            emotion.get(EMOTION_MODEL).map(|model| (Arc::new(model.clone()), emotion.fingerprint().to_owned()));
        let deep = match config.decide {
            Decide::Static => None,
            Decide::Bert | Decide::Cascade => {
                let encoder = Some(config.encoder.as_path()).filter(|dir| !dir.as_os_str().is_empty());
                let delta = own.map(|dir| dir.join("delta.bin"));
                let scorer = qingting_models::deep::open(encoder, delta.as_deref(), config.encoder_threads)?;
                Some(Arc::new(Deep::new(scorer, config)))
            }
        };
        Ok(Self {
            categories: Some(Arc::new(categories)),
            deep,
            ..Self::with_emotions(shelf, judges, emotion)?
        })
    }

    /// Models just trained.
    ///
    /// # Errors
    /// When the program was built with damaged vectors.
    pub fn new(shelf: Shelf, judges: Judges) -> Result<Self> {
        Self::with_emotions(shelf, judges, None)
    }

    fn with_emotions(shelf: Shelf, judges: Judges, emotion: Option<(Arc<TextModel>, String)>) -> Result<Self> {
        let documents = Arc::new(Documents::load()?);
        let turn = TurnModel::ALL.map(|model| shelf.get(model.name()));
        let emotions = emotion.as_ref().map(|(model, _)| &**model);
        let heads = Heads::new(turn, shelf.get(CALL_MODEL), emotions, documents.vectors());
        Ok(Self {
            shelf: Arc::new(shelf),
            judges: Arc::new(judges),
            documents: Some(documents),
            heads: Some(Arc::new(heads)),
            emotion,
            ..Self::default()
        })
    }

    /// The transformer, where it is to be asked.
    pub fn deep(&self) -> Option<&Deep> {
        self.deep.as_deref()
    }

    /// What makes the documents of turns, where there are models to read them.
    pub fn documents(&self) -> Option<&Arc<Documents>> {
        self.documents.as_ref()
    }

    /// The model of emotions.
    pub fn emotion(&self) -> Option<&Arc<TextModel>> {
        self.emotion.as_ref().map(|(model, _)| model)
    }

    /// The models of categories, by the name of their tree.
    pub fn categories(&self) -> Option<&Shelf> {
        self.categories.as_deref()
    }

    /// The text models.
    pub fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// The judgements.
    pub fn judges(&self) -> &Judges {
        &self.judges
    }

    /// What an analysis says of the models.
    pub fn provenance(&self) -> Vec<String> {
        let heads = format!("heads:{}", self.shelf.fingerprint());
        let judges = format!("judges:{}", self.judges.fingerprint());
        let emotion = self.emotion.as_ref().map(|(_, fingerprint)| format!("emotion:{fingerprint}"));
        let categories = self.categories().map(|shelf| format!("categories:{}", shelf.fingerprint()));
        [heads, judges]
            .into_iter()
            .chain(emotion)
            .chain(categories)
            .chain(self.deep().map(Deep::provenance))
            .collect()
    }

    /// The judgement of that name over a stage's features; `None` when there is none.
    ///
    /// # Errors
    /// When it weighs a feature that the stage does not have.
    pub fn judge(&self, name: &str, features: &[&str]) -> Result<Option<Ready>> {
        let Some(Judge { logistic, threshold, .. }) = self.judges.judges.get(name) else {
            return Ok(None);
        };
        let model = logistic.aligned(features).map_err(Error::Model)?;
        Ok(Some(Ready { model, threshold: *threshold }))
    }

    /// What each character of a turn adds to a head of its speaker's model; empty for an unknown head.
    pub fn contributions(&self, turn: TurnModel, text: &str, head: &str) -> Vec<f32> {
        self.heads.as_ref().map_or_else(Vec::new, |heads| heads.contributions(turn, text, head))
    }

    /// The margins of every head on every turn and on the call.
    pub fn read(&self, record: &CallRecord, turns: &[NormalizedTurn]) -> CallMargins {
        match &self.heads {
            Some(heads) => heads.read(record, turns),
            None => CallMargins { turns: vec![Margins::default(); turns.len()], ..CallMargins::default() },
        }
    }
}
