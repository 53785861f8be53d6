//! What of a sheet is praised and what is practised.

use qingting_pipeline::finding::Catalog;
use qingting_pipeline::record::{ConductStep, Severity};

use super::phrases::Sector;
use super::rates::{Beside, beside};
use super::sheet::{Habit, Making, PRACTICES, Practice, Strength};
use crate::report::figures::Share;
use crate::report::individual::Side;
use crate::report::kpis::Kpis;

/// Phrases that are suggested for each.
const PHRASES: usize = 2;
/// Fewest calls with a fault that is a habit: once is not one. A grave fault is practised after the first time.
const HABIT: u64 = 2;
/// Share from which a step that is taken is praised.
const GOOD: f64 = 0.8;
/// Fewest calls that needed a step which is praised.
const NEEDED: u64 = 5;

/// Steps that are taken nearly always or more often than by the others, feelings that are met, and faults that are rarer.
pub(super) fn praise(
    own: &Kpis,
    team: Option<&Kpis>,
    side: &Side,
    others: Option<&Side>,
    least: u32,
    catalog: &Catalog,
) -> Vec<Strength> {
    let calls = side.score.count();
    if calls < u64::from(least) {
        return Vec::new();
    }
    let mut praise = Vec::new();
    let mut most_done: Option<Strength> = None;
    let mut add = |id: String, title: &str, own: Share, team: Option<Share>| {
        let team = team.filter(|team| team.of > 0);
        let (beside_team, _) = team.map_or((Beside::Unknown, None), |team| beside(own, team, least));
        let good = own.of >= NEEDED && own.value().is_some_and(|value| value >= GOOD) && beside_team != Beside::Fewer;
        let strength = Strength { id, title: title.to_owned(), own, team, beside_team, is_absence: false };
        if good || beside_team == Beside::More {
            praise.push(strength);
        } else if own.value() > most_done.as_ref().and_then(|most| most.own.value()) && own.part > 0 {
            most_done = Some(strength);
        }
    };
    for (nth, (step, share)) in own.conduct.iter().enumerate() {
        // Whoever greets has begun, not done something well.
        if *step != ConductStep::Receive {
            let of_team = team.and_then(|team| team.conduct.get(nth)).map(|(_, share)| *share);
            let id = serde_json::to_value(step).ok().and_then(|id| id.as_str().map(str::to_owned));
            add(id.unwrap_or_default(), step.zh(), *share, of_team);
        }
    }
    add("need.emotional".to_owned(), "回应来电人的情绪", own.needs[0], team.map(|team| team.needs[0]));
    for info in catalog.iter().filter(|info| info.is_fault()) {
        let (share, Some(other)) = (side.share(&info.code), others.map(|others| others.share(&info.code))) else {
            continue;
        };
        if beside(share, other, least).0 == Beside::Fewer {
            praise.push(Strength {
                id: info.code.clone(),
                title: info.title.clone(),
                own: share,
                team: Some(other),
                beside_team: Beside::Fewer,
                is_absence: true,
            });
        }
    }
    if praise.is_empty() {
        // There is always something to begin with.
        praise.extend(most_done);
    }
    praise
}

/// What to practise: what is more frequent than with the others first, then the graver, then the more frequent.
pub(super) fn practice(habits: &[Habit], sector: Sector, making: Making<'_>) -> Vec<Practice> {
    let mut worth: Vec<&Habit> = habits
        .iter()
        .filter(|habit| habit.own.part >= HABIT || habit.severity == Severity::Fatal)
        // What is rarer than with the others is praised, not practised.
        .filter(|habit| habit.beside_team != Beside::Fewer || habit.severity == Severity::Fatal)
        .collect();
    worth.sort_by(|a, b| {
        let more = |habit: &Habit| habit.beside_team == Beside::More;
        more(b)
            .cmp(&more(a))
            .then(b.severity.cmp(&a.severity))
            .then(b.own.part.cmp(&a.own.part))
            .then_with(|| a.code.cmp(&b.code))
    });
    let suggested = worth.into_iter().map(|habit| {
        let points = habit.worst.iter().flat_map(|example| &example.points);
        let quotes: Vec<&str> = points.map(|point| point.quote.as_str()).filter(|quote| !quote.is_empty()).collect();
        Practice {
            code: habit.code.clone(),
            title: habit.title.clone(),
            reason: super::sheet_text::why(habit),
            phrases: making.phrases.suggest(&habit.code, sector, &quotes, PHRASES).into_iter().cloned().collect(),
        }
    });
    suggested.take(PRACTICES).collect()
}
