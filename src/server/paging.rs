//! Pages: sizes within their limits, and tokens that say where the next page begins and to
//! which request they belong. Tokens are opaque to clients and carry nothing private.

use sha2::{Digest, Sha256};

use super::ServerConfig;
use super::backend::Cursor;
use super::convert::Invalid;

/// The page that a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) size: usize,
    pub(super) start: Cursor,
    fingerprint: u64,
}

impl Page {
    /// Reads size and token of a request; `parts` are the fields that must not change between pages.
    ///
    /// # Errors
    /// A negative size, a token that is not of this server, or one that belongs to another request.
    pub(super) fn parse(config: &ServerConfig, size: i32, token: &str, parts: &[&str]) -> Result<Self, Invalid> {
        let size = match usize::try_from(size) {
            Ok(0) => config.default_page_size,
            Ok(size) => size.min(config.max_page_size),
            Err(_) => return Err(Invalid::field("page_size", "must not be negative")),
        };
        let fingerprint = fingerprint(parts);
        if token.is_empty() {
            return Ok(Self { size, start: Cursor::default(), fingerprint });
        }
        let (start, owner) =
            decode(token).ok_or_else(|| Invalid::field("page_token", "not a token that this server gave out"))?;
        if owner != fingerprint {
            return Err(Invalid::field("page_token", "belongs to a request with other fields"));
        }
        if start.call >= config.max_results as u64 {
            let message = format!("paging ends after {} results; narrow the filter", config.max_results);
            return Err(Invalid::field("page_token", message));
        }
        Ok(Self { size, start, fingerprint })
    }

    /// The token of the page that begins at `next`; empty when there is none.
    pub(super) fn token(&self, next: Option<Cursor>) -> String {
        next.map_or_else(String::new, |c| format!("{:x}-{:x}-{:016x}", c.call, c.finding, self.fingerprint))
    }
}

fn decode(token: &str) -> Option<(Cursor, u64)> {
    let mut parts = token.split('-').map(|part| u64::from_str_radix(part, 16));
    let mut next = || parts.next()?.ok();
    let decoded = (Cursor { call: next()?, finding: next()? }, next()?);
    next().is_none().then_some(decoded)
}

fn fingerprint(parts: &[&str]) -> u64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    digest.iter().take(8).fold(0, |value, byte| value << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_to_its_own_request_only() {
        let config = ServerConfig::default();
        let first = Page::parse(&config, 0, "", &["水费", ""]).unwrap();
        assert_eq!((first.size, first.start), (20, Cursor::default()));
        let next = Cursor { call: 20, finding: 3 };
        let token = first.token(Some(next));
        assert_eq!(Page::parse(&config, 1000, &token, &["水费", ""]).unwrap().start, next);
        assert_eq!(Page::parse(&config, 1000, &token, &["水费", ""]).unwrap().size, 200);
        for (size, token, parts) in [
            (5, token.as_str(), ["", "水费"]),
            (5, "garbage", ["水费", ""]),
            (5, "1-2-3-4", ["水费", ""]),
            (-1, "", ["水费", ""]),
        ] {
            assert!(Page::parse(&config, size, token, &parts).is_err(), "{size} {token}");
        }
        let far = first.token(Some(Cursor { call: 10_000, finding: 0 }));
        let error = Page::parse(&config, 0, &far, &["水费", ""]).unwrap_err();
        assert!(error.to_string().contains("narrow the filter"), "{error}");
        assert_eq!(first.token(None), "");
    }
}
