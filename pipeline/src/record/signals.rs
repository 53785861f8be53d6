//! What the signal stage measures on a call, before anything is judged.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Margins, Role, Sentiment};

/// The measurements of one call.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CallSignals {
    /// One entry for every turn.
    pub turns: Vec<TurnSignals>,
    /// Present only where every turn has its times.
    pub timing: Option<Timing>,
    /// The margins of the heads over whole calls.
    pub margins: Margins,
}

/// The margins of one call.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CallMargins {
    /// One entry for every turn; empty for turns of neither party.
    pub turns: Vec<Margins>,
    /// Of the heads of emotions; empty, or one entry for every turn.
    pub emotions: Vec<Margins>,
    /// Of the call as a whole.
    pub call: Margins,
    /// The transformer's logits of the turns that it was asked about; empty or one entry for every turn.
    pub deep: Vec<Option<Margins>>,
}

/// The measurements of one turn.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnSignals {
    /// Spoken units a second (a Chinese character, a digit, a Latin word each count one); `None` without
    /// times or for a turn too short to measure.
    pub rate: Option<f32>,
    /// The feeling that the words express.
    pub sentiment: Sentiment,
    /// Emotion, when the recogniser or a model gave one.
    pub emotion: Option<String>,
    /// What the turn does.
    pub acts: Vec<Act>,
    /// Hits of the cue lists of `config/lexicon/cues/`, by position.
    pub cues: Vec<CueHit>,
    /// The margins of the heads over turns.
    pub margins: Margins,
    /// The transformer's logits, where it was asked.
    pub deep: Option<Margins>,
}

impl TurnSignals {
    /// Whether the turn does this.
    pub fn does(&self, act: Act) -> bool {
        self.acts.contains(&act)
    }

    /// The first hit of a cue list.
    pub fn cue(&self, name: &str) -> Option<&CueHit> {
        self.cues.iter().find(|hit| &*hit.cue == name)
    }
}

/// A phrase of a cue list found in a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CueHit {
    /// Name of the list.
    pub cue: Arc<str>,
    /// Byte range in the turn's `fold`.
    pub bytes: Range<usize>,
}

/// Timing of a call whose turns all have their times. Milliseconds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Timing {
    /// First start to last end.
    pub duration_ms: u64,
    /// Speech of each role, overlap counted for both.
    pub talk_ms: Vec<(Role, u64)>,
    /// Time in which two or more roles speak.
    pub overlap_ms: u64,
    /// Every pair of turns of different roles that overlap, by start of the overlap.
    pub overlaps: Vec<Overlap>,
    /// Every stretch of at least the configured length in which nobody speaks.
    pub silences: Vec<Silence>,
    /// Total time in which nobody speaks.
    pub silence_ms: u64,
    /// The longest stretch in which nobody speaks, listed or not.
    pub longest_silence_ms: u64,
    /// Spoken units a second of all turns of the role that are long enough to measure.
    pub agent_rate: Option<f32>,
    /// The same for the caller.
    pub caller_rate: Option<f32>,
    /// Median time from the end of a caller's turn to the agent's next start; negative when it overlaps.
    pub response_latency_ms: Option<i64>,
}

/// Two turns that overlap in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlap {
    /// The turn that began first.
    pub first: usize,
    /// The turn that came in.
    pub second: usize,
    /// When the second came in.
    pub start_ms: u64,
    /// When the earlier of the two ended.
    pub end_ms: u64,
}

impl Overlap {
    /// Length in milliseconds.
    pub fn ms(&self) -> u64 {
        self.end_ms - self.start_ms
    }
}

/// A stretch in which nobody speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// The turn whose end begins it.
    pub after: usize,
    /// The turn whose start ends it.
    pub before: usize,
    /// Start.
    pub start_ms: u64,
    /// End.
    pub end_ms: u64,
}

impl Silence {
    /// Length in milliseconds.
    pub fn ms(&self) -> u64 {
        self.end_ms - self.start_ms
    }
}

macro_rules! acts {
    ($($(#[$doc:meta])* $name:ident = $text:literal / $zh:literal,)+) => {
        /// What a turn does (dialogue act).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Act { $($(#[$doc])* $name,)+ }

        impl Act {
            /// Every act there is.
            pub const ALL: &'static [Act] = &[$(Self::$name,)+];
            /// The name used in every file format.
            pub fn as_str(self) -> &'static str { match self { $(Self::$name => $text,)+ } }
            /// What supervisors read.
            pub fn zh(self) -> &'static str { match self { $(Self::$name => $zh,)+ } }
            /// The act of that name.
            pub fn parse(name: &str) -> Option<Self> { match name { $($text => Some(Self::$name),)+ _ => None } }
        }
    };
}

impl Act {
    /// Whose act it is; a backchannel is counted with the agent's.
    pub fn role(self) -> Role {
        match self {
            Self::Ask
            | Self::Complain
            | Self::Suggest
            | Self::Praise
            | Self::Report
            | Self::Inform
            | Self::Agree
            | Self::Object
            | Self::Thank
            | Self::Close => Role::Caller,
            _ => Role::Agent,
        }
    }
}

acts! {
    /// The agent's opening formula.
    Greeting = "greeting" / "开场问候",
    /// The agent's closing formula.
    Closing = "closing" / "结束语",
    /// Asks to find out the need or a missing fact.
    Probe = "probe" / "询问需求",
    /// Restates key facts for confirmation.
    Recap = "recap" / "复述确认",
    /// Names or shares the feeling.
    Empathy = "empathy" / "共情",
    /// Apologises.
    Apology = "apology" / "致歉",
    /// Thanks or praises the caller.
    ThanksPraise = "thanks_praise" / "感谢赞美",
    /// Gives information or the rule.
    Explain = "explain" / "解释说明",
    /// Says what will be done, by whom, when, or what to do.
    NextStep = "next_step" / "后续步骤",
    /// Offers another way.
    Alternative = "alternative" / "替代方案",
    /// Announces or excuses a wait.
    HoldNotice = "hold_notice" / "等候提示",
    /// Refuses.
    Refuse = "refuse" / "拒绝",
    /// Shows listening without taking the floor.
    Backchannel = "backchannel" / "应答语",
    /// The caller asks.
    Ask = "ask" / "询问",
    /// The caller complains.
    Complain = "complain" / "抱怨",
    /// The caller suggests.
    Suggest = "suggest" / "建议",
    /// The caller praises.
    Praise = "praise" / "表扬",
    /// The caller reports a wrong.
    Report = "report" / "举报",
    /// The caller informs.
    Inform = "inform" / "说明情况",
    /// The caller agrees.
    Agree = "agree" / "同意",
    /// The caller objects.
    Object = "object" / "反对",
    /// The caller thanks.
    Thank = "thank" / "感谢",
    /// The caller closes.
    Close = "close" / "道别",
}
