//! What holds of every call that was read and of every analysis, whatever was put in.

use qingting_pipeline::record::{Analysis, CallRecord, Finding};

/// A record that an importer let through.
pub(super) fn record(record: &CallRecord) {
    assert!(!record.call_id.trim().is_empty(), "a call without an id");
    assert!(record.rating.is_none_or(|rating| (1..=5).contains(&rating)), "rating {:?}", record.rating);
    for turn in &record.turns {
        if let (Some(start), Some(end)) = (turn.start_ms, turn.end_ms) {
            assert!(start <= end, "a turn from {start} to {end}");
        }
        for word in &turn.words {
            assert!(word.start_ms <= word.end_ms, "a word from {} to {}", word.start_ms, word.end_ms);
        }
        let shown = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
        assert!(turn.text.chars().all(shown), "control characters in {:?}", turn.text);
        assert!(turn.energy_db.is_none_or(f32::is_finite), "energy {:?}", turn.energy_db);
    }
}

/// An analysis, with the masked record that goes with it.
pub(super) fn analysis(record: &CallRecord, analysis: &Analysis) {
    assert_eq!(analysis.turns.len(), record.turns.len(), "one entry for every turn");
    for (at, turn) in analysis.turns.iter().enumerate() {
        assert_eq!(turn.turn as usize, at);
        assert_eq!(turn.text, record.turns[at].text, "the text that is kept is the text that was judged");
        assert!((-1.0..=1.0).contains(&turn.sentiment.score), "sentiment {}", turn.sentiment.score);
        assert!(!has_phone(&turn.text), "a telephone number in {:?}", turn.text);
    }
    for found in analysis.findings.iter().chain(&analysis.uncertain) {
        finding(analysis, found);
    }
    let facts = &analysis.facts;
    assert!((1.0..=5.0).contains(&facts.satisfaction), "satisfaction {}", facts.satisfaction);
    assert!((0.0..=1.0).contains(&facts.category_confidence), "category {}", facts.category_confidence);
    for &turn in facts.needs.emotional_turns.iter().chain(&facts.needs.factual_turns) {
        assert!((turn as usize) < analysis.turns.len(), "need in turn {turn}");
    }
    let signals = &analysis.signals;
    let numbers = [signals.agent_rate, signals.caller_rate, signals.talk_ratio].into_iter().flatten();
    let numbers = numbers.chain(signals.sentiment_curve.iter().copied()).chain(signals.quarters);
    for number in numbers.chain([signals.peak, signals.end]) {
        assert!(number.is_finite(), "signals {signals:?}");
    }
    if let Some(score) = &analysis.score {
        assert!((0.0..=100.0).contains(&score.total) && score.potential.is_finite(), "score {score:?}");
        assert!((0.0..=1.0).contains(&score.normalized), "score {score:?}");
        for item in &score.items {
            assert!(item.awarded >= 0.0 && item.awarded.is_finite(), "{item:?}");
            let there = |&at: &u32| (at as usize) < analysis.findings.len();
            assert!(item.findings.iter().all(there), "{item:?}");
        }
    }
    let json = serde_json::to_string(analysis).unwrap();
    let back: Analysis = serde_json::from_str(&json).expect("an analysis can be read again");
    assert_eq!(&back, analysis);
}

fn finding(analysis: &Analysis, finding: &Finding) {
    assert!((0.0..=1.0).contains(&finding.confidence), "{finding:?}");
    assert!(!finding.evidence.is_empty(), "no evidence: {finding:?}");
    if let Some(turn) = finding.turn {
        assert!((turn as usize) < analysis.turns.len(), "{finding:?}");
    }
    for evidence in &finding.evidence {
        let text = &analysis.turns[evidence.turn as usize].text;
        assert!(evidence.start_char <= evidence.end_char, "{evidence:?}");
        let quote: String = text
            .chars()
            .skip(evidence.start_char as usize)
            .take((evidence.end_char - evidence.start_char) as usize)
            .collect();
        assert_eq!(quote, evidence.quote, "the quote is what stands there, of {text:?}");
    }
}

/// Whether a mobile number stands in a text as it is commonly written: eleven digits that stand alone.
fn has_phone(text: &str) -> bool {
    let mut digits = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let bytes = digits.as_bytes();
        if bytes.len() == 11 && bytes[0] == b'1' && bytes[1] >= b'3' && !c.is_alphanumeric() {
            return true;
        }
        digits.clear();
        if c.is_alphanumeric() {
            // Digits that follow a letter belong to it.
            digits.push('x');
        }
    }
    false
}
