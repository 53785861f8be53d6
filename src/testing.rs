//! What tests of several parts of this crate begin with.

use qingting_pipeline::record::{Analysis, Facts, Need, Needs, Provenance, SignalReport};

/// The analysis of a call in which nothing was found: a minute, an office asked for help, which was promised.
pub(crate) fn plain_analysis(id: &str) -> Analysis {
    Analysis {
        call_id: id.to_owned(),
        turns: Vec::new(),
        signals: SignalReport { duration_ms: Some(60_000), ..SignalReport::default() },
        findings: Vec::new(),
        uncertain: Vec::new(),
        facts: Facts {
            appeal_type: "求助".into(),
            outcome: "follow_up".into(),
            satisfaction: 3.0,
            category: Vec::new(),
            category_confidence: 0.0,
            needs: Needs {
                emotional: Need::None,
                factual: Need::Met,
                emotional_turns: Vec::new(),
                factual_turns: Vec::new(),
            },
            repeat_contact: false,
            crisis: false,
            language: "zh-CN".into(),
        },
        conduct: None,
        score: None,
        provenance: Provenance::default(),
    }
}
