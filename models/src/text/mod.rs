//! Linear heads over weighted character n-grams: the models that decide most turns. Owns
//! turning a document of a few named fields into a sparse vector ([`vectorizer`], for training), the heads'
//! weights and how they are stored ([`model`]), and reading texts for several models at once
//! ([`reader`]); training is in `svm`. What the heads are named and mean is the caller's business.

mod grams;
mod index;
mod meaning;
mod model;
mod reader;
mod svm;
mod vectorizer;

#[cfg(test)]
mod tests;

pub use model::{Example, Sum, TextModel, Training};
pub use reader::{Part, Reader, Reading};
pub use vectorizer::{Document, Field};
