//! What the rules of reviews, cases, examples, experience officers and documents refuse, each in the terms of its own part of the
//! program, as codes and reasons. How a status is made of them is [`super::status`]'s.

use std::borrow::Cow;

use qingting_index as index;
use tonic::Code;

use crate::{case, coaching, documents, experience, review};

/// Why something cannot be done.
pub(super) enum Refused {
    /// A field of the request is wrong.
    Field(Cow<'static, str>, String),
    /// There is no such thing: its kind and name.
    Unknown(&'static str, String),
    /// It cannot be done as things stand, or not by the one who asks.
    Reason(Code, &'static str),
    /// Documents have mistakes.
    Mistakes(Vec<String>),
    /// A file cannot be read.
    Index(index::Error),
}

impl From<review::Refusal> for Refused {
    fn from(refusal: review::Refusal) -> Self {
        use review::Refusal as R;
        match refusal {
            R::Wrong { field, message } => Self::Field(field.into(), message),
            R::Unknown(name) => Self::Unknown("qingting.v1.Review", name),
            R::NotNow(_) => Self::Reason(Code::FailedPrecondition, "REVIEW_STATE"),
            R::Blind => Self::Reason(Code::FailedPrecondition, "BLIND"),
            R::OwnDecision(_) => Self::Reason(Code::PermissionDenied, "OWN_DECISION"),
            R::NotYours(_) => Self::Reason(Code::PermissionDenied, "ROLE"),
            R::Leased(_) => Self::Reason(Code::Aborted, "LEASED"),
        }
    }
}

impl From<case::Refusal> for Refused {
    fn from(refusal: case::Refusal) -> Self {
        use case::Refusal as R;
        match refusal {
            R::Wrong { field, message } => Self::Field(field.into(), message),
            R::Unknown(name) => Self::Unknown("qingting.v1.Case", name),
            R::NotNow(_) => Self::Reason(Code::FailedPrecondition, "CASE_STATE"),
            R::Conflict { .. } => Self::Reason(Code::Aborted, "VERSION_CONFLICT"),
            R::Exists(_) => Self::Reason(Code::AlreadyExists, "CASE_EXISTS"),
            R::OwnDecision(_) => Self::Reason(Code::PermissionDenied, "OWN_DECISION"),
            R::NotYours(_) => Self::Reason(Code::PermissionDenied, "ROLE"),
        }
    }
}

impl From<coaching::Refusal> for Refused {
    fn from(refusal: coaching::Refusal) -> Self {
        use coaching::Refusal as R;
        match refusal {
            R::Wrong { field, message } => Self::Field(field.into(), message),
            R::Unknown(name) => Self::Unknown("qingting.v1.Example", name),
            R::NotNow(_) => Self::Reason(Code::FailedPrecondition, "EXAMPLE_STATE"),
            R::Blind => Self::Reason(Code::FailedPrecondition, "BLIND"),
            R::OwnDecision(_) => Self::Reason(Code::PermissionDenied, "OWN_DECISION"),
            R::NotYours(_) => Self::Reason(Code::PermissionDenied, "ROLE"),
        }
    }
}

impl From<experience::Refusal> for Refused {
    fn from(refusal: experience::Refusal) -> Self {
        use experience::Refusal as R;
        match refusal {
            R::Wrong { field, message } => Self::Field(field.into(), message),
            R::Unknown(name) => Self::Unknown("qingting.v1.Experience", name),
            R::NotNow(_) => Self::Reason(Code::FailedPrecondition, "EXPERIENCE_STATE"),
            R::Conflict { .. } => Self::Reason(Code::Aborted, "VERSION_CONFLICT"),
            R::Exists(_) => Self::Reason(Code::AlreadyExists, "EXPERIENCE_EXISTS"),
        }
    }
}

impl From<documents::Refusal> for Refused {
    fn from(refusal: documents::Refusal) -> Self {
        use documents::Refusal as R;
        match refusal {
            R::Mistakes(mistakes) => Self::Mistakes(mistakes.iter().map(ToString::to_string).collect()),
            R::Note(message) => Self::Field("note".into(), message),
            R::Unknown(name) => Self::Unknown("qingting.v1.Document", name),
            R::File(error) => Self::Index(error.into()),
            R::Conflict { .. } => Self::Reason(Code::Aborted, "VERSION_CONFLICT"),
            R::Same(_) => Self::Reason(Code::FailedPrecondition, "NOTHING_CHANGES"),
            R::NewWords => Self::Reason(Code::FailedPrecondition, "NEEDS_REINDEX"),
        }
    }
}
