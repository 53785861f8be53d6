//! What is exported is read back and held against the calls.

use arrow::array::AsArray;
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int64Type, TimestampMillisecondType, UInt32Type,
};
use arrow::record_batch::RecordBatch;
use arrow_ipc::reader::StreamReader;
use qingting_pipeline::assets::Assets;
use qingting_pipeline::config::PipelineConfig;
use qingting_pipeline::record::CallRecord;
use qingting_pipeline::{Analyzed, Pipeline};

use super::*;
use crate::report::Period;

const TABLES: [Table; 3] = [Table::Calls, Table::Analyses, Table::Findings];

fn demo() -> (Vec<Analyzed>, Catalog) {
    let pipeline = Pipeline::new(&PipelineConfig::default(), &Assets::embedded()).unwrap();
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo/calls.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let records: Vec<CallRecord> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (pipeline.analyze_batch(&records), pipeline.finder().catalog().clone())
}

fn all() -> Selection {
    Selection::all(Period::new("2026-11-01".parse().unwrap(), "2026-11-30".parse().unwrap()).unwrap())
}

fn pieces(calls: &[Analyzed], selection: Selection, table: Table, texts: bool, catalog: &Catalog) -> Vec<Piece> {
    let calls = calls.iter().cloned().map(Ok);
    let mut export = Export::new(calls, selection, table, texts, catalog.clone()).unwrap();
    std::iter::from_fn(|| export.next_piece().unwrap()).collect()
}

fn read(pieces: &[Piece]) -> Vec<RecordBatch> {
    let bytes: Vec<u8> = pieces.iter().flat_map(|piece| piece.data.clone()).collect();
    StreamReader::try_new(bytes.as_slice(), None).unwrap().map(Result::unwrap).collect()
}

fn one(pieces: &[Piece]) -> RecordBatch {
    let batches = read(pieces);
    arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap()
}

fn texts(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let column = batch.column_by_name(column).unwrap_or_else(|| panic!("no column {column}"));
    column.as_string::<i32>().iter().map(|value| value.map(str::to_owned)).collect()
}

