//! Health that tells the truth, a status for each service and one for all of them: not
//! serving until everything is loaded, nor from the moment the server is told to stop.

use qingting_proto::v1::access_service_server::SERVICE_NAME as ACCESS;
use qingting_proto::v1::analysis_service_server::SERVICE_NAME as ANALYSIS;
use qingting_proto::v1::call_service_server::SERVICE_NAME as CALL;
use qingting_proto::v1::caller_service_server::SERVICE_NAME as CALLER;
use qingting_proto::v1::case_service_server::SERVICE_NAME as CASE;
use qingting_proto::v1::coaching_service_server::SERVICE_NAME as COACHING;
use qingting_proto::v1::experience_service_server::SERVICE_NAME as EXPERIENCE;
use qingting_proto::v1::indicator_service_server::SERVICE_NAME as INDICATOR;
use qingting_proto::v1::ingest_service_server::SERVICE_NAME as INGEST;
use qingting_proto::v1::journey_service_server::SERVICE_NAME as JOURNEY;
use qingting_proto::v1::knowledge_service_server::SERVICE_NAME as KNOWLEDGE;
use qingting_proto::v1::report_service_server::SERVICE_NAME as REPORT;
use qingting_proto::v1::review_service_server::SERVICE_NAME as REVIEW;
use qingting_proto::v1::rule_service_server::SERVICE_NAME as RULE;
use qingting_proto::v1::topic_service_server::SERVICE_NAME as TOPIC;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// The name under which the server as a whole is asked about.
const OVERALL: &str = "";
const ALL: &[&str] = &[
    OVERALL, ACCESS, ANALYSIS, CALL, CALLER, CASE, COACHING, EXPERIENCE, INDICATOR, INGEST, JOURNEY, KNOWLEDGE, REPORT,
    REVIEW, RULE, TOPIC,
];

/// Reports the state of the services.
#[derive(Clone)]
pub(super) struct Health {
    pub(super) reporter: HealthReporter,
}

impl Health {
    /// Everything not serving.
    pub(super) async fn new() -> Self {
        let health = Self { reporter: HealthReporter::new() };
        health.set(ALL, ServingStatus::NotServing).await;
        health
    }

    /// Everything is loaded.
    pub(super) async fn ready(&self) {
        self.set(ALL, ServingStatus::Serving).await;
    }

    /// The writer has ended: what writes is not serving, what reads goes on.
    pub(super) async fn writer_stopped(&self) {
        self.set(&[OVERALL, INGEST], ServingStatus::NotServing).await;
    }

    /// Told to stop. Watchers read it and their streams end, so that they do not hold the drain up.
    pub(super) async fn stopping(&mut self) {
        self.set(ALL, ServingStatus::NotServing).await;
        for &name in ALL {
            self.reporter.clear_service_status(name).await;
        }
    }

    async fn set(&self, names: &[&str], status: ServingStatus) {
        for name in names {
            self.reporter.set_service_status(name, status).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::access::METHODS;

    #[test]
    fn every_service_has_a_status() {
        let services = METHODS.iter().filter_map(|(path, _)| path.strip_prefix('/')?.split('/').next());
        let services: BTreeSet<&str> = services.filter(|name| name.starts_with("qingting.")).collect();
        let told: BTreeSet<&str> = ALL.iter().copied().filter(|name| *name != OVERALL).collect();
        assert_eq!(told, services);
    }
}
