//! What the three predictions of a call look at, as named numbers of moderate size. Owns
//! the features; what each weighs is in `config/lexicon/facts.toml`.

use crate::record::{Act, CallContext, Finding, Role, SentimentLabel};

/// Lists of `cues/facts.toml` on what the caller wants.
const WANTS: [&str; 17] = [
    "consult",
    "how",
    "help",
    "lost",
    "outage",
    "danger",
    "owed",
    "progress",
    "complain",
    "conduct",
    "nuisance",
    "money",
    "again",
    "report",
    "suggest",
    "praise",
    "not_complaint",
];

/// How many of the caller's first turns tell what the call is about.
const OPENING: usize = 3;

/// The turns of agent and caller that say something, and what was found.
pub(super) struct View<'a> {
    context: CallContext<'a>,
    agent: Vec<usize>,
    caller: Vec<usize>,
    /// Of every turn the lists of `cues/facts.toml` that it has, once a hit, without their prefix.
    cues: Vec<Vec<&'a str>>,
    /// Different faults of the agent.
    faults: usize,
}

impl<'a> View<'a> {
    pub(super) fn new(context: &CallContext<'a>, findings: &[Finding]) -> Self {
        let mut faults: Vec<&str> =
            findings.iter().filter(|f| f.role == Role::Agent).map(|f| f.code.as_str()).collect();
        faults.sort_unstable();
        faults.dedup();
        Self {
            context: *context,
            agent: context.turns_of(Role::Agent).collect(),
            caller: context.turns_of(Role::Caller).collect(),
            cues: (0..context.turns.len())
                .map(|turn| context.signal(turn).cues.iter().filter_map(|hit| hit.cue.strip_prefix("fact.")).collect())
                .collect(),
            faults: faults.len(),
        }
    }

    /// Hits of the list `fact.<list>` in some turns, at most `cap`, divided by `unit`.
    fn cues(&self, turns: &[usize], list: &str, cap: usize, unit: f32) -> f32 {
        let hits = |&turn: &usize| self.cues[turn].iter().filter(|cue| **cue == list).count();
        turns.iter().map(hits).sum::<usize>().min(cap) as f32 / unit
    }

    /// Turns with an act, at most `cap`, divided by `unit`.
    fn acts(&self, turns: &[usize], act: Act, cap: usize, unit: f32) -> f32 {
        turns.iter().filter(|&&turn| self.context.signal(turn).does(act)).count().min(cap) as f32 / unit
    }

    fn score(&self, turn: usize) -> f32 {
        self.context.signal(turn).sentiment.score
    }

    fn mean(&self, turns: &[usize]) -> f32 {
        turns.iter().map(|&turn| self.score(turn)).sum::<f32>() / turns.len().max(1) as f32
    }

    /// Share of the turns with a label.
    fn share(&self, turns: &[usize], label: SentimentLabel) -> f32 {
        let labelled = turns.iter().filter(|&&turn| self.context.signal(turn).sentiment.label == label).count();
        labelled as f32 / turns.len().max(1) as f32
    }

    fn act_share(&self, turns: &[usize], act: Act) -> f32 {
        self.acts(turns, act, usize::MAX, turns.len().max(1) as f32)
    }
}

/// Takes one feature: group, name, value.
type Sink<'s> = dyn FnMut(&str, &str, f32) + 's;
/// Hands every feature of a prediction to the sink, in the same order for every call.
pub(super) type Extract = fn(&View<'_>, &mut Sink<'_>);

/// The numbers of one call.
pub(super) fn values(extract: Extract, view: &View<'_>) -> Vec<f32> {
    let mut values = Vec::with_capacity(64);
    extract(view, &mut |_, _, value| values.push(value));
    values
}

/// Their names, `group.name` or just `name`.
pub(super) fn names(extract: Extract) -> Vec<String> {
    let record = crate::record::CallRecord::new("");
    let signals = crate::record::CallSignals::default();
    let context = CallContext { record: &record, turns: &[], tokens: &[], signals: &signals };
    let mut names = Vec::new();
    extract(&View::new(&context, &[]), &mut |group, name, _| {
        names.push(if group.is_empty() {
            name.to_owned()
        } else {
            format!("{group}.{name}")
        });
    });
    names
}

fn first(turns: &[usize], count: usize) -> &[usize] {
    &turns[..count.min(turns.len())]
}

fn rest(turns: &[usize], count: usize) -> &[usize] {
    &turns[count.min(turns.len())..]
}

fn last(turns: &[usize], count: usize) -> &[usize] {
    &turns[turns.len().saturating_sub(count)..]
}

fn all_but_last(turns: &[usize], count: usize) -> &[usize] {
    &turns[..turns.len().saturating_sub(count)]
}

