//! TopicService: topics and what is counted over them, and alerts to whoever watches. What is counted is
//! the business of the topic stage; here requests become questions and answers become messages.

mod watch;
mod wire;

use std::sync::Arc;

use chrono::{Local, NaiveDate};
use qingting_index::DateRange;
use qingting_pipeline::topic::association::associations;
use qingting_pipeline::topic::burst::BurstConfig;
use qingting_pipeline::topic::callers::{Repeats, patterns};
use qingting_pipeline::topic::hotspot::hotspots;
use qingting_pipeline::topic::trend;
use qingting_pipeline::topic::view::{Field, Item, TopicView};
use qingting_pipeline::topic::{Topic, TopicError, Topics};
use qingting_proto::v1;
use qingting_proto::v1::topic_service_server::TopicService;
use tonic::{Request, Response, Status};

use super::alerts::Hub;
use super::backend::Reader;
use super::calls::resource;
use super::cases;
use super::convert::Invalid;
use super::paging;
use super::shared::{Ask, Ready, Shared, principal};
use super::status::Failure;
use crate::insight;
pub(super) use watch::recall;
use wire::COLLECTION;

/// Days that trends are of when the request does not say.
const TREND_DAYS: u16 = 7;
/// Most days of a period.
const MOST_DAYS: u16 = 366;

/// The service.
pub(super) struct TopicCalls(pub(super) Arc<Shared>);

impl TopicCalls {
    /// Answers out of the topics of the last refresh.
    async fn ask<T: Send + 'static>(
        &self,
        ask: &Ask,
        answer: impl FnOnce(&Ready, &TopicView) -> Result<T, Failure> + Send + 'static,
    ) -> Result<Response<T>, Status> {
        let answered = self.0.read(ask, move |ready| answer(ready, &*ready.reader.topics()?)).await?;
        Ok(Response::new(answered))
    }

    /// Makes a decision about topics and answers with a topic.
    async fn decide(
        &self,
        ask: &Ask,
        id: String,
        change: impl Fn(&mut Topics, Option<NaiveDate>) -> Result<(), TopicError> + Send + 'static,
    ) -> Result<Response<v1::Topic>, Status> {
        let day = Some(Local::now().date_naive());
        let work = move |ready: &Ready| {
            let view = ready.reader.change_topics(&|topics| change(topics, day))?;
            match view.topics.groups.iter().find(|group| group.id == id) {
                Some(group) => Ok(wire::named_group_to_wire(group)),
                None => shown(&view, &id),
            }
        };
        Ok(Response::new(self.0.read(ask, work).await?))
    }

    fn size(&self, requested: i32) -> Result<usize, Invalid> {
        paging::size(&self.0.config, requested)
    }
}

#[tonic::async_trait]
impl TopicService for TopicCalls {
    async fn list_topics(
        &self,
        request: Request<v1::ListTopicsRequest>,
    ) -> Result<Response<v1::ListTopicsResponse>, Status> {
        let (ask, request) = (self.0.ask(&request)?, request.into_inner());
        let (since, until) = days(&request.since, &request.until)?;
        self.ask(&ask, move |_, view| {
            let part = part(view, since, until);
            Ok(v1::ListTopicsResponse {
                topics: part.topics.iter().map(|topic| wire::topic_to_wire(topic, &part)).collect(),
                groups: part.groups.iter().map(wire::group_to_wire).collect(),
                unassigned_count: wire::count(part.unassigned),
            })
        })
        .await
    }

    async fn get_topic(&self, request: Request<v1::GetTopicRequest>) -> Result<Response<v1::Topic>, Status> {
        let (ask, request) = (self.0.ask(&request)?, request.into_inner());
        let (since, until) = days(&request.since, &request.until)?;
        let id = id("name", &request.name)?;
        self.ask(&ask, move |_, view| {
            let topic = view.topics.get(&id).map_err(insight::Error::from)?;
            let calls = view.select(&[Item::new(Field::Topic, &topic.id)], since, until);
            Ok(v1::Topic {
                call_count: wire::count(calls.len()),
                history: topic.history.iter().map(wire::change_to_wire).collect(),
                figures: wire::figures(view, &calls),
                ..wire::topic_to_wire(topic, &view.topics)
            })
        })
        .await
    }

