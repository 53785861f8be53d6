//! Who is the agent and who calls, where a file does not say so. Decides by labels, then by
//! the table of `--meta`, then by what is said. Whatever is decided by what is said is marked
//! as inferred.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::draft::Segment;
use crate::record::Role;

mod cues;

/// The roles of a call's segments.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Assigned {
    /// One a segment.
    pub(super) roles: Vec<Role>,
    /// Whether what is said decided.
    pub(super) inferred: bool,
    /// The vendor's labels and who they are; empty without labels.
    pub(super) speakers: BTreeMap<String, Role>,
    pub(super) warnings: Vec<String>,
}

/// The role that a label names, in any script and case: `坐席`, `Agent`, `customer_1`, `话务员A`.
pub(super) fn known(label: &str) -> Option<Role> {
    let label = label.trim().to_lowercase();
    let word = label.trim_matches(|c: char| c.is_ascii_digit() || c.is_whitespace() || "_-#[]()（）【】.".contains(c));
    let word = word.strip_prefix("role_").unwrap_or(word);
    match word {
        "agent" | "a" | "坐席" | "座席" | "客服" | "话务员" | "接线员" | "坐席员" | "座席员" | "客服人员"
        | "客服代表" | "工作人员" | "受理员" | "客服专员" | "staff" | "operator" | "representative" | "rep" | "csr"
        | "advisor" | "employee" | "doctor" | "clinician" | "assistant" | "医生" | "support" | "call_taker"
        | "calltaker" | "dispatcher" | "销售" | "业务员" | "agents" => Some(Role::Agent),
        "caller" | "c" | "customer" | "client" | "user" | "来电人" | "客户" | "用户" | "市民" | "群众" | "来电者"
        | "诉求人" | "群众来电" | "patient" | "患者" | "病人" | "业主" | "consumer" | "visitor" | "guest"
        | "citizen" | "member" | "callers" | "customers" => Some(Role::Caller),
        "bot" | "robot" | "机器人" | "智能客服" | "voicebot" | "语音机器人" | "virtual_agent" => {
            Some(Role::Bot)
        }
        "ivr" | "system" | "menu" | "语音菜单" | "系统" | "系统提示" | "提示音" | "自动语音" => {
            Some(Role::Ivr)
        }
        "other" | "其他" | "其他人" | "background" | "第三方" => Some(Role::Other),
        _ => None,
    }
}

/// Assigns a role to every segment. `agent_channel` is the label of the agent, where a table
/// supplies it.
pub(super) fn assign(segments: &[Segment], agent_channel: Option<&str>) -> Assigned {
    let labels = labels(segments, agent_channel);
    let mut assigned = Assigned::default();
    let names: BTreeSet<&str> = labels.iter().flatten().copied().collect();
    let said = segments.iter().filter(|segment| segment.role.is_some()).count();
    if said == segments.len() {
        assigned.roles = segments.iter().map(|segment| segment.role.unwrap_or(Role::Other)).collect();
        return assigned;
    }
    let mut roles: BTreeMap<&str, Role> = BTreeMap::new();
    for &name in &names {
        if let Some(role) = known(name) {
            roles.insert(name, role);
        }
    }
    match agent_channel.map(|wanted| names.iter().find(|&&name| same_label(name, wanted))) {
        Some(Some(agent)) => {
            roles.retain(|_, role| *role != Role::Agent);
            roles.insert(agent, Role::Agent);
        }
        Some(None) if !names.is_empty() => {
            assigned.warnings.push("agent_channel: no speaker or channel has that label".to_owned());
        }
        _ => {}
    }
    // One label for everybody is no label: recognisers write 0 where they told nobody apart.
    let mono = names.len() <= 1 && roles.is_empty();
    if mono {
        assigned.roles = turn_by_turn(segments);
        assigned.inferred = !segments.is_empty();
        return assigned;
    }
    if names.iter().any(|name| !roles.contains_key(name)) {
        let open: Vec<&str> = names.iter().copied().filter(|name| !roles.contains_key(name)).collect();
        assigned.inferred |= decide(&open, segments, &labels, &mut roles, &mut assigned.warnings);
    }
    let mut last = None;
    for (segment, label) in segments.iter().zip(&labels) {
        let role = segment.role.or_else(|| label.and_then(|label| roles.get(label).copied()));
        // A segment that the recogniser could give to nobody goes on with the one before.
        let role = role.or(last).unwrap_or(Role::Other);
        last = Some(role);
        assigned.roles.push(role);
    }
    assigned.speakers = roles.into_iter().map(|(label, role)| (label.to_owned(), role)).collect();
    assigned
}

