//! Removing articles so that nothing of their text is left in a file.

use std::path::Path;

use tantivy::merge_policy::NoMergePolicy;
use tantivy::{Index, Term};

use super::WRITER_MEMORY;
use crate::Result;

/// Removes articles by id from the knowledge base in a folder, whatever it was built with, and writes the segments that held them
/// anew. Unknown ids, and a folder without a knowledge base, are no error.
///
/// # Errors
/// When the index cannot be read or written.
pub(crate) fn erase(dir: &Path, ids: &[String]) -> Result<()> {
    if ids.is_empty() || !dir.join("meta.json").exists() {
        return Ok(());
    }
    let index = Index::open_in_dir(dir)?;
    let id = index.schema().get_field("id")?;
    let mut writer = crate::writing::writer(&index, WRITER_MEMORY)?;
    writer.set_merge_policy(Box::new(NoMergePolicy));
    for article in ids {
        writer.delete_term(Term::from_field_text(id, article));
    }
    writer.commit()?;
    // One that was taken out of the library before is still in its segment, marked as deleted: all such segments are written anew.
    for segment in index.searchable_segment_metas()? {
        if segment.has_deletes() {
            writer.merge(&[segment.id()]).wait()?;
        }
    }
    writer.garbage_collect_files().wait()?;
    writer.wait_merging_threads()?;
    Ok(())
}
