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
use crate::insight;

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

impl From<Invalid> for Status {
    fn from(invalid: Invalid) -> Self {
        Failure::Invalid(invalid).into()
    }
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        let message = failure.to_string();
        match failure {
            Failure::Invalid(invalid) => {
                let mut details = reason("INVALID_FIELD");
                for (field, description) in invalid.violations {
                    details.add_bad_request_violation(field, description);
                }
                Status::with_error_details(Code::InvalidArgument, message, details)
            }
            Failure::NotFound { kind, name } => {
                let mut details = reason("NOT_FOUND");
                details.set_resource_info(kind, name, "", "no such resource");
                Status::with_error_details(Code::NotFound, message, details)
            }
            Failure::Index(error) => from_index(&error),
            Failure::Insight(error) => from_insight(error, message),
            Failure::Busy(_) => retry(Code::ResourceExhausted, message, "BUSY"),
            Failure::NotReady => retry(Code::Unavailable, message, "NOT_READY"),
            Failure::ShuttingDown => retry(Code::Unavailable, message, "SHUTTING_DOWN"),
            Failure::WriterStopped => Status::with_error_details(Code::Unavailable, message, reason("WRITER_STOPPED")),
            Failure::Deadline(_) => Status::with_error_details(Code::DeadlineExceeded, message, reason("TIMEOUT")),
            Failure::Panicked => Status::with_error_details(Code::Internal, message, reason("PANIC")),
        }
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
        error.to_string()
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
    use super::*;

    #[test]
    fn every_failure_has_its_code_and_reason() {
        let io = |kind| Failure::Index(index::Error::io("/secret/path", std::io::Error::from(kind)));
        let cases = [
            (Failure::Invalid(Invalid::field("a", "b")), Code::InvalidArgument, "INVALID_FIELD"),
            (Failure::NotFound { kind: "k", name: "n".into() }, Code::NotFound, "NOT_FOUND"),
            (Failure::Busy("streams"), Code::ResourceExhausted, "BUSY"),
            (Failure::NotReady, Code::Unavailable, "NOT_READY"),
            (Failure::ShuttingDown, Code::Unavailable, "SHUTTING_DOWN"),
            (Failure::WriterStopped, Code::Unavailable, "WRITER_STOPPED"),
            (Failure::Deadline(Duration::from_secs(1)), Code::DeadlineExceeded, "TIMEOUT"),
            (Failure::Panicked, Code::Internal, "PANIC"),
            (io(std::io::ErrorKind::StorageFull), Code::ResourceExhausted, "STORAGE_FULL"),
            (io(std::io::ErrorKind::PermissionDenied), Code::Internal, "IO"),
            (Failure::Index(index::Error::corrupt("/secret/path", "x")), Code::DataLoss, "CORRUPT"),
            (
                Failure::Index(index::Error::Stale { why: "w".into(), fix: "f".into() }),
                Code::FailedPrecondition,
                "STALE_INDEX",
            ),
        ];
        for (failure, code, reason) in cases {
            let text = format!("{failure:?}");
            let status = Status::from(failure);
            assert_eq!(status.code(), code, "{text}");
            assert!(!status.message().contains("/secret"), "{text}");
            let info = status.get_error_details().error_info().cloned().unwrap();
            assert_eq!((info.reason.as_str(), info.domain.as_str()), (reason, ERROR_DOMAIN));
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
