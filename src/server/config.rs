//! Settings of the server: section `[server]` of the configuration.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Where the server listens and how much it takes on at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port; loopback only without TLS.
    pub listen: SocketAddr,
    /// The certificate of the server, and whose certificates clients need.
    pub tls: TlsConfig,
    /// Web pages, by their origins, from which browsers may ask (gRPC-web).
    pub web_origins: Vec<String>,
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
    /// Interval of HTTP/2 keepalive pings, milliseconds; who does not answer as long is cut off.
    pub keepalive_ms: u64,
    /// Connections at once; more wait to be accepted.
    pub max_connections: usize,
    /// Requests and streams of one connection that are under way at once; more wait.
    pub max_connection_streams: u32,
    /// A connection on which nothing moves for so long is closed, milliseconds. Keepalive pings move.
    pub idle_timeout_ms: u64,
    /// A client that does not take the next part of a stream for so long loses the stream, milliseconds.
    pub slow_reader_ms: u64,
    /// Most turns of a call that is followed while it is running.
    pub max_followed_turns: usize,
    /// Alerts of each kind that are remembered for clients that come later or come back.
    pub alert_backlog: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 50051)),
            tls: TlsConfig::default(),
            web_origins: Vec::new(),
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
            max_connections: 512,
            max_connection_streams: 256,
            idle_timeout_ms: 120_000,
            slow_reader_ms: 60_000,
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
        let TlsConfig { cert, key, client_ca } = &self.tls;
        let given = |path: &PathBuf| !path.as_os_str().is_empty();
        if given(cert) != given(key) {
            return wrong("tls", "cert and key belong together".to_owned());
        }
        if given(client_ca) && !given(cert) {
            return wrong("tls.client_ca", "needs cert and key of the server".to_owned());
        }
        if let Some(origin) = self.web_origins.iter().find(|origin| !is_origin(origin)) {
            return wrong("web_origins", format!("\"{origin}\" is no origin such as https://qa.example.cn"));
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
            ("max_connections", self.max_connections),
            ("idle_timeout_ms", self.idle_timeout_ms as usize),
            ("slow_reader_ms", self.slow_reader_ms as usize),
            ("max_connection_streams", self.max_connection_streams as usize),
            ("max_followed_turns", self.max_followed_turns),
            ("alert_backlog", self.alert_backlog),
        ];
        if let Some((key, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return wrong(key, "must be at least 1".to_owned());
        }
        if self.idle_timeout_ms <= self.keepalive_ms {
            let message = format!("must be more than keepalive_ms, which is {}", self.keepalive_ms);
            return wrong("idle_timeout_ms", message);
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

    pub(super) fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    pub(super) fn slow_reader(&self) -> Duration {
        Duration::from_millis(self.slow_reader_ms)
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

/// The certificate of the server, and whose certificates clients need: files in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// Certificate of the server with those between it and the root; empty: no TLS.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Certificates by which those of clients are signed; empty: clients need none.
    pub client_ca: PathBuf,
}

impl TlsConfig {
    /// Whether there is TLS.
    pub fn is_on(&self) -> bool {
        !self.cert.as_os_str().is_empty()
    }
}

/// Scheme and host, without a path: what a browser sends as `Origin` (RFC 6454).
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && host.is_ascii() && !host.contains(['/', '*', ' ', '?', '#', '@']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_needs_its_key_and_clients_are_asked_for_theirs_over_tls_alone() {
        let key = |tls: TlsConfig| ServerConfig { tls, ..Default::default() }.validate().map_err(|wrong| wrong.key);
        let (cert, path) = (PathBuf::from("cert.pem"), PathBuf::from("key.pem"));
        assert_eq!(key(TlsConfig { cert: cert.clone(), ..Default::default() }), Err("tls"));
        assert_eq!(key(TlsConfig { client_ca: cert.clone(), ..Default::default() }), Err("tls.client_ca"));
        assert_eq!(key(TlsConfig { cert, key: path, ..Default::default() }), Ok(()));
    }

    #[test]
    fn web_origins_are_hosts_and_not_everything() {
        for (origin, good) in [("https://qa.example.cn", true), ("http://localhost:8080", true)]
            .into_iter()
            .chain(["*", "https://*", "qa.example.cn", "https://qa.example.cn/", ""].map(|origin| (origin, false)))
        {
            let config = ServerConfig { web_origins: vec![origin.into()], ..Default::default() };
            assert_eq!(config.validate().is_ok(), good, "{origin}");
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