    async fn update_topic(&self, request: Request<v1::UpdateTopicRequest>) -> Result<Response<v1::Topic>, Status> {
        let (ask, request) = (self.0.ask(&request)?, request.into_inner());
        let id = id("name", &request.name)?;
        let of = id.clone();
        self.decide(&ask, id, move |topics, day| {
            if let Some(label) = &request.label {
                topics.rename(&of, Some(label.as_str()).filter(|label| !label.is_empty()), day)?;
            }
            request.pinned.map_or(Ok(()), |pinned| topics.pin(&of, pinned, day))
        })
        .await
    }

    async fn merge_topics(&self, request: Request<v1::MergeTopicsRequest>) -> Result<Response<v1::Topic>, Status> {
        let (ask, request) = (self.0.ask(&request)?, request.into_inner());
        let into = id("into", &request.into)?;
        let names: Result<Vec<String>, Invalid> = request.names.iter().map(|name| id("names", name)).collect();
        let names = names?;
        if names.is_empty() {
            return Err(Invalid::field("names", "required").into());
        }
        let target = into.clone();
        self.decide(&ask, into, move |topics, day| topics.merge(&names, &target, day)).await
    }

    async fn refresh_topics(
        &self,
        request: Request<v1::RefreshTopicsRequest>,
    ) -> Result<Response<v1::RefreshTopicsResponse>, Status> {
        // As long as it takes: it counts as a stream, and no deadline but the client's own ends it.
        let who = principal(request.extensions())?;
        let (ready, permit) = self.0.stream(&who)?;
        let rebuild = request.into_inner().rebuild;
        let (shared, reading) = (self.0.clone(), ready.clone());
        let refreshed = self.0.compute.run(move || {
            let _permit = permit;
            refresh(&shared, &reading, rebuild)
        });
        let refreshed = refreshed.await??;
        // The topics are kept: a night that could not open its cases is told of, and opens them the next time.
        if let Err(status) = cases::open_by_rules(&self.0, &ready, None).await {
            tracing::error!(%status, "the rules could not open cases");
        }
        Ok(Response::new(refreshed))
    }

    async fn list_topic_calls(
        &self,
        request: Request<v1::ListTopicCallsRequest>,
    ) -> Result<Response<v1::ListTopicCallsResponse>, Status> {
        let (ask, request) = (self.0.ask(&request)?, request.into_inner());
        let (since, until) = days(&request.since, &request.until)?;
        let items: Result<Vec<Item>, Invalid> = request.items.iter().map(|text| item("items", text)).collect();
        let items = items?;
        let size = self.size(request.page_size)?;
        let texts = request.items.iter().map(String::as_str);
        let owner = paging::owner(texts.chain([request.since.as_str(), request.until.as_str()]));
        let start = paging::Cursor::parse(&request.page_token, owner)?.calls;
        self.ask(&ask, move |_, view| {
            let mut calls = view.select(&items, since, until);
            calls.reverse();
            calls.sort_by_key(|&call| !view.calls[call].crisis);
            let end = start.saturating_add(size).min(calls.len());
            let page = calls.get(start..end).unwrap_or_default();
            let next = paging::Cursor { calls: end, ..paging::Cursor::default() };
            Ok(v1::ListTopicCallsResponse {
                calls: view.ids(page).iter().map(|id| resource(id)).collect(),
                next_page_token: if end < calls.len() {
                    next.token(owner)
                } else {
                    String::new()
                },
                total_size: wire::count(calls.len()),
            })
        })
        .await
    }

