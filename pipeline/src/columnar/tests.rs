//! Round trips of generated records through batches and files, and what is read of
//! files that others wrote.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int32Array, LargeStringArray, StringArray, TimestampMicrosecondArray};
use arrow::record_batch::RecordBatch;
use chrono::{DateTime, FixedOffset, TimeZone};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::record::*;

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9一-龥，。！😀 ]{0,12}", ".{0,8}"]
}

/// Years that RFC 3339 can write, offsets of whole minutes, nanoseconds.
fn time() -> impl Strategy<Value = DateTime<FixedOffset>> {
    (-62_135_510_400_i64..253_402_200_000, 0_u32..1_000_000_000, -18 * 60_i32..=18 * 60).prop_map(
        |(seconds, nanos, minutes)| {
            let utc = DateTime::from_timestamp(seconds, nanos).unwrap().naive_utc();
            FixedOffset::east_opt(minutes * 60).unwrap().from_utc_datetime(&utc)
        },
    )
}

fn role() -> impl Strategy<Value = Role> {
    select(vec![Role::Agent, Role::Caller, Role::Bot, Role::Ivr, Role::Other])
}

prop_compose! {
    fn word()(text in text(), start_ms in any::<u64>(), end_ms in any::<u64>()) -> Word {
        Word { text, start_ms, end_ms }
    }
}

prop_compose! {
    fn turn()(
        role in role(), start_ms in option::of(any::<u64>()), end_ms in option::of(any::<u64>()), text in text(),
        words in vec(word(), 0..3), energy_db in option::of(-90f32..0.0), emotion in option::of(text()),
    ) -> Turn {
        Turn { role, start_ms, end_ms, text, words, energy_db, emotion }
    }
}

prop_compose! {
    fn agent()(id in text(), name in option::of(text()), team in option::of(text()), site in option::of(text())) -> Agent {
        Agent { id, name, team, site }
    }
}

prop_compose! {
    fn ticket()(
        id in text(), category in option::of(text()), department in option::of(text()), status in option::of(text()),
        opened_at in option::of(time()), due_at in option::of(time()), closed_at in option::of(time()),
    ) -> Ticket {
        Ticket { id, category, department, status, opened_at, due_at, closed_at }
    }
}

prop_compose! {
    fn about()(
        agent in option::of(agent()),
        caller in option::of((option::of(text()), option::of(text())).prop_map(|(id, number)| Caller { id, number })),
        ticket in option::of(ticket()),
        hangup_by in option::of(select(vec![Party::Agent, Party::Caller, Party::System])),
        rating in option::of(any::<u8>()),
    ) -> CallRecord {
        CallRecord { agent, caller, ticket, hangup_by, rating, ..CallRecord::new("") }
    }
}

prop_compose! {
    fn call()(
        about in about(),
        call_id in text(), started_at in option::of(time()), outbound in any::<bool>(), channel in text(),
        places in (option::of(text()), option::of(text()), option::of(text())),
        waits in (option::of(any::<u64>()), option::of(any::<u64>()), option::of(any::<u64>())),
        flags in (option::of(any::<bool>()), option::of(any::<bool>())),
        turns in vec(turn(), 0..4),
        attributes in btree_map(text(), text(), 0..3),
        label in option::of(text()),
    ) -> CallRecord {
        CallRecord {
            call_id, started_at, channel, turns, attributes,
            direction: if outbound { Direction::Outbound } else { Direction::Inbound },
            queue: places.0, region: places.1, language: places.2,
            wait_ms: waits.0, ring_ms: waits.1, hold_ms: waits.2,
            answered: flags.0, transferred: flags.1,
            labels: label.map(|l| serde_json::json!({ "codes": [l, 1, null, true], "nested": { "a": -3 } })),
            ..about
        }
    }
}

prop_compose! {
    fn finding()(
        code in text(), turn in option::of(any::<u32>()), role in role(),
        severity in select(vec![Severity::Minor, Severity::Major, Severity::Fatal]), confidence in any::<f32>(),
        taboo in option::of(select(vec![
            Taboo::T1, Taboo::T2, Taboo::T3, Taboo::T4, Taboo::T5, Taboo::T6, Taboo::T7, Taboo::T8,
        ])),
        evidence in vec(
            (any::<u32>(), option::of(any::<u64>()), option::of(any::<u64>()), any::<(u32, u32)>(), text()).prop_map(
                |(turn, start_ms, end_ms, (start_char, end_char), quote)| {
                    Evidence { turn, start_ms, end_ms, start_char, end_char, quote }
                },
            ),
            0..3,
        ),
        rule in text(), explanation in text(),
    ) -> Finding {
        Finding { code, turn, role, severity, confidence, taboo, evidence, rule, explanation }
    }
}

prop_compose! {
    fn turn_analysis()(
        turn in any::<u32>(), emotion in option::of(text()), text in text(),
        label in select(vec![SentimentLabel::Pos, SentimentLabel::Neu, SentimentLabel::Neg]), score in -1f32..1.0,
        acts in vec(select(Act::ALL), 0..3),
    ) -> TurnAnalysis {
        TurnAnalysis { turn, text, sentiment: Sentiment { label, score }, emotion, acts }
    }
}

