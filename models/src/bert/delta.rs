//! What fine-tuning changed, small enough to ship: for each changed matrix the difference from
//! the checkpoint in 8 bits with a scale a row, the rest in full. The file is a safetensors file;
//! what goes with the numbers is JSON in its metadata.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::folder::{Folder, sha256};
use super::labels::Labels;
use super::network::load;
use super::upper::{HEAD, Upper};
use super::windows::WindowOptions;
use crate::{Error, Result};

/// The metadata's only key.
const KEY: &str = "qingting";
const SCALE: &str = ".scale";

/// A fine-tuned model as the difference from its checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Delta {
    about: About,
    tensors: BTreeMap<String, Change>,
}

/// What goes with the numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    /// Fingerprint of the folder that it was trained on.
    base: String,
    /// First changed layer.
    first: usize,
    labels: Labels,
    windows: WindowOptions,
}

#[derive(Debug, Clone, PartialEq)]
struct Change {
    shape: Vec<usize>,
    data: Data,
}

#[derive(Debug, Clone, PartialEq)]
enum Data {
    Full(Vec<f32>),
    /// Rows in 8 bits, and what a unit of each is worth.
    Rows(Vec<i8>, Vec<f32>),
}

impl Delta {
    /// The difference of a trained upper part from its checkpoint.
    pub(super) fn of(upper: &Upper, folder: &Folder, labels: &Labels, windows: &WindowOptions) -> Result<Self> {
        let mut tensors = BTreeMap::new();
        for (name, variable) in upper.store.variables() {
            let difference = if name.starts_with(HEAD) {
                variable.detach()
            } else {
                variable.detach() - load(&folder.weights, &name)?
            };
            let mut numbers = vec![0.0f32; difference.numel()];
            difference.contiguous().copy_data(&mut numbers, difference.numel());
            let shape: Vec<usize> = difference.size().iter().map(|&n| n as usize).collect();
            let data = match shape.as_slice() {
                [_, width] if !name.starts_with(HEAD) => quantised(&numbers, *width),
                _ => Data::Full(numbers),
            };
            tensors.insert(name, Change { shape, data });
        }
        let about = About {
            base: folder.fingerprint.clone(),
            first: upper.first,
            labels: labels.clone(),
            windows: windows.clone(),
        };
        Ok(Self { about, tensors })
    }

    /// The upper part that this delta makes of the checkpoint in `folder`.
    pub(super) fn apply(&self, folder: &Folder) -> Result<Upper> {
        if folder.fingerprint != self.about.base {
            return Err(Error::Engine(format!(
                "the fine-tuned model belongs to the checkpoint {}, not to {}",
                self.about.base, folder.fingerprint
            )));
        }
        let upper = Upper::new(folder, self.about.first, self.about.labels.width())?;
        let _no_grad = tch::no_grad_guard();
        for (name, mut variable) in upper.store.variables() {
            let misfit = || Error::Engine(format!("the fine-tuned model has no fitting tensor {name}"));
            let change = self.tensors.get(&name).ok_or_else(misfit)?;
            let shape: Vec<i64> = change.shape.iter().map(|&n| n as i64).collect();
            if shape != variable.size() {
                return Err(misfit());
            }
            let difference = Tensor::of_slice(&change.numbers()).view(shape.as_slice()).to_kind(Kind::Float);
            if name.starts_with(HEAD) {
                variable.copy_(&difference);
            } else {
                variable.copy_(&(variable.shallow_clone() + difference));
            }
        }
        Ok(upper)
    }

    /// The labels that it scores.
    pub fn labels(&self) -> &Labels {
        &self.about.labels
    }

    /// How it wants calls cut.
    pub fn windows(&self) -> &WindowOptions {
        &self.about.windows
    }

    /// Changes whenever a score might, the checkpoint apart.
    ///
    /// # Errors
    /// When the numbers cannot be laid out as a file.
    pub fn fingerprint(&self) -> Result<String> {
        Ok(sha256(&self.bytes()?).chars().take(16).collect())
    }

