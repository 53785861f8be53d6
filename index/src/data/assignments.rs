//! What is derived over many calls and lies beside their analyses. The contents belong to
//! those who derive them; here they are files that are replaced in one step.

use std::io::ErrorKind;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::DataDir;
use crate::{Error, Result, files};

impl DataDir {
    fn topics_path(&self) -> PathBuf {
        self.path.join("assignments").join("topics.json")
    }

    /// Replaces the topics.
    ///
    /// # Errors
    /// When the folder was not opened for writing, or the file cannot be written.
    pub fn write_topics<T: Serialize>(&self, topics: &T) -> Result<()> {
        let path = self.topics_path();
        let bytes = serde_json::to_vec(topics).map_err(|e| Error::json(path.display().to_string(), e))?;
        self.write(|_, _| {
            files::create_dir(&self.path.join("assignments"))?;
            files::write_atomically(&path, &bytes)
        })
    }

    /// The topics, if there are any yet.
    ///
    /// # Errors
    /// When the file cannot be read, or holds something else.
    pub fn read_topics<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        let path = self.topics_path();
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|e| Error::corrupt(path, e.to_string())),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io(path, e)),
        }
    }
}
