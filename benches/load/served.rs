//! A server in a process of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tonic::transport::Channel;

use super::common::memory;

/// A running server; killed when it is dropped.
pub(crate) struct Served {
    child: Child,
    address: String,
}

impl Served {
    /// Starts a server over `data` in a folder.
    pub(crate) async fn start(folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_qingting"))
            .args(["serve", "--without-keys", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.join("data"))
            // Whether an answer comes is asserted, how soon is told: on a machine that stands still for a while none is late.
            .env("QINGTING__SERVER__REQUEST_TIMEOUT_MS", "600000")
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program");
        let mut log = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        log.read_line(&mut line).expect("the first line");
        // The rest of the log has to go somewhere, or the server would wait for a reader.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        let address = line.trim().strip_prefix("listening on ").expect("an address").to_owned();
        let served = Self { child, address };
        served.ready().await;
        served
    }

    /// A connection of its own.
    pub(crate) async fn connect(&self) -> Channel {
        let endpoint = Channel::from_shared(format!("http://{}", self.address)).expect("an address");
        endpoint.connect().await.expect("a connection")
    }

    async fn ready(&self) {
        let mut health = tonic_health::pb::health_client::HealthClient::new(self.connect().await);
        let request = tonic_health::pb::HealthCheckRequest { service: String::new() };
        let mut states = health.watch(request).await.expect("health").into_inner();
        while states.message().await.expect("health").expect("a state").status != 1 {}
    }

    /// Most memory that it has taken so far, bytes.
    pub(crate) fn peak(&self) -> u64 {
        memory(self.child.id(), "VmHWM")
    }

    /// SIGKILL, while it works.
    pub(crate) fn kill(self) {
        drop(self);
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // One that has ended by itself is noticed by whoever asks it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
