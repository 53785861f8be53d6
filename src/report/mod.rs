//! The nightly report of a hotline, and the page of an evaluation. Owns the counting over calls ([`collect`],
//! [`read`]), the page and the tables. What each number means, with its denominator and source, is in
//! docs/report.md; each is counted in one place ([`kpis`], [`volume`], [`faults`], [`agents`], [`matters`]).

pub mod agents;
pub mod cases;
pub(crate) mod charts;
pub mod collect;
mod config;
pub mod contacts;
mod evaluation;
pub mod examples;
pub mod faults;
pub mod figures;
pub(crate) mod html;
pub mod individual;
pub mod kpis;
pub mod listed;
pub mod listening;
pub mod matters;
mod page;
mod period;
mod read;
pub mod selection;
pub mod standings;
pub mod tables;
pub(crate) mod text;
pub mod tickets;
mod top;
pub mod trend;
pub mod volume;

#[cfg(test)]
mod tests;

use qingting_pipeline::record::Analysis;

pub use config::{MOST_WINDOW_DAYS, ReportConfig};
pub use evaluation::evaluation_page;
pub use page::page;
pub use period::Period;
pub use read::{Known, Report, Source, read};

/// The words that show a life in danger; empty when no finding says so.
pub(crate) fn crisis_quote(analysis: &Analysis) -> String {
    let evidence = analysis.findings.iter().find(|f| f.code == "crisis").and_then(|f| f.evidence.first());
    evidence.map_or_else(String::new, |e| e.quote.clone())
}
