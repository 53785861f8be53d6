//! Tasks, their steps, and the step that a report is.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};

use super::super::entry::{ReportEntry, StepEntry, TaskEntry};
use super::super::event::{Assignment, Event, Matter, Plan, Recorded};
use super::super::programme::{Officer, Task};
use super::super::state::{Mode, Step, TaskState};
use super::super::{LONGEST_NAME, LONGEST_TEXT, Refusal, id, text};
use super::{Desk, MOST_PARTS, not_now, plausible, wrong};

/// What the log says of a step that a report tells of.
const CAUGHT_UP: &str = "随报告补记";

impl Desk<'_> {
    /// The beginning of a day, or now, whichever is earlier.
    pub(super) fn beginning(&self, day: NaiveDate) -> DateTime<Utc> {
        self.rules.calendar.period(day, day).start.min(self.given.now)
    }

    pub(super) fn task(&self, entry: &TaskEntry) -> Result<Vec<Recorded>, Refusal> {
        id("id", &entry.id)?;
        if self.programme.tasks.contains_key(&entry.id) {
            return Err(Refusal::Exists(format!("experienceTasks/{}", entry.id)));
        }
        let theme = text("theme", &entry.theme, LONGEST_NAME, true)?;
        let companion = text("companion", &entry.companion, LONGEST_NAME, entry.mode == Mode::Accompanied)?;
        if entry.mode == Mode::Alone && !companion.is_empty() {
            return wrong("companion", "only where the mode is accompanied");
        }
        if entry.steps.is_empty() || entry.steps.len() > MOST_PARTS {
            return wrong("steps", format!("1 to {MOST_PARTS} things to look at and rate"));
        }
        let mut steps = entry.steps.clone();
        let mut seen = BTreeSet::new();
        for step in &mut steps {
            id("steps.id", &step.id)?;
            step.text = text(&format!("steps.{}.text", step.id), &step.text, LONGEST_NAME, true)?;
            if !seen.insert(step.id.clone()) {
                return wrong("steps.id", format!("{} is there twice", step.id));
            }
        }
        plausible("from", entry.from)?;
        plausible("due", entry.due)?;
        if entry.from > entry.due {
            return wrong("due", "must not be before from");
        }
        let at = match self.given.catching_up {
            true => self.beginning(entry.from),
            false => self.given.now,
        };
        if self.rules.calendar.period(entry.due, entry.due).end <= at {
            return wrong("due", "is past: give a day to come");
        }
        let (mode, from, due) = (entry.mode, entry.from, entry.due);
        let plan = Plan { theme, mode, companion, steps, from, due };
        let mut rows = vec![self.row(Matter::Task, &entry.id, 1, at, Event::Planned(plan))];
        if !entry.officer.is_empty() {
            rows.push(self.assignment(&entry.id, 2, &entry.officer, at)?);
        }
        Ok(rows)
    }

    pub(super) fn assignment(
        &self,
        task: &str,
        version: u32,
        officer: &str,
        at: DateTime<Utc>,
    ) -> Result<Recorded, Refusal> {
        let officer = self.serving(officer, at)?;
        let answer_by = self.rules.calendar.after(at, self.rules.limits.answer);
        let event = Event::Assigned(Assignment { officer: officer.code.clone(), answer_by });
        let mut row = self.row(Matter::Task, task, version, at, event);
        row.officer = Some(officer.code.clone());
        Ok(row)
    }

    pub(super) fn open_task(&self, id: &str, step: Step) -> Result<&Task, Refusal> {
        let task = self.programme.tasks.get(id);
        let task = task.ok_or_else(|| Refusal::Unknown(format!("experienceTasks/{id}")))?;
        self.expect(&format!("experienceTasks/{id}"), task.version)?;
        if !task.state.steps().contains(&step) {
            let may: Vec<&str> = task.state.steps().iter().map(|step| step.zh()).collect();
            let next = match may.is_empty() {
                true => "nothing comes next".to_owned(),
                false => format!("what may come next: {}", may.join("、")),
            };
            return not_now(format!(
                "the task stands at {}: {} does not come next; {next}",
                task.state.zh(),
                step.zh()
            ));
        }
        Ok(task)
    }

    pub(super) fn step(&self, entry: &StepEntry) -> Result<Vec<Recorded>, Refusal> {
        let task = self.open_task(&entry.task, entry.step)?;
        let last = task.history.last().map_or(self.given.now, |row| row.at);
        let at = self.moment(entry.at, last)?;
        let reasoned = matches!(entry.step, Step::Decline | Step::Cancel) || entry.passed == Some(false);
        let note = text("note", &entry.note, LONGEST_TEXT, reasoned)?;
        if entry.passed.is_some() != (entry.step == Step::Check) {
            return wrong("passed", "required of checks, and of nothing else");
        }
        if !entry.officer.is_empty() && entry.step != Step::Assign {
            return wrong("officer", "only of assignments");
        }
        let event = match entry.step {
            Step::Report => return wrong("step", "a report comes as a report"),
            Step::Assign => return Ok(vec![self.assignment(&task.id, task.version + 1, &entry.officer, at)?]),
            Step::Check => Event::Checked { passed: entry.passed == Some(true), note },
            Step::Expire if at < task.due(self.rules) => {
                return not_now(format!("the task is due by the end of {}: cancel it instead", task.plan.due));
            }
            step => Event::Stepped { step, note },
        };
        let mut row = self.row(Matter::Task, &task.id, task.version + 1, at, event);
        row.officer.clone_from(&task.officer);
        Ok(vec![row])
    }

    /// The task of a report, and the steps that it tells of.
    pub(super) fn reported(
        &self,
        entry: &ReportEntry,
        officer: &Officer,
        came: DateTime<Utc>,
    ) -> Result<Vec<Recorded>, Refusal> {
        let task = self.programme.tasks.get(&entry.task);
        let task = task.ok_or_else(|| Refusal::Unknown(format!("experienceTasks/{}", entry.task)))?;
        let missing: &[Step] = match task.state {
            TaskState::Assigned if self.given.catching_up => &[Step::Accept, Step::Start],
            TaskState::Accepted if self.given.catching_up => &[Step::Start],
            _ => {
                self.open_task(&entry.task, Step::Report)?;
                &[]
            }
        };
        if task.officer.as_deref() != Some(officer.code.as_str()) {
            return not_now(format!("experienceTasks/{} is not of officers/{}", task.id, officer.id));
        }
        let day = entry.at.date_naive();
        if day < task.plan.from {
            return wrong("at", format!("the task begins on {}", task.plan.from));
        }
        for step in &task.plan.steps {
            if !entry.steps.contains_key(&step.id) {
                return wrong(&format!("steps.{}", step.id), format!("required: rate “{}” from 1 to 5", step.text));
            }
        }
        if let Some(unknown) = entry.steps.keys().find(|id| task.plan.steps.iter().all(|step| step.id != **id)) {
            return wrong(&format!("steps.{unknown}"), "not a step of the task");
        }
        let at = came.max(task.history.last().map_or(came, |row| row.at));
        let check_by = self.rules.calendar.after(at, self.rules.limits.check);
        let caught = missing.iter().map(|step| Event::Stepped { step: *step, note: CAUGHT_UP.to_owned() });
        let events = caught.chain(std::iter::once(Event::Reported { report: entry.id.clone(), check_by }));
        let rows = events.zip(task.version + 1..).map(|(event, version)| {
            let mut row = self.row(Matter::Task, &task.id, version, at, event);
            row.officer = Some(officer.code.clone());
            row
        });
        Ok(rows.collect())
    }
}
