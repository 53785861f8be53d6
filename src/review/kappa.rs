//! Cohen's κ: agreement of two sides beyond what chance would give.
//!
//! J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20 (1960), 37–46:
//! κ = (p_o − p_e) / (1 − p_e), where p_o is the share of decisions on which both say the same, and p_e the share that
//! would be the same if each gave its answers at random as often as it does: the sum over the answers of the product
//! of both sides' shares. Here there are two answers: the code is there, or it is not.

/// Decisions from which on κ is read: with fewer, a single one moves it by tenths. A convention of this program, not a
/// property of κ.
pub const ENOUGH: u64 = 30;

/// κ of two sides, with what it is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kappa {
    /// Decisions of both.
    pub decisions: u64,
    /// p_o, 0 to 1; 0 without decisions.
    pub observed: f64,
    /// p_e, 0 to 1; 0 without decisions.
    pub expected: f64,
    /// −1 to 1. `None` without decisions and where p_e is 1, since both sides only ever said the same one thing: then
    /// nothing tells agreement from chance, however often they agree.
    pub value: Option<f64>,
}

impl Kappa {
    /// Whether there are too few decisions to read anything from it.
    pub fn too_few(&self) -> bool {
        self.decisions < ENOUGH
    }
}

/// κ of pairs of decisions.
pub fn kappa(pairs: impl IntoIterator<Item = (bool, bool)>) -> Kappa {
    // [one says yes][the other says yes]
    let mut table = [[0_u64; 2]; 2];
    for (one, other) in pairs {
        table[usize::from(one)][usize::from(other)] += 1;
    }
    let [[neither, other_alone], [one_alone, both]] = table;
    let n = neither + other_alone + one_alone + both;
    if n == 0 {
        return Kappa { decisions: 0, observed: 0.0, expected: 0.0, value: None };
    }
    let share = |count: u64| count as f64 / n as f64;
    let (one, other) = (share(one_alone + both), share(other_alone + both));
    let observed = share(neither + both);
    let expected = one * other + (1.0 - one) * (1.0 - other);
    // Told from the counts: shares may miss 1 by a rounding.
    let same_thing = neither == n || both == n;
    let value = (!same_thing).then(|| (observed - expected) / (1.0 - expected));
    Kappa { decisions: n, observed, expected, value }
}