    async fn list_trends(
        &self,
        request: Request<v1::ListTrendsRequest>,
    ) -> Result<Response<v1::ListTrendsResponse>, Status> {
        let (ask, request) = (self.0.ask(&request)?, request.into_inner());
        let length = period(request.days)?.unwrap_or(TREND_DAYS);
        let (_, until) = days("", &request.until)?;
        self.ask(&ask, move |_, view| {
            let trends = match until {
                None => trend::trends(view, usize::from(length)),
                Some(until) => trend::trends(&view.between(None, Some(until)), usize::from(length)),
            };
            Ok(v1::ListTrendsResponse { trends: trends.into_iter().map(wire::trend_to_wire).collect() })
        })
        .await
    }

    async fn list_alerts(
        &self,
        request: Request<v1::ListAlertsRequest>,
    ) -> Result<Response<v1::ListAlertsResponse>, Status> {
        let ask = self.0.ask(&request)?;
        let request = request.into_inner();
        let (since, until) = days(&request.since, &request.until)?;
        let work = move |ready: &Ready| {
            // Lives in danger are told even before topics were found for the first time.
            let crises = ready.reader.crises(DateRange { since, until })?;
            let bursts = match ready.reader.topics() {
                Ok(view) => trend::alerts(&view, &ready.insight.burst).bursts,
                Err(insight::Error::NoTopics) => Vec::new(),
                Err(error) => return Err(error.into()),
            };
            let within =
                |day: NaiveDate| since.is_none_or(|since| day >= since) && until.is_none_or(|until| day <= until);
            let bursts = bursts.iter().filter(|burst| within(burst.until) || within(burst.seen));
            Ok(v1::ListAlertsResponse {
                crises: crises.into_iter().map(wire::crisis_to_wire).collect(),
                bursts: bursts.map(wire::burst_to_wire).collect(),
            })
        };
        Ok(Response::new(self.0.read(&ask, work).await?))
    }

    async fn list_hotspots(
        &self,
        request: Request<v1::ListHotspotsRequest>,
    ) -> Result<Response<v1::ListHotspotsResponse>, Status> {
        let (ask, request) = (self.0.ask(&request)?, request.into_inner());
        let (_, until) = days("", &request.until)?;
        let length = period(request.days)?;
        let size = self.size(request.page_size)?;
        self.ask(&ask, move |ready, view| {
            let mut config = ready.insight.hotspot;
            config.days = length.unwrap_or(config.days);
            let repeats = Repeats::new(view, &ready.insight.callers);
            let last = until.or_else(|| view.days().map(|(_, last)| last));
            let spots = last.map(|last| hotspots(view, &repeats, last, &config)).unwrap_or_default();
            Ok(
                v1::ListHotspotsResponse {
                    hotspots: spots.into_iter().take(size).map(wire::hotspot_to_wire).collect(),
                },
            )
        })
        .await
    }

    async fn list_associations(
        &self,
        request: Request<v1::ListAssociationsRequest>,
    ) -> Result<Response<v1::ListAssociationsResponse>, Status> {
        let (ask, request) = (self.0.ask(&request)?, request.into_inner());
        let (since, until) = days(&request.since, &request.until)?;
        let target = match request.target.as_str() {
            "" => None,
            text => Some(item("target", text)?),
        };
        let size = self.size(request.page_size)?;
        self.ask(&ask, move |ready, view| {
            let rules = associations(&view.between(since, until), target.as_ref(), &ready.insight.association);
            Ok(v1::ListAssociationsResponse {
                associations: rules.iter().take(size).map(wire::association_to_wire).collect(),
            })
        })
        .await
    }

    async fn get_caller_patterns(
        &self,
        request: Request<v1::GetCallerPatternsRequest>,
    ) -> Result<Response<v1::CallerPatterns>, Status> {
        let (ask, request) = (self.0.ask(&request)?, request.into_inner());
        let (since, until) = days(&request.since, &request.until)?;
        let size = self.size(request.page_size)?;
        self.ask(&ask, move |ready, view| {
            let config = &ready.insight.callers;
            // A repeat has its first contact before the days.
            let repeats = Repeats::new(view, config);
            Ok(wire::patterns_to_wire(patterns(view, &repeats, since, until, config), size))
        })
        .await
    }

    type WatchAlertsStream = watch::Stream;