/// Features of the appeal type.
pub(super) fn appeal(view: &View<'_>, sink: &mut Sink<'_>) {
    let (agent, caller) = (view.agent.as_slice(), view.caller.as_slice());
    sink("", "bias", 1.0);
    for list in WANTS {
        sink("opening", list, view.cues(first(caller, OPENING), list, 2, 1.0));
        sink("rest", list, view.cues(rest(caller, OPENING), list, 3, 2.0));
        sink("agent", list, view.cues(all_but_last(agent, 1), list, 2, 2.0));
    }
    sink("", "negative", view.share(caller, SentimentLabel::Neg));
    sink("", "positive", view.share(caller, SentimentLabel::Pos));
    sink("", "asks", view.act_share(caller, Act::Ask));
    sink("", "first", caller.first().map_or(0.0, |&turn| view.score(turn)));
    sink("", "tickets", view.cues(agent, "ticket", 4, 4.0));
    sink("", "explains", view.act_share(agent, Act::Explain));
    sink("", "recap", view.acts(agent, Act::Recap, 1, 1.0));
}

/// Features of the outcome: what was done, promised and pushed away, above all late in the call.
pub(super) fn outcome(view: &View<'_>, sink: &mut Sink<'_>) {
    let (agent, caller) = (view.agent.as_slice(), view.caller.as_slice());
    let (late_agent, late_caller) = (3.max(agent.len() / 3), 3.max(caller.len() / 3));
    sink("", "bias", 1.0);
    for list in ["ticket", "done", "pushed"] {
        sink("late", list, view.cues(last(agent, late_agent), list, 4, 2.0));
        sink("early", list, view.cues(all_but_last(agent, late_agent), list, 4, 2.0));
    }
    for list in ["done", "understood", "given_up"] {
        sink("caller_late", list, view.cues(last(caller, late_caller), list, 3, 2.0));
    }
    for list in ["consult", "how", "complain", "help", "report", "suggest", "praise"] {
        sink("caller", list, view.cues(caller, list, 3, 2.0));
    }
    sink("", "end", view.mean(last(caller, 3)));
    sink("", "mean", view.mean(caller));
    sink("", "agent_end", view.mean(last(agent, 3)));
    sink("", "agent_mean", view.mean(agent));
    sink("", "recap", view.acts(agent, Act::Recap, 2, 2.0));
    sink("", "next_step", view.acts(last(agent, late_agent), Act::NextStep, 4, 2.0));
    sink("", "refuse", view.acts(agent, Act::Refuse, 4, 2.0));
    sink("", "explain", view.acts(agent, Act::Explain, 6, 3.0));
    sink("", "probe", view.acts(agent, Act::Probe, 4, 2.0));
    sink("", "empathy", view.acts(agent, Act::Empathy, 2, 2.0));
    sink("", "asks", view.act_share(caller, Act::Ask));
}

/// Features of the satisfaction: peak and end of the caller's feeling, how the agent acted, how the
/// call ended and what faults were found.
pub(super) fn satisfaction(view: &View<'_>, sink: &mut Sink<'_>) {
    let (agent, caller) = (view.agent.as_slice(), view.caller.as_slice());
    let scores = || caller.iter().map(|&turn| view.score(turn));
    let said = |&turn: &usize| view.context.fold(turn).chars().count();
    let length = agent.iter().map(said).sum::<usize>() as f32 / agent.len().max(1) as f32;
    sink("", "bias", 1.0);
    sink("", "end", view.mean(last(caller, 3)));
    sink("", "last", view.mean(last(caller, (caller.len() / 4).max(1))));
    sink("", "mean", view.mean(caller));
    sink(
        "",
        "best",
        if caller.is_empty() {
            0.0
        } else {
            scores().fold(-1.0, f32::max)
        },
    );
    sink(
        "",
        "worst",
        if caller.is_empty() {
            0.0
        } else {
            scores().fold(1.0, f32::min)
        },
    );
    sink("", "thanks", view.acts(last(caller, 4), Act::Thank, 3, 2.0));
    sink("", "praise", view.acts(caller, Act::Praise, 2, 2.0));
    sink("", "agent_warm", view.share(agent, SentimentLabel::Pos));
    sink("", "agent_cold", view.share(agent, SentimentLabel::Neg));
    sink("", "empathy", view.acts(agent, Act::Empathy, 3, 2.0));
    sink("", "agent_thanks", view.acts(agent, Act::ThanksPraise, 2, 2.0));
    sink("", "apology", view.acts(agent, Act::Apology, 2, 2.0));
    sink("", "recap", view.acts(agent, Act::Recap, 2, 2.0));
    sink("", "next_step", view.acts(agent, Act::NextStep, 6, 3.0));
    sink("", "alternative", view.acts(agent, Act::Alternative, 3, 2.0));
    sink("", "probe", view.acts(agent, Act::Probe, 4, 2.0));
    sink("", "refuse", view.acts(agent, Act::Refuse, 4, 2.0));
    sink("", "length", (length / 40.0).min(1.5));
    sink("", "ticket", view.cues(agent, "ticket", 4, 4.0));
    sink("", "done", view.cues(agent, "done", 3, 3.0));
    sink("", "pushed", view.cues(agent, "pushed", 5, 5.0));
    sink("", "given_up", view.cues(caller, "given_up", 3, 3.0));
    sink("", "understood", view.cues(caller, "understood", 3, 3.0));
    sink("", "greeting", view.acts(first(agent, 1), Act::Greeting, 1, 1.0));
    sink("", "closing", view.acts(last(agent, 2), Act::Closing, 1, 1.0));
    sink("", "faults", view.faults.min(4) as f32 / 2.0);
}
