//! What trained heads say of one text, by their names.

use std::sync::Arc;

/// The names of the heads of a model, in its order, with the way from a name to its place.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HeadNames(Arc<Table>);

#[derive(Debug, PartialEq, Default)]
struct Table {
    names: Vec<String>,
    /// For a name at `slot` or after it its place, counted from 1; 0 where there is none. A power of
    /// two of them, or none.
    slots: Vec<u16>,
}

impl From<Vec<String>> for HeadNames {
    fn from(names: Vec<String>) -> Self {
        let mut slots = vec![0u16; (names.len() * 4).next_power_of_two()];
        let mask = slots.len() - 1;
        // The first of equal names counts: it comes first in its row of slots too.
        for (place, name) in names.iter().enumerate() {
            let mut at = slot(name) & mask;
            while slots[at] != 0 {
                at = (at + 1) & mask;
            }
            slots[at] = place as u16 + 1;
        }
        Self(Arc::new(Table { names, slots }))
    }
}

impl HeadNames {
    /// The place of a name.
    pub fn place(&self, name: &str) -> Option<usize> {
        let Table { names, slots } = &*self.0;
        let mask = slots.len().wrapping_sub(1);
        let mut at = slot(name) & mask;
        loop {
            let place = usize::from(*slots.get(at)?).checked_sub(1)?;
            if names.get(place).is_some_and(|known| known == name) {
                return Some(place);
            }
            at = (at + 1) & mask;
        }
    }
}

/// A few of the bytes that names differ in: the judgements ask for a hundred heads a turn.
fn slot(name: &str) -> usize {
    let bytes = name.as_bytes();
    let n = bytes.len();
    let at = |i: usize| usize::from(bytes.get(i).copied().unwrap_or(0));
    n * 37 + at(n / 2) * 101 + at(n.wrapping_sub(1)) * 11 + at(n.wrapping_sub(3)) * 53
}

/// What trained heads say of one text: positive where a head applies, about 1 where it is sure.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Margins {
    names: HeadNames,
    values: Vec<f32>,
}

impl Margins {
    /// One value for each name.
    pub fn new(names: HeadNames, values: Vec<f32>) -> Self {
        Self { names, values }
    }

    /// Of every head, in the order of the names.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The margin of a head; 0 for one that is not there.
    pub fn get(&self, name: &str) -> f32 {
        self.names.place(name).and_then(|i| self.values.get(i)).copied().unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_margin_is_found_by_its_name(
            names in prop::collection::btree_set("[a-c.]{0,5}", 0..40), other in "[a-d.]{0,5}"
        ) {
            let names: Vec<String> = names.into_iter().collect();
            let values: Vec<f32> = (1..=names.len()).map(|i| i as f32).collect();
            let margins = Margins::new(names.clone().into(), values.clone());
            for (name, value) in names.iter().zip(values) {
                prop_assert_eq!(margins.get(name), value);
            }
            if !names.contains(&other) {
                prop_assert_eq!(margins.get(&other), 0.0);
            }
        }
    }

    #[test]
    fn without_names_there_is_no_margin() {
        assert_eq!(Margins::default().get("x"), 0.0);
        assert_eq!(Margins::new(Vec::new().into(), Vec::new()).get(""), 0.0);
    }
}
