//! What holds of every set and all figures.

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::indicator::rank::rank;
use crate::indicator::set::FULL;

/// A value, or none, for every figure of a set.
fn any_data(set: &Set) -> impl Strategy<Value = Data> + use<> {
    let names: Vec<String> = set.figures().into_iter().map(str::to_owned).collect();
    prop::collection::vec(prop::option::of(0.0..1.5f64), names.len()).prop_map(move |values| {
        let datum = |(name, value): (&String, Option<f64>)| (name.clone(), datum(value));
        names.iter().zip(values).map(datum).collect()
    })
}

fn shipped() -> impl Strategy<Value = (Set, Data)> {
    prop::sample::select(embedded()).prop_flat_map(|set| {
        let data = any_data(&set);
        (Just(set), data)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn weights_always_add_up((set, data) in shipped(), given in prop::collection::vec((any::<prop::sample::Index>(), 1i64..100), 0..4)) {
        let given = given.iter().map(|(at, weight)| (set.nodes[at.index(set.nodes.len())].path.clone(), Decimal::from(*weight)));
        let Ok(other) = set.with_weights(&given.collect()) else { return Ok(()) };
        for (number, node) in other.nodes.iter().enumerate() {
            let sum: Decimal = other.children(Some(number)).map(|(_, child)| child.weight).sum();
            prop_assert!(node.item.is_some() || sum == node.weight, "{}", node.path);
        }
        prop_assert_eq!(other.children(None).map(|(_, node)| node.weight).sum::<Decimal>(), FULL);
        let outcome = other.evaluate(&data);
        let missing: Decimal = other.nodes.iter().zip(&outcome.nodes).filter(|(_, of)| of.no_data.is_some()).map(|(node, _)| node.weight).sum();
        prop_assert_eq!(missing, outcome.missing_weight());
    }

    #[test]
    fn points_add_up_and_stay_within_their_bounds((set, data) in shipped()) {
        let outcome = set.evaluate(&data);
        for (number, (node, of)) in set.nodes.iter().zip(&outcome.nodes).enumerate() {
            match &node.item {
                Some(item) => prop_assert!(of.score.is_none_or(|score| score >= Decimal::ZERO && score <= FULL * item.cap)),
                None => {
                    let sum: Decimal = set.children(Some(number)).filter_map(|(child, _)| outcome.nodes[child].points).sum();
                    prop_assert_eq!(of.points.unwrap_or_default(), sum);
                }
            }
        }
        prop_assert!(outcome.total.is_none_or(|total| total >= Decimal::ZERO && total <= set.most));
        prop_assert_eq!(outcome.total.is_some(), outcome.known_weight >= set.least_weight && !outcome.known_weight.is_zero());
    }

    #[test]
    fn to_simulate_the_same_weights_is_to_evaluate((set, data) in shipped()) {
        let same = set.nodes.iter().map(|node| (node.path.clone(), node.weight)).collect();
        prop_assert_eq!(set.with_weights(&same).unwrap().evaluate(&data), set.evaluate(&data));
        prop_assert_eq!(set.with_weights(&Default::default()).unwrap().evaluate(&data), set.evaluate(&data));
    }

    #[test]
    fn rankings_do_not_depend_on_the_order_of_the_input(
        (set, of) in prop::sample::select(embedded()).prop_flat_map(|set| { let of = prop::collection::vec((any_data(&set), 0u64..40), 0..8); (Just(set), of) }),
        turn in 0usize..8,
    ) {
        let groups: Vec<Group> = of.into_iter().enumerate().map(|(nth, (data, calls))| Group { key: format!("g{nth}"), calls, data, without: Vec::new() }).collect();
        let mut turned = groups.clone();
        turned.reverse();
        if !turned.is_empty() {
            let by = turn % turned.len();
            turned.rotate_left(by);
        }
        let ranked = rank(&set, groups, 10);
        prop_assert_eq!(&ranked, &rank(&set, turned, 10));
        let places: Vec<u32> = ranked.iter().filter_map(|row| row.place).collect();
        prop_assert!(places.is_sorted() && places.first().is_none_or(|first| *first == 1));
    }
}
