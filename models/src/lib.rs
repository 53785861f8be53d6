//! Text in, vectors and labels out. Owns encoders and heads; knows nothing of calls,
//! turns or codes.

mod backend;
mod error;
mod hashed;

pub use backend::{Encoder, cosine};
pub use error::{Error, Result};
pub use hashed::HashedNgrams;
