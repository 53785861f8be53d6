//! JourneyService: curves of feeling and what goes with a dissatisfied caller, over the calls that the asker sees. What is
//! counted is [`crate::journey`]'s; here requests become questions and answers become messages.

mod wire;

use std::sync::Arc;

use qingting_index::Depth;
use qingting_proto::v1;
use qingting_proto::v1::journey_service_server::JourneyService;
use tonic::{Request, Response, Status};

use super::calls::{call_id, missing};
use super::convert::Invalid;
use super::reports::each;
use super::reports::selection::Wanted;
use super::shared::{Ready, Shared, Waiting};
use super::status::Failure;
use super::topics::topic_id;
use crate::insight;
use crate::journey::drivers::{Collector, Target};
use crate::journey::mean::LEAST_CALLS;
use crate::journey::{GroupBy, Journey, Means, Narrowing, Topics, chart};
use crate::report::selection::Selection;

/// Most characters of a category.
const LONGEST: usize = 200;

/// The service.
pub(super) struct Journeys(pub(super) Arc<Shared>);

/// A selection that was understood.
struct Asked {
    wanted: Wanted,
    topic: Option<String>,
    narrowing: Narrowing,
}

fn asked(selection: Option<v1::JourneySelection>) -> Result<Asked, Invalid> {
    let v1::JourneySelection { calls, topic, category, outcome } = selection.unwrap_or_default();
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    let wanted = Wanted::parse(calls)?;
    let topic = some(topic).map(|name| topic_id("selection.topic", &name)).transpose()?;
    if category.chars().count() > LONGEST {
        return Err(Invalid::field("selection.category", format!("must be {LONGEST} characters at most")));
    }
    let known = ["", "resolved", "follow_up", "unresolved"];
    if !known.contains(&outcome.as_str()) {
        return Err(Invalid::field("selection.outcome", "must be resolved, follow_up or unresolved"));
    }
    let narrowing = Narrowing { category: some(category), outcome: some(outcome), ..Narrowing::default() };
    Ok(Asked { wanted, topic, narrowing })
}

impl Asked {
    /// The selection with its days and topics. Topics are read only where they are needed.
    fn resolve(self, ready: &Ready, topics: bool) -> Result<(Selection, Narrowing, Topics), Failure> {
        let mut narrowing = self.narrowing;
        let mut names = Topics::default();
        if topics || self.topic.is_some() {
            let view = ready.reader.topics()?;
            if let Some(id) = self.topic {
                // One that was merged away leads on.
                narrowing.topic = Some(view.topics.get(&id).map_err(insight::Error::from)?.id.clone());
            }
            names = Topics::of(&view);
        }
        narrowing.hidden = ready.reader.hidden()?;
        Ok((self.wanted.resolve(&*ready.reader)?, narrowing, names))
    }
}

#[tonic::async_trait]
impl JourneyService for Journeys {
    async fn get_journey(&self, request: Request<v1::GetJourneyRequest>) -> Result<Response<v1::Journey>, Status> {
        let ask = self.0.ask(&request)?;
        let v1::GetJourneyRequest { name, include_svg } = request.into_inner();
        let call_id = call_id(&name, "name")?.to_owned();
        let work = move |ready: &Ready| {
            let call = ready.reader.get_call(&call_id)?.ok_or_else(|| missing(&call_id))?;
            let none = || Failure::NotFound { kind: "qingting.v1.Journey", name: format!("curve of {call_id}") };
            let journey = Journey::of(&call.record, &call.analysis).ok_or_else(none)?;
            let svg = include_svg.then(|| chart::standalone(chart::call(&journey)));
            Ok(v1::Journey { svg: svg.unwrap_or_default(), ..wire::journey(journey) })
        };
        Ok(Response::new(self.0.read(&ask, work).await?))
    }

    async fn get_mean_journey(
        &self,
        request: Request<v1::GetMeanJourneyRequest>,
    ) -> Result<Response<v1::GetMeanJourneyResponse>, Status> {
        let ask = self.0.ask(&request)?;
        let v1::GetMeanJourneyRequest { selection, group_by, min_calls, include_svg } = request.into_inner();
        let asked = asked(selection)?;
        let unknown = || Invalid::field("group_by", format!("must be one of {}", GroupBy::NAMES));
        let by = match group_by.as_str() {
            "" => None,
            name => Some(GroupBy::parse(name).ok_or_else(unknown)?),
        };
        let least = match u64::try_from(min_calls) {
            Ok(0) => LEAST_CALLS,
            Ok(least) if least > 1 => least,
            _ => return Err(Invalid::field("min_calls", "must be 0, or 2 or more").into()),
        };
        let work = move |ready: &Ready, waiting: &Waiting| {
            let (selection, narrowing, topics) = asked.resolve(ready, by == Some(GroupBy::Topic))?;
            let mut means = Means::new(by);
            each(ready.reader.scan(selection.period.range(), Depth::Whole)?, waiting, |call| {
                if selection.is_of(&call.record) && narrowing.has(call, &topics) {
                    means.add(call, &topics);
                }
            })?;
            let (overall, groups, small) = means.finish(least);
            let drawn = include_svg && overall.calls >= least;
            let svg = drawn.then(|| chart::standalone(chart::mean("journey-mean", "平均情绪曲线", &overall)));
            Ok(v1::GetMeanJourneyResponse {
                since: selection.period.from().to_string(),
                until: selection.period.to().to_string(),
                overall: Some(wire::mean("", "全部", &overall, least)),
                groups: groups.iter().map(|group| wire::mean(&group.id, &group.label, &group.mean, least)).collect(),
                small_group_count: i32::try_from(small).unwrap_or(i32::MAX),
                svg: svg.unwrap_or_default(),
            })
        };
        Ok(Response::new(self.0.count(&ask, work).await?))
    }

    async fn get_drivers(
        &self,
        request: Request<v1::GetDriversRequest>,
    ) -> Result<Response<v1::GetDriversResponse>, Status> {
        let ask = self.0.ask(&request)?;
        let v1::GetDriversRequest { selection, target, without_feelings, include_svg } = request.into_inner();
        let asked = asked(selection)?;
        let target = match target.as_str() {
            "" => None,
            name => {
                let unknown = || Invalid::field("target", "must be rating, predicted, or empty");
                Some(Target::parse(name).ok_or_else(unknown)?)
            }
        };
        let work = move |ready: &Ready, waiting: &Waiting| {
            let (selection, narrowing, topics) = asked.resolve(ready, false)?;
            let catalog = ready.judging.pipeline.finder().catalog();
            let mut calls = Collector::default();
            each(ready.reader.scan(selection.period.range(), Depth::Whole)?, waiting, |call| {
                if selection.is_of(&call.record) && narrowing.has(call, &topics) {
                    calls.add(call, catalog);
                }
            })?;
            let found = calls.finish(target, !without_feelings, catalog);
            let drawn = found.as_ref().ok().filter(|_| include_svg);
            let svg = drawn.map(|drivers| chart::standalone(chart::drivers(drivers)));
            Ok(v1::GetDriversResponse {
                since: selection.period.from().to_string(),
                until: selection.period.to().to_string(),
                svg: svg.unwrap_or_default(),
                ..wire::drivers(found)
            })
        };
        Ok(Response::new(self.0.count(&ask, work).await?))
    }
}
