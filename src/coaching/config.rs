//! Section `[coaching]` of the settings: which sector a call is of, and who is named in bulletins.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::phrases::Sector;

/// Whom a bulletin names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Naming {
    /// Nobody: counts alone.
    #[default]
    None,
    /// Those whose calls are better than the queues let expect.
    Praised,
    /// Those whose calls are worse too.
    All,
}

/// How sheets and bulletins are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CoachingConfig {
    /// The sector of calls whose queue is not among `queues`: which phrases are suggested first.
    pub sector: Sector,
    /// Sectors of queues.
    pub queues: BTreeMap<String, Sector>,
    /// Whom a bulletin names.
    pub name_agents: Naming,
    /// Fewest agents with scored calls of whom a bulletin says anything.
    pub min_group: u32,
}

impl Default for CoachingConfig {
    fn default() -> Self {
        Self {
            sector: Sector::Government,
            queues: BTreeMap::new(),
            name_agents: Naming::None,
            min_group: 5,
        }
    }
}

impl CoachingConfig {
    /// The sector of a call.
    pub fn sector_of(&self, queue: Option<&str>) -> Sector {
        queue.and_then(|queue| self.queues.get(queue).copied()).unwrap_or(self.sector)
    }

    /// The key whose value makes no sense, with what would be right.
    ///
    /// # Errors
    /// When there is one.
    pub fn validate(&self) -> Result<(), (&'static str, String)> {
        match (3..=1000).contains(&self.min_group) {
            true => Ok(()),
            // Of two, each knows what the other is from what they are together.
            false => Err(("min_group", "must be 3 to 1000".to_owned())),
        }
    }
}
