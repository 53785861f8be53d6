//! The case library: listed, proposed, nominated, decided on; in the data folder, or through the server that holds it.

use chrono::{NaiveDate, Utc};
use clap::{Args, Subcommand};
use miette::{IntoDiagnostic, miette};
use qingting_index::Depth;
use qingting_index::knowledge::{Kinds, KnowledgeQuery};
use qingting_proto::v1;
use qingting_proto::v1::coaching_service_client::CoachingServiceClient;
use tonic::transport::Channel;

use super::super::GOOD;
use super::super::data::{DataArgs, Opened, index};
use super::super::submit::{self, status};
use super::told::{period, reviewed};
use crate::coaching::Refusal;
use crate::coaching::bulletin_page::study_text;
use crate::coaching::example::{CaseStudy, Event, On, Order, State, Who, nominate, row, studies};
use crate::coaching::propose::Proposals;
use crate::coaching::reviewed::Taken;

/// What the lock names this command.
const WHO: &str = "qingting coaching";

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ExamplesCommand {
    /// List examples, the newest first
    List {
        #[command(flatten)]
        data: DataArgs,
        /// In this state: nominated, approved, rejected, withdrawn; can be given several times [default: approved]
        #[arg(long = "state", value_name = "STATE", value_parser = state)]
        states: Vec<State>,
        /// Of this behaviour, such as impatience
        #[arg(long, value_name = "CODE")]
        code: Option<String>,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Find examples by what was said or what is to be learned
    Search {
        #[command(flatten)]
        data: DataArgs,
        /// What to look for
        query: String,
        /// At most so many
        #[arg(long, default_value_t = 5)]
        limit: u16,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Propose calls that could be nominated; nothing is kept
    Propose {
        #[command(flatten)]
        data: DataArgs,
        /// First day [default: the last week up to the last day that has calls]
        #[arg(long, alias = "since", value_name = "YYYY-MM-DD", requires = "to")]
        from: Option<NaiveDate>,
        /// Last day
        #[arg(long, alias = "until", value_name = "YYYY-MM-DD", requires = "from")]
        to: Option<NaiveDate>,
        /// At most so many
        #[arg(long, default_value_t = 10)]
        limit: u16,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Nominate a call, or some of its turns
    Nominate(NominateArgs),
    /// Take a nomination into the library; by somebody else than who nominated it
    Approve {
        #[command(flatten)]
        on: Decided,
        /// For the whole hotline, not only for those who see the call
        #[arg(long)]
        shared: bool,
    },
    /// Turn a nomination down
    Reject {
        #[command(flatten)]
        on: Decided,
    },
    /// Take an example out of the library, or a nomination back
    Withdraw {
        #[command(flatten)]
        on: Decided,
    },
}

#[derive(Debug, Args)]
pub(in crate::cli) struct NominateArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The call
    #[arg(long, value_name = "ID")]
    call: String,
    /// What it is called
    #[arg(long)]
    title: String,
    /// What to learn from it
    #[arg(long)]
    lesson: String,
    /// Anything else
    #[arg(long, default_value = "", hide_default_value = true)]
    note: String,
    /// The behaviour that it shows, such as impatience
    #[arg(long, value_name = "CODE", default_value = "", hide_default_value = true)]
    code: String,
    /// How not to do it, instead of how to
    #[arg(long)]
    bad: bool,
    /// First turn, from 0 [default: the first of the call]
    #[arg(long, value_name = "N")]
    first: Option<u32>,
    /// Last turn [default: the last of the call]
    #[arg(long, value_name = "N")]
    last: Option<u32>,
    /// Who does it, as people call them
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    who: String,
}

/// Which example, by whom.
#[derive(Debug, Args)]
pub(in crate::cli) struct Decided {
    #[command(flatten)]
    data: DataArgs,
    /// Number of the example
    number: i64,
    /// Why
    #[arg(long, default_value = "", hide_default_value = true)]
    note: String,
    /// Who does it, as people call them; who approves has to be somebody else than who nominated
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    who: String,
}

fn state(text: &str) -> Result<State, String> {
    let known = || State::ALL.map(State::as_str).join(", ");
    State::ALL
        .into_iter()
        .find(|state| state.as_str() == text)
        .ok_or_else(|| format!("one of {}", known()))
}

#[allow(clippy::needless_pass_by_value, reason = "passed to map_err")]
fn refused(refusal: Refusal) -> miette::Report {
    miette!("{refusal}")
}

/// # Errors
/// When the data folder cannot be read or written, or something may not be done.
pub(super) fn run(command: &ExamplesCommand) -> miette::Result<u8> {
    match command {
        ExamplesCommand::List { data, states, code, json } => list(data, states, code.as_deref(), *json),
        ExamplesCommand::Search { data, query, limit, json } => search(data, query, *limit, *json),
        ExamplesCommand::Propose { data, from, to, limit, json } => propose(data, (*from, *to), *limit, *json),
        ExamplesCommand::Nominate(args) => nominated(args),
        ExamplesCommand::Approve { on, shared } => {
            decide(on, Some(&Event::Approved { shared: *shared, note: on.note.clone() }), *shared)
        }
        ExamplesCommand::Reject { on } => decide(on, Some(&Event::Rejected { note: on.note.clone() }), false),
        ExamplesCommand::Withdraw { on } => decide(on, None, false),
    }
}

fn known(opened: &Opened) -> miette::Result<Vec<CaseStudy>> {
    studies(opened.data.examples().map_err(index)?).map_err(index)
}

fn list(data: &DataArgs, states: &[State], code: Option<&str>, json: bool) -> miette::Result<u8> {
    let opened = data.reader()?;
    let decided = reviewed(&opened)?;
    let mut found = known(&opened)?;
    let wanted = |state: State| {
        if states.is_empty() {
            state == State::Approved
        } else {
            states.contains(&state)
        }
    };
    found.retain(|study| wanted(study.state) && code.is_none_or(|code| study.nomination.code == code));
    found.retain(|study| decided.taken(&study.call_id) != Taken::Contested);
    found.reverse();
    if found.is_empty() && !json {
        println!("案例库中没有符合条件的案例");
    }
    for study in &found {
        if json {
            println!("{}", serde_json::to_string(study).into_diagnostic()?);
            continue;
        }
        let shared = if study.shared { "，全热线可见" } else { "" };
        println!("{} 号（{}{shared}）通话 {}", study.number, study.state.zh(), study.call_id);
        println!("{}", study_text(study));
    }
    Ok(GOOD)
}

fn search(data: &DataArgs, text: &str, limit: u16, json: bool) -> miette::Result<u8> {
    let opened = data.reader()?;
    let decided = reviewed(&opened)?;
    let seen: Vec<String> = known(&opened)?
        .iter()
        .filter(|study| study.is_approved() && decided.taken(&study.call_id) != Taken::Contested)
        .map(CaseStudy::article_id)
        .collect();
    let query = KnowledgeQuery {
        text: text.to_owned(),
        limit: 100,
        kinds: Kinds::Cases,
        ..KnowledgeQuery::default()
    };
    let mut hits = opened.knowledge()?.search(&query).map_err(index)?;
    hits.retain(|hit| seen.contains(&hit.id));
    hits.truncate(usize::from(limit));
    match json {
        true => println!("{}", serde_json::to_string(&hits).into_diagnostic()?),
        false => super::super::kb::print(&hits),
    }
    Ok(GOOD)
}

fn propose(
    data: &DataArgs,
    (from, to): (Option<NaiveDate>, Option<NaiveDate>),
    limit: u16,
    json: bool,
) -> miette::Result<u8> {
    let opened = data.reader()?;
    let (period, decided) = (period(from, to, &opened)?, reviewed(&opened)?);
    let mut proposals = Proposals::new(opened.pipeline.finder().catalog(), &decided);
    for call in opened.data.scan_to(period.range(), Depth::Whole).map_err(index)? {
        proposals.add(call.map_err(index)?);
    }
    let known = known(&opened)?;
    let found = proposals.finish(|id| known.iter().any(|study| study.call_id == id), usize::from(limit));
    if found.is_empty() && !json {
        println!("没有可以推荐的通话");
    }
    for proposal in &found {
        if json {
            println!("{}", serde_json::to_string(proposal).into_diagnostic()?);
            continue;
        }
        let kind = if proposal.good { "示范" } else { "反面" };
        println!("{}（{kind}）：{}", proposal.example.call_id, proposal.reason);
        for point in proposal.example.points.iter().filter(|point| !point.quote.is_empty()) {
            println!("   {}：“{}”", point.title, point.quote);
        }
    }
    Ok(GOOD)
}

fn through_server<T, F>(args: &DataArgs, ask: impl FnOnce(CoachingServiceClient<Channel>) -> F) -> miette::Result<T>
where
    F: Future<Output = Result<tonic::Response<T>, tonic::Status>>,
{
    let ask = async |channel| Ok(ask(CoachingServiceClient::new(channel)).await.map_err(status)?.into_inner());
    submit::ask(&args.data, "qingting.v1.CoachingService", ask)
}

/// Whether the call may be held up as an example as things stand.
fn open_to_all(opened: &Opened, call_id: &str) -> miette::Result<()> {
    match reviewed(opened)?.taken(call_id) {
        Taken::Contested => Err(refused(Refusal::NotNow("an appeal about the call is under way"))),
        Taken::Machine | Taken::Reviewed => Ok(()),
    }
}

fn nominated(args: &NominateArgs) -> miette::Result<u8> {
    let number = match args.data.writer_or_server(WHO)? {
        Some(opened) => {
            let found = opened.data.get_call(&args.call).map_err(index)?;
            let call = found.ok_or_else(|| miette!("there is no call {}", args.call))?;
            open_to_all(&opened, &args.call)?;
            let end = u32::try_from(call.analysis.turns.len().saturating_sub(1)).unwrap_or(u32::MAX);
            let chosen = args.first.is_some() || args.last.is_some();
            let order = Order {
                title: args.title.clone(),
                lesson: args.lesson.clone(),
                note: args.note.clone(),
                code: args.code.clone(),
                good: !args.bad,
                turns: chosen.then(|| (args.first.unwrap_or(0), args.last.unwrap_or(end))),
            };
            let (pipeline, known) = (&opened.pipeline, known(&opened)?);
            let mask = |text: &str| pipeline.normalizer().text(text).text;
            let nomination = nominate(&order, &call, &known, pipeline.finder().catalog(), mask).map_err(refused)?;
            let detail = format!("turns {} to {}", nomination.first, nomination.last);
            let event = Event::Nominated(nomination);
            let entry = row(&Who::local(&args.who), Utc::now(), On::call(&call), &event).map_err(index)?;
            opened.data.add_example(&entry, "example nominated", &detail).map_err(index)?
        }
        None => {
            let turn = |turn: Option<u32>| turn.map(i32::try_from).transpose().into_diagnostic();
            let request = v1::NominateExampleRequest {
                call: format!("calls/{}", args.call),
                title: args.title.clone(),
                lesson: args.lesson.clone(),
                note: args.note.clone(),
                code: args.code.clone(),
                good: !args.bad,
                first_turn: turn(args.first)?,
                last_turn: turn(args.last)?,
                actor: args.who.clone(),
            };
            let made = through_server(&args.data, |mut client| async move { client.nominate_example(request).await })?;
            let number = made.name.rsplit('/').next().and_then(|number| number.parse().ok());
            number.ok_or_else(|| miette!("the server answered with no number"))?
        }
    };
    println!("{number} 号已提名，请另一人审定");
    Ok(GOOD)
}

/// Decides on a nomination, or takes an example back where there is no decision.
fn decide(on: &Decided, decision: Option<&Event>, shared: bool) -> miette::Result<u8> {
    let said = match on.data.writer_or_server(WHO)? {
        Some(opened) => in_folder(&opened, on, decision)?,
        None => {
            let (name, note, actor) = (format!("examples/{}", on.number), on.note.clone(), on.who.clone());
            let approve = matches!(decision, Some(Event::Approved { .. }));
            let state = match decision {
                Some(_) => {
                    let request = v1::DecideExampleRequest { name, approve, shared, note, actor };
                    through_server(&on.data, |mut client| async move { client.decide_example(request).await })?.state()
                }
                None => {
                    let request = v1::WithdrawExampleRequest { name, note, actor };
                    let withdraw =
                        through_server(&on.data, |mut client| async move { client.withdraw_example(request).await });
                    withdraw?.state()
                }
            };
            match state {
                v1::ExampleState::Approved => State::Approved,
                v1::ExampleState::Rejected => State::Rejected,
                _ => State::Withdrawn,
            }
        }
    };
    println!("{} 号{}", on.number, said.zh());
    Ok(GOOD)
}

fn in_folder(opened: &Opened, on: &Decided, decision: Option<&Event>) -> miette::Result<State> {
    let all = known(opened)?;
    let study = all.iter().find(|study| study.number == on.number);
    let study = study.ok_or_else(|| miette!("there is no example {}", on.number))?;
    let who = Who::local(&on.who);
    let masked = opened.pipeline.normalizer().text(on.note.trim()).text;
    let (event, action) = match decision {
        Some(Event::Approved { shared, .. }) => {
            study.may_decide(&who).map_err(refused)?;
            open_to_all(opened, &study.call_id)?;
            (Event::Approved { shared: *shared, note: masked }, "example approved")
        }
        Some(_) => {
            study.may_decide(&who).map_err(refused)?;
            (Event::Rejected { note: masked }, "example rejected")
        }
        None => {
            study.may_withdraw().map_err(refused)?;
            (Event::Withdrawn { note: masked }, "example withdrawn")
        }
    };
    let entry = row(&who, Utc::now(), On::study(study), &event).map_err(index)?;
    let detail = match &event {
        Event::Approved { shared: true, .. } => "for the whole hotline",
        Event::Approved { shared: false, .. } => "for those who see the call",
        _ => "",
    };
    opened.data.add_example(&entry, action, detail).map_err(index)?;
    let catalog = opened.pipeline.finder().catalog();
    crate::coaching::library::settle(&opened.data, &opened.knowledge()?, catalog).map_err(index)?;
    Ok(match event {
        Event::Approved { .. } => State::Approved,
        Event::Rejected { .. } => State::Rejected,
        Event::Nominated(_) | Event::Withdrawn { .. } => State::Withdrawn,
    })
}
