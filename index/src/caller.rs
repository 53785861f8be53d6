//! Pseudonyms of callers. What identifies a caller is kept only as HMAC-SHA256 under a key
//! of the data folder: the same caller gets the same 64 hex digits on every call, and
//! nobody without the key can try numbers out. The key never leaves `keys/caller.key`.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use hmac::{Hmac, Mac};
use qingting_pipeline::assets::{hex, short_hex};
use qingting_pipeline::record::Caller;
use rand::RngCore;
use sha2::{Digest, Sha256};

use crate::{Error, Result, files};

/// The key of one data folder.
pub(crate) struct CallerKey {
    mac: Hmac<Sha256>,
    fingerprint: String,
}

impl std::fmt::Debug for CallerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallerKey").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

fn path_of(data: &Path) -> PathBuf {
    data.join("keys").join("caller.key")
}

impl CallerKey {
    /// Makes a key for a new data folder, readable by its owner alone. One that is there already
    /// (of a creation that did not get further) is used.
    pub(crate) fn create(data: &Path) -> Result<Self> {
        let path = path_of(data);
        if path.exists() {
            return Self::read(data);
        }
        if let Some(folder) = path.parent() {
            files::create_dir(folder)?;
        }
        let mut key = [0; 32];
        rand::rng().fill_bytes(&mut key);
        let mut temporary = path.clone().into_os_string();
        temporary.push(files::TEMPORARY);
        let temporary = PathBuf::from(temporary);
        files::remove(&temporary)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let write = || {
            let mut file = options.open(&temporary)?;
            writeln!(file, "{}", hex(&key))?;
            file.sync_all()
        };
        write().map_err(|e| Error::io(&temporary, e))?;
        files::publish(&temporary, &path)?;
        Self::new(&key)
    }

    /// Reads the key of an existing data folder.
    ///
    /// # Errors
    /// When it is gone or no key: a new one would cut every caller off from its earlier calls.
    pub(crate) fn read(data: &Path) -> Result<Self> {
        let path = path_of(data);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => {
                return Err(Error::corrupt(path, "the key is missing; restore it from a backup"));
            }
            Err(e) => return Err(Error::io(path, e)),
        };
        match unhex(text.trim()) {
            Some(key) if key.len() == 32 => Self::new(&key),
            _ => Err(Error::corrupt(path, "64 hex digits were expected")),
        }
    }

    fn new(key: &[u8]) -> Result<Self> {
        let mac = Hmac::new_from_slice(key)
            .map_err(|_| Error::Refused { what: "caller key".into(), message: "no key for HMAC-SHA256".into() })?;
        let fingerprint = short_hex(&Sha256::new().chain_update(b"qingting caller key").chain_update(key).finalize());
        Ok(Self { mac, fingerprint })
    }

    /// Tells keys apart without giving them away.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The pseudonyms of a caller. Id and number are hashed as different kinds of things.
    pub(crate) fn pseudonyms(&self, caller: &Caller) -> Caller {
        Caller {
            id: caller.id.as_deref().map(|id| self.hash("id", id.trim())),
            number: caller.number.as_deref().map(|number| self.hash("number", &canonical(number))),
        }
    }

    /// Every pseudonym that something somebody wrote down as a caller may stand for: it is an id, a number, or
    /// a pseudonym already.
    pub(crate) fn candidates(&self, caller: &str) -> Vec<String> {
        let mut all = vec![self.hash("id", caller.trim()), self.hash("number", &canonical(caller))];
        let given = caller.trim();
        if given.len() == 64 && given.bytes().all(|b| b.is_ascii_hexdigit()) {
            all.push(given.to_ascii_lowercase());
        }
        all
    }

    /// What a call is named by where its id must not be kept.
    pub(crate) fn call(&self, call_id: &str) -> String {
        self.hash("call", call_id)
    }

    fn hash(&self, kind: &str, value: &str) -> String {
        let mac = self.mac.clone().chain_update(kind).chain_update([0]).chain_update(value);
        hex(&mac.finalize().into_bytes())
    }
}

/// A telephone number without separators and without the prefix of mainland China.
fn canonical(number: &str) -> String {
    let plain: String = number.chars().filter(|c| !c.is_whitespace() && !"-()（）".contains(*c)).collect();
    match plain.strip_prefix("+86").or_else(|| plain.strip_prefix("0086")) {
        Some(rest) => rest.to_owned(),
        None => plain,
    }
}

pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(id: &str, number: &str) -> Caller {
        Caller { id: Some(id.into()), number: Some(number.into()) }
    }

    #[test]
    fn a_caller_is_the_same_on_every_call_and_however_the_number_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let key = CallerKey::create(dir.path()).unwrap();
        let one = key.pseudonyms(&caller("C-1", "+86 139-0000-1111"));
        let two = CallerKey::read(dir.path()).unwrap().pseudonyms(&caller("C-1", "13900001111"));
        assert_eq!(one, two);
        assert_eq!(one.number.as_ref().unwrap().len(), 64);
        assert_ne!(one.number, key.pseudonyms(&caller("C-1", "13900001112")).number);
        let same = key.pseudonyms(&caller("13900001111", "13900001111"));
        assert_ne!(same.id, same.number, "an id is not a number");
    }

    #[test]
    fn every_data_folder_has_its_own_key() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (one, two) = (CallerKey::create(one.path()).unwrap(), CallerKey::create(two.path()).unwrap());
        assert_ne!(one.fingerprint(), two.fingerprint());
        assert_ne!(one.pseudonyms(&caller("1", "1")), two.pseudonyms(&caller("1", "1")));
    }

    #[test]
    fn the_hash_is_hmac_sha256_of_kind_and_value() {
        let key = CallerKey::new(&[7; 32]).unwrap();
        let direct = Hmac::<Sha256>::new_from_slice(&[7; 32]).unwrap().chain_update(b"id\0C-1").finalize().into_bytes();
        assert_eq!(key.pseudonyms(&caller("C-1", "")).id.unwrap(), hex(&direct));
    }

    #[cfg(unix)]
    #[test]
    fn the_key_is_readable_by_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        CallerKey::create(dir.path()).unwrap();
        let mode = std::fs::metadata(path_of(dir.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
