//! The report as tables for spreadsheets: `kpis.csv`, `faults.csv`, `agents.csv` and `calls.csv`, in UTF-8 with
//! a byte order mark, so that Excel reads the Chinese. Columns are documented in docs/report.md.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use csv::Writer;
use qingting_pipeline::finding::Catalog;
use qingting_pipeline::record::{Analysis, CallRecord, Direction};
use tempfile::NamedTempFile;

use super::faults::faults_of;
use super::figures::{Interval, Mean, Share};
use super::kpis::BAND_NAMES;
use super::read::Report;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A table on its way; nothing of it is seen under its name before [`Table::publish`].
struct Table {
    rows: Writer<NamedTempFile>,
    path: PathBuf,
}

/// A cell that no spreadsheet takes for a formula: what begins like one gets an apostrophe before it (OWASP, CSV
/// injection), unless it is a number.
fn guarded(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    if formula && cell.parse::<f64>().is_err() {
        return format!("'{cell}");
    }
    cell.to_owned()
}

impl Table {
    fn new(folder: &Path, name: &str, head: &[&str]) -> io::Result<Self> {
        let mut file = tempfile::Builder::new().prefix(".qingting-").tempfile_in(folder)?;
        file.write_all(BYTE_ORDER_MARK)?;
        let mut table = Self { rows: Writer::from_writer(file), path: folder.join(name) };
        table.row(head.iter().map(|&cell| cell.to_owned()))?;
        Ok(table)
    }

    fn row(&mut self, cells: impl IntoIterator<Item = String>) -> io::Result<()> {
        Ok(self.rows.write_record(cells.into_iter().map(|cell| guarded(&cell)))?)
    }

    fn publish(self) -> io::Result<()> {
        let file = self.rows.into_inner().map_err(csv::IntoInnerError::into_error)?;
        publish(file, &self.path)
    }
}

/// Gives a temporary file its name, with the rights that a new file has.
///
/// # Errors
/// When that fails; what was there under the name stays.
pub fn publish(file: NamedTempFile, path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Temporary files are for their owner alone; a report is for whoever may read the folder.
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    file.persist(path)?;
    Ok(())
}

/// The scored calls of the period, written while they are read.
pub struct CallTable {
    table: Table,
}

impl CallTable {
    /// Begins `calls.csv` in a folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let head = [
            "call_id",
            "started_at",
            "direction",
            "channel",
            "queue",
            "agent",
            "team",
            "duration_s",
            "rating",
            "score",
            "fatal",
            "appeal_type",
            "outcome",
            "codes",
        ];
        Ok(Self { table: Table::new(folder, "calls.csv", &head)? })
    }

    /// Adds a call; one without a score is left out.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, record: &CallRecord, analysis: &Analysis, catalog: &Catalog) -> io::Result<()> {
        let Some(score) = &analysis.score else { return Ok(()) };
        let agent = record.agent.as_ref();
        let text = |value: Option<&String>| value.cloned().unwrap_or_default();
        let direction = match record.direction {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
        };
        self.table.row([
            record.call_id.clone(),
            record.started_at.map_or_else(String::new, |at| at.format("%Y-%m-%d %H:%M:%S").to_string()),
            direction.to_owned(),
            record.channel.clone(),
            text(record.queue.as_ref()),
            text(agent.map(|agent| &agent.id)),
            text(agent.and_then(|agent| agent.team.as_ref())),
            analysis.signals.duration_ms.map_or_else(String::new, |ms| format!("{:.1}", ms as f64 / 1000.0)),
            record.rating.map_or_else(String::new, |rating| rating.to_string()),
            format!("{:.2}", score.total),
            score.fatal.join(" "),
            analysis.facts.appeal_type.clone(),
            analysis.facts.outcome.clone(),
            faults_of(analysis, catalog).into_iter().collect::<Vec<_>>().join(" "),
        ])
    }

    /// Completes the file.
    ///
    /// # Errors
    /// When that fails.
    pub fn publish(self) -> io::Result<()> {
        self.table.publish()
    }
}

fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(String::new, |value| format!("{value:.decimals$}"))
}

/// Writes the tables other than `calls.csv` into a folder.
///
/// # Errors
/// When one cannot be written.
pub fn write(report: &Report, folder: &Path) -> io::Result<()> {
    kpis(report, folder)?;
    faults(report, folder)?;
    agents(report, folder)
}

