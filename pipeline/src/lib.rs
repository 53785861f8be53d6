//! The analysis pipeline of Qingting, pure and synchronous: transcribed calls in,
//! analyses out. It knows no network, no runtime and no search index.
//!
//! The folders are the data flow, one a stage, in this order:
//!
//! | stage | turns | into |
//! |---|---|---|
//! | [`import`] | files of any recogniser | [`record::CallRecord`] or a [`import::Rejected`] |
//! | [`normalize`] | turns as recorded | [`record::NormalizedTurn`]: cleaned, masked, folded |
//! | [`segment`] | folded text | [`record::Token`]s |
//! | [`signal`] | words and times | [`record::CallSignals`] |
//! | [`finding`] | signals | [`record::Finding`]s with evidence |
//! | [`fact`] | signals and findings | [`record::Facts`] of the call |
//! | [`score`] | findings and facts | [`record::Score`] |
//! | [`topic`] | many analysed calls | topics, with their labels |
//!
//! [`learned`] holds the trained models that several stages look at,
//! [`record`] owns the plain types between the stages, [`columnar`] their Arrow
//! form, [`assets`] the files of `config/`, [`synonyms`] the words that searches take for each other, and [`pipeline`] spells the chain out.

#![doc(test(attr(deny(warnings))))]

pub mod assets;
pub mod columnar;
pub mod config;
mod error;
pub mod fact;
pub mod finding;
pub mod import;
pub mod learned;
mod letters;
pub mod normalize;
mod pattern;
mod phrases;
pub mod pipeline;
pub mod record;
pub mod score;
pub mod segment;
mod shape;
pub mod signal;
pub mod synonyms;
pub mod topic;

pub use error::{Error, Result};
pub use pipeline::{Analyzed, Pipeline};
