//! Roles, and what each permits. People and machines have one role each.

use serde::{Deserialize, Serialize};

/// What somebody can be permitted to do. Every method of the service needs one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Know what the service offers and who one is.
    Describe,
    /// Find and read calls, their findings and figures, within one's scope.
    ReadCalls,
    /// See figures over calls beside each other, by agent, team and queue, within one's scope.
    ReadReports,
    /// Take out calls as tables, within one's scope.
    ExportCalls,
    /// Have calls analysed without keeping them.
    Analyze,
    /// Follow a running call, and be advised on it.
    Follow,
    /// Hand in calls to be kept.
    Ingest,
    /// Ask the knowledge base, and say whether an answer helped.
    SearchKnowledge,
    /// See what the knowledge base could not answer.
    ReadGaps,
    /// Change the knowledge base.
    EditKnowledge,
    /// See topics, trends, hot spots and patterns, within one's scope.
    ReadTopics,
    /// Name, pin and merge topics.
    EditTopics,
    /// Have the topics brought up to date.
    RefreshTopics,
    /// See and watch alerts, within one's scope.
    WatchAlerts,
    /// Read the figures of the server.
    ReadMetrics,
    /// Make, list and revoke keys.
    ManageKeys,
    /// Read the audit trail.
    ReadAudit,
    /// See reviews, appeals and agreement, within one's scope.
    ReadReviews,
    /// See plans and what waits for a review, within one's scope.
    ReadQueue,
    /// Draw, review, and decide appeals, within one's scope; take out what was reviewed.
    Review,
    /// Appeal against what stands on a call within one's scope.
    Appeal,
    /// Judge appeals for good.
    Judge,
    /// Open, label and close calibrations.
    Calibrate,
    /// See what masking took out of calls within one's scope. No role permits it: it is given to a key or by a token.
    Unmask,
    /// See what calls are judged by: rules, scorecards, word lists, with their versions.
    ReadRules,
    /// Have drafts of these checked and tried out on stored calls within one's scope.
    TryRules,
    /// Publish these, and roll them back.
    PublishRules,
    /// See cases, what is due and how many there are, within one's scope.
    ReadCases,
    /// Open cases, and take their steps, within one's scope.
    WorkCases,
    /// Say that the rating of a call within one's scope is false.
    ContestRatings,
    /// Decide whether it is.
    DecideContests,
    /// Have the rules open cases.
    RunCaseRules,
    /// See what experience officers are asked and what they report, and how the roster is made up.
    ReadExperience,
    /// Run their programme: see who they are, and enter what they do.
    RunExperience,
    /// See the history card of a caller. An agent sees contacts of others on it, and so only where the settings grant it.
    ReadCallerCards,
}

impl Permission {
    /// Whether it is about all calls or the whole service, so that nobody has it whose scope is narrower.
    pub fn is_about_everything(self) -> bool {
        use Permission as P;
        matches!(
            self,
            P::Ingest
                | P::ReadGaps
                | P::EditKnowledge
                | P::EditTopics
                | P::RefreshTopics
                | P::ReadMetrics
                | P::ManageKeys
                | P::ReadAudit
                | P::Judge
                | P::PublishRules
                | P::RunCaseRules
                | P::ReadExperience
                | P::RunExperience
        )
    }
}

/// What somebody is. Of two roles the one with more permissions is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A monitoring system: reads the figures of the server.
    Monitor,
    /// A recording platform: hands in calls, and follows running ones.
    Ingest,
    /// Sees the own calls, asks the knowledge base, is advised while a call runs.
    Agent,
    /// Sees calls, findings, topics and figures.
    Viewer,
    /// A viewer who judges too.
    Reviewer,
    /// May do everything.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 6] = [
        Self::Monitor,
        Self::Ingest,
        Self::Agent,
        Self::Viewer,
        Self::Reviewer,
        Self::Admin,
    ];

    /// The name in keys, tokens and settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Agent => "agent",
            Self::Reviewer => "reviewer",
            Self::Admin => "admin",
            Self::Ingest => "ingest",
            Self::Monitor => "monitor",
        }
    }

    /// The role of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// Whether it permits that.
    pub fn permits(self, permission: Permission) -> bool {
        use Permission as P;
        match self {
            // Who makes keys is not thereby somebody who has to see particulars.
            Self::Admin => permission != P::Unmask,
            Self::Viewer => matches!(
                permission,
                P::Describe
                    | P::ReadCalls
                    | P::ReadReports
                    | P::ExportCalls
                    | P::SearchKnowledge
                    | P::ReadGaps
                    | P::ReadTopics
                    | P::WatchAlerts
                    | P::ReadReviews
                    | P::ReadQueue
                    | P::ReadRules
                    | P::ReadCases
                    | P::ReadExperience
                    | P::ReadCallerCards
            ),
            Self::Reviewer => {
                Self::Viewer.permits(permission)
                    || matches!(
                        permission,
                        P::Analyze
                            | P::Follow
                            | P::EditTopics
                            | P::Review
                            | P::Calibrate
                            | P::TryRules
                            | P::WorkCases
                            | P::RunExperience
                    )
            }
            Self::Agent => matches!(
                permission,
                P::Describe
                    | P::ReadCalls
                    | P::Follow
                    | P::SearchKnowledge
                    | P::ReadReviews
                    | P::Appeal
                    | P::ReadCases
                    | P::ContestRatings
                    | P::ReadCallerCards
            ),
            Self::Ingest => matches!(permission, P::Describe | P::Ingest | P::Analyze | P::Follow),
            Self::Monitor => matches!(permission, P::Describe | P::ReadMetrics),
        }
    }

    /// Whether it sees calls, so that which ones has to be said.
    pub fn sees_calls(self) -> bool {
        self.permits(Permission::ReadCalls)
    }
}
