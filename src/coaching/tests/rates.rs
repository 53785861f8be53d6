//! Intervals of rates, and what is called different.

use proptest::prelude::*;

use crate::coaching::rates::{Beside, Rate, beside};
use crate::report::figures::Share;

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 5e-4
}

/// The exact limits of a Poisson number as tables print them: 0 has (0, 3.6889), 10 has (4.7954, 18.3904).
#[test]
fn rates_have_the_published_intervals() {
    let none = Rate { events: 0, hours: 1.0 }.interval().unwrap();
    assert!(near(none.low, 0.0) && near(none.high, 3.6889), "{none:?}");
    let ten = Rate { events: 10, hours: 1.0 }.interval().unwrap();
    assert!(near(ten.low, 4.7954) && near(ten.high, 18.3904), "{ten:?}");
    let half = Rate { events: 10, hours: 2.0 }.interval().unwrap();
    assert!(near(half.value, 5.0) && near(half.high, 18.3904 / 2.0));
    assert_eq!(Rate { events: 3, hours: 0.0 }.interval(), None);
}

#[test]
fn too_few_calls_are_not_compared() {
    let (more, fewer) = (Share::new(9, 9), Share::new(0, 500));
    assert_eq!(beside(more, fewer, 10), (Beside::Unknown, None));
    assert_eq!(beside(Share::new(10, 10), fewer, 10).0, Beside::More);
    assert_eq!(beside(fewer, Share::new(10, 10), 10).0, Beside::Fewer);
    assert_eq!(beside(Share::default(), Share::default(), 0).0, Beside::Unknown);
}

proptest! {
    #[test]
    fn an_interval_holds_its_rate_and_grows_narrower(events in 0u64..400, hours in 0.1f64..500.0) {
        let rate = Rate { events, hours }.interval().unwrap();
        prop_assert!(0.0 <= rate.low && rate.low <= rate.value && rate.value <= rate.high && rate.high.is_finite());
        let doubled = Rate { events: events * 2, hours: hours * 2.0 }.interval().unwrap();
        prop_assert!(doubled.high - doubled.low <= rate.high - rate.low + 1e-9);
    }

    #[test]
    fn different_is_only_what_the_interval_says(a in 0u64..60, n in 1u64..60, b in 0u64..60, m in 1u64..60) {
        let (own, other) = (Share::new(a.min(n), n), Share::new(b.min(m), m));
        let (told, difference) = beside(own, other, 10);
        match told {
            Beside::Unknown => prop_assert!(n < 10 || m < 10),
            Beside::More => prop_assert!(difference.unwrap().low > 0.0 && own.value() > other.value()),
            Beside::Fewer => prop_assert!(difference.unwrap().high < 0.0 && own.value() < other.value()),
            Beside::Alike => prop_assert!(!difference.unwrap().differs()),
        }
        let back = beside(other, own, 10).0;
        let turned = match told { Beside::More => Beside::Fewer, Beside::Fewer => Beside::More, same => same };
        prop_assert_eq!(back, turned);
    }
}
