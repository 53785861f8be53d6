//! The file format of `config/indicators/*.toml`, as written. Owns the shape alone.

use serde::Deserialize;
use toml::Spanned;

/// A file: one set of indicators.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSet {
    pub(super) id: Spanned<String>,
    pub(super) version: u32,
    pub(super) title: String,
    pub(super) doc: String,
    pub(super) missing: RawMissing,
    #[serde(default)]
    pub(super) least_weight: Option<Spanned<f64>>,
    #[serde(default)]
    pub(super) most: Option<Spanned<f64>>,
    pub(super) first: Vec<RawFirst>,
    #[serde(default)]
    pub(super) deduction: Vec<RawAdjustment>,
    #[serde(default)]
    pub(super) bonus: Vec<RawAdjustment>,
}

/// How the total is formed where an item has no data.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawMissing {
    /// Out of the items that have.
    Exclude,
    /// It gives nothing.
    Zero,
}

/// What every node has. What has a formula is an item and has nothing under it.
macro_rules! node {
    ($name:ident { $($field:ident: $kind:ty),* }) => {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            pub(super) id: Spanned<String>,
            pub(super) title: String,
            pub(super) weight: Spanned<f64>,
            #[serde(default)]
            pub(super) published: bool,
            #[serde(default)]
            pub(super) note: String,
            #[serde(default)]
            pub(super) formula: Option<Spanned<String>>,
            #[serde(default)]
            pub(super) cap: Option<Spanned<f64>>,
            #[serde(default)]
            pub(super) least: Option<u64>,
            $(#[serde(default)] pub(super) $field: $kind,)*
        }
    };
}

node!(RawFirst { second: Vec<RawSecond> });
node!(RawSecond { third: Vec<RawThird> });
node!(RawThird {});

/// Points off or on, outside of the weights.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAdjustment {
    pub(super) id: Spanned<String>,
    pub(super) title: String,
    pub(super) formula: Spanned<String>,
    pub(super) most: Spanned<f64>,
    #[serde(default)]
    pub(super) note: String,
    #[serde(default)]
    pub(super) least: Option<u64>,
}
