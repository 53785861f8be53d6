//! Which calls somebody sees.

use std::collections::BTreeSet;

use qingting_index::calls::Filter;
use qingting_pipeline::record::{Agent, CallDigest};

/// Which calls somebody sees. A call whose agent or team is not known is seen by nobody whose scope is narrower
/// than all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All.
    All,
    /// Those of these teams.
    Teams(BTreeSet<String>),
    /// Those of one agent.
    Agent(String),
}

impl Scope {
    /// What the index is asked beside the question itself; `None` where nothing is to be kept back.
    pub fn filter(&self) -> Option<Filter> {
        let is = |field, value: &String| Filter::Is { field, value: value.clone() };
        match self {
            Self::All => None,
            Self::Teams(teams) => Some(Filter::Any(teams.iter().map(|team| is("team", team)).collect())),
            Self::Agent(agent) => Some(is("agent", agent)),
        }
    }

    /// Whether a call of this agent is seen.
    pub fn sees(&self, agent: Option<&Agent>) -> bool {
        self.sees_of(agent.map(|agent| agent.id.as_str()), agent.and_then(|agent| agent.team.as_deref()))
    }

    /// Whether a call of which a row is known is seen.
    pub fn sees_digest(&self, call: &CallDigest) -> bool {
        self.sees_of(call.agent.as_deref(), call.team.as_deref())
    }

    fn sees_of(&self, agent: Option<&str>, team: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Teams(teams) => team.is_some_and(|team| teams.contains(team)),
            Self::Agent(own) => agent == Some(own),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_does_not_say_whose_it_is_is_seen_by_those_who_see_all() {
        let scopes = [
            Scope::All,
            Scope::Teams(["一组".to_owned()].into()),
            Scope::Agent("A01".into()),
        ];
        let agent =
            |id: &str, team: Option<&str>| Agent { id: id.into(), team: team.map(str::to_owned), ..Agent::default() };
        let seen = |agent: Option<&Agent>| scopes.each_ref().map(|scope| scope.sees(agent));
        assert_eq!(seen(None), [true, false, false]);
        assert_eq!(seen(Some(&agent("A01", None))), [true, false, true]);
        assert_eq!(seen(Some(&agent("A02", Some("一组")))), [true, true, false]);
        assert_eq!(seen(Some(&agent("A02", Some("二组")))), [true, false, false]);
    }
}
