//! Sheets, phrases and bulletins.

use qingting_index::Depth;
use qingting_proto::v1;
use tonic::{Request, Status};

use super::super::backend::{Reader, Sight};
use super::super::colleagues::FEWEST;
use super::super::convert::Invalid;
use super::super::paging::{self, Cursor};
use super::super::reports::scorecards::tellable;
use super::super::reports::selection::{self, Wanted};
use super::super::shared::{Ready, Shared, Waiting};
use super::super::status::Failure;
use super::wire;
use crate::coaching::bulletin::{self, Bulletin};
use crate::coaching::example::{CaseStudy, studies};
use crate::coaching::sheet::{self, Making};
use crate::coaching::{Phrases, Reviewed, bulletin_page};
use crate::insight;
use crate::report::Period;
use crate::report::trend::Interval;

/// Codes of a list of phrases.
const MOST_CODES: usize = 100;

/// What people have left of the machine's verdicts, as far as the asker sees it.
pub(super) fn reviewed(reader: &dyn Reader) -> Result<Reviewed, Failure> {
    Ok(Reviewed::read(reader, reader.hidden()?)?)
}

pub(super) fn phrases(ready: &Ready) -> Result<Phrases, Failure> {
    let catalog = ready.judging.pipeline.finder().catalog();
    Ok(Phrases::load(ready.judging.shelf.assets(), catalog).map_err(qingting_index::Error::from)?)
}

/// Examples that the asker sees; none of a call about which an appeal is under way.
pub(super) fn seen_studies(reader: &dyn Reader, reviewed: &Reviewed) -> Result<Vec<CaseStudy>, Failure> {
    let mut all = studies(reader.examples()?)?;
    all.retain(|study| reviewed.taken(&study.call_id) != crate::coaching::reviewed::Taken::Contested);
    Ok(all)
}

fn parts(interval: i32, period: Period) -> Result<Interval, Invalid> {
    if interval != i32::from(v1::TrendInterval::Unspecified) {
        return selection::interval(interval);
    }
    Ok(sheet::parts(period))
}

pub(super) async fn get_coaching_sheet(
    shared: &Shared,
    request: Request<v1::GetCoachingSheetRequest>,
) -> Result<v1::CoachingSheet, Status> {
    let ask = shared.ask(&request)?;
    let v1::GetCoachingSheetRequest { agent_id, selection, interval, sector } = request.into_inner();
    let agent = match agent_id.as_str() {
        "" => ask.who.agent().map(str::to_owned).ok_or_else(|| Invalid::field("agent_id", "required"))?,
        id => id.to_owned(),
    };
    let wanted = Wanted::parse(selection)?;
    wanted.only_days_and_queues()?;
    selection::interval(interval)?;
    let sector = wire::sector("sector", sector)?;
    let work = move |ready: &Ready, waiting: &Waiting| {
        let reader = &*ready.reader;
        let selected = wanted.resolve(reader)?;
        let (phrases, reviewed) = (phrases(ready)?, reviewed(reader)?);
        let making = Making {
            catalog: ready.judging.pipeline.finder().catalog(),
            report: &ready.insight.report,
            coaching: &ready.insight.coaching,
            phrases: &phrases,
            reviewed: &reviewed,
        };
        let mut counting = sheet::Counting::new(making, &agent, selected.period, parts(interval, selected.period)?);
        let earlier = counting.before_period();
        for call in reader.scan(earlier.range(), Depth::Outline)? {
            waiting.check()?;
            let call = call?;
            if selected.is_of(&call.record) {
                counting.add(call);
            }
        }
        let range = selected.period.range();
        let fewest = match reader.sight() {
            Sight::Agent if tellable(&selected) => {
                for compared in reader.compared(range)? {
                    waiting.check()?;
                    let call = compared?.call;
                    if selected.is_of(&call.record) {
                        counting.add(call);
                    }
                }
                FEWEST
            }
            _ => {
                for call in reader.scan(range, Depth::Outline)? {
                    waiting.check()?;
                    let call = call?;
                    if selected.is_of(&call.record) {
                        counting.add(call);
                    }
                }
                1
            }
        };
        let sheet = counting.finish(fewest, sector, |id| reader.get_call(id))?;
        let missing = || Failure::NotFound { kind: "qingting.v1.Agent", name: format!("agents/{agent}") };
        Ok(wire::sheet(sheet.ok_or_else(missing)?))
    };
    Ok(shared.count(&ask, work).await?)
}

