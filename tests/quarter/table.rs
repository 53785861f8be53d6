//! The two indicator sets, written down a second time as tables, and their totals in whole numbers.

use super::count::Figures;

#[derive(Clone, Copy)]
enum Form {
    /// Nothing at the first, everything at the second.
    Linear(f64, f64),
    /// So much of a target, up to 1.2 times.
    Ratio(f64),
}

use Form::{Linear, Ratio};

/// Path, weight in hundredths of a point, figure, form.
type Row = (&'static str, i128, &'static str, Form);

/// Figure, points at most, and how many points a value gives.
type Adjustment = (&'static str, f64, fn(f64) -> f64);

pub(crate) struct Table {
    pub(crate) set: &'static str,
    rows: &'static [Row],
    deductions: &'static [Adjustment],
    bonuses: &'static [Adjustment],
}

const fn line(value: f64, zero: f64, full: f64) -> f64 {
    let share = (value - zero) / (full - zero);
    if share < 0.0 {
        0.0
    } else if share > 1.0 {
        1.0
    } else {
        share
    }
}

pub(crate) const HOTLINE: Table = Table {
    set: "hotline-12345",
    rows: &[
        ("response.answering.connected", 500, "kpi.connected", Linear(0.80, 0.95)),
        ("response.answering.within_15", 300, "kpi.service_level_15", Linear(0.50, 0.90)),
        ("response.waiting.average", 300, "kpi.asa_s", Linear(60.0, 15.0)),
        ("response.waiting.within_20", 200, "kpi.service_level_20", Linear(0.50, 0.90)),
        ("response.transfer.transferred", 200, "kpi.transferred", Linear(0.30, 0.05)),
        ("response.transfer.hold", 200, "kpi.hold_s", Linear(90.0, 20.0)),
        ("response.efficiency.talk", 150, "kpi.talk_s", Linear(420.0, 180.0)),
        ("response.efficiency.handling", 150, "kpi.aht_s", Linear(540.0, 240.0)),
        ("conduct.courtesy.greeting", 350, "finding.missing_greeting", Linear(0.20, 0.01)),
        ("conduct.courtesy.closing", 350, "finding.missing_closing", Linear(0.20, 0.01)),
        ("conduct.language.pace", 250, "finding.fast_speech", Linear(0.20, 0.01)),
        ("conduct.language.fluency", 250, "finding.verbal_tic", Linear(0.20, 0.01)),
        ("conduct.attitude.listening", 400, "finding.interruption", Linear(0.15, 0.01)),
        ("conduct.attitude.calm", 300, "finding.impatience", Linear(0.10, 0.0)),
        ("conduct.attitude.uptake", 300, "finding.dismissive", Linear(0.10, 0.0)),
        ("conduct.discipline.ownership", 250, "finding.deflection", Linear(0.10, 0.0)),
        ("conduct.discipline.commitment", 250, "finding.overpromise", Linear(0.10, 0.0)),
        ("conduct.discipline.quality", 300, "kpi.score", Linear(60.0, 95.0)),
        ("solution.once.fcr", 800, "kpi.fcr", Ratio(0.70)),
        ("solution.once.not_again", 400, "kpi.not_again", Linear(0.70, 0.95)),
        ("solution.once.resolved", 400, "kpi.resolved", Linear(0.20, 0.60)),
        ("solution.tickets.responded", 400, "kpi.ticket_responded", Linear(0.80, 1.0)),
        ("solution.tickets.closed", 400, "kpi.ticket_closed", Linear(0.70, 0.98)),
        ("solution.tickets.on_time", 800, "kpi.ticket_on_time", Linear(0.70, 0.98)),
        ("solution.satisfaction.satisfied", 900, "kpi.satisfied", Ratio(0.90)),
        ("solution.satisfaction.rated", 300, "kpi.rated", Linear(0.05, 0.40)),
        ("solution.handling.needs", 600, "need.factual", Linear(0.50, 0.95)),
    ],
    deductions: &[
        ("finding.forbidden_phrase", 5.0, |share| 100.0 * share),
        ("case.contested", 3.0, |share| 3.0 * line(share, 0.02, 0.20)),
    ],
    bonuses: &[("need.emotional", 2.0, |share| 2.0 * line(share, 0.50, 0.95))],
};

pub(crate) const BANK: Table = Table {
    set: "bank-branch",
    rows: &[
        ("efficiency.answering.connected", 800, "kpi.connected", Linear(0.70, 0.90)),
        ("efficiency.answering.within_20", 700, "kpi.service_level_20", Ratio(0.60)),
        ("efficiency.handling.average", 400, "kpi.aht_s", Linear(600.0, 240.0)),
        ("efficiency.handling.transferred", 600, "kpi.transferred", Linear(0.30, 0.05)),
        ("quality.score.average", 1400, "kpi.score", Linear(60.0, 95.0)),
        ("quality.score.faultless", 600, "kpi.faultless", Linear(0.40, 0.90)),
        ("quality.attitude.listening", 800, "finding.interruption", Linear(0.15, 0.01)),
        ("quality.attitude.calm", 700, "finding.impatience", Linear(0.10, 0.0)),
        ("experience.rating.satisfied", 1100, "kpi.satisfied", Ratio(0.90)),
        ("experience.rating.rated", 400, "kpi.rated", Linear(0.05, 0.40)),
        ("experience.once.fcr", 600, "kpi.fcr", Linear(0.40, 0.75)),
        ("experience.once.repeat", 400, "kpi.repeat_contact", Linear(0.30, 0.05)),
        ("compliance.promise", 800, "finding.overpromise", Linear(0.10, 0.0)),
        ("compliance.redline", 700, "kpi.fatal", Linear(0.05, 0.0)),
    ],
    deductions: &[("finding.forbidden_phrase", 10.0, |share| 200.0 * share)],
    bonuses: &[("kpi.ticket_on_time", 2.0, |share| 2.0 * line(share, 0.80, 1.0))],
};

/// Fewest calls of every item.
const LEAST: u64 = 30;

/// What a set comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Total {
    /// As it is shown; `None` where data for less than 60 points are there.
    pub(crate) total: Option<String>,
    /// Path and score in ten thousandths, of every item with data.
    pub(crate) scores: Vec<(&'static str, i128)>,
}

impl Table {
    /// The paths of all items.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &'static str> {
        self.rows.iter().map(|(path, ..)| *path)
    }

    /// The items as they are checked by hand: path, figure, what is counted, what of, score, weight.
    pub(crate) fn written(&self, figures: &Figures) -> String {
        let total = self.total(figures);
        let mut lines = vec!["path,figure,counted,of,score,weight".to_owned()];
        for (path, weight, name, _) in self.rows {
            let figure = figures.get(*name).cloned().unwrap_or_default();
            let score = total.scores.iter().find(|(known, _)| known == path);
            let score = score.map_or_else(|| "-".to_owned(), |(_, score)| decimal(*score, 4));
            let weight = decimal(*weight, 2);
            lines.push(format!("{path},{name},{:.3},{},{score},{weight}", figure.part, figure.of));
        }
        for (name, most, _) in self.deductions.iter().chain(self.bonuses) {
            let figure = figures.get(*name).cloned().unwrap_or_default();
            lines.push(format!("most {most},{name},{:.3},{},,", figure.part, figure.of));
        }
        lines.push(format!("total,,,,{},", total.total.as_deref().unwrap_or("-")));
        lines.join("\n") + "\n"
    }

    pub(crate) fn total(&self, figures: &Figures) -> Total {
        let known = |figure: &str| figures.get(figure).filter(|figure| figure.of >= LEAST)?.value();
        let mut scores = Vec::new();
        let (mut points, mut weights) = (0, 0);
        for &(path, weight, figure, form) in self.rows {
            let Some(value) = known(figure) else { continue };
            let score = ten_thousandths(match form {
                Linear(zero, full) => 100.0 * line(value, zero, full),
                Ratio(target) => (100.0 * value / target).min(120.0),
            });
            scores.push((path, score));
            points += score * weight;
            weights += weight;
        }
        let sum = |adjustments: &[Adjustment]| -> i128 {
            let points =
                |&(figure, most, form): &Adjustment| known(figure).map(|value| ten_thousandths(form(value).min(most)));
            adjustments.iter().filter_map(points).sum()
        };
        let moved = sum(self.bonuses) - sum(self.deductions);
        // Ten thousandths of a point, as a fraction.
        let total = (points + moved * weights).clamp(0, 1_000_000 * weights);
        let shown = || {
            let hundredths = (2 * total + 100 * weights) / (200 * weights);
            format!("{}.{:02}", hundredths / 100, hundredths % 100)
        };
        Total { total: (weights >= 6000).then(shown), scores }
    }
}

fn ten_thousandths(value: f64) -> i128 {
    (value * 10_000.0).round() as i128
}

fn decimal(value: i128, decimals: u32) -> String {
    let one = 10_i128.pow(decimals);
    format!("{}.{:0width$}", value / one, value % one, width = decimals as usize)
}
