//! The one way to open a tantivy index for writing.

use tantivy::{Index, IndexWriter, TantivyDocument};

/// A writer with one indexing thread, once the files are gone that no commit knows. Whoever was killed between writing
/// a segment's list of deletions and the commit leaves that list, under the name that the next commit gives its own:
/// tantivy refuses to write it a second time.
///
/// # Errors
/// When there is a writer already, in this process or in another, or the folder cannot be written.
pub(crate) fn writer(index: &Index, memory_bytes: usize) -> tantivy::Result<IndexWriter<TantivyDocument>> {
    let writer = index.writer_with_num_threads(1, memory_bytes)?;
    writer.garbage_collect_files().wait()?;
    Ok(writer)
}
