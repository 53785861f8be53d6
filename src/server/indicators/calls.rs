//! `figure:...` in filters of calls: the calls behind a figure, found by counting them again, within what the asker sees.

use qingting_index::Depth;
use qingting_index::calls::Filter;

use super::super::convert::Invalid;
use super::super::reports::each;
use super::super::shared::{Ready, Waiting};
use super::super::status::Failure;
use crate::indicator::Names;
use crate::indicator::tally::Rules;
use crate::indicator::trace::{MOST_FIGURES, Tracing, Wanted, figures_of};

/// Puts the calls behind the figures of a filter in their place.
///
/// # Errors
/// When a figure is none, there are too many, or the store cannot be read.
pub(in crate::server) fn resolve(filter: Option<&mut Filter>, ready: &Ready, waiting: &Waiting) -> Result<(), Failure> {
    let figures = filter.map(figures_of).unwrap_or_default();
    if figures.is_empty() {
        return Ok(());
    }
    if figures.len() > MOST_FIGURES {
        return Err(Invalid::field("filter", format!("must have {MOST_FIGURES} figures at most")).into());
    }
    let names = Names::of(&ready.judging.pipeline);
    let catalog = ready.judging.pipeline.finder().catalog();
    let rules = Rules::of(&ready.insight.report);
    for figure in figures {
        let Filter::Elsewhere { value, at, .. } = &*figure else {
            continue;
        };
        let wanted = Wanted::parse(value, &names)
            .map_err(|message| Invalid::field("filter", format!("{message} (at character {at})")))?;
        let mut tracing = Tracing::new(&wanted, catalog, rules, ready.reader.days()?);
        let calls = ready.reader.scan(tracing.days().range(), Depth::Outline)?;
        each(calls, waiting, |call| tracing.add(&call.record, &call.analysis))?;
        *figure = Filter::Calls(tracing.finish().into_iter().collect());
    }
    Ok(())
}
