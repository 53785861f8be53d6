//! Who is enrolled, and who ends.

use super::super::entry::{OfficerEntry, Retirement};
use super::super::event::{Event, Matter, Recorded};
use super::super::rules::AGE_GROUP;
use super::super::{LONGEST_NAME, LONGEST_TEXT, Refusal, id, text};
use super::{Desk, not_now, plausible, wrong};

impl Desk<'_> {
    pub(super) fn officer(&self, entry: &OfficerEntry) -> Result<Vec<Recorded>, Refusal> {
        id("id", &entry.id)?;
        let known = self.programme.officers.get(&entry.id);
        match known {
            Some(officer) if officer.retired.is_some() => {
                return not_now(format!("officers/{} has ended: enrol them under another id", entry.id));
            }
            Some(_) if self.given.expected == Some(0) => return Err(Refusal::Exists(format!("officers/{}", entry.id))),
            Some(officer) => self.expect(&format!("officers/{}", entry.id), officer.version)?,
            None if self.given.expected.is_some_and(|version| version > 0) => {
                return Err(Refusal::Unknown(format!("officers/{}", entry.id)));
            }
            None => {}
        }
        let name = text("name", &entry.name, LONGEST_NAME, true)?;
        plausible("since", entry.since)?;
        if entry.employee && !self.rules.employees {
            return wrong("employee", "whoever works for the hotline cannot be an officer of it");
        }
        let mut attributes = entry.attributes.clone();
        if let Some(age) = entry.age {
            let Some(group) = self.rules.age_group(age) else {
                return wrong("age", format!("must be at least {}", self.rules.minimum_age));
            };
            attributes.insert(AGE_GROUP.to_owned(), group);
        } else if let Some(group) = known.and_then(|officer| officer.attributes.get(AGE_GROUP)) {
            attributes.entry(AGE_GROUP.to_owned()).or_insert_with(|| group.clone());
        }
        for (name, value) in &attributes {
            let field = format!("attributes.{name}");
            let Some(attribute) = self.rules.attribute(name) else {
                return wrong(&field, "not an attribute of experience.toml: nothing else is kept of an officer");
            };
            if !attribute.values.contains(value) {
                return wrong(&field, format!("must be one of {}", attribute.values.join("、")));
            }
        }
        if let Some(missing) = self.rules.attributes.iter().find(|a| a.required && !attributes.contains_key(&a.name)) {
            let (field, what) = match missing.name.as_str() {
                AGE_GROUP => ("age".to_owned(), "in years".to_owned()),
                name => (format!("attributes.{name}"), format!("one of {}", missing.values.join("、"))),
            };
            return wrong(&field, format!("required: {what}"));
        }
        let (since, until) = (entry.since, self.rules.term_ends(entry.since));
        let event = Event::Enrolled { name, attributes, since, until };
        let version = known.map_or(0, |officer| officer.version) + 1;
        let mut row = self.row(Matter::Officer, &entry.id, version, self.given.now, event);
        row.officer = Some(known.map_or_else(|| self.given.code.clone(), |officer| officer.code.clone()));
        Ok(vec![row])
    }

    pub(super) fn retire(&self, entry: &Retirement) -> Result<Vec<Recorded>, Refusal> {
        let officer = self.known(&entry.officer)?;
        self.expect(&format!("officers/{}", entry.officer), officer.version)?;
        if officer.retired.is_some() {
            return not_now(format!("officers/{} has ended already", entry.officer));
        }
        let mut open = self
            .programme
            .tasks
            .values()
            .filter(|task| task.officer.as_deref() == Some(officer.code.as_str()) && task.state.waits_for_report());
        if let Some(task) = open.next() {
            return not_now(format!(
                "officers/{} still has experienceTasks/{}: have it declined or cancelled first",
                entry.officer, task.id
            ));
        }
        let event = Event::Retired { reason: text("reason", &entry.reason, LONGEST_TEXT, false)? };
        let mut row = self.row(Matter::Officer, &entry.officer, officer.version + 1, self.given.now, event);
        row.officer = Some(officer.code.clone());
        Ok(vec![row])
    }
}
