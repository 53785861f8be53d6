//! The seam between the program and whatever turns text into vectors: one small trait
//! over plain batches, so that engines can be exchanged.

use crate::Result;

/// Turns texts into vectors of one length. Implementations are deterministic: the same
/// text gives the same vector in any batch and on any thread.
pub trait Encoder: Send + Sync + std::fmt::Debug {
    /// Name of the model.
    fn name(&self) -> &str;

    /// Length of the vectors.
    fn dimensions(&self) -> usize;

    /// Changes whenever a vector might.
    fn fingerprint(&self) -> &str;

    /// One vector of unit length for each text, in order; all zeros for a text without content.
    ///
    /// # Errors
    /// When the engine fails.
    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>>;

    /// The same for passages that are to be found by questions; for models that read both alike the vectors of
    /// [`Self::encode`], which is for questions.
    ///
    /// # Errors
    /// When the engine fails.
    fn encode_passages(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        self.encode(texts)
    }

    /// Whether the model can answer now.
    ///
    /// # Errors
    /// When the engine is not usable, with the reason.
    fn health(&self) -> Result<()> {
        self.encode(&["好"]).map(drop)
    }
}

/// Cosine similarity of two vectors of unit length (or zeros).
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
