//! Enums, one table each. The wire's UNSPECIFIED never leaves this program except where
//! it means "not known" or "none".

use qingting_pipeline::record::{
    Act, ConductStep, Direction, Need, Party, Role, SentimentLabel, Severity, StepStatus, Taboo,
};
use qingting_proto::v1;

macro_rules! to_wire {
    ($(#[$doc:meta])* $name:ident: $enum:ident { $($variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        pub(in crate::server) fn $name(value: $enum) -> v1::$enum {
            match value { $($enum::$variant => v1::$enum::$variant,)+ }
        }
    };
}

to_wire!(
    /// Who speaks.
    role_to_wire: Role { Agent, Caller, Bot, Ivr, Other }
);
to_wire!(
    /// Who started the call.
    direction_to_wire: Direction { Inbound, Outbound }
);
to_wire!(
    /// Who ended the call.
    party_to_wire: Party { Agent, Caller, System }
);
to_wire!(
    /// Three-way sentiment.
    sentiment_to_wire: SentimentLabel { Pos, Neu, Neg }
);
to_wire!(
    /// How grave.
    severity_to_wire: Severity { Minor, Major, Fatal }
);
to_wire!(
    /// The eight taboos.
    taboo_to_wire: Taboo { T1, T2, T3, T4, T5, T6, T7, T8 }
);
to_wire!(
    /// Whether a need was met.
    need_to_wire: Need { Met, Unmet, None }
);
to_wire!(
    /// The steps of conduct.
    step_to_wire: ConductStep { Receive, Calm, FindOut, Resolve, Agree, FollowUp }
);
to_wire!(
    /// What became of a step.
    status_to_wire: StepStatus { Done, Missed, NotNeeded }
);
to_wire!(
    /// Dialogue acts.
    act_to_wire: Act {
        Greeting, Closing, Probe, Recap, Empathy, Apology, ThanksPraise, Explain, NextStep, Alternative, HoldNotice,
        Refuse, Backchannel, Ask, Complain, Suggest, Praise, Report, Inform, Agree, Object, Thank, Close,
    }
);

/// Who speaks. Unspecified is somebody else; `None` for a number that the API does not know.
pub(super) fn role_from_wire(value: i32) -> Option<Role> {
    Some(match v1::Role::try_from(value).ok()? {
        v1::Role::Agent => Role::Agent,
        v1::Role::Caller => Role::Caller,
        v1::Role::Bot => Role::Bot,
        v1::Role::Ivr => Role::Ivr,
        v1::Role::Other | v1::Role::Unspecified => Role::Other,
    })
}

/// Who started the call. Unspecified is inbound; `None` for a number that the API does not know.
pub(super) fn direction_from_wire(value: i32) -> Option<Direction> {
    Some(match v1::Direction::try_from(value).ok()? {
        v1::Direction::Inbound | v1::Direction::Unspecified => Direction::Inbound,
        v1::Direction::Outbound => Direction::Outbound,
    })
}

/// Who ended the call, if known; the outer `None` for a number that the API does not know.
pub(super) fn party_from_wire(value: i32) -> Option<Option<Party>> {
    Some(match v1::Party::try_from(value).ok()? {
        v1::Party::Unspecified => None,
        v1::Party::Agent => Some(Party::Agent),
        v1::Party::Caller => Some(Party::Caller),
        v1::Party::System => Some(Party::System),
    })
}