    /// Writes the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        std::fs::write(path, self.bytes()?).map_err(Error::io(path))
    }

    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read or is not one of ours.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        Self::parse(&bytes).map_err(Error::format(path))
    }

    /// The contents of a file that [`Self::save`] wrote.
    ///
    /// # Errors
    /// When it is not one of ours.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let bad = |reason: String| Error::Engine(format!("not a fine-tuned model: {reason}"));
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| bad(format!("{error:?}")))?;
        let about = metadata
            .metadata()
            .as_ref()
            .and_then(|m| m.get(KEY))
            .ok_or_else(|| bad("no description".to_owned()))?;
        let about: About = serde_json::from_str(about).map_err(|error| bad(error.to_string()))?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| bad(format!("{error:?}")))?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.tensors() {
            if name.ends_with(SCALE) {
                continue;
            }
            let data = if view.dtype() == Dtype::I8 {
                let scales = file.tensor(&format!("{name}{SCALE}")).map_err(|error| bad(format!("{error:?}")))?;
                Data::Rows(view.data().iter().map(|&byte| byte.cast_signed()).collect(), floats(scales.data()))
            } else {
                Data::Full(floats(view.data()))
            };
            tensors.insert(name, Change { shape: view.shape().to_vec(), data });
        }
        Ok(Self { about, tensors })
    }

    fn bytes(&self) -> Result<Vec<u8>> {
        let failed = |error: &dyn std::fmt::Debug| Error::Engine(format!("the model cannot be laid out: {error:?}"));
        let mut laid: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
        for (name, change) in &self.tensors {
            match &change.data {
                Data::Full(numbers) => laid.push((name.clone(), Dtype::F32, change.shape.clone(), le_bytes(numbers))),
                Data::Rows(units, scales) => {
                    let units = units.iter().map(|unit| unit.cast_unsigned()).collect();
                    laid.push((name.clone(), Dtype::I8, change.shape.clone(), units));
                    laid.push((format!("{name}{SCALE}"), Dtype::F32, vec![scales.len()], le_bytes(scales)));
                }
            }
        }
        let mut views = Vec::with_capacity(laid.len());
        for (name, dtype, shape, data) in &laid {
            views.push((name.as_str(), TensorView::new(*dtype, shape.clone(), data).map_err(|error| failed(&error))?));
        }
        let about = serde_json::to_string(&self.about).map_err(|error| failed(&error))?;
        let metadata = Some(HashMap::from([(KEY.to_owned(), about)]));
        serialize(views, &metadata).map_err(|error| failed(&error))
    }
}

impl Change {
    fn numbers(&self) -> Vec<f32> {
        match &self.data {
            Data::Full(numbers) => numbers.clone(),
            Data::Rows(units, scales) => {
                let width = units.len() / scales.len().max(1);
                let rows = units.chunks(width.max(1)).zip(scales);
                rows.flat_map(|(row, scale)| row.iter().map(move |&unit| f32::from(unit) * scale)).collect()
            }
        }
    }
}

/// Rounds each row to 255 steps between its largest magnitude and that below zero.
fn quantised(numbers: &[f32], width: usize) -> Data {
    let mut units = Vec::with_capacity(numbers.len());
    let mut scales = Vec::new();
    for row in numbers.chunks(width.max(1)) {
        let scale = row.iter().fold(0.0f32, |most, x| most.max(x.abs())) / 127.0;
        units.extend(row.iter().map(|x| if scale > 0.0 { (x / scale).round() as i8 } else { 0 }));
        scales.push(scale);
    }
    Data::Rows(units, scales)
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect()
}

fn le_bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_rounded_to_half_a_unit() {
        let numbers = [0.5f32, -1.27, 0.003, 0.0, 0.0, 0.0];
        let data = quantised(&numbers, 3);
        let change = Change { shape: vec![2, 3], data };
        for (a, b) in change.numbers().iter().zip(numbers) {
            assert!((a - b).abs() <= 0.005, "{a} {b}");
        }
    }
}
