//! `figure:...` in filters of calls: the calls behind a figure, found by counting them again, within what the asker sees.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use qingting_index::Depth;
use qingting_index::calls::Filter;

use super::super::convert::Invalid;
use super::super::reports::each;
use super::super::shared::{Ask, Ready, Shared, Waiting};
use super::super::status::Failure;
use super::traced::{Key, Traced};
use crate::indicator::Names;
use crate::indicator::tally::Rules;
use crate::indicator::trace::{MOST_FIGURES, Tracing, Wanted, figures_of};

/// A list that is read page by page: what its first page was counted from holds for the pages after it.
pub(in crate::server) struct Pages {
    traced: Arc<Traced>,
    who: String,
    first: bool,
}

impl Pages {
    /// The list of somebody; an empty token asks for its first page.
    pub(in crate::server) fn new(shared: &Shared, ask: &Ask, token: &str) -> Self {
        Self {
            traced: Arc::clone(&shared.traced),
            who: ask.who.id.clone(),
            first: token.is_empty(),
        }
    }

    fn key(&self, value: &str, ready: &Ready) -> Result<Key, Failure> {
        // What is hidden from who calibrates may have become more since the page before.
        let mut hidden = DefaultHasher::new();
        ready.reader.hidden()?.hash(&mut hidden);
        Ok(Key { who: self.who.clone(), figure: value.to_owned(), hidden: hidden.finish() })
    }
}

/// Puts the calls behind the figures of a filter in their place: counted now, or on later pages as on the first.
///
/// # Errors
/// When a figure is none, there are too many, or the store cannot be read.
pub(in crate::server) fn resolve(
    filter: Option<&mut Filter>,
    ready: &Ready,
    waiting: &Waiting,
    pages: Option<&Pages>,
) -> Result<(), Failure> {
    let figures = filter.map(figures_of).unwrap_or_default();
    if figures.is_empty() {
        return Ok(());
    }
    if figures.len() > MOST_FIGURES {
        return Err(Invalid::field("filter", format!("must have {MOST_FIGURES} figures at most")).into());
    }
    let names = Names::of(&ready.judging.pipeline);
    for figure in figures {
        let Filter::Elsewhere { value, at, .. } = &*figure else {
            continue;
        };
        let wanted = Wanted::parse(value, &names)
            .map_err(|message| Invalid::field("filter", format!("{message} (at character {at})")))?;
        let kept = pages.map(|pages| Ok::<_, Failure>((pages, pages.key(value, ready)?))).transpose()?;
        let known = kept.as_ref().filter(|(pages, _)| !pages.first).and_then(|(pages, key)| pages.traced.find(key));
        let calls = match known {
            Some(calls) => calls,
            None => {
                let calls: Arc<[String]> = trace(&wanted, ready, waiting)?.into();
                if let Some((pages, key)) = kept {
                    pages.traced.keep(key, &calls);
                }
                calls
            }
        };
        *figure = Filter::Calls(calls.to_vec());
    }
    Ok(())
}

fn trace(wanted: &Wanted, ready: &Ready, waiting: &Waiting) -> Result<Vec<String>, Failure> {
    let catalog = ready.judging.pipeline.finder().catalog();
    let mut tracing = Tracing::new(wanted, catalog, Rules::of(&ready.insight.report), ready.reader.days()?);
    let calls = ready.reader.scan(tracing.days().range(), Depth::Outline)?;
    each(calls, waiting, |call| tracing.add(&call.record, &call.analysis))?;
    Ok(tracing.finish().into_iter().collect())
}