/// The label of each segment that tells the parties apart: the speaker where speakers are named,
/// the channel where there are two, else the speaker.
fn labels<'a>(segments: &'a [Segment], agent_channel: Option<&str>) -> Vec<Option<&'a str>> {
    let speakers = || segments.iter().map(|segment| segment.speaker.as_deref());
    let channels = || segments.iter().map(|segment| segment.channel.as_deref());
    let distinct =
        |labels: &mut dyn Iterator<Item = Option<&'a str>>| -> BTreeSet<&'a str> { labels.flatten().collect() };
    let (by_speaker, by_channel) = (distinct(&mut speakers()), distinct(&mut channels()));
    let named = |labels: &BTreeSet<&str>| labels.iter().any(|label| known(label).is_some());
    let wanted =
        |labels: &BTreeSet<&str>| agent_channel.is_some_and(|w| labels.iter().any(|label| same_label(label, w)));
    let channel = if named(&by_speaker) {
        false
    } else {
        named(&by_channel)
            || by_channel.len() >= 2
            || by_speaker.is_empty()
            || (wanted(&by_channel) && !wanted(&by_speaker))
    };
    if channel {
        channels().collect()
    } else {
        speakers().collect()
    }
}

/// Whether two labels mean the same: `1`, `01`, `ch_1`, `SPEAKER_01`.
fn same_label(a: &str, b: &str) -> bool {
    let core = |label: &str| -> String {
        let label = label.trim().to_lowercase();
        let digits: String = label.chars().filter(char::is_ascii_digit).collect();
        let letters = label.trim_matches(|c: char| c.is_ascii_digit() || "_- ".contains(c)).to_owned();
        match letters.as_str() {
            "" | "ch" | "channel" | "spk" | "speaker" | "声道" | "说话人" if !digits.is_empty() => {
                let digits = digits.trim_start_matches('0');
                if digits.is_empty() {
                    "0".to_owned()
                } else {
                    digits.to_owned()
                }
            }
            _ => label,
        }
    };
    core(a) == core(b)
}

/// Gives the labels that name nobody a role. Returns whether what is said decided.
fn decide<'a>(
    open: &[&'a str],
    segments: &[Segment],
    labels: &[Option<&'a str>],
    roles: &mut BTreeMap<&'a str, Role>,
    warnings: &mut Vec<String>,
) -> bool {
    let has = |roles: &BTreeMap<&str, Role>, role| roles.values().any(|&r| r == role);
    // Service vocabulary, then who speaks first, then who says more.
    let weigh = |label: &str| -> (f32, usize) {
        let own = segments.iter().zip(labels).filter(|(_, l)| **l == Some(label)).map(|(segment, _)| segment);
        own.fold((0.0, 0), |(score, said), segment| {
            (score + lean(&segment.text), said + segment.text.chars().count())
        })
    };
    let first = labels.iter().flatten().find(|label| open.contains(label)).copied();
    let mut ranked: Vec<(f32, usize, &str)> = open
        .iter()
        .map(|&label| {
            let (score, said) = weigh(label);
            (score + if first == Some(label) { FIRST } else { 0.0 }, said, label)
        })
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)).then(a.2.cmp(b.2)));
    let mut by_content = false;
    if !has(roles, Role::Agent) && !ranked.is_empty() {
        let (score, _, agent) = ranked.remove(0);
        roles.insert(agent, Role::Agent);
        // Where somebody is known as the caller and one is left over, nothing was guessed.
        by_content = !(has(roles, Role::Caller) && ranked.is_empty());
        if by_content && ranked.first().is_some_and(|next| score - next.0 <= FIRST) {
            warnings.push("roles: guessed from who speaks first".to_owned());
        }
    }
    if !has(roles, Role::Caller) && !ranked.is_empty() {
        // Of several the one who says most.
        let most = ranked
            .iter()
            .enumerate()
            .max_by(|(i, a), (j, b)| a.1.cmp(&b.1).then(j.cmp(i)))
            .map_or(0, |(i, _)| i);
        by_content |= ranked.len() > 1;
        roles.insert(ranked.remove(most).2, Role::Caller);
    }
    for (_, _, label) in ranked {
        roles.insert(label, Role::Other);
    }
    by_content
}