prop_compose! {
    fn signals()(
        spans in vec(option::of(any::<u64>()), 5), rates in vec(option::of(0f32..20.0), 3),
        response_latency_ms in option::of(any::<i64>()), interruptions in option::of(any::<u32>()),
        sentiment_curve in vec(-1f32..1.0, 0..5), peak in -1f32..1.0, end in -1f32..1.0,
        quarters in prop::array::uniform4(-1f32..1.0),
    ) -> SignalReport {
        SignalReport {
            duration_ms: spans[0], talk_ms: spans[1], silence_ms: spans[2], overlap_ms: spans[3],
            longest_silence_ms: spans[4], agent_rate: rates[0], caller_rate: rates[1], talk_ratio: rates[2],
            response_latency_ms, interruptions, sentiment_curve, peak, end, quarters,
        }
    }
}

prop_compose! {
    fn facts()(
        texts in vec(text(), 3), satisfaction in 1f32..5.0, category in vec(text(), 0..3), category_confidence in 0f32..1.0,
        needs in vec(select(vec![Need::Met, Need::Unmet, Need::None]), 2), flags in any::<(bool, bool)>(),
        turns in (vec(any::<u32>(), 0..3), vec(any::<u32>(), 0..3)),
    ) -> Facts {
        Facts {
            appeal_type: texts[0].clone(), outcome: texts[1].clone(), language: texts[2].clone(), satisfaction, category, category_confidence,
            needs: Needs { emotional: needs[0], factual: needs[1], emotional_turns: turns.0, factual_turns: turns.1 }, repeat_contact: flags.0, crisis: flags.1,
        }
    }
}

prop_compose! {
    fn score()(
        scorecard in text(), points in prop::array::uniform3(0f64..100.0), fatal in vec(text(), 0..2),
        items in vec(
            (text(), 0f64..9.0, 0f64..9.0, any::<bool>(), text(), vec(any::<u32>(), 0..3)).prop_map(
                |(id, awarded, potential, na, reason, findings)| ItemScore { id, awarded, potential, na, reason, findings },
            ),
            0..3,
        ),
    ) -> Score {
        Score { scorecard, total: points[0], potential: points[1], normalized: points[2], fatal, items }
    }
}

prop_compose! {
    fn conduct()(
        steps in vec(
            (
                select(ConductStep::ALL.to_vec()), select(vec![StepStatus::Done, StepStatus::Missed, StepStatus::NotNeeded]),
                vec(any::<u32>(), 0..3), text(),
            ).prop_map(|(step, status, turns, reason)| StepResult { step, status, turns, reason }),
            0..7,
        ),
    ) -> Conduct {
        Conduct { steps }
    }
}

