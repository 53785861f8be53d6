//! Opening cases and taking their steps: in the data folder, or through the server that holds it.

use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, Subcommand};
use miette::{IntoDiagnostic, miette};
use qingting_index::{CaseQuery, DateRange, Depth};
use qingting_pipeline::record::Severity;
use qingting_proto::v1;
use qingting_proto::v1::case_service_client::CaseServiceClient;
use tonic::transport::Channel as Connection;

use super::super::data::{DataArgs, Opened, index};
use super::super::submit::{self, status};
use super::{moment, one, rules, show};
use crate::case::{Burst, Cause, Channel, Event, Night, Reason, Recorded, Refusal, Rules, Who, cases, fresh};
use crate::cli::GOOD;
use crate::insight;

/// What the lock names this command.
const WHO: &str = "qingting cases";

#[derive(Debug, Args)]
pub(in crate::cli) struct OpenArgs {
    #[command(flatten)]
    data: DataArgs,
    /// First day of the calls that are looked at [default: as many days back as cases.toml says]
    #[arg(long, alias = "from", value_name = "YYYY-MM-DD", conflicts_with = "call")]
    since: Option<NaiveDate>,
    /// Open one by hand, about this call
    #[arg(long, value_name = "ID", requires = "reason")]
    call: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT", requires = "call")]
    reason: Option<String>,
    /// How grave: minor, major or fatal [default: as cases.toml says]
    #[arg(long, requires = "call", value_parser = severity)]
    severity: Option<Severity>,
    /// Who does it, as people call them
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    who: String,
}

