//! The case library: listed and proposed as seen, changed on the thread that writes.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use qingting_index::Depth;
use qingting_pipeline::Pipeline;
use qingting_proto::v1;
use tonic::{Request, Status};

use super::super::acting::{Acted, act, actor};
use super::super::backend::{Reader, Writer};
use super::super::calls::{call_id, missing};
use super::super::convert::Invalid;
use super::super::paging::{self, Cursor};
use super::super::reports::selection::Wanted;
use super::super::shared::{Ready, Shared, Waiting, principal};
use super::super::status::Failure;
use super::told::{reviewed, seen_studies};
use super::wire;
use crate::access::{Permission, Principal};
use crate::coaching::example::{CaseStudy, Event, On, Order, State, Who, nominate, row, studies};
use crate::coaching::propose::Proposals;
use crate::coaching::reviewed::Taken;
use crate::coaching::{Refusal, Reviewed};

/// Most characters of what is said about a decision.
const LONGEST_NOTE: usize = 1000;

pub(super) async fn list_examples(
    shared: &Shared,
    request: Request<v1::ListExamplesRequest>,
) -> Result<v1::ListExamplesResponse, Status> {
    let ask = shared.ask(&request)?;
    let v1::ListExamplesRequest { states, code, page_size, page_token } = request.into_inner();
    let named: Vec<String> = states.iter().map(ToString::to_string).collect();
    let owner = paging::owner(named.iter().map(String::as_str).chain([code.as_str()]));
    let mut wanted = states.iter().map(|state| wire::state("states", *state)).collect::<Result<Vec<_>, _>>()?;
    if wanted.is_empty() {
        wanted.push(State::Approved);
    }
    let decides = ask.who.may(Permission::Review);
    let size = paging::size(&shared.config, page_size)?;
    let start = Cursor::parse(&page_token, owner)?.calls;
    let work = move |ready: &Ready| {
        let reader = &*ready.reader;
        let mut found = seen_studies(reader, &reviewed(reader)?)?;
        found.retain(|study| wanted.contains(&study.state) && (decides || study.is_approved()));
        found.retain(|study| code.is_empty() || study.nomination.code == code);
        found.reverse();
        let end = start.saturating_add(size).min(found.len());
        let page = found.get(start..end).unwrap_or_default();
        Ok(v1::ListExamplesResponse {
            examples: page.iter().map(|study| wire::example(study, decides)).collect(),
            next_page_token: match end < found.len() {
                true => Cursor { calls: end, ..Cursor::default() }.token(owner),
                false => String::new(),
            },
            total_size: wire::size(found.len()),
        })
    };
    Ok(shared.read(&ask, work).await?)
}

pub(super) async fn propose_examples(
    shared: &Shared,
    request: Request<v1::ProposeExamplesRequest>,
) -> Result<v1::ProposeExamplesResponse, Status> {
    let ask = shared.ask(&request)?;
    let v1::ProposeExamplesRequest { selection, page_size } = request.into_inner();
    let wanted = Wanted::parse(selection)?;
    let size = paging::size(&shared.config, page_size)?;
    let work = move |ready: &Ready, waiting: &Waiting| {
        let reader = &*ready.reader;
        let selected = wanted.resolve(reader)?;
        let (reviewed, hidden) = (reviewed(reader)?, reader.hidden()?);
        let mut proposals = Proposals::new(ready.judging.pipeline.finder().catalog(), &reviewed);
        for call in reader.scan(selected.period.range(), Depth::Whole)? {
            waiting.check()?;
            let call = call?;
            if selected.is_of(&call.record) && !hidden.contains(&call.record.call_id) {
                proposals.add(call);
            }
        }
        let known = seen_studies(reader, &reviewed)?;
        let found = proposals.finish(|call_id| known.iter().any(|study| study.call_id == call_id), size);
        Ok(v1::ProposeExamplesResponse { proposals: found.into_iter().map(wire::proposal).collect() })
    };
    Ok(shared.count(&ask, work).await?)
}

/// Somebody at work.
struct Desk<'a> {
    writer: &'a mut dyn Writer,
    /// Shows what they may see, without what is hidden from who calibrates.
    reader: Arc<dyn Reader>,
    pipeline: Arc<Pipeline>,
    who: Who,
    now: DateTime<Utc>,
    /// Nobody knows what was kept.
    broken: bool,
}

impl Desk<'_> {
    /// Every example that they may see.
    fn known(&self) -> Result<Vec<CaseStudy>, Failure> {
        Ok(studies(self.reader.examples()?)?)
    }

    /// An example whose call they see: one that is shared is changed by those alone whose it is.
    fn study(&self, number: i64) -> Result<CaseStudy, Failure> {
        let found = self.known()?.into_iter().find(|study| study.number == number && !study.call_id.is_empty());
        let study = found.ok_or_else(|| Refusal::Unknown(wire::name(number)))?;
        // Whoever does not see the call any more does not decide about it.
        self.reader.get_call(&study.call_id)?.ok_or_else(|| missing(&study.call_id))?;
        Ok(study)
    }

    fn keep(&mut self, on: On<'_>, event: &Event, action: &str, detail: &str) -> Result<i64, Failure> {
        let entry = row(&self.who, self.now, on, event)?;
        let kept = self.writer.add_example(&entry, action, detail);
        self.broken = kept.is_err();
        Ok(kept?)
    }

    /// Whether the call may be held up as an example as things stand.
    fn open_to_all(&self, call_id: &str) -> Result<(), Failure> {
        if self.reader.hidden()?.contains(call_id) {
            return Err(Refusal::Blind.into());
        }
        match self.decided()?.taken(call_id) {
            Taken::Contested => Err(Refusal::NotNow("an appeal about the call is under way").into()),
            Taken::Machine | Taken::Reviewed => Ok(()),
        }
    }

    fn decided(&self) -> Result<Reviewed, Failure> {
        reviewed(&*self.reader)
    }
}

