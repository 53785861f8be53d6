//! What a request is about: the set, the scope, other weights. Checked before anything is counted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use qingting_pipeline::assets::Asset;
use qingting_pipeline::{Error, Pipeline};
use qingting_proto::v1;
use rust_decimal::Decimal;

use super::super::backend::Reader;
use super::super::convert::Invalid;
use super::super::reports::selection::Wanted;
use super::super::shared::Ready;
use super::super::status::Failure;
use crate::indicator::set::{FOLDER, MOST_BYTES, Weights};
use crate::indicator::{By, Names, Scope, Set, load};

/// Most regions of a scope, and most weights of a simulation.
const MOST_VALUES: usize = 1000;
/// Mistakes of a draft that are told.
const MOST_MISTAKES: usize = 8;

/// A scope whose days may still be the last that have calls.
#[derive(Debug, Clone)]
pub(super) struct WantedScope {
    selection: Wanted,
    regions: BTreeSet<String>,
}

/// Mistakes of a part of a request, with where it stands.
pub(super) fn within(field: &str, mut invalid: Invalid) -> Invalid {
    for (of, _) in &mut invalid.violations {
        *of = format!("{field}.{of}");
    }
    invalid
}

impl WantedScope {
    /// # Errors
    /// When days are none, the period is too long, or there are too many values.
    pub(super) fn parse(scope: Option<v1::IndicatorScope>) -> Result<Self, Invalid> {
        let v1::IndicatorScope { selection, regions } = scope.unwrap_or_default();
        if regions.len() > MOST_VALUES {
            return Err(Invalid::field("scope.regions", format!("must be {MOST_VALUES} at most")));
        }
        let selection = Wanted::parse(selection).map_err(|invalid| within("scope", invalid))?;
        Ok(Self { selection, regions: regions.into_iter().collect() })
    }

    /// The scope with its days.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn resolve(self, reader: &dyn Reader) -> Result<Scope, Failure> {
        Ok(Scope { selection: self.selection.resolve(reader)?, regions: self.regions })
    }
}

/// Every set that there is, and the names of all figures.
#[derive(Debug)]
pub(super) struct Sets {
    pub(super) names: Names,
    sets: Vec<Set>,
}

impl Sets {
    /// Every set.
    pub(super) fn all(&self) -> &[Set] {
        &self.sets
    }

    /// The set of an id.
    ///
    /// # Errors
    /// When no id is given, or there is no such set.
    pub(super) fn get(&self, id: &str) -> Result<&Set, Failure> {
        if id.is_empty() {
            return Err(Invalid::field("set_id", "required").into());
        }
        let missing = || Failure::NotFound { kind: "qingting.v1.IndicatorSet", name: id.to_owned() };
        self.sets.iter().find(|set| set.id == id).ok_or_else(missing)
    }
}

/// What the sets are read from: files by their texts, and the pipeline that names figures.
type Basis = (String, Arc<Pipeline>);

/// The sets as they were read last: parsing takes milliseconds a formula.
#[derive(Default)]
pub(super) struct Kept(Mutex<Option<(Basis, Arc<Sets>)>>);

impl Kept {
    /// The sets as they are now.
    ///
    /// # Errors
    /// When a file of the configuration has become unusable.
    pub(super) fn sets(&self, ready: &Ready) -> Result<Arc<Sets>, Failure> {
        let (assets, pipeline) = (ready.judging.shelf.assets(), &ready.judging.pipeline);
        let texts = assets.fingerprint(&[(FOLDER, "toml")]).map_err(|error| Failure::Index(error.into()))?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(((of, by), sets)) = &*kept
            && *of == texts
            && Arc::ptr_eq(by, pipeline)
        {
            return Ok(Arc::clone(sets));
        }
        let names = Names::of(pipeline);
        let sets = load(assets, &names).or_else(|errors| match errors.into_iter().next() {
            Some(error) => Err(Failure::Index(error.into())),
            None => Ok(Vec::new()),
        })?;
        let sets = Arc::new(Sets { names, sets });
        *kept = Some(((texts, Arc::clone(pipeline)), Arc::clone(&sets)));
        Ok(sets)
    }
}

/// A set that somebody would like to have.
///
/// # Errors
/// Its first mistakes.
pub(super) fn draft(text: String, names: &Names) -> Result<Set, Invalid> {
    if text.len() > MOST_BYTES {
        return Err(Invalid::field("draft", format!("must be {MOST_BYTES} bytes at most")));
    }
    let asset = Asset { origin: "draft".to_owned(), text: text.into() };
    Set::parse(&asset, names).map_err(|errors| {
        let mut invalid = Invalid::default();
        for error in errors.iter().take(MOST_MISTAKES) {
            match error {
                Error::Config { line, message, .. } => invalid.add("draft", format!("第 {line} 行：{message}")),
                other => invalid.add("draft", other.to_string()),
            }
        }
        invalid
    })
}

/// Other weights.
///
/// # Errors
/// When one is no number with at most four decimals.
pub(super) fn weights(of: BTreeMap<String, String>) -> Result<Weights, Invalid> {
    let mut invalid = Invalid::default();
    if of.len() > MOST_VALUES {
        invalid.add("weights", format!("must be {MOST_VALUES} at most"));
    }
    let mut weights = Weights::new();
    for (path, weight) in of.into_iter().take(MOST_VALUES) {
        match weight.parse::<Decimal>() {
            Ok(number) if number.normalize().scale() <= 4 => {
                weights.insert(path, number);
            }
            _ => invalid.add("weights", format!("{path}: must be a number with at most four decimals")),
        }
    }
    invalid.or(weights)
}

/// The set with other weights.
///
/// # Errors
/// When they do not fit it.
pub(super) fn weighted(set: &Set, weights: &Weights) -> Result<Set, Invalid> {
    set.with_weights(weights).map_err(|wrong| {
        let mut invalid = Invalid::default();
        wrong.into_iter().take(MOST_MISTAKES).for_each(|message| invalid.add("weights", message));
        invalid
    })
}

/// What is ranked.
///
/// # Errors
/// When that is not known.
pub(super) fn by(dimension: i32) -> Result<By, Invalid> {
    match v1::IndicatorDimension::try_from(dimension) {
        Ok(v1::IndicatorDimension::Unspecified | v1::IndicatorDimension::Team) => Ok(By::Team),
        Ok(v1::IndicatorDimension::Queue) => Ok(By::Queue),
        Ok(v1::IndicatorDimension::Region) => Ok(By::Region),
        Err(_) => Err(Invalid::field("dimension", format!("unknown value {dimension}"))),
    }
}