/// Which case, by whom.
#[derive(Debug, Args)]
pub(in crate::cli) struct On {
    #[command(flatten)]
    data: DataArgs,
    /// Number of the case
    number: i64,
    /// Who does it, as people call them; who rechecks has to be somebody else than who rectified
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    who: String,
    /// Refuse where the case is not at this version any more [default: the one that it has]
    #[arg(long, value_name = "N")]
    seen: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum StepCommand {
    /// Say whether what the case was opened for is so
    Verify {
        #[command(flatten)]
        on: On,
        /// It is not so
        #[arg(long)]
        unfounded: bool,
        /// What was seen
        #[arg(long)]
        note: String,
    },
    /// Give it to whoever is to mend it
    Assign {
        #[command(flatten)]
        on: On,
        /// Person, team or department
        #[arg(long)]
        to: String,
        /// What is asked of them
        #[arg(long, default_value = "", hide_default_value = true)]
        note: String,
    },
    /// Say what was done
    Rectify {
        #[command(flatten)]
        on: On,
        /// What was done
        #[arg(long)]
        measures: String,
    },
    /// Say how the caller was told, and what the caller said; nothing is sent
    Reply {
        #[command(flatten)]
        on: On,
        /// phone, message, letter, platform, visit or other
        #[arg(long, value_parser = channel)]
        by: Channel,
        /// When, RFC 3339 [default: now]
        #[arg(long, value_name = "TIME", value_parser = moment)]
        at: Option<DateTime<Utc>>,
        /// The caller could not be reached
        #[arg(long)]
        unreached: bool,
        /// What the caller was told
        #[arg(long)]
        told: String,
        /// What the caller said
        #[arg(long, default_value = "", hide_default_value = true)]
        answer: String,
        /// Whether the caller is satisfied now, where that is known
        #[arg(long, value_name = "true|false")]
        satisfied: Option<bool>,
    },
    /// Say whether it is mended
    Recheck {
        #[command(flatten)]
        on: On,
        /// It is not: back to rectification
        #[arg(long)]
        failed: bool,
        /// What was seen
        #[arg(long)]
        note: String,
    },
    /// Close it
    Close {
        #[command(flatten)]
        on: On,
        /// What came of it
        #[arg(long)]
        result: String,
    },
    /// Say that its rating is false
    Contest {
        #[command(flatten)]
        on: On,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Decide whether it is
    Decide {
        #[command(flatten)]
        on: On,
        /// It is false: the case is over and counts no more; else it goes on
        #[arg(long)]
        upheld: bool,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Open it again
    Reopen {
        #[command(flatten)]
        on: On,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

fn channel(text: &str) -> Result<Channel, String> {
    let known = || Channel::ALL.map(Channel::as_str).join(", ");
    Channel::parse(text).ok_or_else(|| format!("one of {}", known()))
}

fn severity(text: &str) -> Result<Severity, String> {
    match text {
        "minor" => Ok(Severity::Minor),
        "major" => Ok(Severity::Major),
        "fatal" => Ok(Severity::Fatal),
        _ => Err("one of minor, major, fatal".to_owned()),
    }
}

impl StepCommand {
    fn parts(&self) -> (&On, Event) {
        let own = String::clone;
        match self {
            Self::Verify { on, unfounded, note } => (on, Event::Verified { confirmed: !unfounded, note: own(note) }),
            Self::Assign { on, to, note } => (on, Event::Assigned { to: own(to), note: own(note) }),
            Self::Rectify { on, measures } => (on, Event::Rectified { measures: own(measures) }),
            Self::Reply { on, by, at, unreached, told, answer, satisfied } => {
                let (told, answer) = (own(told), own(answer));
                let at = at.unwrap_or_else(Utc::now);
                let (reached, satisfied) = (!unreached, *satisfied);
                (on, Event::Replied { channel: *by, at, reached, told, answer, satisfied })
            }
            Self::Recheck { on, failed, note } => (on, Event::Rechecked { passed: !failed, note: own(note) }),
            Self::Close { on, result } => (on, Event::Closed { result: own(result) }),
            Self::Contest { on, reason } => (on, Event::Contested { reason: own(reason) }),
            Self::Decide { on, upheld, reason } => (on, Event::Decided { upheld: *upheld, reason: own(reason) }),
            Self::Reopen { on, reason } => (on, Event::Reopened { reason: own(reason) }),
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "passed to map_err")]
fn refused(refusal: Refusal) -> miette::Report {
    miette!("{refusal}")
}

fn through_server<T, F>(args: &DataArgs, ask: impl FnOnce(CaseServiceClient<Connection>) -> F) -> miette::Result<T>
where
    F: Future<Output = Result<tonic::Response<T>, tonic::Status>>,
{
    let ask = async |channel| Ok(ask(CaseServiceClient::new(channel)).await.map_err(status)?.into_inner());
    submit::ask(&args.data, "qingting.v1.CaseService", ask)
}

fn keep(opened: &Opened, rows: &[Recorded]) -> miette::Result<Vec<i64>> {
    let entries = rows.iter().map(Recorded::to_entry).collect::<qingting_index::Result<Vec<_>>>();
    opened.data.add_cases(&entries.map_err(index)?).map_err(index)
}

/// Opens what the rules ask for in a folder that is open for writing; the numbers of what is new. As a part of the nightly step.
///
/// # Errors
/// When the rules or the calls cannot be read, or nothing can be kept.
pub(in crate::cli) fn night(opened: &Opened, since: Option<NaiveDate>) -> miette::Result<Vec<i64>> {
    let rules = rules(opened)?;
    let night = Night { rules: &rules, catalog: opened.pipeline.finder().catalog(), now: Utc::now() };
    if !rules.calendar.covers(night.now) {
        eprintln!(
            "warning: the calendar {} knows no holidays of today: due dates go by weekends",
            rules.calendar.title()
        );
    }
    let bursts = match insight::load(&opened.data, DateRange::ALL) {
        Ok(view) => Burst::of(&view, &opened.settings.burst),
        Err(insight::Error::NoTopics) => Vec::new(),
        Err(error) => return Err(super::super::topics::failure(error)),
    };
    let range = DateRange { since: Some(since.unwrap_or(night.since())), until: None };
    let calls = opened.data.scan_to(range, Depth::Outline).map_err(index)?;
    let wanted = night.wanted(calls, &bursts, &opened.data).map_err(index)?;
    keep(opened, &fresh(&opened.data, wanted, &rules).map_err(index)?)
}

/// # Errors
/// When there is no such call, a case is open about it, or nothing can be kept.
pub(super) fn open(args: &OpenArgs) -> miette::Result<u8> {
    let (Some(call), Some(reason)) = (&args.call, &args.reason) else {
        let numbers = match args.data.writer_or_server(WHO)? {
            Some(opened) => night(&opened, args.since)?,
            None => {
                let since = args.since.map_or_else(String::new, |day| day.to_string());
                let request = v1::OpenCasesByRulesRequest { since };
                let opened =
                    through_server(&args.data, |mut client| async move { client.open_cases_by_rules(request).await })?;
                opened.cases.iter().filter_map(|name| name.rsplit('/').next()?.parse().ok()).collect()
            }
        };
        let list = numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        println!("新立案 {} 件{}{list}", numbers.len(), if list.is_empty() { "" } else { "：" });
        return Ok(GOOD);
    };
    let number = match args.data.writer_or_server(WHO)? {
        Some(opened) => by_hand(&opened, &rules(&opened)?, call, reason, args)?,
        None => {
            let severity = args.severity.map_or(v1::Severity::Unspecified, |severity| match severity {
                Severity::Minor => v1::Severity::Minor,
                Severity::Major => v1::Severity::Major,
                Severity::Fatal => v1::Severity::Fatal,
            });
            let request = v1::OpenCaseRequest {
                call: format!("calls/{call}"),
                reason: reason.clone(),
                severity: severity.into(),
                actor: args.who.clone(),
            };
            let opened = through_server(&args.data, |mut client| async move { client.open_case(request).await })?;
            let number = opened.name.rsplit('/').next().and_then(|number| number.parse().ok());
            number.ok_or_else(|| miette!("the server answered with no number"))?
        }
    };
    println!("{number} 号已立案");
    Ok(GOOD)
}

fn by_hand(opened: &Opened, rules: &Rules, call: &str, reason: &str, args: &OpenArgs) -> miette::Result<i64> {
    let found = opened.data.get_call(call).map_err(index)?.ok_or_else(|| miette!("there is no call {call}"))?;
    let query = CaseQuery {
        call_id: Some(call.to_owned()),
        cause: Some(Cause::Hand.as_str().to_owned()),
        ..CaseQuery::default()
    };
    let known = cases(&opened.data, &query).map_err(index)?;
    if let Some(open) = known.iter().find(|case| case.state.is_open()) {
        return Err(refused(Refusal::Exists(open.number)));
    }
    let reason = Reason::by_hand(rules, reason, args.severity).map_err(refused)?;
    let row = reason.open(call, found.record.agent.as_ref(), &Who::local(&args.who), Utc::now(), rules);
    keep(opened, &[row])?.pop().ok_or_else(|| miette!("nothing was kept"))
}

/// # Errors
/// When the step may not be taken, or nothing can be kept.
pub(super) fn step(command: &StepCommand) -> miette::Result<u8> {
    let (on, event) = command.parts();
    let (case, rules) = match on.data.writer_or_server(WHO)? {
        Some(opened) => {
            let (mut case, rules) = (one(&opened, on.number)?, rules(&opened)?);
            let seen = on.seen.unwrap_or(case.version);
            let row = case.take(event.clone(), &Who::local(&on.who), Utc::now(), seen, &rules).map_err(refused)?;
            keep(&opened, std::slice::from_ref(&row))?;
            case.add(row);
            (case, rules)
        }
        None => {
            let opened = on.data.reader()?;
            let seen = match on.seen {
                Some(seen) => seen,
                None => one(&opened, on.number)?.version,
            };
            take(on, seen, event.clone())?;
            (one(&opened, on.number)?, rules(&opened)?)
        }
    };
    println!("{}", show::done(&case, &event, &rules));
    Ok(GOOD)
}

/// Takes a step through the server.
fn take(on: &On, seen: u32, event: Event) -> miette::Result<v1::Case> {
    let (name, actor) = (format!("cases/{}", on.number), on.who.clone());
    let expected_version = i32::try_from(seen).into_diagnostic()?;
    macro_rules! ask {
        ($method:ident, $request:ident { $($field:ident : $value:expr),+ }) => {{
            let request = v1::$request { name, expected_version, actor, $($field: $value),+ };
            through_server(&on.data, |mut client| async move { client.$method(request).await })
        }};
    }
    match event {
        Event::Opened(_) => Err(miette!("a case is opened with `qingting cases open`")),
        Event::Verified { confirmed, note } => {
            ask!(verify_case, VerifyCaseRequest { confirmed: confirmed, note: note })
        }
        Event::Assigned { to, note } => ask!(assign_case, AssignCaseRequest { assignee: to, note: note }),
        Event::Rectified { measures } => ask!(rectify_case, RectifyCaseRequest { measures: measures }),
        Event::Replied { channel, at, reached, told, answer, satisfied } => {
            let reply = v1::CallerReply {
                channel: v1::ReplyChannel::from(channel).into(),
                reply_time: at.to_rfc3339(),
                reached,
                told,
                answer,
                satisfied,
            };
            ask!(reply_to_caller, ReplyToCallerRequest { reply: Some(reply) })
        }
        Event::Rechecked { passed, note } => ask!(recheck_case, RecheckCaseRequest { passed: passed, note: note }),
        Event::Closed { result } => ask!(close_case, CloseCaseRequest { result: result }),
        Event::Contested { reason } => ask!(contest_rating, ContestRatingRequest { reason: reason }),
        Event::Decided { upheld, reason } => {
            ask!(decide_contest, DecideContestRequest { upheld: upheld, reason: reason })
        }
        Event::Reopened { reason } => ask!(reopen_case, ReopenCaseRequest { reason: reason }),
    }
}
