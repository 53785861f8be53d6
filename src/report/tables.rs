//! The report as tables for spreadsheets: `kpis.csv`, `faults.csv`, `agents.csv`, `cases.csv` and `calls.csv`, in UTF-8
//! with a byte order mark, so that Excel reads the Chinese. Columns are documented in docs/report.md.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use csv::Writer;
use qingting_pipeline::finding::Catalog;
use qingting_pipeline::record::{Analysis, CallRecord, Direction};
use tempfile::NamedTempFile;

use super::faults::faults_of;
use super::figures::Interval;
use super::listed::Measured;
use super::read::Report;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A table on its way; nothing of it is seen under its name before [`Table::publish`].
struct Table {
    rows: Writer<NamedTempFile>,
    path: PathBuf,
}

/// A cell that no spreadsheet takes for a formula: what begins like one gets an apostrophe before it (OWASP, CSV
/// injection), unless it is a number.
pub(crate) fn guarded(cell: &str) -> String {
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
    agents(report, folder)?;
    cases(report, folder)
}

fn cases(report: &Report, folder: &Path) -> io::Result<()> {
    let head = [
        "group",
        "name",
        "opened",
        "closed",
        "closed_on_time",
        "on_time_rate",
        "open",
        "overdue",
        "contested",
        "excluded",
        "replied",
        "previous_opened",
        "previous_closed",
        "previous_on_time_rate",
    ];
    let mut table = Table::new(folder, "cases.csv", &head)?;
    // What could not be read has no rows, and is no zero.
    let Ok(figures) = &report.cases else {
        return table.publish();
    };
    for (group, name, now, before) in figures.rows() {
        table.row([
            group.to_owned(),
            name,
            now.opened.to_string(),
            now.closed.to_string(),
            now.closed_on_time.to_string(),
            number(now.on_time_rate(), 4),
            now.open.to_string(),
            now.overdue.to_string(),
            now.contested.to_string(),
            now.excluded.to_string(),
            now.replied.to_string(),
            before.opened.to_string(),
            before.closed.to_string(),
            number(before.on_time_rate(), 4),
        ])?;
    }
    table.publish()
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
        "missing",
    ];
    let mut table = Table::new(folder, "kpis.csv", &head)?;
    let (now, before) = (&report.now, &report.before);
    let mut row =
        |id: &str, name: &str, cells: [String; 6]| table.row([id.to_owned(), name.to_owned()].into_iter().chain(cells));
    for (now, before) in now.figures().iter().zip(before.figures()) {
        let cells = match (&now.measured, &before.measured) {
            (Measured::Count(now), Measured::Count(before)) => {
                let no = String::new;
                [now.to_string(), no(), no(), before.to_string(), no(), no()]
            }
            (of, before) => {
                let decimals = if matches!(of, Measured::Share(_)) { 4 } else { 2 };
                let all = |measured: &Measured| measured.denominator().unwrap_or_default().to_string();
                [
                    number(of.value(), decimals),
                    of.numerator().map_or_else(String::new, |part| part.to_string()),
                    all(of),
                    number(before.value(), decimals),
                    all(before),
                    now.missing().to_string(),
                ]
            }
        };
        row(now.id, now.title, cells)?;
    }
    row(
        "crises",
        "危机情形",
        [
            report.crises.0.to_string(),
            String::new(),
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
