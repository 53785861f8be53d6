//! Dialogue acts: what each turn does. Owns the rules that combine the cue lists named
//! `act.*` with role, place in the call and the turn before; the phrases themselves are
//! in `config/lexicon/cues/acts.toml`.

use std::collections::HashSet;

use super::shape::{is_question, units};
use crate::letters::is_alphanumeric;
use crate::record::{Act, CallRecord, CueHit, NormalizedTurn, Role, Sentiment, SentimentLabel};

/// How many of the agent's last turns may be the closing, however short the call.
const CLOSING_TURNS: usize = 4;
/// Longest backchannel, in spoken units, once what it echoes of the caller's words is left out.
const BACKCHANNEL_UNITS: usize = 14;
/// From this share of a turn's character pairs said before by the caller on, the turn restates.
const RESTATED: f64 = 0.4;

/// Labels every turn. `cues` and `sentiments` have one entry for every turn.
pub(super) fn label(
    record: &CallRecord,
    turns: &[NormalizedTurn],
    cues: &[Vec<CueHit>],
    sentiments: &[Sentiment],
) -> Vec<Vec<Act>> {
    let agent_turns = (0..turns.len()).filter(|&i| record.turns[i].role == Role::Agent && says(&turns[i])).count();
    let mut said = Said::default();
    let mut agent_seen = 0;
    let mut previous: Option<usize> = None;
    let mut labelled = Vec::with_capacity(turns.len());
    for (i, turn) in turns.iter().enumerate() {
        if !says(turn) {
            labelled.push(Vec::new());
            continue;
        }
        let role = record.turns[i].role;
        let view = View {
            fold: &turn.fold,
            cues: &cues[i],
            units: units(&turn.fold),
            question: is_question(&turn.fold),
            previous: previous.filter(|&p| record.turns[p].role != role).map(|p| turns[p].fold.as_str()),
        };
        labelled.push(match role {
            Role::Agent => {
                agent_seen += 1;
                agent_acts(&view, &said, agent_seen, agent_turns)
            }
            Role::Caller => caller_acts(&view, sentiments[i]),
            Role::Bot | Role::Ivr | Role::Other => Vec::new(),
        });
        if role == Role::Caller {
            said.add(&turn.fold);
        }
        previous = Some(i);
    }
    labelled
}

fn says(turn: &NormalizedTurn) -> bool {
    !turn.fold.trim().is_empty()
}

/// What the rules look at in one turn.
struct View<'a> {
    fold: &'a str,
    cues: &'a [CueHit],
    units: usize,
    question: bool,
    /// The turn before, when another party spoke it.
    previous: Option<&'a str>,
}

impl View<'_> {
    fn has(&self, cue: &str) -> bool {
        self.cues.iter().any(|hit| &*hit.cue == cue)
    }

    fn count(&self, cue: &str) -> usize {
        self.cues.iter().filter(|hit| &*hit.cue == cue).count()
    }

    /// Whether a hit stands at the very start, fillers aside.
    fn opens_with(&self, cue: &str) -> bool {
        let opening = |byte: usize| units(&self.fold[..byte]) <= 2;
        self.cues.iter().any(|hit| &*hit.cue == cue && opening(hit.bytes.start))
    }
}

fn agent_acts(view: &View<'_>, said: &Said, place: usize, of: usize) -> Vec<Act> {
    if is_backchannel(view) {
        let mut acts = Vec::new();
        push(&mut acts, Act::Empathy, view.has("act.empathy") && view.units > 6);
        acts.push(Act::Backchannel);
        return acts;
    }
    let mut acts = Vec::new();
    let greets = greets(view, place);
    let closes = !greets && view.has("act.closing") && place + CLOSING_TURNS > of;
    let confirms = view.has("act.recap");
    let restates = view.units >= 10 && said.share(view.fold) >= RESTATED;
    let recaps =
        !greets && view.units >= 8 && (confirms && (restates || view.units >= 14) || restates && view.question);
    let holds = view.has("act.hold_notice");
    let refuses = view.has("act.refuse");
    let asks = view.question && view.has("act.probe") && !closes && !view.has("act.closing_offer");
    push(&mut acts, Act::Greeting, greets);
    push(&mut acts, Act::Closing, closes);
    push(&mut acts, Act::Probe, asks);
    push(&mut acts, Act::Recap, recaps);
    push(&mut acts, Act::Empathy, view.has("act.empathy"));
    push(&mut acts, Act::Apology, view.has("act.apology"));
    push(&mut acts, Act::ThanksPraise, view.has("act.thanks"));
    let next_step = view.has("act.next_step") && view.units >= 6;
    let alternative = view.has("act.alternative") && view.units >= 8;
    let informs = view.count("act.explain") >= 1 && view.units >= 8 && !greets;
    push(&mut acts, Act::Explain, informs);
    push(&mut acts, Act::NextStep, next_step);
    push(&mut acts, Act::Alternative, alternative);
    push(&mut acts, Act::HoldNotice, holds);
    push(&mut acts, Act::Refuse, refuses);
    acts
}

