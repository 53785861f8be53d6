//! The columns of each table. Names and types stay; new columns are added at the end of a table.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Float32Array, Float64Array, Int64Array, ListArray, ListBuilder,
    StringArray, StringBuilder, StructArray, TimestampMillisecondArray, UInt8Array, UInt32Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use chrono::{Datelike, NaiveDate};
use qingting_pipeline::Analyzed;
use qingting_pipeline::finding::Catalog;
use qingting_pipeline::record::{Direction, Evidence, Finding, Need, Party, Severity, Taboo};

use super::Table;
use crate::report::faults::faults_of;

/// Columns that are being put together.
#[derive(Default)]
struct Columns {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl Columns {
    fn add(&mut self, name: &str, nullable: bool, array: impl Array + 'static) {
        self.fields.push(Field::new(name, array.data_type().clone(), nullable));
        self.arrays.push(Arc::new(array));
    }

    fn text<'a>(&mut self, name: &str, values: impl Iterator<Item = &'a str>) {
        self.add(name, false, values.map(Some).collect::<StringArray>());
    }

    fn maybe<T: AsRef<str>>(&mut self, name: &str, values: impl Iterator<Item = Option<T>>) {
        self.add(name, true, values.collect::<StringArray>());
    }

    fn milliseconds(&mut self, name: &str, values: impl Iterator<Item = Option<u64>>) {
        let signed = values.map(|value| value.and_then(|value| i64::try_from(value).ok()));
        self.add(name, true, signed.collect::<Int64Array>());
    }

    fn texts<'a, V: IntoIterator<Item = &'a str>>(&mut self, name: &str, values: impl Iterator<Item = V>) {
        let item = Arc::new(Field::new("item", DataType::Utf8, false));
        let mut lists = ListBuilder::new(StringBuilder::new()).with_field(item);
        for texts in values {
            texts.into_iter().for_each(|text| lists.values().append_value(text));
            lists.append(true);
        }
        self.add(name, false, lists.finish());
    }

    /// Whose call it is, when and where: in front of every table.
    fn head(&mut self, calls: &[&Analyzed]) {
        let record = || calls.iter().map(|call| &call.record);
        let agent = || record().map(|record| record.agent.as_ref());
        self.text("call_id", record().map(|record| record.call_id.as_str()));
        let at = record().map(|record| record.started_at.map(|at| at.timestamp_millis()));
        self.add("started_at", true, at.collect::<TimestampMillisecondArray>().with_timezone("UTC"));
        let epoch = NaiveDate::default().num_days_from_ce();
        let day = record().map(|record| record.started_at.map(|at| at.date_naive().num_days_from_ce() - epoch));
        self.add("date", true, day.collect::<Date32Array>());
        self.maybe("queue", record().map(|record| record.queue.as_deref()));
        self.maybe("agent_id", agent().map(|agent| agent.map(|agent| agent.id.as_str())));
        self.maybe("team", agent().map(|agent| agent?.team.as_deref()));
    }

    fn finish(self) -> Result<RecordBatch, ArrowError> {
        RecordBatch::try_new(Schema::new(self.fields).into(), self.arrays)
    }
}

/// The columns of a table; with `texts` also those with what was said.
///
/// # Errors
/// Never for the tables of this program.
pub fn schema(table: Table, texts: bool) -> Result<SchemaRef, ArrowError> {
    Ok(columns(table, texts, &[], &Catalog::guide())?.schema())
}

/// Calls as rows of a table.
///
/// # Errors
/// When Arrow refuses, as for more text than a column of one batch can hold.
pub(super) fn batch(
    table: Table,
    texts: bool,
    calls: &[Analyzed],
    catalog: &Catalog,
    schema: &SchemaRef,
) -> Result<RecordBatch, ArrowError> {
    let calls: Vec<&Analyzed> = calls.iter().collect();
    RecordBatch::try_new(Arc::clone(schema), columns(table, texts, &calls, catalog)?.columns().to_vec())
}

fn columns(table: Table, texts: bool, calls: &[&Analyzed], catalog: &Catalog) -> Result<RecordBatch, ArrowError> {
    match table {
        Table::Calls => of_calls(texts, calls),
        Table::Analyses => of_analyses(calls, catalog),
        Table::Findings => of_findings(texts, calls, catalog),
    }
}

