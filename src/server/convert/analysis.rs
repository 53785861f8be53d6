//! The analysis, on its way out. Nothing takes one in.

use qingting_pipeline::record::{
    Analysis, Conduct, Facts, Finding, ItemScore, Provenance, Score, Sentiment, SignalReport, TurnAnalysis,
};
use qingting_proto::v1;

use super::enums::{
    act_to_wire, need_to_wire, role_to_wire, sentiment_to_wire, severity_to_wire, status_to_wire, step_to_wire,
    taboo_to_wire,
};
use super::{index, signed};

/// An analysis.
pub fn analysis_to_wire(analysis: Analysis) -> v1::Analysis {
    v1::Analysis {
        call_id: analysis.call_id,
        turns: analysis.turns.into_iter().map(turn_analysis_to_wire).collect(),
        signals: Some(signals(analysis.signals)),
        findings: analysis.findings.into_iter().map(finding_to_wire).collect(),
        uncertain: analysis.uncertain.into_iter().map(finding_to_wire).collect(),
        facts: Some(facts_to_wire(analysis.facts)),
        conduct: analysis.conduct.map(conduct),
        score: analysis.score.map(score),
        provenance: Some(provenance_to_wire(analysis.provenance)),
    }
}

/// A finding.
pub fn finding_to_wire(finding: Finding) -> v1::Finding {
    v1::Finding {
        code: finding.code,
        turn: finding.turn.map(index),
        role: role_to_wire(finding.role).into(),
        severity: severity_to_wire(finding.severity).into(),
        confidence: finding.confidence,
        taboo: finding.taboo.map_or(v1::Taboo::Unspecified, taboo_to_wire).into(),
        evidence: finding
            .evidence
            .into_iter()
            .map(|e| v1::Evidence {
                turn: index(e.turn),
                start_ms: e.start_ms.map(signed),
                end_ms: e.end_ms.map(signed),
                start_char: index(e.start_char),
                end_char: index(e.end_char),
                quote: e.quote,
            })
            .collect(),
        rule: finding.rule,
        explanation: finding.explanation,
    }
}

/// One turn of an analysis.
pub(in crate::server) fn turn_analysis_to_wire(turn: TurnAnalysis) -> v1::TurnAnalysis {
    v1::TurnAnalysis {
        turn: index(turn.turn),
        text: turn.text,
        sentiment: Some(sentiment(turn.sentiment)),
        emotion: turn.emotion,
        acts: turn.acts.into_iter().map(|act| act_to_wire(act).into()).collect(),
    }
}

fn sentiment(sentiment: Sentiment) -> v1::Sentiment {
    v1::Sentiment { label: sentiment_to_wire(sentiment.label).into(), score: sentiment.score }
}

fn signals(signals: SignalReport) -> v1::SignalReport {
    v1::SignalReport {
        duration_ms: signals.duration_ms.map(signed),
        talk_ms: signals.talk_ms.map(signed),
        silence_ms: signals.silence_ms.map(signed),
        overlap_ms: signals.overlap_ms.map(signed),
        longest_silence_ms: signals.longest_silence_ms.map(signed),
        agent_rate: signals.agent_rate,
        caller_rate: signals.caller_rate,
        talk_ratio: signals.talk_ratio,
        response_latency_ms: signals.response_latency_ms,
        interruptions: signals.interruptions.map(index),
        sentiment_curve: signals.sentiment_curve,
        peak: signals.peak,
        end: signals.end,
        quarters: signals.quarters.to_vec(),
    }
}

/// The facts.
pub(in crate::server) fn facts_to_wire(facts: Facts) -> v1::Facts {
    v1::Facts {
        appeal_type: facts.appeal_type,
        outcome: facts.outcome,
        satisfaction: facts.satisfaction,
        category: facts.category,
        category_confidence: facts.category_confidence,
        needs: Some(v1::Needs {
            emotional: need_to_wire(facts.needs.emotional).into(),
            factual: need_to_wire(facts.needs.factual).into(),
            emotional_turns: facts.needs.emotional_turns.into_iter().map(index).collect(),
            factual_turns: facts.needs.factual_turns.into_iter().map(index).collect(),
        }),
        repeat_contact: facts.repeat_contact,
        crisis: facts.crisis,
        language: facts.language,
    }
}

fn conduct(conduct: Conduct) -> v1::Conduct {
    v1::Conduct {
        steps: conduct
            .steps
            .into_iter()
            .map(|result| v1::StepResult {
                step: step_to_wire(result.step).into(),
                status: status_to_wire(result.status).into(),
                turns: result.turns.into_iter().map(index).collect(),
                reason: result.reason,
            })
            .collect(),
    }
}

fn score(score: Score) -> v1::Score {
    v1::Score {
        scorecard: score.scorecard,
        total: score.total,
        potential: score.potential,
        normalized: score.normalized,
        fatal: score.fatal,
        items: score.items.into_iter().map(item).collect(),
    }
}

fn item(item: ItemScore) -> v1::ItemScore {
    v1::ItemScore {
        id: item.id,
        awarded: item.awarded,
        potential: item.potential,
        na: item.na,
        reason: item.reason,
        findings: item.findings.into_iter().map(index).collect(),
    }
}