/// A formula of the opening; a bare 您好 is one only where the call opens.
fn greets(view: &View<'_>, place: usize) -> bool {
    let hello = view.opens_with("act.hello");
    match place {
        1 => view.has("act.hello") || view.has("act.greeting"),
        2 => view.has("act.greeting") || hello && view.has("act.introduction"),
        _ => hello && (view.has("act.greeting") || view.has("act.introduction")),
    }
}

/// Short, and nothing left of it but listening words and an echo of what the caller just said.
fn is_backchannel(view: &View<'_>) -> bool {
    if view.units == 0 || view.units > BACKCHANNEL_UNITS || !view.has("act.backchannel") {
        return false;
    }
    let echo: HashSet<char> = view.previous.unwrap_or_default().chars().filter(|c| is_alphanumeric(*c)).collect();
    let heard = |byte: usize, c: char| {
        view.cues.iter().any(|hit| &*hit.cue == "act.backchannel" && hit.bytes.contains(&byte)) || echo.contains(&c)
    };
    let rest = view.fold.char_indices().filter(|&(byte, c)| is_alphanumeric(c) && !heard(byte, c)).count();
    rest == 0 || rest <= 1 && view.units >= 5
}

fn caller_acts(view: &View<'_>, sentiment: Sentiment) -> Vec<Act> {
    let mut acts = Vec::new();
    let negative = sentiment.label == SentimentLabel::Neg;
    let positive = sentiment.label == SentimentLabel::Pos;
    let asks = view.question && (view.has("act.ask") || !negative) || view.has("act.ask") && !negative;
    let reports = view.has("act.report") && !positive && view.units >= 6;
    let suggests = view.has("act.suggest");
    let praises = view.has("act.praise") && !negative && (positive || view.units >= 6);
    let thanks = view.has("act.thank") && !negative;
    let objects = view.has("act.object") && view.previous.is_some();
    let agrees = !negative && !objects && view.opens_with("act.agree");
    let closes = view.has("act.close") && !negative && view.units <= 25;
    let answers = view.previous.is_some_and(is_question);
    if view.units <= 4 && !answers && !asks && !thanks && !closes && !objects && is_backchannel(view) {
        return vec![Act::Backchannel];
    }
    push(&mut acts, Act::Ask, asks);
    push(&mut acts, Act::Complain, negative && !(objects && view.units < 12));
    push(&mut acts, Act::Suggest, suggests);
    push(&mut acts, Act::Praise, praises);
    push(&mut acts, Act::Report, reports);
    let informs = !asks && !reports && !suggests && !praises && !negative && view.units >= 8 && !closes;
    push(&mut acts, Act::Inform, informs);
    push(&mut acts, Act::Agree, agrees);
    push(&mut acts, Act::Object, objects);
    push(&mut acts, Act::Thank, thanks);
    push(&mut acts, Act::Close, closes);
    acts
}

fn push(acts: &mut Vec<Act>, act: Act, does: bool) {
    if does {
        acts.push(act);
    }
}

/// The character pairs that the caller has said so far, each at its hash or after it; a third of the
/// places at most are taken, the others are 0.
struct Said {
    slots: Vec<u64>,
    count: usize,
}

impl Default for Said {
    fn default() -> Self {
        Self { slots: vec![0; 1024], count: 0 }
    }
}

impl Said {
    fn add(&mut self, fold: &str) {
        for pair in pairs(fold) {
            if self.count * 3 > self.slots.len() {
                let larger = vec![0; self.slots.len() * 2];
                let old = std::mem::replace(&mut self.slots, larger);
                for pair in old.into_iter().filter(|pair| *pair != 0) {
                    let slot = self.slot(pair);
                    self.slots[slot] = pair;
                }
            }
            let slot = self.slot(pair);
            self.count += usize::from(self.slots[slot] == 0);
            self.slots[slot] = pair;
        }
    }

    /// Where a pair is, or would be.
    fn slot(&self, pair: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = (pair.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & mask;
        while self.slots[at] != 0 && self.slots[at] != pair {
            at = (at + 1) & mask;
        }
        at
    }

    /// Share of a text's pairs that the caller has said.
    fn share(&self, fold: &str) -> f64 {
        let (mut all, mut known) = (0_u32, 0_u32);
        for pair in pairs(fold) {
            all += 1;
            known += u32::from(self.slots[self.slot(pair)] == pair);
        }
        if all == 0 {
            0.0
        } else {
            f64::from(known) / f64::from(all)
        }
    }
}

fn pairs(fold: &str) -> impl Iterator<Item = u64> + '_ {
    let both = fold.chars().zip(fold.chars().skip(1)).filter(|(a, b)| is_alphanumeric(*a) && is_alphanumeric(*b));
    both.map(|(a, b)| u64::from(u32::from(a)) << 32 | u64::from(u32::from(b)))
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::assets::Assets;
    use crate::record::Turn;
    use crate::signal::CueLists;

