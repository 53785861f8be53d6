//! Calibrations. What others and the machine say of a call is shown once the calibration is closed, and not before.

use std::collections::BTreeSet;

use qingting_index::{ReviewKind, ReviewQuery};
use qingting_proto::v1;
use tonic::{Request, Status};

use super::super::calls::{call_id, resource};
use super::super::convert::{Invalid, record_to_wire};
use super::super::shared::{Ready, Shared, principal};
use super::super::status::Failure;
use super::desk::{Desk, at_desk, session, who};
use super::wire::{self, number};
use crate::access::Permission;
use crate::review::{Answer, Event, Label, Refusal, Session, Who, asserted, case, checked_text, events, kappas};

/// Collection in resource names.
const CALIBRATIONS: &str = "calibrations/";
/// Most calls of a calibration.
const MOST_CALLS: usize = 200;

pub(super) async fn create_calibration(
    shared: &Shared,
    request: Request<v1::CreateCalibrationRequest>,
) -> Result<v1::Calibration, Status> {
    let asking = principal(request.extensions())?;
    let v1::CreateCalibrationRequest { display_name, calls, codes } = request.into_inner();
    checked_text("display_name", &display_name, true).map_err(Failure::from)?;
    let ids = calls.iter().map(|call| call_id(call, "calls").map(str::to_owned));
    let ids = ids.collect::<Result<BTreeSet<_>, _>>()?;
    if ids.is_empty() || ids.len() > MOST_CALLS {
        return Err(Invalid::field("calls", format!("must be 1 to {MOST_CALLS}")).into());
    }
    let codes: BTreeSet<String> = codes.into_iter().collect();
    if codes.is_empty() {
        return Err(Invalid::field("codes", "required").into());
    }
    let work = move |desk: &mut Desk<'_>| {
        if let Some(unknown) = codes.iter().find(|code| desk.codes().get(code).is_none()) {
            return Err(Refusal::wrong("codes", format!("there is no code \"{unknown}\"")).into());
        }
        let display_name = display_name.trim().to_owned();
        let mut rows = vec![desk.act(None, Event::Opened { display_name, codes: codes.into_iter().collect() })];
        for id in &ids {
            rows.push(desk.act_on(&desk.call(id)?, Some(0), Event::Included));
        }
        let kept = desk.keep(rows)?;
        let number = kept.first().map(|opened| opened.number).ok_or(Failure::Panicked)?;
        Ok(head(session(desk, number, "the calibration")?))
    };
    at_desk(shared, &asking, work).await
}

pub(super) async fn list_calibrations(
    shared: &Shared,
    request: Request<v1::ListCalibrationsRequest>,
) -> Result<v1::ListCalibrationsResponse, Status> {
    let ask = shared.ask(&request)?;
    let work = move |ready: &Ready| {
        let opened = ReviewQuery { newest_first: true, ..ReviewQuery::of(&[ReviewKind::Opened]) };
        let mut calibrations = Vec::new();
        for row in events(&*ready.reader, &opened)? {
            let session = session(&*ready.reader, row.number, "the calibration")?;
            if !session.calls.is_empty() {
                calibrations.push(head(session));
            }
        }
        Ok(v1::ListCalibrationsResponse { calibrations })
    };
    Ok(shared.read(&ask, work).await?)
}

pub(super) async fn get_calibration(
    shared: &Shared,
    request: Request<v1::GetCalibrationRequest>,
) -> Result<v1::Calibration, Status> {
    let ask = shared.ask(&request)?;
    let name = request.into_inner().name;
    let number = number(&name, CALIBRATIONS, "name")?;
    let asking = who(&ask.who);
    let work = move |ready: &Ready| {
        let mut session = session(&*ready.reader, number, &name)?;
        let mut records = Vec::new();
        for id in session.calls.keys() {
            records.extend(ready.reader.get_call(id)?.map(|call| call.record));
        }
        // What is not seen any more does not count.
        session.calls.retain(|id, _| records.iter().any(|record| record.call_id == *id));
        if session.calls.is_empty() {
            return Err(Refusal::Unknown(name).into());
        }
        let kappas = kappas(&session).into_iter().map(wire::kappa).collect();
        let calls = records.into_iter().map(|record| call_of(&session, record, &asking)).collect();
        Ok(v1::Calibration { calls, kappas, ..head(session) })
    };
    Ok(shared.read(&ask, work).await?)
}

