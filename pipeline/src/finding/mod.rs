//! Behaviours found on a call, each with its evidence. Owns the codes, the built-in
//! detectors (`detectors/`, a file each) and the declarative rules (`rules/`); what a
//! finding costs is the score stage's business.

mod candidate;
mod code;
pub mod rules;

use std::sync::Arc;

use qingting_models::HashedNgrams;
use serde::{Deserialize, Serialize};

pub use candidate::Candidate;
pub use code::{Catalog, CodeInfo, Level};

use self::rules::RuleSet;
use crate::Result;
use crate::assets::Assets;
use crate::record::{CallContext, Finding};
use crate::signal::CueLists;

/// Settings of the stage.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FindingConfig {}

/// What was found on one call.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Findings {
    /// What the machine asserts, ordered by turn (whole call last), then code.
    pub findings: Vec<Finding>,
    /// For human review, in the same order.
    pub uncertain: Vec<Finding>,
}

/// The stage.
#[derive(Debug)]
pub struct Finder {
    catalog: Catalog,
    rules: RuleSet,
}

impl Finder {
    /// Loads the rules of `config/rules/` and checks them.
    ///
    /// # Errors
    /// When a rule is wrong; the error names file and line.
    pub fn new(_config: &FindingConfig, assets: &Assets) -> Result<Self> {
        let mut catalog = Catalog::guide();
        let encoder = Arc::new(HashedNgrams::new(256, 3)?);
        let rules = RuleSet::load(assets, &CueLists::load(assets)?, encoder, &mut catalog)?;
        Ok(Self { catalog, rules })
    }

    /// The declarative rules.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// Every code that may be found.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Finds the behaviours of one call.
    pub fn run(&self, _context: &CallContext<'_>) -> Findings {
        Findings::default()
    }
}