pub(super) async fn list_phrases(
    shared: &Shared,
    request: Request<v1::ListPhrasesRequest>,
) -> Result<v1::ListPhrasesResponse, Status> {
    let ask = shared.ask(&request)?;
    let v1::ListPhrasesRequest { codes, sector, page_size, page_token } = request.into_inner();
    if codes.len() > MOST_CODES {
        return Err(Invalid::field("codes", format!("must be {MOST_CODES} at most")).into());
    }
    let named = sector.to_string();
    let owner = paging::owner(codes.iter().map(String::as_str).chain([named.as_str()]));
    let sector = wire::sector("sector", sector)?;
    let size = paging::size(&shared.config, page_size)?;
    let start = Cursor::parse(&page_token, owner)?.calls;
    let work = move |ready: &Ready| {
        let catalog = ready.judging.pipeline.finder().catalog();
        if let Some(nth) = codes.iter().position(|code| catalog.get(code).is_none()) {
            return Err(Invalid::field(format!("codes[{nth}]"), "there is no such code").into());
        }
        let all = phrases(ready)?;
        let wanted = all.of(None, sector).filter(|phrase| codes.is_empty() || codes.contains(&phrase.code));
        let found: Vec<_> = wanted.collect();
        let end = start.saturating_add(size).min(found.len());
        let page = found.get(start..end).unwrap_or_default();
        Ok(v1::ListPhrasesResponse {
            phrases: page.iter().map(|phrase| wire::phrase(phrase)).collect(),
            next_page_token: match end < found.len() {
                true => Cursor { calls: end, ..Cursor::default() }.token(owner),
                false => String::new(),
            },
            total_size: wire::size(found.len()),
        })
    };
    Ok(shared.read(&ask, work).await?)
}

pub(super) async fn get_bulletin(
    shared: &Shared,
    request: Request<v1::GetBulletinRequest>,
) -> Result<v1::Bulletin, Status> {
    let ask = shared.ask(&request)?;
    let v1::GetBulletinRequest { selection, format } = request.into_inner();
    let format = v1::BulletinFormat::try_from(format)
        .map_err(|_| Invalid::field("format", format!("unknown value {format}")))?;
    let wanted = Wanted::parse(selection)?;
    let work = move |ready: &Ready, waiting: &Waiting| {
        let reader = &*ready.reader;
        let selected = wanted.resolve(reader)?;
        if selected.teams.len() > 1 {
            return Err(Invalid::field("selection.teams", "must be one at most").into());
        }
        if !selected.agents.is_empty() {
            return Err(Invalid::field("selection.agent_ids", "must be empty: a bulletin is of no person").into());
        }
        let team = selected.teams.first().cloned();
        let reviewed = reviewed(reader)?;
        let catalog = ready.judging.pipeline.finder().catalog();
        let (report, coaching) = (&ready.insight.report, &ready.insight.coaching);
        let (period, queues) = (selected.period, selected.queues);
        let narrowed = !queues.is_empty();
        let mut counting = bulletin::Counting::new(period, team, queues, report, coaching, catalog, &reviewed);
        for (range, depth) in counting.ranges() {
            for call in reader.scan(range.range(), depth)? {
                waiting.check()?;
                counting.add(call?);
            }
        }
        let mut told = counting.finish();
        // Topics and cases are not of queues.
        if !narrowed {
            told = with_topics(told, reader)?;
            let calendar = &ready.cases.calendar;
            let before = period.before();
            let days = |period: Period| calendar.period(period.from(), period.to());
            told = told.with_cases(reader, &days(period), &days(before))?;
        }
        let told = told.with_studies(&seen_studies(reader, &reviewed)?);
        let text = match format {
            v1::BulletinFormat::Unspecified => String::new(),
            v1::BulletinFormat::Markdown => bulletin_page::markdown(&told),
            v1::BulletinFormat::Html => bulletin_page::page(&told),
        };
        Ok(v1::Bulletin { text, ..wire::bulletin(told) })
    };
    Ok(shared.count(&ask, work).await?)
}

fn with_topics(told: Bulletin, reader: &dyn Reader) -> Result<Bulletin, Failure> {
    match reader.topics() {
        Ok(view) => Ok(told.with_topics(&view)),
        Err(insight::Error::NoTopics) => Ok(told),
        Err(error) => Err(error.into()),
    }
}
