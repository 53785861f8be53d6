//! Somebody who was let in, and until when: an answer that goes on for hours must not outlive the key.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::Principal;

/// Somebody who was let in.
#[derive(Debug, Clone)]
pub struct Pass {
    /// Who.
    pub who: Arc<Principal>,
    /// When key or token expire.
    pub(super) until: Option<DateTime<Utc>>,
    /// Cancelled when the key is revoked.
    pub(super) revoked: CancellationToken,
}

impl Pass {
    /// For whoever can be neither revoked nor expire.
    pub(super) fn lasting(who: Arc<Principal>) -> Self {
        Self { who, until: None, revoked: CancellationToken::new() }
    }

    /// Returns when they may no longer be here.
    pub async fn over(self) {
        let expired = async {
            match self.until {
                // What is over already is over now.
                Some(until) => tokio::time::sleep((until - Utc::now()).to_std().unwrap_or_default()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = expired => {}
            () = self.revoked.cancelled() => {}
        }
    }
}