prop_compose! {
    fn analysis()(
        call_id in text(), turns in vec(turn_analysis(), 0..4), signals in signals(),
        findings in vec(finding(), 0..3), uncertain in vec(finding(), 0..2), facts in facts(),
        conduct in option::of(conduct()), score in option::of(score()), names in vec(text(), 5), models in vec(text(), 0..2),
    ) -> Analysis {
        Analysis {
            call_id, turns, signals, findings, uncertain, facts, conduct, score,
            provenance: Provenance {
                version: names[0].clone(), config_fingerprint: names[1].clone(), rules_version: names[2].clone(),
                scorecard_version: names[3].clone(), models, dictionary_fingerprint: names[4].clone(),
            },
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn calls_round_trip_through_batches_and_files(calls in vec(call(), 0..12)) {
        let batch = calls_to_batch(&calls).unwrap();
        prop_assert_eq!(batch.schema(), call_schema());
        prop_assert_eq!(&calls_from_batch(&batch).unwrap(), &calls);
        if calls.len() > 2 {
            prop_assert_eq!(&calls_from_batch(&batch.slice(1, 2)).unwrap(), &calls[1..3]);
        }

        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = CallWriter::new(file.reopen().unwrap()).unwrap();
        writer.write(&calls).unwrap();
        writer.finish().unwrap();
        let read: Vec<CallRecord> = read_calls(file.path()).unwrap().collect::<Result<_>>().unwrap();
        prop_assert_eq!(read, calls);
    }

    #[test]
    fn analyses_round_trip_through_batches_and_files(analyses in vec(analysis(), 0..12)) {
        let batch = analyses_to_batch(&analyses).unwrap();
        prop_assert_eq!(batch.schema(), analysis_schema());
        prop_assert_eq!(&analyses_from_batch(&batch).unwrap(), &analyses);

        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = AnalysisWriter::new(file.reopen().unwrap()).unwrap();
        writer.write(&analyses).unwrap();
        writer.finish().unwrap();
        let read: Vec<Analysis> = read_analyses(file.path()).unwrap().collect::<Result<_>>().unwrap();
        prop_assert_eq!(read, analyses);
    }
}

/// The JSON field names of a record, from the keys that a full one has.
fn json_keys(value: &serde_json::Value) -> Vec<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn columns_carry_the_names_of_the_json_fields() {
    let at = DateTime::parse_from_rfc3339("2026-03-01T23:30:00+08:00").unwrap();
    let call = CallRecord {
        started_at: Some(at),
        queue: Some("q".into()),
        region: Some("r".into()),
        language: Some("zh".into()),
        agent: Some(Agent::default()),
        caller: Some(Caller::default()),
        wait_ms: Some(1),
        ring_ms: Some(1),
        hold_ms: Some(1),
        answered: Some(true),
        hangup_by: Some(Party::Agent),
        transferred: Some(false),
        rating: Some(5),
        ticket: Some(Ticket::default()),
        attributes: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
        labels: Some(serde_json::Value::Null),
        ..CallRecord::new("1")
    };
    let columns: Vec<String> =
        call_schema().fields().iter().map(|f| f.name().clone()).filter(|n| !n.ends_with("_local")).collect();
    assert_eq!(columns, json_keys(&serde_json::to_value(&call).unwrap()));
}

#[test]
fn times_are_comparable_in_utc_and_kept_as_recorded() {
    let at = DateTime::parse_from_rfc3339("2026-03-01T00:10:00.123456789+08:00").unwrap();
    let batch = calls_to_batch(&[CallRecord { started_at: Some(at), ..CallRecord::new("1") }]).unwrap();
    let local = batch.column_by_name("started_at_local").unwrap();
    let local = local.as_any().downcast_ref::<StringArray>().unwrap();
    assert_eq!(local.value(0), "2026-03-01T00:10:00.123456789+08:00");
    assert_eq!(calls_from_batch(&batch).unwrap()[0].started_at, Some(at));
}

#[test]
fn files_of_other_engines_are_read_with_what_they_have() {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("call_id", Arc::new(Int32Array::from(vec![7, 8]))),
        (
            "started_at",
            Arc::new(TimestampMicrosecondArray::from(vec![1_772_294_400_000_000, 0]).with_timezone("UTC")),
        ),
        ("queue", Arc::new(LargeStringArray::from(vec![Some("市民热线"), None]))),
        ("extra", Arc::new(Int32Array::from(vec![1, 2]))),
    ];
    let calls = calls_from_batch(&RecordBatch::try_from_iter(columns).unwrap()).unwrap();
    assert_eq!(calls[0].call_id, "7");
    assert_eq!(calls[0].queue.as_deref(), Some("市民热线"));
    assert_eq!(calls[0].started_at.unwrap().to_rfc3339(), "2026-02-28T16:00:00+00:00");
    assert_eq!((calls[1].channel.as_str(), calls[1].turns.len()), ("phone", 0));
}

#[test]
fn a_missing_id_and_an_unknown_value_are_errors_that_name_the_column() {
    let no_id: Vec<(&str, ArrayRef)> = vec![("channel", Arc::new(StringArray::from(vec!["phone"])))];
    let error = calls_from_batch(&RecordBatch::try_from_iter(no_id).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "column call_id: missing in row 0");

    let sideways: Vec<(&str, ArrayRef)> = vec![
        ("call_id", Arc::new(StringArray::from(vec!["1"]))),
        ("direction", Arc::new(StringArray::from(vec!["sideways"]))),
    ];
    let error = calls_from_batch(&RecordBatch::try_from_iter(sideways).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "column direction: unknown value \"sideways\"");
}

#[test]
fn one_bad_row_of_a_file_costs_one_record() {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("call_id", Arc::new(StringArray::from(vec!["1", "2", "3"]))),
        ("direction", Arc::new(StringArray::from(vec!["inbound", "sideways", "outbound"]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut writer = TableWriter::new(file.reopen().unwrap(), batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    let read: Vec<Result<CallRecord>> = read_calls(file.path()).unwrap().collect();
    assert_eq!(read.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
}

#[test]
fn a_large_file_is_written_in_bounded_row_groups() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let calls: Vec<CallRecord> = (0..9000).map(|i| CallRecord::new(i.to_string())).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut writer = CallWriter::new(file.reopen().unwrap()).unwrap();
    writer.write(&calls).unwrap();
    writer.finish().unwrap();
    let reader = SerializedFileReader::new(file.reopen().unwrap()).unwrap();
    let rows: Vec<i64> = reader
        .metadata()
        .row_groups()
        .iter()
        .map(parquet::file::metadata::RowGroupMetaData::num_rows)
        .collect();
    assert_eq!(rows, [4096, 4096, 808]);
    assert_eq!(read_calls(file.path()).unwrap().count(), 9000);
}

/// Found by mutation; the library's own errors do not cover them.
#[test]
fn damaged_files_made_the_reader_panic() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus/parquet");
    for name in ["column_start_negative", "dictionary_page_missing"] {
        let broken = match read_calls(&corpus.join(name)) {
            Ok(records) => records.filter_map(Result::err).last(),
            Err(error) => Some(error),
        };
        let told = format!("{broken:?}");
        assert!(told.contains("the file is damaged"), "{name}: {told}");
    }
}