fn kpis(report: &Report, folder: &Path) -> io::Result<()> {
    let head = [
        "metric",
        "name",
        "value",
        "numerator",
        "denominator",
        "previous_value",
        "previous_denominator",
    ];
    let mut table = Table::new(folder, "kpis.csv", &head)?;
    let (now, before) = (&report.now, &report.before);
    let mut row =
        |id: &str, name: &str, cells: [String; 5]| table.row([id.to_owned(), name.to_owned()].into_iter().chain(cells));
    let counted = |now: u64, before: u64| {
        [
            now.to_string(),
            String::new(),
            String::new(),
            before.to_string(),
            String::new(),
        ]
    };
    let share = |now: Share, before: Share| {
        let of = |share: Share| share.of.to_string();
        [
            number(now.value(), 4),
            now.part.to_string(),
            of(now),
            number(before.value(), 4),
            of(before),
        ]
    };
    let mean = |now: &Mean, before: &Mean, scale: f64| {
        let value = |mean: &Mean| number(mean.value().map(|v| v / scale), 2);
        [
            value(now),
            String::new(),
            now.count().to_string(),
            value(before),
            before.count().to_string(),
        ]
    };
    row("offered", "来电量", counted(now.offered, before.offered))?;
    row("outbound", "呼出", counted(now.outbound, before.outbound))?;
    row("written", "书面留言", counted(now.written, before.written))?;
    row("unanswered", "未接通", counted(now.unanswered, before.unanswered))?;
    row("connected", "接通率", share(now.connected, before.connected))?;
    row("service_level", "服务水平", share(now.service_level(), before.service_level()))?;
    row("asa_s", "平均等待（秒）", mean(&now.wait_ms, &before.wait_ms, 1000.0))?;
    row("talk_s", "平均通话（秒）", mean(&now.talk_ms, &before.talk_ms, 1000.0))?;
    row("satisfied", "满意率", share(now.satisfied, before.satisfied))?;
    row("dissatisfied", "不满意率", share(now.dissatisfied, before.dissatisfied))?;
    row("rated", "参评率", share(now.rated(), before.rated()))?;
    row("score", "质检均分", mean(&now.score, &before.score, 1.0))?;
    for (band, name) in BAND_NAMES.iter().enumerate() {
        let of = |bands: &[u64; 5]| Share::new(bands[band], bands.iter().sum());
        row(
            &format!("score_band_{}", band + 1),
            &format!("得分 {name}"),
            share(of(&now.bands), of(&before.bands)),
        )?;
    }
    row("fatal", "一票否决", share(now.fatal, before.fatal))?;
    row("faultless", "没有服务问题", share(now.faultless, before.faultless))?;
    row("resolved", "当场办结", share(now.resolved, before.resolved))?;
    row("repeated", "重复来电", share(now.repeated, before.repeated))?;
    row("in_review", "有待复核的发现", share(now.in_review, before.in_review))?;
    row(
        "crises",
        "危机情形",
        [
            report.crises.0.to_string(),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
        ],
    )?;
    table.publish()
}

fn faults(report: &Report, folder: &Path) -> io::Result<()> {
    let head = [
        "code",
        "title",
        "conversations_with",
        "conversations",
        "share",
        "previous_with",
        "previous_conversations",
        "previous_share",
        "change",
        "change_low",
        "change_high",
    ];
    let mut table = Table::new(folder, "faults.csv", &head)?;
    for row in &report.faults {
        let change = |of: fn(&Interval) -> f64| number(row.change.as_ref().map(of), 4);
        table.row([
            row.code.clone(),
            row.title.clone(),
            row.now.part.to_string(),
            row.now.of.to_string(),
            number(row.now.value(), 4),
            row.before.part.to_string(),
            row.before.of.to_string(),
            number(row.before.value(), 4),
            change(|change| change.value),
            change(|change| change.low),
            change(|change| change.high),
        ])?;
    }
    table.publish()
}

fn agents(report: &Report, folder: &Path) -> io::Result<()> {
    let head = [
        "agent",
        "name",
        "team",
        "scored_calls",
        "mean_score",
        "queue_mean",
        "difference",
        "difference_low",
        "difference_high",
        "compared",
        "below",
        "typical_fault",
        "typical_calls",
        "example_call",
        "faults",
    ];
    let mut table = Table::new(folder, "agents.csv", &head)?;
    for row in &report.agents {
        // Of who is not compared there is nothing to be said but the number of calls.
        let said = |text: String| if row.compared { text } else { String::new() };
        let difference = |of: fn(&Interval) -> f64| said(number(row.difference.as_ref().map(of), 2));
        let typical = row.typical.as_ref().filter(|_| row.compared);
        let faults = row.faults.iter().map(|(code, n)| format!("{code}:{n}")).collect::<Vec<_>>().join(" ");
        table.row([
            row.id.clone(),
            row.name.clone().unwrap_or_default(),
            row.team.clone().unwrap_or_default(),
            row.score.count().to_string(),
            said(number(row.score.value(), 2)),
            said(format!("{:.2}", row.expected)),
            difference(|d| d.value),
            difference(|d| d.low),
            difference(|d| d.high),
            if row.compared { "1" } else { "0" }.to_owned(),
            if row.below() { "1" } else { "0" }.to_owned(),
            typical.map_or_else(String::new, |typical| typical.code.clone()),
            typical.map_or_else(String::new, |typical| typical.share.part.to_string()),
            typical.map_or_else(String::new, |typical| typical.call_id.clone()),
            said(faults),
        ])?;
    }
    table.publish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for cell in ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "＝1+1", "-"] {
            assert_eq!(guarded(cell), format!("'{cell}"));
        }
        for cell in ["-1.25", "0.5", "demo-001", "停车费", ""] {
            assert_eq!(guarded(cell), cell);
        }
    }
}
