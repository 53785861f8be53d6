//! Settings of the server: section `[server]` of the configuration.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Error;

/// Where the server listens and how much it takes on at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port; loopback only.
    pub listen: SocketAddr,
    /// Threads for analysis and search; 0 is one a core.
    pub threads: usize,
    /// Largest message taken in, bytes.
    pub max_request_bytes: usize,
    /// Largest message sent out, bytes.
    pub max_response_bytes: usize,
    /// Results a page when the request does not say.
    pub default_page_size: usize,
    /// Most results a page.
    pub max_page_size: usize,
    /// Single requests worked on or waiting at once; more are answered RESOURCE_EXHAUSTED.
    pub max_requests: usize,
    /// Streams open at once; more are answered RESOURCE_EXHAUSTED.
    pub max_streams: usize,
    /// Records of one stream that are under way at once.
    pub stream_window: usize,
    /// Writes that wait for the disk, over all streams; beyond, streams are held back.
    pub write_queue: usize,
    /// Acknowledged calls become searchable within this time, milliseconds.
    pub refresh_ms: u64,
    /// Longest time for a single request, milliseconds; a shorter one of the client's own holds.
    pub request_timeout_ms: u64,
    /// How long requests under way may take to finish after the signal to stop, milliseconds.
    pub drain_timeout_ms: u64,
    /// Interval of HTTP/2 keepalive pings, milliseconds.
    pub keepalive_ms: u64,
    /// Most turns of a call that is followed while it is running.
    pub max_followed_turns: usize,
    /// Alerts of each kind that are remembered for clients that come later or come back.
    pub alert_backlog: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 50051)),
            threads: 0,
            max_request_bytes: 16 << 20,
            max_response_bytes: 16 << 20,
            default_page_size: 20,
            max_page_size: 200,
            max_requests: 64,
            max_streams: 64,
            stream_window: 32,
            write_queue: 128,
            refresh_ms: 1000,
            request_timeout_ms: 30_000,
            drain_timeout_ms: 10_000,
            keepalive_ms: 30_000,
            max_followed_turns: 1000,
            alert_backlog: 200,
        }
    }
}

impl ServerConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// The first one that is out of range.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        let wrong = |key, message: String| Err(InvalidSetting { key, message });
        if let Err(error) = loopback(self.listen) {
            return wrong("listen", error.to_string());
        }
        let positive = [
            ("max_request_bytes", self.max_request_bytes),
            ("max_response_bytes", self.max_response_bytes),
            ("default_page_size", self.default_page_size),
            ("max_page_size", self.max_page_size),
            ("max_requests", self.max_requests),
            ("max_streams", self.max_streams),
            ("stream_window", self.stream_window),
            ("write_queue", self.write_queue),
            ("refresh_ms", self.refresh_ms as usize),
            ("request_timeout_ms", self.request_timeout_ms as usize),
            ("keepalive_ms", self.keepalive_ms as usize),
            ("max_followed_turns", self.max_followed_turns),
            ("alert_backlog", self.alert_backlog),
        ];
        if let Some((key, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return wrong(key, "must be at least 1".to_owned());
        }
        if self.default_page_size > self.max_page_size {
            let message = format!("must not be more than max_page_size, which is {}", self.max_page_size);
            return wrong("default_page_size", message);
        }
        Ok(())
    }

    pub(super) fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    pub(super) fn refresh(&self) -> Duration {
        Duration::from_millis(self.refresh_ms)
    }

    pub(super) fn drain_timeout(&self) -> Duration {
        Duration::from_millis(self.drain_timeout_ms)
    }

    pub(super) fn keepalive(&self) -> Duration {
        Duration::from_millis(self.keepalive_ms)
    }
}

/// A setting that is out of range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("[server] {key}: {message}")]
pub struct InvalidSetting {
    /// Its key in section `[server]`.
    pub key: &'static str,
    /// What is wrong with it.
    pub message: String,
}

/// Without TLS and keys nobody but this machine may ask.
pub(super) fn loopback(address: SocketAddr) -> Result<(), Error> {
    if address.ip().is_loopback() {
        Ok(())
    } else {
        Err(Error::NotLoopback { address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_are_taken() {
        for (address, good) in [
            ("127.0.0.1:50051", true),
            ("127.8.8.8:1", true),
            ("[::1]:50051", true),
            ("0.0.0.0:50051", false),
            ("[::]:50051", false),
            ("192.168.1.5:50051", false),
        ] {
            let config = ServerConfig { listen: address.parse().unwrap(), ..Default::default() };
            assert_eq!(config.validate().is_ok(), good, "{address}");
        }
    }

    #[test]
    fn zero_is_refused_where_nothing_could_work_with_it() {
        let error = ServerConfig { stream_window: 0, ..Default::default() }.validate().unwrap_err();
        assert_eq!(error.to_string(), "[server] stream_window: must be at least 1");
        assert!(ServerConfig { default_page_size: 500, ..Default::default() }.validate().is_err());
        assert!(toml::from_str::<ServerConfig>("port = 1").is_err());
    }
}