/// Has somebody act, with nobody else acting meanwhile; the example afterwards.
async fn at_desk(
    shared: &Shared,
    principal: &Principal,
    named: &str,
    work: impl FnOnce(&mut Desk<'_>) -> Result<i64, Failure> + Send + 'static,
) -> Result<v1::Example, Status> {
    let ready = shared.blinded(principal)?;
    let who = actor(principal, named)?;
    let (reader, pipeline) = (ready.reader.clone(), ready.judging.pipeline.clone());
    let acting = move |writer: &mut dyn Writer| {
        let mut desk = Desk { writer, reader, pipeline, who, now: Utc::now(), broken: false };
        let result = work(&mut desk).and_then(|number| {
            let found = desk.known()?.into_iter().find(|study| study.number == number);
            Ok(wire::example(&found.ok_or_else(|| Refusal::Unknown(wire::name(number)))?, true))
        });
        Acted { result, broken: desk.broken }
    };
    act(&ready, acting).await
}

pub(super) async fn nominate_example(
    shared: &Shared,
    request: Request<v1::NominateExampleRequest>,
) -> Result<v1::Example, Status> {
    let asking = principal(request.extensions())?;
    let request = request.into_inner();
    let call_id = call_id(&request.call, "call")?.to_owned();
    let turn = |field: &str, turn: Option<i32>| -> Result<Option<u32>, Invalid> {
        turn.map(|turn| u32::try_from(turn).map_err(|_| Invalid::field(field, "must not be negative")))
            .transpose()
    };
    let (first, last) = (turn("first_turn", request.first_turn)?, turn("last_turn", request.last_turn)?);
    let v1::NominateExampleRequest { title, lesson, note, code, good, actor, .. } = request;
    let work = move |desk: &mut Desk<'_>| {
        let call = desk.reader.get_call(&call_id)?.ok_or_else(|| missing(&call_id))?;
        desk.open_to_all(&call_id)?;
        let end = u32::try_from(call.analysis.turns.len().saturating_sub(1)).unwrap_or(u32::MAX);
        let turns = (first.is_some() || last.is_some()).then(|| (first.unwrap_or(0), last.unwrap_or(end)));
        let order = Order { title, lesson, note, code, good, turns };
        let pipeline = desk.pipeline.clone();
        let mask = |text: &str| pipeline.normalizer().text(text).text;
        // Of everybody's, so that nothing is nominated twice by people who do not see each other's calls.
        let known = studies(desk.writer.examples()?)?;
        let nomination = nominate(&order, &call, &known, pipeline.finder().catalog(), mask)?;
        let detail = format!("turns {} to {}", nomination.first, nomination.last);
        desk.keep(On::call(&call), &Event::Nominated(nomination), "example nominated", &detail)
    };
    at_desk(shared, &asking, &actor, work).await
}

fn note(text: &str) -> Result<String, Refusal> {
    match text.chars().count() > LONGEST_NOTE {
        true => Err(Refusal::wrong("note", format!("longer than {LONGEST_NOTE} characters"))),
        false => Ok(text.trim().to_owned()),
    }
}

pub(super) async fn decide_example(
    shared: &Shared,
    request: Request<v1::DecideExampleRequest>,
) -> Result<v1::Example, Status> {
    let asking = principal(request.extensions())?;
    let v1::DecideExampleRequest { name, approve, shared: for_all, note: said, actor } = request.into_inner();
    let number = wire::number(&name)?;
    let said = note(&said).map_err(Failure::from)?;
    let work = move |desk: &mut Desk<'_>| {
        let study = desk.study(number)?;
        study.may_decide(&desk.who)?;
        let said = desk.pipeline.normalizer().text(&said).text;
        if !approve {
            desk.keep(On::study(&study), &Event::Rejected { note: said }, "example rejected", "")?;
            return Ok(number);
        }
        desk.open_to_all(&study.call_id)?;
        let detail = if for_all {
            "for the whole hotline"
        } else {
            "for those who see the call"
        };
        let event = Event::Approved { shared: for_all, note: said };
        desk.keep(On::study(&study), &event, "example approved", detail)?;
        let article = study.article(desk.pipeline.finder().catalog());
        // The decision is on disk: what goes wrong here is made up for when the server is started again.
        if let Err(error) = desk.writer.import_articles(vec![article]) {
            tracing::error!(%error, number, "an approved example cannot be found yet");
        }
        Ok(number)
    };
    at_desk(shared, &asking, &actor, work).await
}

pub(super) async fn withdraw_example(
    shared: &Shared,
    request: Request<v1::WithdrawExampleRequest>,
) -> Result<v1::Example, Status> {
    let asking = principal(request.extensions())?;
    let v1::WithdrawExampleRequest { name, note: said, actor } = request.into_inner();
    let number = wire::number(&name)?;
    let said = note(&said).map_err(Failure::from)?;
    let work = move |desk: &mut Desk<'_>| {
        let study = desk.study(number)?;
        study.may_withdraw()?;
        let said = desk.pipeline.normalizer().text(&said).text;
        desk.keep(On::study(&study), &Event::Withdrawn { note: said }, "example withdrawn", "")?;
        if study.is_approved()
            && let Err(error) = desk.writer.remove_articles(&[study.article_id()])
        {
            tracing::error!(%error, number, "the article of an example that was withdrawn is still there");
        }
        Ok(number)
    };
    at_desk(shared, &asking, &actor, work).await
}
