//! Sealing of what masking took out of calls. Owns the keys and the form of what is sealed; whether anything is kept,
//! and who may see it, is for others to decide.
//!
//! Every call has a key of its own, derived with HKDF-SHA256 (RFC 5869) from the key of the hotline and a random salt, and
//! is sealed with AES-256-GCM (NIST SP 800-38D) with the id of the call as additional data: a nonce is never used
//! twice under one key, and what is sealed opens for its own call alone.

use std::path::Path;

use qingting_pipeline::assets::hex;
use qingting_pipeline::record::Particulars;
use rand::RngCore;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::caller::unhex;
use crate::{Error, Result};

const KEY: usize = 32;
const SALT: usize = 16;
/// Tells keys apart: which one it was sealed with.
const ID: usize = 4;
/// Of the form: this byte, the id of the key, the salt, what is sealed.
const VERSION: u8 = 1;
const HEAD: usize = 1 + ID + SALT;
/// What keys are derived for.
const PURPOSE: &[&[u8]] = &[b"qingting original of a call"];

/// What masking took out of a call, sealed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Sealed(pub(crate) Vec<u8>);

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

impl From<Sealed> for String {
    fn from(sealed: Sealed) -> Self {
        hex(&sealed.0)
    }
}

impl TryFrom<String> for Sealed {
    type Error = &'static str;

    fn try_from(text: String) -> std::result::Result<Self, &'static str> {
        unhex(&text).map(Self).ok_or("hex digits were expected")
    }
}

/// The keys of a hotline: the first one seals, every one opens.
pub struct Originals {
    keys: Vec<Key>,
}

struct Key {
    id: [u8; ID],
    secret: [u8; KEY],
}

impl std::fmt::Debug for Originals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Originals").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

impl Originals {
    /// A new key in the form that [`Self::parse`] reads.
    pub fn new_key() -> String {
        let mut key = [0; KEY];
        rand::rng().fill_bytes(&mut key);
        hex(&key)
    }

    /// Reads keys: one a line, as 64 hex digits, newest first; empty lines and those that begin with # do not count.
    ///
    /// # Errors
    /// When there is none, or a line is no key; the line itself is not told.
    pub fn parse(text: &str) -> Result<Self> {
        let refused = |message: String| Error::Refused { what: "key of the originals".to_owned(), message };
        let mut keys = Vec::new();
        for (number, line) in (1..).zip(text.lines()).map(|(number, line)| (number, line.trim())) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let secret = unhex(line).and_then(|bytes| bytes.try_into().ok());
            let secret: [u8; KEY] =
                secret.ok_or_else(|| refused(format!("line {number}: 64 hex digits were expected")))?;
            let digest = Sha256::new().chain_update(b"qingting originals key").chain_update(secret).finalize();
            let mut id = [0; ID];
            id.copy_from_slice(&digest[..ID]);
            keys.push(Key { id, secret });
        }
        if keys.is_empty() {
            return Err(refused("there is none; make one with `qingting originals new-key`".to_owned()));
        }
        Ok(Self { keys })
    }

    /// Reads keys from a file.
    ///
    /// # Errors
    /// As [`Self::parse`], and when the file cannot be read or others than its owner may read it.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(path).map_err(|e| Error::io(path, e))?.permissions().mode();
            if mode & 0o077 != 0 {
                return Err(Error::Refused {
                    what: format!("key file {}", path.display()),
                    message: format!("others may read it (mode {:o}); run `chmod 600` on it", mode & 0o777),
                });
            }
        }
        Self::parse(&text)
    }

    /// Seals what was taken out of a call.
    pub(crate) fn seal(&self, call_id: &str, particulars: &Particulars) -> Result<Sealed> {
        let mut salt = [0; SALT];
        rand::rng().fill_bytes(&mut salt);
        let key = &self.keys[0];
        let json = |e| Error::json(format!("originals of call {call_id}"), e);
        let mut text = serde_json::to_vec(particulars).map_err(json)?;
        let cipher = key.cipher(&salt).ok_or_else(unsealed)?;
        let sealed = cipher.seal_in_place_append_tag(nonce(), Aad::from(call_id.as_bytes()), &mut text);
        sealed.map_err(|_| unsealed())?;
        let head: [&[u8]; 3] = [&[VERSION], &key.id, &salt];
        Ok(Sealed([&head.concat()[..], &text].concat()))
    }

    /// Opens what was sealed for a call.
    pub(crate) fn open(&self, call_id: &str, sealed: &Sealed) -> Result<Particulars> {
        let unreadable = || unreadable(call_id);
        let (head, rest) =
            sealed.0.split_at_checked(HEAD).filter(|(head, _)| head[0] == VERSION).ok_or_else(unreadable)?;
        let (id, salt) = head[1..].split_at(ID);
        let key = self.keys.iter().find(|key| key.id == id).ok_or_else(|| Error::Sealed {
            call: call_id.to_owned(),
            message: format!("they were sealed with the key {}, which is not among the keys", hex(id)),
        })?;
        let mut text = rest.to_vec();
        let cipher = key.cipher(salt).ok_or_else(unreadable)?;
        let opened = cipher.open_in_place(nonce(), Aad::from(call_id.as_bytes()), &mut text);
        let text = opened.map_err(|_| unreadable())?;
        serde_json::from_slice(text).map_err(|e| Error::json(format!("originals of call {call_id}"), e))
    }
}