/// What speaking first counts for the agent.
const FIRST: f32 = 1.0;
/// Strongest lean of one turn: a long one must not outvote the rest of the call.
const STRONGEST: f32 = 5.0;

/// How much a text sounds like an agent (positive) or a caller (negative).
fn lean(text: &str) -> f32 {
    let mut score: f32 = MATCHER.as_ref().map_or(0.0, |matcher| {
        let text = text.to_lowercase();
        matcher
            .find_iter(&text)
            .filter_map(|hit| cues::CUES.get(hit.pattern().as_usize()))
            .map(|cue| cue.1)
            .sum()
    });
    // Polite address is the agent's, plain address the caller's.
    let count = |c: char| text.chars().filter(|&x| x == c).count().min(3) as f32;
    score += cues::POLITE * count('您') + cues::PLAIN * count('你');
    score.clamp(-STRONGEST, STRONGEST)
}

static MATCHER: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(cues::CUES.iter().map(|cue| cue.0))
        .ok()
});

/// The most probable sequence of agent and caller, for a recording in which nobody was told
/// apart.
fn turn_by_turn(segments: &[Segment]) -> Vec<Role> {
    let mut best = [(FIRST, 0usize), (-FIRST, 0)];
    let mut back: Vec<[usize; 2]> = Vec::with_capacity(segments.len());
    for (i, segment) in segments.iter().enumerate() {
        let lean = lean(&segment.text);
        let change = match i.checked_sub(1).and_then(|before| segments.get(before)) {
            Some(before) => change(before, segment),
            None => 0.0,
        };
        let mut from = [0, 1];
        let mut now = best;
        for state in 0..2 {
            let stay = best[state].0;
            let switch = best[1 - state].0 + change;
            from[state] = if i > 0 && switch > stay { 1 - state } else { state };
            now[state].0 = stay.max(if i > 0 { switch } else { stay }) + if state == 0 { lean } else { -lean };
        }
        best = now;
        back.push(from);
    }
    let mut state = usize::from(best[1].0 > best[0].0);
    let mut roles = vec![Role::Agent; segments.len()];
    for (role, from) in roles.iter_mut().zip(&back).rev() {
        *role = if state == 0 { Role::Agent } else { Role::Caller };
        state = from[state];
    }
    roles
}

/// How likely the speaker changes between two segments, as a log-odds-like weight.
fn change(before: &Segment, after: &Segment) -> f32 {
    let text = before.text.trim_end();
    let question = text.ends_with(['？', '?', '吗', '呢', '吧'])
        || ["吗。", "呢。", "什么", "多少", "哪里", "贵姓"].iter().any(|end| text.ends_with(end));
    let unfinished = text.ends_with(['，', ',', '、']);
    let gap = match (before.end, after.start) {
        (Some(end), Some(start)) => start - end,
        _ => 0.0,
    };
    let mut weight = cues::CHANGE;
    weight += if question { cues::AFTER_QUESTION } else { 0.0 };
    weight += if unfinished { cues::AFTER_COMMA } else { 0.0 };
    // Nobody answers before the other has ended but somebody else.
    weight + if gap < 0.0 { cues::OVERLAPPING } else { 0.0 }
}
