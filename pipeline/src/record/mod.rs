//! The plain types that the stages hand to each other. They carry no behaviour
//! beyond small accessors; no stage's internals and no wire type appear here.

mod analysis;
mod call;
mod conduct;
mod context;
mod digest;
mod margins;
mod particulars;
mod signals;
mod text;

pub use analysis::{
    Analysis, Evidence, Facts, Finding, ItemScore, Need, Needs, Provenance, Score, Sentiment, SentimentLabel, Severity,
    SignalReport, Taboo, TurnAnalysis,
};
pub use call::{Agent, CallRecord, Caller, Direction, Party, Role, Ticket, Turn, Word};
pub use conduct::{Conduct, ConductStep, StepResult, StepStatus};
pub use context::CallContext;
pub use digest::{CallDigest, CallerStyle};
pub use margins::{HeadNames, Margins};
pub use particulars::{Particular, Particulars};
pub use signals::{Act, CallMargins, CallSignals, CueHit, Overlap, Silence, Timing, TurnSignals};
pub use text::{Mask, MaskKind, NormalizedTurn, NumberSpan, Span, Token};