impl Key {
    fn cipher(&self, salt: &[u8]) -> Option<LessSafeKey> {
        let derived = Salt::new(HKDF_SHA256, salt).extract(&self.secret);
        let key = derived.expand(PURPOSE, &AES_256_GCM).ok()?;
        Some(LessSafeKey::new(UnboundKey::from(key)))
    }
}

/// The one of every call: its key is used once.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

/// Of no cause that is known: key and text are of the right size.
fn unsealed() -> Error {
    Error::Refused {
        what: "the originals of a call".to_owned(),
        message: "they cannot be sealed".to_owned(),
    }
}

fn unreadable(call_id: &str) -> Error {
    Error::Sealed {
        call: call_id.to_owned(),
        message: "they were changed, or belong to another call".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use qingting_pipeline::record::{Caller, Particular};

    use super::*;

    fn particulars() -> Particulars {
        Particulars {
            caller: Some(Caller { id: None, number: Some("13912345678".into()) }),
            spoken: vec![Particular { turn: 3, start_char: 4, end_char: 8, text: "欧阳建国".into() }],
            ..Particulars::default()
        }
    }

    #[test]
    fn what_is_sealed_opens_for_its_call_and_with_its_key_alone() {
        let (old, new) = (Originals::new_key(), Originals::new_key());
        let (before, after) =
            (Originals::parse(&old).unwrap(), Originals::parse(&format!("# 2027\n{new}\n\n{old}")).unwrap());
        let sealed = before.seal("c-1", &particulars()).unwrap();
        assert_ne!(sealed, before.seal("c-1", &particulars()).unwrap(), "no two are alike");
        assert!(!String::from_utf8_lossy(&sealed.0).contains("139"));
        for keys in [&before, &after] {
            assert_eq!(keys.open("c-1", &sealed).unwrap(), particulars());
            assert!(keys.open("c-2", &sealed).unwrap_err().to_string().contains("another call"));
        }
        let with_new = after.seal("c-1", &particulars()).unwrap();
        assert!(before.open("c-1", &with_new).unwrap_err().to_string().contains("not among the keys"));
        for at in 0..sealed.0.len() {
            let mut changed = sealed.clone();
            changed.0[at] ^= 1;
            assert!(before.open("c-1", &changed).is_err(), "byte {at}");
            assert!(before.open("c-1", &Sealed(sealed.0[..at].to_vec())).is_err(), "cut at {at}");
        }
        let kept = serde_json::to_string(&sealed).unwrap();
        assert_eq!(serde_json::from_str::<Sealed>(&kept).unwrap(), sealed);
    }

    #[test]
    fn a_key_that_is_none_is_refused_without_being_told() {
        for wrong in ["", "# nothing\n", "secret", &"0".repeat(63)] {
            let told = Originals::parse(wrong).unwrap_err().to_string();
            assert!(wrong.len() < 3 || !told.contains(wrong), "{told}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, Originals::new_key()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(Originals::read(&path).unwrap_err().to_string().contains("chmod 600"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(Originals::read(&path).is_ok());
    }
}
