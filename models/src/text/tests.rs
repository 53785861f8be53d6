use proptest::prelude::*;

use super::*;
use crate::StaticVectors;

fn field() -> Field {
    Field { longest: 3, min_documents: 1, weight: 1.0 }
}

fn document(texts: &[&[&str]], numbers: &[f32]) -> Document {
    let texts = texts.iter().map(|field| field.iter().map(|&text| text.to_owned()).collect()).collect();
    Document { texts, numbers: numbers.to_vec() }
}

fn example(text: &str, label: Option<bool>) -> Example {
    Example { document: document(&[&[text]], &[0.5]), labels: vec![label], weight: 1.0 }
}

const SAID: [(&str, bool); 6] = [
    ("快点说行不行", true),
    ("你快点说", true),
    ("快点快点", true),
    ("您慢慢说", false),
    ("您请讲", false),
    ("不着急您说", false),
];

fn training(keep: usize, meaning: Option<&StaticVectors>) -> Training<'_> {
    Training { cost: (4.0, 4.0), seed: 1, keep, meaning }
}

fn model(keep: usize, meaning: Option<&StaticVectors>) -> TextModel {
    let mut examples: Vec<Example> = SAID.iter().map(|(text, y)| example(text, Some(*y))).collect();
    examples.push(example("没有人看过", None));
    TextModel::train(vec![field()], &["hurry".to_owned()], &examples, &training(keep, meaning))
}

#[test]
fn a_head_tells_its_examples_apart_and_says_where() {
    let vectors = StaticVectors::embedded().unwrap();
    for keep in [usize::MAX, 12] {
        let model = model(keep, None);
        assert!(model.grams() <= keep);
        let margin = |text: &str| model.margins(&example(text, None).document, &vectors)[0];
        assert!(margin("那你快点") > 0.0 && margin("您慢慢讲") < 0.0);
        let shares = model.contributions("您先快点讲", "hurry");
        assert_eq!(shares.len(), 5);
        assert!(shares[2] + shares[3] > shares[0] + shares[4], "{shares:?}");
        assert!(model.contributions("好", "other").is_empty());
    }
}

#[test]
fn the_shares_of_the_characters_add_up_to_the_margin() {
    let vectors = StaticVectors::embedded().unwrap();
    let examples = [("快点说", true), ("慢点说", false)].map(|(text, y)| Example {
        document: document(&[&[text]], &[]),
        labels: vec![Some(y)],
        weight: 1.0,
    });
    let fields = vec![Field { weight: 2.0, ..field() }];
    let model = TextModel::train(fields, &["hurry".to_owned()], &examples, &training(usize::MAX, None));
    // Grams that are nothing but the start or end mark have no character of their own.
    let sum: f32 = model.contributions("快快点说", "hurry").iter().sum();
    let margin = model.margins(&document(&[&["快快点说"]], &[]), &vectors)[0];
    assert!((margin - model.begin(&[])[0] - sum).abs() < 0.2);
}

#[test]
fn a_text_without_known_grams_has_the_bias_alone() {
    let vectors = StaticVectors::embedded().unwrap();
    let model = model(usize::MAX, Some(&vectors));
    assert_eq!(model.margins(&document(&[&[]], &[0.0]), &vectors), model.begin(&[0.0]));
}

#[test]
fn words_that_were_never_seen_count_by_what_they_mean() {
    let vectors = StaticVectors::embedded().unwrap();
    let said = [("停水", true), ("自来水", true), ("公交", false), ("地铁", false)];
    let examples: Vec<Example> = said.iter().map(|(text, y)| example(text, Some(*y))).collect();
    let model =
        TextModel::train(vec![field()], &["water".to_owned()], &examples, &training(usize::MAX, Some(&vectors)));
    let margin = |text: &str| model.margins(&example(text, None).document, &vectors)[0];
    assert!(margin("供水管") > margin("火车站") + 0.2, "{} {}", margin("供水管"), margin("火车站"));
}

#[test]
fn a_scaled_model_has_scaled_margins() {
    let vectors = StaticVectors::embedded().unwrap();
    let model = model(usize::MAX, Some(&vectors));
    let document = example("你快点", None).document;
    let (plain, scaled) =
        (model.margins(&document, &vectors)[0], model.clone().scaled(3.0).margins(&document, &vectors)[0]);
    assert!((scaled - 3.0 * plain).abs() < 1e-4);
}

proptest! {
    #[test]
    fn a_reader_says_what_the_models_say(
        texts in prop::collection::vec("[快慢点说您你,9]{0,9}", 0..4), number in 0.0f32..1.0, twice in any::<bool>()
    ) {
        let vectors = StaticVectors::embedded().unwrap();
        let (own, other) = (model(usize::MAX, Some(&vectors)), model(9, None));
        let parts = [
            Part { model: &other, field: 0, meaning: false },
            Part { model: &own, field: 0, meaning: true },
        ];
        let reader = Reader::new(&parts, &vectors);
        // Long texts go over what fits into 16 bits.
        let texts: Vec<String> = texts.iter().map(|text| if twice { text.repeat(90) } else { text.clone() }).collect();
        let readings: Vec<Reading> = texts.iter().map(|text| reader.read(text, 3)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut sum = Sum::default();
        readings.iter().for_each(|reading| reader.merge(0, reading, &mut sum));
        let mut margins = other.begin(&[number]);
        other.add_field(0, &sum.weights, sum.rarity, &mut margins);
        prop_assert_eq!(margins, other.margins(&document(&[&texts], &[number]), &vectors));
        if let ([text], [reading]) = (texts.as_slice(), readings.as_slice()) {
            let mut margins = own.begin(&[number]);
            reader.add(1, &own, 0, reading, &mut margins);
            reader.add_meaning(1, &own, reading, &mut margins);
            prop_assert_eq!(margins, own.margins(&document(&[&[*text]], &[number]), &vectors));
            prop_assert_eq!(reader.contributions(1, &own, text, "hurry"), own.contributions(text, "hurry"));
            prop_assert_eq!(reader.read(text, 0), reader.read("", 3));
        }
    }
}