#[test]
fn calls_and_analyses_come_back_as_they_were() {
    let (calls, catalog) = demo();
    let batch = one(&pieces(&calls, all(), Table::Calls, true, &catalog));
    assert_eq!(batch.num_rows(), 34);
    let records = || calls.iter().map(|call| &call.record);
    let owned = |text: Option<&str>| text.map(str::to_owned);
    assert_eq!(texts(&batch, "call_id"), records().map(|r| Some(r.call_id.clone())).collect::<Vec<_>>());
    assert_eq!(texts(&batch, "queue"), records().map(|r| r.queue.clone()).collect::<Vec<_>>());
    let teams = records().map(|r| r.agent.as_ref().and_then(|agent| agent.team.clone()));
    assert_eq!(texts(&batch, "team"), teams.collect::<Vec<_>>());
    let at = batch.column_by_name("started_at").unwrap().as_primitive::<TimestampMillisecondType>();
    let wanted = records().map(|r| r.started_at.map(|at| at.timestamp_millis()));
    assert_eq!(at.iter().collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
    let days = batch.column_by_name("date").unwrap().as_primitive::<Date32Type>();
    for (nth, record) in records().enumerate() {
        assert_eq!(days.value_as_date(nth), record.started_at.map(|at| at.date_naive()));
    }
    let waits = batch.column_by_name("wait_ms").unwrap().as_primitive::<Int64Type>();
    assert_eq!(
        waits.iter().collect::<Vec<_>>(),
        records().map(|r| r.wait_ms.map(|ms| ms as i64)).collect::<Vec<_>>()
    );
    let answered = batch.column_by_name("answered").unwrap().as_boolean();
    assert_eq!(answered.iter().collect::<Vec<_>>(), records().map(|r| r.answered).collect::<Vec<_>>());
    let said = batch.column_by_name("transcript").unwrap().as_list::<i32>();
    for (nth, call) in calls.iter().enumerate() {
        let turns = said.value(nth);
        let text = turns
            .as_struct()
            .column_by_name("text")
            .unwrap()
            .as_string::<i32>()
            .iter()
            .flatten()
            .collect::<Vec<_>>();
        assert_eq!(text, call.analysis.turns.iter().map(|turn| turn.text.as_str()).collect::<Vec<_>>());
    }

    let batch = one(&pieces(&calls, all(), Table::Analyses, false, &catalog));
    let analyses = || calls.iter().map(|call| &call.analysis);
    let scores = batch.column_by_name("score").unwrap().as_primitive::<Float64Type>();
    assert_eq!(
        scores.iter().collect::<Vec<_>>(),
        analyses().map(|a| a.score.as_ref().map(|score| score.total)).collect::<Vec<_>>()
    );
    assert_eq!(texts(&batch, "outcome"), analyses().map(|a| owned(Some(&a.facts.outcome))).collect::<Vec<_>>());
    let faults = batch.column_by_name("faults").unwrap().as_list::<i32>();
    for (nth, analysis) in analyses().enumerate() {
        let of = faults.value(nth);
        let codes: Vec<&str> = of.as_string::<i32>().iter().flatten().collect();
        let wanted = crate::report::faults::faults_of(analysis, &catalog);
        assert_eq!(codes, wanted.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn findings_come_back_and_what_was_said_only_where_it_is_asked_for() {
    let (calls, catalog) = demo();
    let with = pieces(&calls, all(), Table::Findings, true, &catalog);
    let batch = one(&with);
    let found: Vec<_> = calls
        .iter()
        .flat_map(|call| call.analysis.findings.iter().chain(&call.analysis.uncertain).map(move |f| (call, f)))
        .collect();
    assert!(found.len() > 30, "{}", found.len());
    assert_eq!((batch.num_rows(), with.last().unwrap().rows), (found.len(), found.len() as u64));
    assert_eq!(texts(&batch, "code"), found.iter().map(|(_, f)| Some(f.code.clone())).collect::<Vec<_>>());
    assert_eq!(
        texts(&batch, "call_id"),
        found.iter().map(|(c, _)| Some(c.record.call_id.clone())).collect::<Vec<_>>()
    );
    let quotes = found.iter().map(|(_, f)| f.evidence.first().map(|evidence| evidence.quote.clone()));
    assert_eq!(texts(&batch, "quote"), quotes.collect::<Vec<_>>());
    let sure = batch.column_by_name("confidence").unwrap().as_primitive::<Float32Type>();
    assert_eq!(sure.values().to_vec(), found.iter().map(|(_, f)| f.confidence).collect::<Vec<_>>());
    let turns = batch.column_by_name("turn").unwrap().as_primitive::<UInt32Type>();
    assert_eq!(turns.iter().collect::<Vec<_>>(), found.iter().map(|(_, f)| f.turn).collect::<Vec<_>>());

    for table in TABLES {
        let without: Vec<u8> = pieces(&calls, all(), table, false, &catalog).into_iter().flat_map(|p| p.data).collect();
        let text = String::from_utf8_lossy(&without);
        for call in &calls {
            for turn in call.analysis.turns.iter().filter(|turn| turn.text.chars().count() > 12) {
                assert!(!text.contains(&turn.text), "{table:?} has {}", turn.text);
            }
            if let Some(caller) = call.record.caller.as_ref().and_then(|caller| caller.id.as_ref()) {
                assert!(!text.contains(caller.as_str()), "{table:?} has a caller");
            }
        }
    }
}

#[test]
fn only_what_is_selected_goes_out_and_nothing_is_a_stream_too() {
    let (calls, catalog) = demo();
    let some = Selection { teams: ["一组".to_owned()].into(), ..all() };
    let batch = one(&pieces(&calls, some, Table::Calls, false, &catalog));
    assert_eq!(batch.num_rows(), 9);
    assert!(texts(&batch, "team").iter().all(|team| team.as_deref() == Some("一组")));
    for table in TABLES {
        let day = Selection::all(Period::day("2026-01-01".parse().unwrap()));
        let none = pieces(&calls, day, table, true, &catalog);
        let bytes: Vec<u8> = none.iter().flat_map(|piece| piece.data.clone()).collect();
        let reader = StreamReader::try_new(bytes.as_slice(), None).unwrap();
        assert_eq!(reader.schema(), schema(table, true).unwrap());
        assert_eq!(reader.count(), 0);
    }
}

/// Long calls many times over: batches end by their text, pieces by their bytes.
#[test]
fn pieces_and_batches_are_bounded_and_their_rows_add_up() {
    let (mut calls, catalog) = demo();
    let mut long = calls.swap_remove(0);
    let turn = long.analysis.turns[0].clone();
    long.analysis.turns = vec![qingting_pipeline::record::TurnAnalysis { text: "长".repeat(1000), ..turn }; 200];
    let many = vec![long; 20];
    let pieces = pieces(&many, all(), Table::Calls, true, &catalog);
    assert!(pieces.len() > 10 && pieces.iter().all(|piece| piece.data.len() <= PIECE_BYTES));
    assert!(pieces.is_sorted_by_key(|piece| piece.rows));
    assert_eq!(pieces.last().unwrap().rows, 20);
    let batches = read(&pieces);
    assert!(batches.iter().all(|batch| batch.num_rows() <= 2), "600 KB of text a call");
}

fn described(kind: &DataType) -> String {
    match kind {
        DataType::Utf8 => "text".to_owned(),
        DataType::Boolean => "bool".to_owned(),
        DataType::Int64 => "int64".to_owned(),
        DataType::UInt32 => "uint32".to_owned(),
        DataType::UInt8 => "uint8".to_owned(),
        DataType::Float32 => "float32".to_owned(),
        DataType::Float64 => "float64".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Timestamp(..) => "timestamp".to_owned(),
        DataType::List(item) => format!("list of {}", described(item.data_type())),
        DataType::Struct(fields) => {
            let fields: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
            format!("struct ({})", fields.join(", "))
        }
        other => panic!("{other} is not documented"),
    }
}

/// docs/kpi.md lists the columns in order, with their types; analysts rely on both.
#[test]
fn the_documented_columns_are_the_columns() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/kpi.md");
    let text = std::fs::read_to_string(path).unwrap();
    for (table, title) in TABLES.into_iter().zip(["### `calls`", "### `analyses`", "### `findings`"]) {
        let section = text.split(title).nth(1).unwrap_or_else(|| panic!("no {title}")).split("\n#").next().unwrap();
        let rows = section.lines().filter(|line| line.starts_with("| `"));
        let documented: Vec<(String, String)> = rows
            .map(|line| {
                let cells: Vec<&str> = line.split('|').map(str::trim).collect();
                (cells[1].trim_matches('`').to_owned(), cells[2].to_owned())
            })
            .collect();
        let schema = schema(table, true).unwrap();
        let actual = schema.fields().iter().map(|field| {
            let optional = if field.is_nullable() { "?" } else { "" };
            (field.name().clone(), format!("{}{optional}", described(field.data_type())))
        });
        assert_eq!(documented, actual.collect::<Vec<_>>(), "{title}");
    }
}
