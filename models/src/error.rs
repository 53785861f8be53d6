//! The one error type of this crate.

/// What a model can answer instead of a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The model is not part of this build.
    #[error("model {0} is not part of this build; models there are: {1}")]
    Unavailable(String, &'static str),
    /// A setting is outside of what the model can do.
    #[error("{0}")]
    Setting(String),
}

/// `Result` of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
