//! Text in, vectors and labels out. Owns encoders and heads; what a label means is for the
//! caller to know.

mod backend;
#[cfg(feature = "bert")]
pub mod bert;
mod cholesky;
pub mod deep;
pub mod dialogue;
mod error;
mod judges;
mod logistic;
pub mod retrieval;
mod shelf;
mod static_vectors;
pub mod text;
mod tree;

pub use backend::{Encoder, cosine};
pub use cholesky::Cholesky;
pub use error::{Error, Result};
pub use judges::{Judge, JudgeThreshold, Judges, TrainingData};
pub use logistic::{Aligned, Logistic};
pub use shelf::Shelf;
pub use static_vectors::StaticVectors;
pub use tree::CharTree;
