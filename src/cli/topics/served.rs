//! Topics of a data folder that a running server writes: what is to be changed goes through it.

use std::path::Path;

use miette::IntoDiagnostic;
use qingting_proto::v1;
use qingting_proto::v1::topic_service_client::TopicServiceClient;
use tokio::runtime::Runtime;
use tonic::transport::Channel;

use super::edit::Decision;
use crate::cli::submit::{address, connect, status};

/// A server that holds the data folder.
pub(super) struct Served {
    runtime: Runtime,
    client: TopicServiceClient<Channel>,
}

impl Served {
    /// Connects to the holder of a lock; `None` when that is no server.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(super) fn connect(data: &Path, holder: &str) -> miette::Result<Option<Self>> {
        let Some(address) = address(holder) else {
            return Ok(None);
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().into_diagnostic()?;
        let channel = runtime.block_on(connect(data, "qingting.v1.TopicService"))?;
        eprintln!("the data folder is served on {address}: this goes through the server");
        Ok(Some(Self { runtime, client: TopicServiceClient::new(channel) }))
    }

    /// Has the server bring its topics up to date.
    ///
    /// # Errors
    /// What the server answers.
    pub(super) fn refresh(&mut self, rebuild: bool) -> miette::Result<()> {
        let request = v1::RefreshTopicsRequest { rebuild };
        self.runtime.block_on(self.client.refresh_topics(request)).map(drop).map_err(status)
    }

    /// Has the server take down what a person decided.
    ///
    /// # Errors
    /// What the server answers.
    pub(super) fn decide(&mut self, decision: &Decision) -> miette::Result<()> {
        let name = |id: &String| format!("topics/{id}");
        let answer = match decision {
            Decision::Rename { id, name: label } => {
                let request = v1::UpdateTopicRequest {
                    name: name(id),
                    label: Some(label.clone().unwrap_or_default()),
                    pinned: None,
                };
                self.runtime.block_on(self.client.update_topic(request))
            }
            Decision::Pin { id, pinned } => {
                let request = v1::UpdateTopicRequest { name: name(id), label: None, pinned: Some(*pinned) };
                self.runtime.block_on(self.client.update_topic(request))
            }
            Decision::Merge { ids, into } => {
                let request = v1::MergeTopicsRequest { names: ids.iter().map(name).collect(), into: name(into) };
                self.runtime.block_on(self.client.merge_topics(request))
            }
        };
        answer.map(drop).map_err(status)
    }
}
