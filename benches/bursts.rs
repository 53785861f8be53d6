//! Recall of planted bursts against their strength, and false alarms, in simulated years.

#![allow(missing_docs, reason = "a bench")]

use qingting_pipeline::topic::burst::{BurstConfig, bursts};
use qingting_pipeline::topic::simulation::{Outcome, Year, YearOptions};

const YEARS: u64 = 30;

/// Bounds of the strengths that the curve is shown by.
const STEPS: [f64; 7] = [1.5, 1.75, 2.0, 2.25, 2.5, 2.75, 3.01];

fn main() {
    let options = YearOptions::default();
    println!(
        "{} years of {} topics, {}–{} calls a day, variance {} times the mean, bursts of {}–{} times the usual",
        YEARS,
        options.topics,
        options.rates.0,
        options.rates.1,
        options.spread,
        options.strengths.0,
        options.strengths.1
    );
    for asked in [0.25, 0.5, 1.0, 2.0] {
        let config = BurstConfig { false_alarms: asked, ..BurstConfig::default() };
        let mut by_strength = [Outcome::default(); STEPS.len() - 1];
        let (mut wrong, mut months) = (0, 0.0);
        for seed in 0..YEARS {
            let year = Year::new(&options, 100 + seed);
            let found = bursts(&year.counts, 0, &config);
            for (bounds, sum) in STEPS.windows(2).zip(&mut by_strength) {
                let outcome = year.judge(&found, bounds[0], bounds[1]);
                sum.planted += outcome.planted;
                sum.seen += outcome.seen;
            }
            wrong += year.judge(&found, 0.0, f64::INFINITY).false_alarms;
            months += options.days as f64 / 30.0;
        }
        let (planted, seen) = by_strength.iter().fold((0, 0), |(p, s), o| (p + o.planted, s + o.seen));
        println!(
            "asked for {asked} false alarms a month: {:.2} a month; seen within three days {:.3} ({seen} of {planted})",
            f64::from(u32::try_from(wrong).unwrap_or(u32::MAX)) / months,
            seen as f64 / planted as f64
        );
        for (bounds, sum) in STEPS.windows(2).zip(&by_strength) {
            println!(
                "  {:.2}–{:.2} times the usual: {:>4} of {:>4} ({:.3})",
                bounds[0],
                bounds[1].min(options.strengths.1),
                sum.seen,
                sum.planted,
                sum.seen as f64 / sum.planted.max(1) as f64
            );
        }
    }
}
