//! How well a probability tells right from wrong: average precision and the usual three.

/// Area under the precision-recall curve as the mean precision at each positive, highest
/// probability first.
pub(super) fn average_precision(scored: &[(f32, bool)]) -> f64 {
    let mut order: Vec<&(f32, bool)> = scored.iter().collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut hits, mut sum) = (0usize, 0.0);
    for (rank, (_, gold)) in order.iter().enumerate() {
        if *gold {
            hits += 1;
            sum += hits as f64 / (rank + 1) as f64;
        }
    }
    if hits == 0 { 0.0 } else { sum / hits as f64 }
}

/// Right, wrong and missed at a threshold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) right: usize,
    pub(super) wrong: usize,
    pub(super) missed: usize,
}

impl Tally {
    pub(super) fn at(scored: impl IntoIterator<Item = (f32, bool)>, threshold: f32) -> Self {
        let mut tally = Self::default();
        for (p, gold) in scored {
            match (p >= threshold, gold) {
                (true, true) => tally.right += 1,
                (true, false) => tally.wrong += 1,
                (false, true) => tally.missed += 1,
                (false, false) => {}
            }
        }
        tally
    }

    pub(super) fn precision(self) -> f64 {
        ratio(self.right, self.right + self.wrong)
    }

    pub(super) fn recall(self) -> f64 {
        ratio(self.right, self.right + self.missed)
    }

    pub(super) fn f1(self) -> f64 {
        self.f(1.0)
    }

    /// F with recall weighing `beta` times precision (van Rijsbergen 1979).
    pub(super) fn f(self, beta: f64) -> f64 {
        let b = beta * beta;
        let right = (1.0 + b) * self.right as f64;
        let all = right + b * self.missed as f64 + self.wrong as f64;
        if all > 0.0 { right / all } else { 0.0 }
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// F1 of one class over pairs of the labelled and the found one.
pub(super) fn class_f1<L: PartialEq>(pairs: &[(L, L)], class: &L) -> f64 {
    let mut tally = Tally::default();
    for (gold, found) in pairs {
        match (gold == class, found == class) {
            (true, true) => tally.right += 1,
            (false, true) => tally.wrong += 1,
            (true, false) => tally.missed += 1,
            (false, false) => {}
        }
    }
    tally.f1()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_hand_counted_list() {
        let scored = [(0.9, true), (0.8, false), (0.7, true), (0.1, false)];
        assert!((average_precision(&scored) - (1.0 + 2.0 / 3.0) / 2.0).abs() < 1e-9);
        let tally = Tally::at(scored, 0.75);
        assert_eq!(tally, Tally { right: 1, wrong: 1, missed: 1 });
        assert!((tally.f1() - 0.5).abs() < 1e-9);
        assert!(tally.f(3.0) > 0.49 && Tally::default().f1() < 1e-9);
    }
}
