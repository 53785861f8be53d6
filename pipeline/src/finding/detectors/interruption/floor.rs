//! Who has the floor around an overlap: the stretch that the caller was speaking, cut by a
//! recogniser into as many turns as it likes, who spoke before it, and who goes on after
//! it. Times and order only; what is said is the business of `wording.rs`.

use crate::finding::scene::Scene;

use super::wording;

/// Two turns of one speaker that are no further apart than this are one stretch of speech: a
/// recogniser cuts at every breath.
const BREATH_MS: u64 = 500;

/// What the caller says later than this after the agent's turn is no answer to it any more.
const ANSWER_MS: u64 = 3000;

/// Turns of one role that are looked at in each direction.
const REACH: usize = 6;

/// The overlap of an agent's turn with the caller's speech. Milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Overlap {
    /// The caller's turn that was going on when the agent came in.
    pub(super) caller: usize,
    /// Whether the caller, in a turn of its own, went straight on.
    pub(super) goes_on: bool,
    /// Whether the agent had assented a breath before and now goes on from there.
    pub(super) assented: bool,
    /// How much of that turn was left when the agent came in.
    pub(super) left: u64,
    /// How long the two then spoke at once.
    pub(super) together: u64,
    /// How long the caller had been speaking, over turns that follow each other without a breath.
    pub(super) spoken: u64,
    /// How long the agent speaks after the caller fell silent; negative when the caller outlasts
    /// the agent.
    pub(super) taken: i64,
    /// The caller's next turn that begins after the agent came in.
    pub(super) next: Option<usize>,
    /// Whether the agent was already speaking when the caller came in, and so only goes on.
    pub(super) resumes: bool,
}

/// The overlap that `turn` of the agent begins; `None` where it overlaps nothing.
pub(super) fn overlap(scene: &Scene<'_>, turn: usize) -> Option<Overlap> {
    let (start, end) = scene.times(turn)?;
    let caller = spoken_over(scene, turn, start)?;
    let (_, caller_end) = scene.times(caller)?;
    let since = stretch_start(scene, caller)?;
    let next = following(scene, caller, start);
    let until = goes_on_until(scene, turn, end);
    let silent = stretch_end(scene, caller, end)?;
    Some(Overlap {
        caller,
        goes_on: silent > caller_end,
        assented: assented(scene, turn, start),
        left: caller_end.saturating_sub(start),
        together: caller_end.min(end).saturating_sub(start),
        spoken: start.saturating_sub(since),
        taken: until as i64 - silent as i64,
        next: next.filter(|&next| scene.times(next).is_some_and(|(from, _)| from <= end + ANSWER_MS)),
        resumes: resumes(scene, turn, since, start),
    })
}

/// The caller's turn that was going on when the agent came in.
fn spoken_over(scene: &Scene<'_>, turn: usize, start: u64) -> Option<usize> {
    let mut before = scene.caller_before(turn);
    for _ in 0..REACH {
        let caller = before?;
        let (from, to) = scene.times(caller)?;
        if from < start && start < to {
            return Some(caller);
        }
        before = scene.caller_before(caller);
    }
    None
}

/// When the stretch of speech began to which a caller's turn belongs: earlier turns of the caller
/// count while only a breath, or a backchannel of the agent, lies between.
fn stretch_start(scene: &Scene<'_>, caller: usize) -> Option<u64> {
    let (mut since, _) = scene.times(caller)?;
    let mut at = caller;
    for _ in 0..REACH {
        let Some(before) = scene.caller_before(at) else { break };
        let Some((from, to)) = scene.times(before) else { break };
        let answered = scene
            .agent_before(at)
            .is_some_and(|agent| agent > before && !wording::only_listens(scene.fold(agent)));
        if to + BREATH_MS < since || answered {
            break;
        }
        since = since.min(from);
        at = before;
    }
    Some(since)
}

/// When the agent who came in falls silent.
fn goes_on_until(scene: &Scene<'_>, turn: usize, end: u64) -> u64 {
    let mut until = end;
    let mut at = turn;
    for _ in 0..REACH {
        let Some(after) = scene.agent_after(at) else { break };
        let Some((from, to)) = scene.times(after) else { break };
        if until + BREATH_MS < from {
            break;
        }
        until = until.max(to);
        at = after;
    }
    until
}

/// When the caller falls silent who was speaking in that turn. A caller who stops and goes on only
/// when the agent is done has not just drawn breath: later turns count that begin before `end`.
fn stretch_end(scene: &Scene<'_>, caller: usize, end: u64) -> Option<u64> {
    let (_, mut until) = scene.times(caller)?;
    let mut at = caller;
    for _ in 0..REACH {
        let Some(after) = scene.caller_after(at) else { break };
        let Some((from, to)) = scene.times(after) else { break };
        if until + BREATH_MS < from || from >= end {
            break;
        }
        until = until.max(to);
        at = after;
    }
    Some(until)
}

/// The caller's next turn that begins after `start`.
fn following(scene: &Scene<'_>, caller: usize, start: u64) -> Option<usize> {
    let mut at = scene.caller_after(caller);
    for _ in 0..REACH {
        let turn = at?;
        if scene.times(turn).is_none_or(|(from, _)| from > start) {
            return Some(turn);
        }
        at = scene.caller_after(turn);
    }
    None
}

/// Whether a backchannel of the agent came within a breath before this turn.
fn assented(scene: &Scene<'_>, turn: usize, start: u64) -> bool {
    scene.agent_before(turn).is_some_and(|before| {
        scene.times(before).is_some_and(|(_, to)| to <= start && start <= to + BREATH_MS)
            && wording::only_listens(scene.fold(before))
    })
}

/// Whether the caller came in on the agent, who a moment later goes on: then the agent had the
/// floor first.
fn resumes(scene: &Scene<'_>, turn: usize, since: u64, start: u64) -> bool {
    let Some(before) = scene.agent_before(turn) else {
        return false;
    };
    let Some((from, to)) = scene.times(before) else {
        return false;
    };
    from < since && since < to && start <= to + 2 * BREATH_MS && !wording::only_listens(scene.fold(before))
}
