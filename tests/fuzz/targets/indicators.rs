//! Indicator sets: drafts read, evaluated on figures, and given other weights.

use qingting::indicator::tally::{Data, Datum, Unit};
use qingting::indicator::{Names, Set};
use qingting_pipeline::assets::{Asset, Assets};
use qingting_pipeline::finding::Catalog;
use rust_decimal::Decimal;

use super::{Run, few};

pub(super) const WORDS: &[&str] = &[
    "[[first]]",
    "[[first.second]]",
    "[[first.second.third]]",
    "[[deduction]]",
    "[[bonus]]",
    "id",
    "version",
    "title",
    "doc",
    "missing",
    "exclude",
    "zero",
    "least_weight",
    "most",
    "weight",
    "formula",
    "cap",
    "least",
    "published",
    "note",
    "kpi.connected",
    "finding.impatience",
    "linear(",
    "ratio(",
    "least(",
    "greatest(",
    "?",
    ":",
    "&&",
    "||",
    "[].all(x, x)",
    "has(",
];

struct Sets {
    names: Names,
}

/// Sets of indicators.
pub(super) fn open() -> Box<dyn Run> {
    Box::new(Sets { names: Names::new(&Catalog::guide(), [("greeting", "开场问候")]) })
}

/// A figure over some calls, another for every name.
fn datum(nth: usize) -> Datum {
    let value = [Some(0.0), Some(0.93), None, Some(1.0), Some(1e300)][nth % 5];
    Datum {
        title: "数据".into(),
        unit: Unit::Share,
        value,
        numerator: value.map(|_| 93),
        denominator: value.map(|_| 100),
        missing: 3,
    }
}

impl Run for Sets {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let files = Assets::embedded().read_dir("indicators", "toml").unwrap();
        files.into_iter().map(|file| file.text.as_bytes().to_vec()).collect()
    }

    fn run(&mut self, input: &[u8]) -> String {
        let text = String::from_utf8_lossy(input).into_owned();
        let asset = Asset { origin: "set.toml".into(), text: text.into() };
        let set = match Set::parse(&asset, &self.names) {
            Ok(set) => set,
            Err(errors) => {
                let first = errors.first().map(ToString::to_string).unwrap_or_default();
                let kind: String = first.chars().skip_while(char::is_ascii).take(8).collect();
                return format!("{} mistakes, {kind}", few(errors.len()));
            }
        };
        let data: Data = self.names.iter().enumerate().map(|(nth, (name, _))| (name.to_owned(), datum(nth))).collect();
        let outcome = set.evaluate(&data);
        assert!(outcome.total.is_none_or(|total| total >= Decimal::ZERO && total <= set.most));
        assert_eq!(outcome.known_weight + outcome.missing_weight(), Decimal::ONE_HUNDRED);
        let half = set.nodes.iter().take(1).map(|node| (node.path.clone(), node.weight / Decimal::TWO)).collect();
        let halved = set.with_weights(&half);
        if let Ok(halved) = &halved {
            let sum: Decimal = halved.children(None).map(|(_, node)| node.weight).sum();
            assert_eq!(sum, Decimal::ONE_HUNDRED);
        }
        format!("{} nodes, {} {}", few(set.nodes.len()), outcome.total.is_some(), halved.is_ok())
    }
}