fn of_calls(texts: bool, calls: &[&Analyzed]) -> Result<RecordBatch, ArrowError> {
    let mut columns = Columns::default();
    columns.head(calls);
    let record = || calls.iter().map(|call| &call.record);
    let ticket = || record().map(|record| record.ticket.as_ref());
    let local = record().map(|record| record.started_at.map(|at| at.to_rfc3339()));
    columns.maybe("started_at_local", local);
    let direction = record().map(|record| match record.direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
    });
    columns.text("direction", direction);
    columns.text("channel", record().map(|record| record.channel.as_str()));
    columns.maybe("region", record().map(|record| record.region.as_deref()));
    columns.maybe("site", record().map(|record| record.agent.as_ref()?.site.as_deref()));
    columns.add("answered", true, record().map(|record| record.answered).collect::<BooleanArray>());
    columns.add("transferred", true, record().map(|record| record.transferred).collect::<BooleanArray>());
    let ended = |party| match party {
        Party::Agent => "agent",
        Party::Caller => "caller",
        Party::System => "system",
    };
    columns.maybe("hangup_by", record().map(|record| record.hangup_by.map(ended)));
    columns.milliseconds("wait_ms", record().map(|record| record.wait_ms));
    columns.milliseconds("ring_ms", record().map(|record| record.ring_ms));
    columns.milliseconds("hold_ms", record().map(|record| record.hold_ms));
    columns.milliseconds("duration_ms", calls.iter().map(|call| call.analysis.signals.duration_ms));
    columns.add("rating", true, record().map(|record| record.rating).collect::<UInt8Array>());
    columns.maybe("ticket_id", ticket().map(|ticket| ticket.map(|ticket| ticket.id.as_str())));
    columns.maybe("ticket_category", ticket().map(|ticket| ticket?.category.as_deref()));
    columns.maybe("department", ticket().map(|ticket| ticket?.department.as_deref()));
    columns.maybe("ticket_status", ticket().map(|ticket| ticket?.status.as_deref()));
    let turns = record().map(|record| u32::try_from(record.turns.len()).unwrap_or(u32::MAX));
    columns.add("turn_count", false, turns.map(Some).collect::<UInt32Array>());
    if texts {
        columns.add("transcript", false, transcripts(calls)?);
    }
    columns.finish()
}

/// What was said, out of the masked texts of the analysis.
fn transcripts(calls: &[&Analyzed]) -> Result<ListArray, ArrowError> {
    let turns = || {
        calls.iter().flat_map(|call| {
            let said = |turn: u32| call.record.turns.get(turn as usize);
            call.analysis.turns.iter().map(move |turn| (said(turn.turn), turn.text.as_str()))
        })
    };
    let time = |of: fn(&qingting_pipeline::record::Turn) -> Option<u64>| -> ArrayRef {
        let times = turns().map(|(turn, _)| turn.and_then(of).and_then(|ms| i64::try_from(ms).ok()));
        Arc::new(times.collect::<Int64Array>())
    };
    let roles = turns().map(|(turn, _)| turn.map(|turn| turn.role.as_str()));
    let fields: Fields = vec![
        Field::new("role", DataType::Utf8, true),
        Field::new("start_ms", DataType::Int64, true),
        Field::new("end_ms", DataType::Int64, true),
        Field::new("text", DataType::Utf8, false),
    ]
    .into();
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(roles.collect::<StringArray>()),
        time(|turn| turn.start_ms),
        time(|turn| turn.end_ms),
        Arc::new(turns().map(|(_, text)| Some(text)).collect::<StringArray>()),
    ];
    let values = StructArray::try_new(fields.clone(), arrays, None)?;
    let lengths = calls.iter().map(|call| call.analysis.turns.len());
    let item = Arc::new(Field::new("item", DataType::Struct(fields), false));
    ListArray::try_new(item, OffsetBuffer::from_lengths(lengths), Arc::new(values), None)
}

