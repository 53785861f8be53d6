//! The transformer: a BERT-type checkpoint in a local folder, through rust-bert and libtorch.
//! Owns conversion of the packages that it is made from, encoding, fine-tuning on windows of
//! turns, and distillation into static vectors. Built with the feature `bert` only.

pub mod blas;
mod convert;
mod delta;
mod distill;
mod encoder;
mod finetune;
mod folder;
mod labels;
mod loss;
mod network;
mod pool;
mod scorer;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod upper;
mod windows;

use std::path::PathBuf;

pub use convert::convert;
pub use delta::Delta;
pub use distill::{DistillOptions, distill};
pub use encoder::BertEncoder;
pub use finetune::{Progress, TrainOptions, Trainer};
pub use folder::{Folder, Manifest, Source};
pub use labels::{Label, Labels, TurnScores};
pub use scorer::Scorer;
pub use windows::WindowOptions;

/// Where the model is when nobody says otherwise: `$QINGTING_MODELS`, or `qingting/models` in the
/// user's data folder; in it `multilingual-e5-small`. `None` without a home.
pub fn default_folder() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let models = set("QINGTING_MODELS")
        .or_else(|| set("XDG_DATA_HOME").map(|data| data.join("qingting/models")))
        .or_else(|| set("HOME").map(|home| home.join(".local/share/qingting/models")))?;
    Some(models.join("multilingual-e5-small"))
}
