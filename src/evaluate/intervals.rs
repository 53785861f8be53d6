//! Bootstrap intervals: how far a figure would move had other calls been labelled. Calls are
//! drawn with replacement, whole (turns of one call are not independent); the interval is
//! between the 2.5th and the 97.5th percentile (Efron 1979).

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;

use super::Counts;

/// Times that the calls are drawn.
const DRAWS: usize = 1_000;
const SEED: u64 = 20_260_101;

/// A figure and the bounds between which it lies in 95 of 100 draws.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Interval {
    /// The figure itself.
    pub value: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

/// The mean F1 over several codes; `codes[code][call]`.
pub(super) fn mean_f1(codes: &[Vec<Counts>]) -> Interval {
    let calls = codes.first().map_or(0, Vec::len);
    if calls == 0 {
        return Interval::default();
    }
    let mean = |drawn: &[usize]| {
        let f1 = codes.iter().map(|table| {
            let mut sum = Counts::default();
            drawn.iter().filter_map(|&call| table.get(call)).for_each(|counts| sum.join(*counts));
            sum.f1()
        });
        f1.sum::<f64>() / codes.len() as f64
    };
    let mut rng = StdRng::seed_from_u64(SEED);
    let mut figures: Vec<f64> = (0..DRAWS)
        .map(|_| mean(&(0..calls).map(|_| rng.random_range(0..calls)).collect::<Vec<_>>()))
        .collect();
    figures.sort_by(f64::total_cmp);
    let at = |share: f64| figures[((DRAWS - 1) as f64 * share).round() as usize];
    Interval { value: mean(&(0..calls).collect::<Vec<_>>()), low: at(0.025), high: at(0.975) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_holds_the_figure_and_narrows_with_more_calls() {
        let right = Counts { tp: 1, ..Counts::default() };
        let wrong = Counts { fn_: 1, ..Counts::default() };
        let table = |n: usize| vec![(0..n).map(|i| if i % 3 == 0 { wrong } else { right }).collect::<Vec<_>>()];
        let (few, many) = (mean_f1(&table(12)), mean_f1(&table(300)));
        assert!((few.value - 0.8).abs() < 1e-9 && few.low < few.value && few.value < few.high, "{few:?}");
        assert!(many.high - many.low < (few.high - few.low) / 2.0);
        assert_eq!(mean_f1(&[]), Interval::default());
    }
}
