//! Asking a server through the socket in its data folder, as programs on the same machine do.

use std::path::Path;

use tonic::transport::{Channel, Endpoint};

use crate::patience::eventually;

/// Waits until the server of a data folder answers there.
pub(crate) async fn connected(data: &Path) -> Channel {
    // Open until the connection is there: a path that is too long for an address goes over the folder.
    let (socket, _folder) = qingting::server::local::address(data).unwrap();
    let endpoint = Endpoint::from_shared(format!("unix:{}", socket.display())).unwrap();
    eventually("the socket of the server is there", async || endpoint.connect().await.ok()).await
}