    async fn watch_alerts(
        &self,
        request: Request<v1::WatchAlertsRequest>,
    ) -> Result<Response<Self::WatchAlertsStream>, Status> {
        let who = principal(request.extensions())?;
        watch::watch(&self.0, &who, request.into_inner())
    }
}

/// The nightly step; bursts that are new are told to watchers.
fn refresh(shared: &Shared, ready: &Ready, rebuild: bool) -> Result<v1::RefreshTopicsResponse, Failure> {
    let before: Vec<String> = match ready.reader.topics() {
        Ok(view) => view.topics.topics.iter().map(|topic| topic.id.clone()).collect(),
        Err(insight::Error::NoTopics) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let topics = ready.reader.refresh_topics(rebuild)?;
    raise_bursts(&shared.alerts, &*ready.reader, &ready.insight.burst)?;
    let opened = topics.topics.iter().filter(|topic| !before.contains(&topic.id)).map(|topic| topic.id.clone());
    let gone = |id: &&String| topics.topics.iter().all(|topic| topic.id != **id);
    Ok(v1::RefreshTopicsResponse {
        topic_count: i32::try_from(topics.topics.len()).unwrap_or(i32::MAX),
        opened: opened.collect(),
        retired: before.iter().filter(gone).cloned().collect(),
        unassigned_count: wire::count(topics.unassigned),
    })
}

/// Tells watchers the bursts that still go on: those whose last day is the last that is known.
///
/// # Errors
/// When the topics cannot be read.
pub(super) fn raise_bursts(hub: &Hub, reader: &dyn Reader, config: &BurstConfig) -> insight::Result<()> {
    let view = match reader.topics() {
        Ok(view) => view,
        Err(insight::Error::NoTopics) => return Ok(()),
        Err(error) => return Err(error),
    };
    let last = view.days().map(|(_, last)| last);
    let bursts = trend::alerts(&view, config).bursts;
    for burst in bursts.into_iter().rev().filter(|burst| Some(burst.until) == last) {
        hub.burst(burst);
    }
    Ok(())
}

/// A topic over all of its calls.
fn shown(view: &TopicView, id: &str) -> Result<v1::Topic, Failure> {
    let topic: &Topic = view.topics.get(id).map_err(insight::Error::from)?;
    Ok(v1::Topic {
        history: topic.history.iter().map(wire::change_to_wire).collect(),
        ..wire::topic_to_wire(topic, &view.topics)
    })
}

/// The topics with the calls between two days.
fn part(view: &TopicView, since: Option<NaiveDate>, until: Option<NaiveDate>) -> Topics {
    let calls = view.select(&[], since, until);
    view.topics.restricted(&calls.iter().map(|&call| view.calls[call].call_id.as_str()).collect())
}

/// The id in the resource name of a topic.
pub(super) fn topic_id(field: &str, name: &str) -> Result<String, Invalid> {
    id(field, name)
}

fn id(field: &str, name: &str) -> Result<String, Invalid> {
    let id = name.strip_prefix(COLLECTION).filter(|id| !id.is_empty() && !id.contains('/'));
    id.map(str::to_owned).ok_or_else(|| Invalid::field(field, "must be topics/{topic}"))
}

fn item(field: &str, text: &str) -> Result<Item, Invalid> {
    Item::parse(text).map_err(|wrong| Invalid::field(field, wrong))
}

fn period(days: i32) -> Result<Option<u16>, Invalid> {
    match u16::try_from(days) {
        Ok(0) => Ok(None),
        Ok(days) if days <= MOST_DAYS => Ok(Some(days)),
        _ => Err(Invalid::field("days", format!("must be 0 to {MOST_DAYS}"))),
    }
}

fn days(since: &str, until: &str) -> Result<(Option<NaiveDate>, Option<NaiveDate>), Invalid> {
    let mut invalid = Invalid::default();
    let mut day = |field: &str, text: &str| {
        (!text.is_empty()).then(|| text.parse::<NaiveDate>().map_err(|_| invalid.add(field, "must be YYYY-MM-DD")).ok())
    };
    let days = (day("since", since).flatten(), day("until", until).flatten());
    invalid.or(days)
}