fn of_analyses(calls: &[&Analyzed], catalog: &Catalog) -> Result<RecordBatch, ArrowError> {
    let mut columns = Columns::default();
    columns.head(calls);
    let analysis = || calls.iter().map(|call| &call.analysis);
    let (score, facts) = (|| analysis().map(|a| a.score.as_ref()), || analysis().map(|a| &a.facts));
    let (signals, origin) = (|| analysis().map(|a| &a.signals), || analysis().map(|a| &a.provenance));
    let need = |need| match need {
        Need::Met => "met",
        Need::Unmet => "unmet",
        Need::None => "none",
    };
    let count = |of: &[Finding]| u32::try_from(of.len()).unwrap_or(u32::MAX);
    columns.maybe("scorecard", score().map(|score| score.map(|score| score.scorecard.as_str())));
    columns.add("score", true, score().map(|score| score.map(|score| score.total)).collect::<Float64Array>());
    columns.add(
        "normalized",
        true,
        score().map(|score| score.map(|score| score.normalized)).collect::<Float64Array>(),
    );
    let fatal = score().map(|score| score.map_or(&[][..], |score| score.fatal.as_slice()));
    columns.texts("fatal_items", fatal.map(|items| items.iter().map(String::as_str)));
    columns.texts("faults", analysis().map(|analysis| faults_of(analysis, catalog)));
    columns.add("finding_count", false, analysis().map(|a| Some(count(&a.findings))).collect::<UInt32Array>());
    columns.add("uncertain_count", false, analysis().map(|a| Some(count(&a.uncertain))).collect::<UInt32Array>());
    columns.text("appeal_type", facts().map(|facts| facts.appeal_type.as_str()));
    columns.text("outcome", facts().map(|facts| facts.outcome.as_str()));
    columns.add("satisfaction", false, facts().map(|facts| Some(facts.satisfaction)).collect::<Float32Array>());
    columns.texts("category", facts().map(|facts| facts.category.iter().map(String::as_str)));
    let sure = facts().map(|facts| Some(facts.category_confidence));
    columns.add("category_confidence", false, sure.collect::<Float32Array>());
    columns.text("emotional", facts().map(|facts| need(facts.needs.emotional)));
    columns.text("factual", facts().map(|facts| need(facts.needs.factual)));
    columns.add("repeat_contact", false, facts().map(|facts| Some(facts.repeat_contact)).collect::<BooleanArray>());
    columns.add("crisis", false, facts().map(|facts| Some(facts.crisis)).collect::<BooleanArray>());
    columns.text("language", facts().map(|facts| facts.language.as_str()));
    columns.milliseconds("duration_ms", signals().map(|signals| signals.duration_ms));
    columns.milliseconds("talk_ms", signals().map(|signals| signals.talk_ms));
    columns.milliseconds("silence_ms", signals().map(|signals| signals.silence_ms));
    columns.milliseconds("overlap_ms", signals().map(|signals| signals.overlap_ms));
    columns.milliseconds("longest_silence_ms", signals().map(|signals| signals.longest_silence_ms));
    columns.add(
        "response_latency_ms",
        true,
        signals().map(|signals| signals.response_latency_ms).collect::<Int64Array>(),
    );
    columns.add("interruptions", true, signals().map(|signals| signals.interruptions).collect::<UInt32Array>());
    columns.add("agent_rate", true, signals().map(|signals| signals.agent_rate).collect::<Float32Array>());
    columns.add("caller_rate", true, signals().map(|signals| signals.caller_rate).collect::<Float32Array>());
    columns.add("talk_ratio", true, signals().map(|signals| signals.talk_ratio).collect::<Float32Array>());
    columns.add("sentiment_peak", false, signals().map(|signals| Some(signals.peak)).collect::<Float32Array>());
    columns.add("sentiment_end", false, signals().map(|signals| Some(signals.end)).collect::<Float32Array>());
    columns.text("version", origin().map(|origin| origin.version.as_str()));
    columns.text("rules_version", origin().map(|origin| origin.rules_version.as_str()));
    columns.text("scorecard_version", origin().map(|origin| origin.scorecard_version.as_str()));
    columns.finish()
}

fn of_findings(texts: bool, calls: &[&Analyzed], catalog: &Catalog) -> Result<RecordBatch, ArrowError> {
    let found: Vec<(&Analyzed, &Finding, bool)> = calls
        .iter()
        .flat_map(|call| {
            let asserted = call.analysis.findings.iter().map(|finding| (*call, finding, true));
            asserted.chain(call.analysis.uncertain.iter().map(|finding| (*call, finding, false)))
        })
        .collect();
    let of: Vec<&Analyzed> = found.iter().map(|(call, ..)| *call).collect();
    let finding = || found.iter().map(|(_, finding, _)| *finding);
    let shown = || finding().map(|finding| finding.evidence.first());
    let severity = |severity| match severity {
        Severity::Minor => "minor",
        Severity::Major => "major",
        Severity::Fatal => "fatal",
    };
    let taboo = |taboo| match taboo {
        Taboo::T1 => "T1",
        Taboo::T2 => "T2",
        Taboo::T3 => "T3",
        Taboo::T4 => "T4",
        Taboo::T5 => "T5",
        Taboo::T6 => "T6",
        Taboo::T7 => "T7",
        Taboo::T8 => "T8",
    };
    let title = |code: &str| catalog.get(code).map_or_else(|| code.to_owned(), |info| info.title.clone());
    let mut columns = Columns::default();
    columns.head(&of);
    columns.text("code", finding().map(|finding| finding.code.as_str()));
    columns.add("title", false, finding().map(|finding| Some(title(&finding.code))).collect::<StringArray>());
    columns.add("asserted", false, found.iter().map(|(.., asserted)| Some(*asserted)).collect::<BooleanArray>());
    columns.text("role", finding().map(|finding| finding.role.as_str()));
    columns.text("severity", finding().map(|finding| severity(finding.severity)));
    columns.maybe("taboo", finding().map(|finding| finding.taboo.map(taboo)));
    columns.add("confidence", false, finding().map(|finding| Some(finding.confidence)).collect::<Float32Array>());
    columns.text("rule", finding().map(|finding| finding.rule.as_str()));
    columns.add("turn", true, finding().map(|finding| finding.turn).collect::<UInt32Array>());
    let evidence = |of: fn(&Evidence) -> u32| shown().map(move |evidence| evidence.map(of)).collect::<UInt32Array>();
    columns.add("evidence_turn", true, evidence(|evidence| evidence.turn));
    columns.add("start_char", true, evidence(|evidence| evidence.start_char));
    columns.add("end_char", true, evidence(|evidence| evidence.end_char));
    columns.milliseconds("start_ms", shown().map(|evidence| evidence?.start_ms));
    columns.milliseconds("end_ms", shown().map(|evidence| evidence?.end_ms));
    if texts {
        columns.maybe("quote", shown().map(|evidence| evidence.map(|evidence| evidence.quote.as_str())));
        columns.text("explanation", finding().map(|finding| finding.explanation.as_str()));
    }
    columns.finish()
}
