//! Linear heads over weighted character n-grams: the models that decide most turns. Owns
//! turning a document of a few named fields into a sparse vector, the heads' weights and
//! how they are stored; training is in `svm`. What the heads are named and mean is the
//! caller's business.

mod grams;
mod model;
mod svm;
mod vectorizer;

pub use model::{Example, TextModel};
pub use vectorizer::{Document, Field};
