//! What came of a poll, with no more of it than lets nobody be told apart.
//!
//! A group of the roster is shown when at least `min_group` of it voted, and when those whose groups are not shown are none or at
//! least as many: what is shown, taken from the whole, would tell them apart else. Results of secret polls come when the poll is over,
//! since two of them before and after a vote would tell it, and not at all of fewer votes than that.

use chrono::{DateTime, Utc};

use super::programme::{Poll, Programme, Vote};
use super::rules::Rules;

/// What was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The option.
    pub option: String,
    /// How many chose it.
    pub votes: u32,
    /// Of those who voted; `None`: nobody did.
    pub share: Option<f64>,
    /// Pseudonyms of who chose it; of polls that are not secret.
    pub officers: Vec<String>,
}

/// What a group chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupResult {
    /// Attribute.
    pub attribute: String,
    /// Its value.
    pub value: String,
    /// How many of the group voted.
    pub voted: u32,
    /// How many chose each option.
    pub votes: Vec<u32>,
}

/// What came of a poll.
#[derive(Debug, Clone, PartialEq)]
pub struct Results {
    /// How many were asked.
    pub asked: u32,
    /// How many voted.
    pub voted: u32,
    /// Votes are taken no more.
    pub is_over: bool,
    /// By option; empty: not shown.
    pub answers: Vec<Answer>,
    /// By group, of those that are shown.
    pub groups: Vec<GroupResult>,
}

impl Results {
    /// Voted ÷ asked.
    pub fn participation(&self) -> Option<f64> {
        (self.asked > 0).then(|| f64::from(self.voted) / f64::from(self.asked))
    }
}

fn chosen(votes: &[&Vote], options: usize) -> Vec<u32> {
    (1..=options as u32)
        .map(|nth| votes.iter().filter(|vote| vote.choices.contains(&nth)).count() as u32)
        .collect()
}

/// What came of a poll, as far as it may be told at a moment.
pub fn results(programme: &Programme, poll: &Poll, rules: &Rules, now: DateTime<Utc>) -> Results {
    let votes: Vec<&Vote> = poll.votes.iter().collect();
    let voted = votes.len() as u32;
    let is_over = poll.is_over(now);
    let is_told = !poll.secret || (is_over && voted >= rules.min_group);
    let options = poll.options.len();
    let mut answers = Vec::new();
    if is_told {
        for ((option, count), nth) in poll.options.iter().zip(chosen(&votes, options)).zip(1u32..) {
            let who = votes.iter().filter(|vote| !poll.secret && vote.choices.contains(&nth));
            answers.push(Answer {
                option: option.clone(),
                votes: count,
                share: (voted > 0).then(|| f64::from(count) / f64::from(voted)),
                officers: who.map(|vote| vote.officer.clone()).collect(),
            });
        }
    }
    let mut groups = Vec::new();
    if is_told && is_over {
        for attribute in &rules.attributes {
            let value_of = |vote: &Vote| {
                programme.officer_of(&vote.officer).and_then(|officer| officer.attributes.get(&attribute.name))
            };
            let of_value = |value: &String| -> Vec<&Vote> {
                votes.iter().filter(|vote| value_of(vote) == Some(value)).copied().collect()
            };
            let mut shown: Vec<(&String, Vec<&Vote>)> =
                attribute.values.iter().map(|value| (value, of_value(value))).collect();
            shown.retain(|(_, votes)| votes.len() as u32 >= rules.min_group);
            let mut hidden = voted - shown.iter().map(|(_, votes)| votes.len() as u32).sum::<u32>();
            while (1..rules.min_group).contains(&hidden) {
                let Some(smallest) = (0..shown.len()).min_by_key(|&at| shown[at].1.len()) else {
                    break;
                };
                hidden += shown.remove(smallest).1.len() as u32;
            }
            groups.extend(shown.into_iter().map(|(value, votes)| GroupResult {
                attribute: attribute.name.clone(),
                value: value.clone(),
                voted: votes.len() as u32,
                votes: chosen(&votes, options),
            }));
        }
    }
    Results { asked: poll.asked.len() as u32, voted, is_over, answers, groups }
}