/// What produced an analysis.
pub(in crate::server) fn provenance_to_wire(provenance: Provenance) -> v1::Provenance {
    v1::Provenance {
        version: provenance.version,
        config_fingerprint: provenance.config_fingerprint,
        rules_version: provenance.rules_version,
        scorecard_version: provenance.scorecard_version,
        models: provenance.models,
        dictionary_fingerprint: provenance.dictionary_fingerprint,
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
    use qingting_pipeline::record::{
        Act, ConductStep, Evidence, Need, Needs, Role, SentimentLabel, Severity, StepResult, StepStatus, Taboo,
    };
    use serde_json::Value;

    use super::*;

    fn full() -> Analysis {
        let finding = |turn, taboo| Finding {
            code: "interruption".into(),
            turn,
            role: Role::Agent,
            severity: Severity::Major,
            confidence: 0.75,
            taboo,
            evidence: vec![Evidence {
                turn: 1,
                start_ms: Some(1200),
                end_ms: Some(1900),
                start_char: 0,
                end_char: 3,
                quote: "您先听".into(),
            }],
            rule: "interruption".into(),
            explanation: "来电人尚未说完，坐席抢先开口。".into(),
        };
        Analysis {
            call_id: "c-1".into(),
            turns: vec![TurnAnalysis {
                turn: 0,
                text: "水费太贵了".into(),
                sentiment: Sentiment { label: SentimentLabel::Neg, score: -0.5 },
                emotion: Some("angry".into()),
                acts: Act::ALL.to_vec(),
            }],
            signals: SignalReport {
                duration_ms: Some(61_000),
                talk_ms: Some(50_000),
                silence_ms: Some(9000),
                overlap_ms: Some(700),
                longest_silence_ms: Some(4000),
                agent_rate: Some(4.5),
                caller_rate: Some(5.25),
                talk_ratio: Some(0.5),
                response_latency_ms: Some(-300),
                interruptions: Some(1),
                sentiment_curve: vec![0.0, -0.5],
                peak: -0.5,
                end: 0.25,
                quarters: [0.0, -0.25, -0.5, 0.25],
            },
            findings: vec![finding(Some(1), Some(Taboo::T1)), finding(None, None)],
            uncertain: vec![finding(Some(0), Some(Taboo::T8))],
            facts: Facts {
                appeal_type: "投诉".into(),
                outcome: "follow_up".into(),
                satisfaction: 2.5,
                category: vec!["民生".into(), "水费".into()],
                category_confidence: 0.8,
                needs: Needs {
                    emotional: Need::Unmet,
                    factual: Need::None,
                    emotional_turns: vec![1, 3],
                    factual_turns: vec![2],
                },
                repeat_contact: true,
                crisis: false,
                language: "zh".into(),
            },
            conduct: Some(Conduct {
                steps: ConductStep::ALL
                    .into_iter()
                    .zip([StepStatus::Done, StepStatus::Missed, StepStatus::NotNeeded].into_iter().cycle())
                    .map(|(step, status)| StepResult {
                        step,
                        status,
                        turns: vec![0, 4],
                        reason: "开头没有问候。".into(),
                    })
                    .collect(),
            }),
            score: Some(Score {
                scorecard: "standard".into(),
                total: 87.5,
                potential: 80.0,
                normalized: 0.875,
                fatal: vec!["x".into()],
                items: vec![ItemScore {
                    id: "listening".into(),
                    awarded: 5.0,
                    potential: 15.0,
                    na: false,
                    reason: "抢话一次".into(),
                    findings: vec![0],
                }],
            }),
            provenance: Provenance {
                version: "0.1.0".into(),
                config_fingerprint: "a".into(),
                rules_version: "b".into(),
                scorecard_version: "c".into(),
                models: vec!["static".into()],
                dictionary_fingerprint: "d".into(),
            },
        }
    }

    /// `SEVERITY_MAJOR` to `major`, `TABOO_T1` to `T1`; unspecified to null, which the JSON contract writes.
    fn plain(value: &mut Value) {
        match value {
            Value::String(s) => {
                let prefixes = [
                    "CONDUCT_STEP_",
                    "STEP_STATUS_",
                    "SENTIMENT_LABEL_",
                    "SEVERITY_",
                    "TABOO_",
                    "ROLE_",
                    "NEED_",
                    "ACT_",
                ];
                if let Some(rest) = prefixes.iter().find_map(|p| s.strip_prefix(p)) {
                    *value = match rest {
                        "UNSPECIFIED" => Value::Null,
                        taboo if taboo.len() == 2 && taboo.starts_with('T') => taboo.into(),
                        name => name.to_lowercase().into(),
                    };
                }
            }
            Value::Array(items) => items.iter_mut().for_each(plain),
            Value::Object(fields) => fields.values_mut().for_each(plain),
            _ => {}
        }
    }

    fn without_nulls(value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(without_nulls),
            Value::Object(fields) => {
                fields.retain(|_, v| !v.is_null());
                fields.values_mut().for_each(without_nulls);
            }
            _ => {}
        }
    }

    #[test]
    fn the_wire_carries_every_field_under_the_name_of_the_json_contract() {
        let analysis = full();
        let mut contract = serde_json::to_value(&analysis).unwrap();
        let bytes = analysis_to_wire(analysis).encode_to_vec();
        let pool = DescriptorPool::decode(qingting_proto::FILE_DESCRIPTOR_SET).unwrap();
        let descriptor = pool.get_message_by_name("qingting.v1.Analysis").unwrap();
        let message = DynamicMessage::decode(descriptor, bytes.as_slice()).unwrap();
        let options = SerializeOptions::new()
            .use_proto_field_name(true)
            .stringify_64_bit_integers(false)
            .skip_default_fields(false);
        let mut wire = message.serialize_with_options(serde_json::value::Serializer, &options).unwrap();
        plain(&mut wire);
        without_nulls(&mut wire);
        without_nulls(&mut contract);
        assert_eq!(wire, contract);
    }
}
