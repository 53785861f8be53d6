//! What goes wrong, and the gRPC status it becomes: the one place that maps errors to codes.
//! Clients get a code, a safe message and machine-readable details; everything internal
//! is logged here and not sent.

use std::collections::HashMap;
use std::time::Duration;

use qingting_index as index;
use qingting_pipeline::topic::TopicError;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::convert::Invalid;
use super::refusal::Refused;
use crate::{access::Denied, case, coaching, documents, experience, insight, review::Refusal};

/// Domain of `google.rpc.ErrorInfo`.
pub const ERROR_DOMAIN: &str = "qingting.v1";

/// When a client that was turned away should come back.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// Why a request is not answered.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The request itself is wrong.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// What was asked for is not there.
    #[error("{name} not found")]
    NotFound {
        /// Type of the resource, such as `qingting.v1.Call`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The store or an index refused.
    #[error(transparent)]
    Index(#[from] index::Error),
    /// What is known over many calls cannot be told or changed.
    #[error(transparent)]
    Insight(#[from] insight::Error),
    /// Somebody is turned away.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Something is for somebody else to do.
    #[error("{0}")]
    NotYours(&'static str),
    /// The client does not read what it asked for.
    #[error("the stream was not read for too long")]
    SlowReader,
    /// Nothing of that kind can be decided about a call.
    #[error(transparent)]
    Review(#[from] Refusal),
    /// Nothing of that kind can be done in a case.
    #[error(transparent)]
    Case(#[from] case::Refusal),
    /// Nothing of that kind can be done to an example.
    #[error(transparent)]
    Example(#[from] coaching::Refusal),
    /// Nothing of that kind can be done in the programme of experience officers.
    #[error(transparent)]
    Experience(#[from] experience::Refusal),
    /// Documents cannot be used or published.
    #[error(transparent)]
    Documents(#[from] documents::Refusal),
    /// All permits are taken.
    #[error("too many {0} at once")]
    Busy(&'static str),
    /// Models and indexes are still being loaded.
    #[error("still loading")]
    NotReady,
    /// The server is being stopped.
    #[error("shutting down")]
    ShuttingDown,
    /// The thread that writes has ended.
    #[error("the writer has stopped")]
    WriterStopped,
    /// The request took too long.
    #[error("deadline of {0:?} exceeded")]
    Deadline(Duration),
    /// A thread that worked on the request panicked.
    #[error("a worker panicked")]
    Panicked,
}

impl Failure {
    /// An error of the index in answering a query: what is wrong with the query is told with its field.
    pub fn in_field(field: &str, error: index::Error) -> Self {
        match error {
            index::Error::InvalidQuery { message, position } => {
                Self::Invalid(Invalid::field(field, format!("{message} (at character {position})")))
            }
            other => Self::Index(other),
        }
    }
}

/// What of a text that may quote the request goes into a status, whose parts are headers: clients take no more than some
/// kilobytes of them, and then see a broken connection in place of the error.
fn brief(text: &str) -> String {
    const MOST_BYTES: usize = 400;
    if text.len() <= MOST_BYTES {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(MOST_BYTES);
    format!("{}…", &text[..end])
}

/// Violations that are told one by one.
const MOST_VIOLATIONS: usize = 8;

impl From<Invalid> for Status {
    fn from(invalid: Invalid) -> Self {
        Failure::Invalid(invalid).into()
    }
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        let message = brief(&failure.to_string());
        match failure {
            Failure::Invalid(invalid) => {
                let mut details = reason("INVALID_FIELD");
                for (field, description) in invalid.violations.into_iter().take(MOST_VIOLATIONS) {
                    details.add_bad_request_violation(brief(&field), brief(&description));
                }
                Status::with_error_details(Code::InvalidArgument, message, details)
            }
            Failure::NotFound { kind, name } => {
                let mut details = reason("NOT_FOUND");
                details.set_resource_info(kind, brief(&name), "", "no such resource");
                Status::with_error_details(Code::NotFound, message, details)
            }
            Failure::Index(error) => from_index(&error),
            Failure::Insight(error) => from_insight(error, message),
            Failure::Denied(denied) => from_denied(&denied, message),
            Failure::NotYours(_) => Status::with_error_details(Code::PermissionDenied, message, reason("ROLE")),
            Failure::SlowReader => Status::with_error_details(Code::ResourceExhausted, message, reason("SLOW_READER")),
            Failure::Review(refusal) => refused(refusal.into(), message),
            Failure::Case(refusal) => refused(refusal.into(), message),
            Failure::Example(refusal) => refused(refusal.into(), message),
            Failure::Experience(refusal) => refused(refusal.into(), message),
            Failure::Documents(refusal) => refused(refusal.into(), message),
            Failure::Busy(_) => retry(Code::ResourceExhausted, message, "BUSY"),
            Failure::NotReady => retry(Code::Unavailable, message, "NOT_READY"),
            Failure::ShuttingDown => retry(Code::Unavailable, message, "SHUTTING_DOWN"),
            Failure::WriterStopped => Status::with_error_details(Code::Unavailable, message, reason("WRITER_STOPPED")),
            Failure::Deadline(_) => Status::with_error_details(Code::DeadlineExceeded, message, reason("TIMEOUT")),
            Failure::Panicked => Status::with_error_details(Code::Internal, message, reason("PANIC")),
        }
    }
}

fn from_denied(denied: &Denied, message: String) -> Status {
    use Denied as D;
    let (code, reason_text) = match denied {
        D::NoCredentials => (Code::Unauthenticated, "NO_CREDENTIALS"),
        D::UnknownKey | D::UnknownRole { .. } => (Code::Unauthenticated, "UNKNOWN_KEY"),
        D::EndedKey(_) | D::Over(_) => (Code::Unauthenticated, "ENDED_KEY"),
        D::Token(_) | D::NoTokens => (Code::Unauthenticated, "INVALID_TOKEN"),
        D::NotReady => return retry(Code::Unavailable, message, "NOT_READY"),
        D::Forbidden { .. } => (Code::PermissionDenied, "ROLE"),
        D::Narrow { .. } | D::NotSeen => (Code::PermissionDenied, "SCOPE"),
        D::UnknownMethod(_) => (Code::Unimplemented, "UNKNOWN_METHOD"),
        D::TooMany { retry_after } => {
            let mut details = reason("RATE");
            details.set_retry_info(Some(*retry_after));
            return Status::with_error_details(Code::ResourceExhausted, message, details);
        }
    };
    Status::with_error_details(code, message, reason(reason_text))
}

/// Something that cannot be done as somebody wanted it.
fn refused(why: Refused, message: String) -> Status {
    match why {
        Refused::Field(field, message) => Invalid::field(field, message).into(),
        Refused::Unknown(kind, name) => Failure::NotFound { kind, name }.into(),
        Refused::Reason(code, text) => Status::with_error_details(code, message, reason(text)),
        Refused::Mistakes(mistakes) => {
            let mut details = reason("INVALID_DOCUMENT");
            for mistake in mistakes.into_iter().take(MOST_VIOLATIONS) {
                details.add_bad_request_violation("drafts", brief(&mistake));
            }
            Status::with_error_details(Code::InvalidArgument, message, details)
        }
        Refused::Index(error) => from_index(&error),
    }
}

fn from_insight(error: insight::Error, message: String) -> Status {
    use insight::Error as E;
    match error {
        E::NoTopics => {
            let message = "there are no topics yet: RefreshTopics finds them".to_owned();
            Status::with_error_details(Code::FailedPrecondition, message, reason("NO_TOPICS"))
        }
        E::NoCalls => Status::with_error_details(Code::FailedPrecondition, message, reason("NO_CALLS")),
        E::Busy => retry(Code::Aborted, message, "REFRESHING"),
        E::Topic(TopicError::Unknown(id)) => {
            Failure::NotFound { kind: "qingting.v1.Topic", name: format!("topics/{id}") }.into()
        }
        E::Topic(TopicError::Retired { .. }) => {
            Status::with_error_details(Code::FailedPrecondition, message, reason("TOPIC_MERGED"))
        }
        E::Topic(_) => Status::with_error_details(Code::InvalidArgument, message, reason("INVALID_FIELD")),
        E::Index(error) => from_index(&error),
        E::Pipeline(error) => from_index(&error.into()),
    }
}

fn from_index(error: &index::Error) -> Status {
    use index::Error as E;
    let (code, reason_text, safe) = match error {
        E::NotFound { .. } => (Code::NotFound, "NOT_FOUND", true),
        E::Refused { .. } => (Code::InvalidArgument, "REFUSED", true),
        E::InvalidQuery { .. } => (Code::InvalidArgument, "INVALID_QUERY", true),
        E::Locked { .. } => (Code::FailedPrecondition, "LOCKED", false),
        E::NewerFormat { .. } => (Code::FailedPrecondition, "NEWER_FORMAT", false),
        E::Stale { .. } => (Code::FailedPrecondition, "STALE_INDEX", true),
        E::Sealed { .. } => (Code::FailedPrecondition, "SEALED", true),
        E::Corrupt { .. } => (Code::DataLoss, "CORRUPT", false),
        E::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
            (Code::ResourceExhausted, "STORAGE_FULL", false)
        }
        E::Io { .. } => (Code::Internal, "IO", false),
        E::Parquet { .. } | E::Arrow(_) | E::Json { .. } | E::Sqlite(_) | E::Csv { .. } | E::Input { .. } => {
            (Code::Internal, "STORE", false)
        }
        E::Tantivy(_) | E::WriterClosed => (Code::Internal, "SEARCH_INDEX", false),
        E::Pipeline(_) | E::Model(_) => (Code::Internal, "ANALYSIS", false),
        // The enum is non-exhaustive: what this version does not know is internal.
        _ => (Code::Internal, "INTERNAL", false),
    };
    let message = if safe {
        brief(&error.to_string())
    } else {
        tracing::error!(error = chain(error), reason = reason_text, "request failed");
        safe_message(code).to_owned()
    };
    Status::with_error_details(code, message, reason(reason_text))
}

/// What clients read where the error itself names files or internals.
fn safe_message(code: Code) -> &'static str {
    match code {
        Code::FailedPrecondition => "the data folder cannot be used as it is; see the server's log",
        Code::DataLoss => "stored data cannot be read; see the server's log",
        Code::ResourceExhausted => "the disk is full",
        _ => "internal error; see the server's log",
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}

fn reason(reason: &str) -> ErrorDetails {
    ErrorDetails::with_error_info(reason, ERROR_DOMAIN, HashMap::new())
}

fn retry(code: Code, message: String, reason_text: &str) -> Status {
    let mut details = reason(reason_text);
    details.set_retry_info(Some(RETRY_DELAY));
    Status::with_error_details(code, message, details)
}

/// A status as the message that acknowledgements carry; `None` is OK.
pub(super) fn status_message(status: Option<&Status>) -> qingting_proto::rpc::Status {
    match status {
        None => qingting_proto::rpc::Status::default(),
        Some(status) => qingting_proto::rpc::Status {
            code: status.code().into(),
            message: status.message().to_owned(),
            details: details_of(status),
        },
    }
}

fn details_of(status: &Status) -> Vec<prost_types::Any> {
    use prost::Message;
    qingting_proto::rpc::Status::decode(status.details()).map(|s| s.details).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_failure_has_its_code_and_reason() {
        let io = |kind| Failure::Index(index::Error::io("/secret/path", std::io::Error::from(kind)));
        use crate::{documents::Refusal as R, experience::Refusal as E};
        let document = |refusal: R| Failure::from(refusal);
        let index = |error: index::Error| Failure::Index(error);
        let text = String::new;
        let conflict = R::Conflict { document: text(), expected: 1, current: 2 };
        let stale = index::Error::Stale { why: "w".into(), fix: "f".into() };
        let sealed = index::Error::Sealed { call: "c".into(), message: "m".into() };
        let locked = index::Error::Locked { path: "/secret/path".into(), holder: text() };
        let newer = index::Error::NewerFormat { path: "/secret/path".into(), found: 9, supported: 1 };
        let query = index::Error::InvalidQuery { message: text(), position: 1 };
        let refused = index::Error::Refused { what: text(), message: text() };
        let json = serde_json::from_str::<bool>("x").unwrap_err();
        let topic = |error: TopicError| Failure::Insight(insight::Error::Topic(error));
        let role =
            Denied::Forbidden { role: crate::access::Role::Agent, permission: crate::access::Permission::Ingest };
        let cases = [
            (Failure::Invalid(Invalid::field("a", "b")), Code::InvalidArgument, "INVALID_FIELD"),
            (index(refused), Code::InvalidArgument, "REFUSED"),
            (index(query), Code::InvalidArgument, "INVALID_QUERY"),
            (Failure::NotFound { kind: "k", name: "n".into() }, Code::NotFound, "NOT_FOUND"),
            (index(index::Error::not_found("n")), Code::NotFound, "NOT_FOUND"),
            (topic(TopicError::Unknown("t1".into())), Code::NotFound, "NOT_FOUND"),
            (Failure::Review(Refusal::Unknown(text())), Code::NotFound, "NOT_FOUND"),
            (Failure::Denied(Denied::NoCredentials), Code::Unauthenticated, "NO_CREDENTIALS"),
            (Failure::Denied(Denied::UnknownKey), Code::Unauthenticated, "UNKNOWN_KEY"),
            (Failure::Denied(Denied::EndedKey(text())), Code::Unauthenticated, "ENDED_KEY"),
            (Failure::Denied(Denied::Over(text())), Code::Unauthenticated, "ENDED_KEY"),
            (Failure::Denied(Denied::NoTokens), Code::Unauthenticated, "INVALID_TOKEN"),
            (Failure::Denied(Denied::NotReady), Code::Unavailable, "NOT_READY"),
            (Failure::Denied(role), Code::PermissionDenied, "ROLE"),
            (Failure::Denied(Denied::NotSeen), Code::PermissionDenied, "SCOPE"),
            (Failure::Review(Refusal::OwnDecision("")), Code::PermissionDenied, "OWN_DECISION"),
            (Failure::Review(Refusal::NotYours("")), Code::PermissionDenied, "ROLE"),
            (Failure::Denied(Denied::UnknownMethod(text())), Code::Unimplemented, "UNKNOWN_METHOD"),
            (Failure::Denied(Denied::TooMany { retry_after: RETRY_DELAY }), Code::ResourceExhausted, "RATE"),
            (Failure::Busy("streams"), Code::ResourceExhausted, "BUSY"),
            (Failure::NotYours("not yours"), Code::PermissionDenied, "ROLE"),
            (Failure::SlowReader, Code::ResourceExhausted, "SLOW_READER"),
            (io(std::io::ErrorKind::StorageFull), Code::ResourceExhausted, "STORAGE_FULL"),
            (Failure::NotReady, Code::Unavailable, "NOT_READY"),
            (Failure::ShuttingDown, Code::Unavailable, "SHUTTING_DOWN"),
            (Failure::WriterStopped, Code::Unavailable, "WRITER_STOPPED"),
            (Failure::Deadline(Duration::from_secs(1)), Code::DeadlineExceeded, "TIMEOUT"),
            (index(stale), Code::FailedPrecondition, "STALE_INDEX"),
            (index(sealed), Code::FailedPrecondition, "SEALED"),
            (index(locked), Code::FailedPrecondition, "LOCKED"),
            (index(newer), Code::FailedPrecondition, "NEWER_FORMAT"),
            (Failure::Insight(insight::Error::NoTopics), Code::FailedPrecondition, "NO_TOPICS"),
            (Failure::Insight(insight::Error::NoCalls), Code::FailedPrecondition, "NO_CALLS"),
            (topic(TopicError::Retired { id: text(), into: text() }), Code::FailedPrecondition, "TOPIC_MERGED"),
            (Failure::Review(Refusal::NotNow("")), Code::FailedPrecondition, "REVIEW_STATE"),
            (Failure::Review(Refusal::Blind), Code::FailedPrecondition, "BLIND"),
            (document(R::Mistakes(Vec::new())), Code::InvalidArgument, "INVALID_DOCUMENT"),
            (document(R::Note(text())), Code::InvalidArgument, "INVALID_FIELD"),
            (document(R::Unknown(text())), Code::NotFound, "NOT_FOUND"),
            (document(conflict), Code::Aborted, "VERSION_CONFLICT"),
            (document(R::Same(text())), Code::FailedPrecondition, "NOTHING_CHANGES"),
            (document(R::NewWords), Code::FailedPrecondition, "NEEDS_REINDEX"),
            (Failure::Case(case::Refusal::Unknown(text())), Code::NotFound, "NOT_FOUND"),
            (Failure::Case(case::Refusal::Exists(1)), Code::AlreadyExists, "CASE_EXISTS"),
            (Failure::Case(case::Refusal::NotNow(text())), Code::FailedPrecondition, "CASE_STATE"),
            (Failure::Case(case::Refusal::Conflict { expected: 1, is: 2 }), Code::Aborted, "VERSION_CONFLICT"),
            (Failure::Case(case::Refusal::OwnDecision("")), Code::PermissionDenied, "OWN_DECISION"),
            (Failure::Case(case::Refusal::NotYours("")), Code::PermissionDenied, "ROLE"),
            (Failure::Example(coaching::Refusal::Unknown(text())), Code::NotFound, "NOT_FOUND"),
            (Failure::Example(coaching::Refusal::NotNow("")), Code::FailedPrecondition, "EXAMPLE_STATE"),
            (Failure::Example(coaching::Refusal::Blind), Code::FailedPrecondition, "BLIND"),
            (Failure::Experience(E::Unknown(text())), Code::NotFound, "NOT_FOUND"),
            (Failure::Experience(E::Exists(text())), Code::AlreadyExists, "EXPERIENCE_EXISTS"),
            (Failure::Experience(E::NotNow(text())), Code::FailedPrecondition, "EXPERIENCE_STATE"),
            (
                Failure::Experience(E::Conflict { what: text(), expected: 1, is: 2 }),
                Code::Aborted,
                "VERSION_CONFLICT",
            ),
            (Failure::Insight(insight::Error::Busy), Code::Aborted, "REFRESHING"),
            (Failure::Review(Refusal::Leased(text())), Code::Aborted, "LEASED"),
            (index(index::Error::corrupt("/secret/path", "x")), Code::DataLoss, "CORRUPT"),
            (io(std::io::ErrorKind::PermissionDenied), Code::Internal, "IO"),
            (index(index::Error::json("/secret/path", json)), Code::Internal, "STORE"),
            (index(index::Error::WriterClosed), Code::Internal, "SEARCH_INDEX"),
            (Failure::Panicked, Code::Internal, "PANIC"),
        ];
        let mut told = BTreeSet::new();
        for (failure, code, reason) in cases {
            let text = format!("{failure:?}");
            let status = Status::from(failure);
            assert_eq!(status.code(), code, "{text}");
            assert!(!status.message().contains("/secret"), "{text}");
            let info = status.get_error_details().error_info().cloned().unwrap();
            assert_eq!((info.reason.as_str(), info.domain.as_str()), (reason, ERROR_DOMAIN));
            told.insert((code as i32, reason.to_owned()));
        }
        // What the documentation says, and nothing else.
        let documented = documented();
        for known in &told {
            assert!(documented.contains(known), "docs/grpc.md does not say {known:?}");
        }
        let own = include_str!("status.rs");
        let source = format!("{}{}", &own[..own.find("#[cfg(test)]").unwrap()], include_str!("refusal.rs"));
        let literals = source.split('"').skip(1).step_by(2).filter(|text| is_reason(text));
        let reasons: BTreeSet<&str> = documented.iter().map(|(_, reason)| reason.as_str()).collect();
        assert_eq!(literals.collect::<BTreeSet<_>>(), reasons);
        // Errors of models and of later versions of the index cannot be made here.
        let untold = documented.difference(&told).map(|(_, reason)| reason.as_str()).collect::<Vec<_>>();
        assert_eq!(untold, ["ANALYSIS", "INTERNAL"]);
    }

    fn is_reason(text: &str) -> bool {
        text.len() > 1 && text.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    }

    /// Code and reason of every row of the table in docs/grpc.md.
    fn documented() -> BTreeSet<(i32, String)> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/grpc.md");
        let text = std::fs::read_to_string(path).unwrap();
        let rows = text.lines().skip_while(|line| !line.starts_with("| code | reason |")).skip(2);
        let mut code = Code::Unknown;
        let mut all = BTreeSet::new();
        for row in rows.take_while(|line| line.starts_with('|')) {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
            if let Some(name) = names(cells[0]).first() {
                let is =
                    |number: &i32| format!("{:?}", Code::from_i32(*number)).to_uppercase() == name.replace('_', "");
                code = Code::from_i32((0..17).find(is).unwrap_or_else(|| panic!("no code {name}")));
            }
            all.extend(names(cells[1]).into_iter().map(|reason| (code as i32, reason)));
        }
        all
    }

    /// A client saw a protocol error in place of the status: the name was in two headers, one of them percent-encoded.
    #[test]
    fn a_status_that_quoted_a_long_request_broke_the_connection() {
        let long = "停".repeat(5000);
        let mut invalid = Invalid::field(long.clone(), long.clone());
        for at in 0..500 {
            invalid.violations.push((format!("call.turns[{at}].{long}"), long.clone()));
        }
        let refused = index::Error::Refused { what: long.clone(), message: long.clone() };
        for failure in [
            Failure::Invalid(invalid),
            Failure::NotFound { kind: "k", name: long.clone() },
            Failure::Index(refused),
            Failure::in_field("filter", index::Error::InvalidQuery { message: long.clone(), position: 1 }),
        ] {
            let status = Status::from(failure);
            let headers = status.into_http::<()>().headers().clone();
            let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
            assert!(bytes < 12 << 10, "{bytes} bytes of headers");
        }
    }

    #[test]
    fn acknowledgements_keep_the_details() {
        let status = Status::from(Failure::Invalid(Invalid::field("call.rating", "must be 1 to 5, is 9")));
        let message = status_message(Some(&status));
        assert_eq!(message.code, 3);
        assert_eq!(message.details.len(), 2);
        assert_eq!(status_message(None).code, 0);
    }
}
