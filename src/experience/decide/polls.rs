//! Polls and votes.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::super::entry::{Closing, PollEntry, VoteEntry};
use super::super::event::{Event, Matter, Recorded};
use super::super::{LONGEST_NAME, Refusal, id, text};
use super::{Desk, MOST_PARTS, not_now, plausible, wrong};

impl Desk<'_> {
    pub(super) fn poll(&self, entry: &PollEntry) -> Result<Vec<Recorded>, Refusal> {
        id("id", &entry.id)?;
        if self.programme.polls.contains_key(&entry.id) {
            return Err(Refusal::Exists(format!("polls/{}", entry.id)));
        }
        if !entry.discussion.is_empty() && !self.programme.discussions.contains_key(&entry.discussion) {
            return Err(Refusal::Unknown(format!("discussions/{}", entry.discussion)));
        }
        let question = text("question", &entry.question, LONGEST_NAME, true)?;
        if !(2..=MOST_PARTS).contains(&entry.options.len()) {
            return wrong("options", format!("2 to {MOST_PARTS} of them"));
        }
        let read = entry.options.iter().map(|option| text("options", option, LONGEST_NAME, true));
        let options = read.collect::<Result<Vec<_>, _>>()?;
        if options.iter().collect::<BTreeSet<_>>().len() < options.len() {
            return wrong("options", "one of them is there twice");
        }
        let at = self.moment(entry.at, DateTime::<Utc>::MIN_UTC)?;
        plausible("closes_at", entry.closes_at.date_naive())?;
        let closes_at = entry.closes_at.to_utc();
        if closes_at <= at {
            return wrong("closes_at", "must be after the poll is opened");
        }
        let asked: Vec<String> = if entry.asked.is_empty() {
            let day = self.rules.calendar.day(at);
            let serving = self.programme.officers.values().filter(|officer| officer.serves(day));
            serving.map(|officer| officer.code.clone()).collect()
        } else {
            let serving = entry.asked.iter().map(|id| Ok(self.serving(id, at)?.code.clone()));
            serving.collect::<Result<BTreeSet<_>, Refusal>>()?.into_iter().collect()
        };
        if asked.is_empty() {
            return not_now("nobody serves who could be asked");
        }
        let event = Event::Asked {
            discussion: Some(entry.discussion.clone()).filter(|discussion| !discussion.is_empty()),
            question,
            options,
            multiple: entry.multiple,
            secret: entry.secret,
            closes_at,
            asked,
        };
        Ok(vec![self.row(Matter::Poll, &entry.id, 1, at, event)])
    }

    pub(super) fn vote(&self, entry: &VoteEntry) -> Result<Vec<Recorded>, Refusal> {
        let known = self.programme.polls.get(&entry.poll);
        let poll = known.ok_or_else(|| Refusal::Unknown(format!("polls/{}", entry.poll)))?;
        let at = self.moment(entry.at, poll.opened_at)?;
        if poll.ended.is_some() || at >= poll.closes_at {
            return not_now(format!("polls/{} is closed", poll.id));
        }
        let officer = self.known(&entry.officer)?;
        if !poll.asked.contains(&officer.code) {
            return not_now(format!("officers/{} is not asked in polls/{}", officer.id, poll.id));
        }
        if poll.votes.iter().any(|vote| vote.officer == officer.code) {
            return Err(Refusal::Exists(format!("the vote of officers/{} in polls/{}", officer.id, poll.id)));
        }
        let choices: BTreeSet<u32> = entry.choices.iter().copied().collect();
        let most = poll.options.len() as u32;
        if choices.is_empty() || choices.iter().any(|choice| !(1..=most).contains(choice)) {
            return wrong("choices", format!("numbers of options, 1 to {most}"));
        }
        if choices.len() > 1 && !poll.multiple {
            return wrong("choices", "one of them: the poll is not a multiple choice");
        }
        let event = Event::Voted { poll: poll.id.clone(), choices: choices.into_iter().collect() };
        // One row for each of them: the ledger takes no second one.
        let mut row = self.row(Matter::Vote, &format!("{}/{}", poll.id, officer.code), 1, at, event);
        row.officer = Some(officer.code.clone());
        Ok(vec![row])
    }

    pub(super) fn end_poll(&self, entry: &Closing) -> Result<Vec<Recorded>, Refusal> {
        let known = self.programme.polls.get(&entry.id);
        let poll = known.ok_or_else(|| Refusal::Unknown(format!("polls/{}", entry.id)))?;
        match poll.is_over(self.given.now) {
            true => not_now(format!("polls/{} is closed already", entry.id)),
            false => self.ended(Matter::Poll, entry),
        }
    }
}