pub(super) async fn submit_calibration(
    shared: &Shared,
    request: Request<v1::SubmitCalibrationRequest>,
) -> Result<v1::SubmitCalibrationResponse, Status> {
    let asking = principal(request.extensions())?;
    let v1::SubmitCalibrationRequest { calibration, call, labels, note } = request.into_inner();
    let number = number(&calibration, CALIBRATIONS, "calibration")?;
    let call_id = call_id(&call, "call")?.to_owned();
    let labels = labels.into_iter().enumerate().map(|(i, label)| wire::label_from(label, &format!("labels[{i}]")));
    let labels: BTreeSet<Label> = labels.collect::<Result<_, _>>()?;
    let work = move |desk: &mut Desk<'_>| {
        let call = desk.call(&call_id)?;
        let session = session(desk, number, &calibration)?;
        let labels = labels.into_iter().collect();
        let event = session.may_answer(&desk.who, &call.record, desk.codes(), labels, &note)?;
        if case(desk, &call_id)?.has_decided(&desk.who) {
            return Err(Refusal::NotNow("you have decided on this call before: a calibration needs fresh eyes").into());
        }
        desk.keep(vec![desk.act_on(&call, Some(number), event)])?;
        let mut remaining = 0;
        for (id, answers) in session.calls.iter().filter(|(id, _)| **id != call_id) {
            let open = answers.iter().all(|answer| answer.who.id != desk.who.id);
            remaining += i64::from(open && desk.reader.get_call(id)?.is_some());
        }
        Ok(v1::SubmitCalibrationResponse { remaining_count: remaining })
    };
    at_desk(shared, &asking, work).await
}

pub(super) async fn close_calibration(
    shared: &Shared,
    request: Request<v1::CloseCalibrationRequest>,
) -> Result<v1::Calibration, Status> {
    let asking = principal(request.extensions())?;
    let name = request.into_inner().name;
    let number = number(&name, CALIBRATIONS, "name")?;
    let is_judge = asking.may(Permission::Judge);
    let work = move |desk: &mut Desk<'_>| {
        // Who sees none of its calls does not know of it.
        if session(&*desk.reader, number, &name)?.calls.is_empty() {
            return Err(Refusal::Unknown(name).into());
        }
        let session = session(desk, number, &name)?;
        if session.who.id != desk.who.id && !is_judge {
            return Err(Refusal::NotYours("only who opened a calibration closes it, or an administrator").into());
        }
        session.may_close()?;
        let mut rows = vec![desk.act(Some(number), Event::Closed)];
        for id in session.calls.keys() {
            if let Some(call) = desk.reader.get_call(id)? {
                let labels = asserted(&call).into_iter().filter(|label| session.codes.contains(&label.code));
                rows.push(desk.act_on(&call, Some(number), Event::Compared { labels: labels.collect() }));
            }
        }
        desk.keep(rows)?;
        Ok(())
    };
    at_desk(shared, &asking, work).await?;
    let mut request = Request::new(v1::GetCalibrationRequest { name: format!("{CALIBRATIONS}{number}") });
    request.extensions_mut().insert(asking);
    get_calibration(shared, request).await
}

/// A calibration without its calls.
fn head(session: Session) -> v1::Calibration {
    v1::Calibration {
        name: format!("{CALIBRATIONS}{}", session.number),
        display_name: session.display_name,
        codes: session.codes,
        creator: Some(wire::reviewer(session.who)),
        create_time: wire::time(session.at),
        close_time: session.closed_at.map_or_else(String::new, wire::time),
        calls: Vec::new(),
        kappas: Vec::new(),
    }
}

/// A call of it, as somebody may see it.
fn call_of(session: &Session, record: qingting_pipeline::record::CallRecord, asking: &Who) -> v1::CalibrationCall {
    let id = record.call_id.clone();
    let is_closed = session.closed_at.is_some();
    let answers = session.calls.get(&id).into_iter().flatten();
    let shown = answers.filter(|answer| is_closed || answer.who.id == asking.id);
    let answer = |answer: &Answer| v1::CalibrationAnswer {
        reviewer: Some(wire::reviewer(answer.who.clone())),
        create_time: wire::time(answer.at),
        labels: answer.labels.iter().cloned().map(wire::label).collect(),
        note: answer.note.clone(),
    };
    v1::CalibrationCall {
        call: resource(&id),
        answers: shown.map(answer).collect(),
        machine: session.machine.get(&id).into_iter().flatten().cloned().map(wire::label).collect(),
        record: Some(record_to_wire(record)),
    }
}
