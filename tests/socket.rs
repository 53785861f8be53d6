//! Asking a server through the socket in its data folder, as programs on the same machine do.

use std::path::Path;
use std::time::Duration;

use tonic::transport::{Channel, Endpoint};

/// Waits until the server of a data folder answers there.
pub(crate) async fn connected(data: &Path) -> Channel {
    let endpoint = Endpoint::from_shared(format!("unix:{}", data.join("serve.sock").display())).unwrap();
    for _ in 0..600 {
        if let Ok(channel) = endpoint.connect().await {
            return channel;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no socket")
}
