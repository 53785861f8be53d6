//! Pages: sizes within their limits, and the tokens of lists that are put together from
//! several pages of the index. Tokens are opaque to clients and carry nothing private.

use sha2::{Digest, Sha256};

use super::ServerConfig;
use super::convert::Invalid;

/// Results on a page: what the request says within the limits, else the default.
///
/// # Errors
/// When it is negative.
pub(super) fn size(config: &ServerConfig, requested: i32) -> Result<usize, Invalid> {
    match usize::try_from(requested) {
        Ok(0) => Ok(config.default_page_size),
        Ok(size) => Ok(size.min(config.max_page_size)),
        Err(_) => Err(Invalid::field("page_size", "must not be negative")),
    }
}

/// Where a page of findings begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Cursor {
    /// Token of the index's page of calls; `None` for the first.
    pub(super) calls_page: Option<String>,
    /// Calls of that page that are done with.
    pub(super) calls: usize,
    /// Findings of the next call that are done with.
    pub(super) findings: usize,
}

impl Cursor {
    /// The token of a page; `owner` is what identifies the request.
    pub(super) fn token(&self, owner: u64) -> String {
        let page = self.calls_page.as_deref().unwrap_or_default();
        format!("{:x}.{:x}.{owner:016x}.{page}", self.calls, self.findings)
    }

    /// Reads a token; an empty one is the first page.
    ///
    /// # Errors
    /// When it is not a token, or belongs to another request.
    pub(super) fn parse(token: &str, owner: u64) -> Result<Self, Invalid> {
        if token.is_empty() {
            return Ok(Self::default());
        }
        let wrong = || Invalid::field("page_token", "not a token that this server gave out");
        let mut parts = token.splitn(4, '.');
        let mut number = || u64::from_str_radix(parts.next()?, 16).ok();
        let (calls, findings, of) = (number(), number(), number());
        let page = parts.next().ok_or_else(wrong)?;
        let (Some(calls), Some(findings), Some(of)) = (calls, findings, of) else {
            return Err(wrong());
        };
        if of != owner {
            return Err(Invalid::field("page_token", "belongs to a request with other fields"));
        }
        Ok(Self {
            calls_page: (!page.is_empty()).then(|| page.to_owned()),
            calls: usize::try_from(calls).map_err(|_| wrong())?,
            findings: usize::try_from(findings).map_err(|_| wrong())?,
        })
    }
}

/// What identifies a request: the fields that must be the same on every page.
pub(super) fn owner<'a>(parts: impl IntoIterator<Item = &'a str>) -> u64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(8).fold(0, |value, byte| value << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_to_its_own_request_only() {
        let owner_of = |filter| owner(["calls/-", filter]);
        for page in [None, Some("index.token".to_owned())] {
            let cursor = Cursor { calls_page: page, calls: 20, findings: 3 };
            let token = cursor.token(owner_of("team:A"));
            assert_eq!(Cursor::parse(&token, owner_of("team:A")), Ok(cursor));
            assert!(Cursor::parse(&token, owner_of("team:B")).unwrap_err().to_string().contains("other fields"));
        }
        assert_eq!(Cursor::parse("", 1), Ok(Cursor::default()));
        for garbage in ["garbage", "1.2.3", "-1.2.3.x", "1.2.zz.x"] {
            assert!(Cursor::parse(garbage, 3).is_err(), "{garbage}");
        }
        assert_ne!(owner(["a", "bc"]), owner(["ab", "c"]));
    }

    #[test]
    fn sizes_stay_within_their_limits() {
        let config = ServerConfig::default();
        assert_eq!(size(&config, 0), Ok(20));
        assert_eq!(size(&config, 1000), Ok(200));
        assert!(size(&config, -1).is_err());
    }
}