    static CUES: LazyLock<CueLists> = LazyLock::new(|| CueLists::load(&Assets::embedded()).unwrap());

    fn acts(turns: &[(Role, &str)]) -> Vec<Vec<Act>> {
        let mut record = CallRecord::new("t");
        record.turns = turns.iter().map(|(role, text)| Turn::new(*role, *text)).collect();
        let turns: Vec<_> =
            turns.iter().map(|(_, t)| NormalizedTurn { fold: (*t).to_owned(), ..Default::default() }).collect();
        let cues: Vec<_> = turns.iter().map(|turn| CUES.find(&turn.fold)).collect();
        label(&record, &turns, &cues, &vec![Sentiment::NEUTRAL; turns.len()])
    }

    /// The acts of the last turn.
    fn last(turns: &[(Role, &str)]) -> Vec<Act> {
        acts(turns).pop().unwrap()
    }

    use Role::{Agent, Caller};

    #[test]
    fn a_whole_call() {
        let labelled = acts(&[
            (Agent, "您好，市民热线，请问有什么可以帮您？"),
            (Caller, "我想问一下路灯坏了归谁管"),
            (Agent, "嗯，路灯，您说"),
            (Caller, "就是东风路中学门口那三盏灯都不亮"),
            (Agent, "大概从哪天开始不亮的？"),
            (Caller, "上周五"),
            (Agent, "跟您核对一下，东风路中学门口三盏路灯上周五开始不亮，对吗？"),
            (Caller, "对的"),
            (Agent, "给您带来不便非常抱歉，请您稍等，我马上为您登记"),
            (Caller, "好的，谢谢"),
            (Agent, "感谢您的来电，祝您生活愉快，再见"),
        ]);
        let does = |turn: usize, act: Act| labelled[turn].contains(&act);
        assert!(does(0, Act::Greeting) && !does(0, Act::Closing));
        assert!(does(1, Act::Ask));
        assert_eq!(labelled[2], [Act::Backchannel]);
        assert!(does(4, Act::Probe));
        assert!(does(6, Act::Recap) && !does(6, Act::Greeting));
        assert!(does(7, Act::Agree));
        assert!(does(8, Act::Apology) && does(8, Act::HoldNotice) && does(8, Act::NextStep));
        assert!(does(9, Act::Thank));
        assert!(does(10, Act::Closing) && !does(10, Act::ThanksPraise));
    }

    #[test]
    fn hello_in_the_middle_is_no_greeting() {
        let call = [
            (Agent, "喂，哪位"),
            (Caller, "我家停水了"),
            (Agent, "哪个小区"),
            (Caller, "喂，喂"),
            (Agent, "您好，听得见吗"),
        ];
        assert!(!last(&call).contains(&Act::Greeting));
    }

    #[test]
    fn thanks_for_calling_at_the_start_greet_and_do_not_close() {
        let opening = acts(&[(Agent, "您好，感谢致电供水热线，请讲"), (Caller, "喂")]);
        assert!(opening[0].contains(&Act::Greeting) && !opening[0].contains(&Act::Closing));
    }

    #[test]
    fn an_exception_is_no_act() {
        assert!(!last(&[(Caller, "他骂我"), (Agent, "您要求他道歉，是这样吗")]).contains(&Act::Apology));
        assert!(!last(&[(Caller, "好"), (Agent, "请您理解，规定就是这样的")]).contains(&Act::Empathy));
    }

    #[test]
    fn an_echo_of_the_caller_is_a_backchannel_and_a_statement_is_not() {
        assert_eq!(last(&[(Caller, "水一直漏到客厅"), (Agent, "哦，漏到客厅")]), [Act::Backchannel]);
        assert!(!last(&[(Caller, "水一直漏到客厅"), (Agent, "好，我找人来修")]).contains(&Act::Backchannel));
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_labelled_once_a_turn_in_order(
            texts in prop::collection::vec("(\\PC|您好|再见|对吗|嗯|，|抱歉){0,14}", 0..8)
        ) {
            let turns: Vec<_> =
                texts.iter().enumerate().map(|(i, t)| (if i % 2 == 0 { Caller } else { Agent }, t.as_str())).collect();
            let labelled = acts(&turns);
            prop_assert_eq!(labelled.len(), turns.len());
            for acts in labelled {
                prop_assert!(acts.is_sorted() && acts.windows(2).all(|pair| pair[0] != pair[1]));
            }
        }
    }
}
