//! The transformer with its real weights. Needs `scripts/setup-bert`.
#![cfg(feature = "bert")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::PathBuf;

use qingting_models::bert::{BertEncoder, default_folder};
use qingting_models::{Encoder, cosine};

const SENTENCES: &str = include_str!("fixtures/e5_sentences.txt");
/// The encoder package's own vectors of the sentences: 384 numbers of 16 bits each.
const VECTORS: &[u8] = include_bytes!("fixtures/e5_vectors.f16");

fn folder() -> PathBuf {
    let dir = default_folder().unwrap();
    assert!(dir.join("manifest.json").exists(), "no model in {}: run scripts/setup-bert first", dir.display());
    dir
}

fn expected() -> Vec<Vec<f32>> {
    let numbers: Vec<f32> = VECTORS.chunks_exact(2).map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32()).collect();
    numbers.chunks_exact(384).map(<[f32]>::to_vec).collect()
}

#[test]
fn the_forward_pass_equals_the_package_s_own() {
    let encoder = BertEncoder::open(&folder(), 2).unwrap();
    let texts: Vec<&str> = SENTENCES.lines().collect();
    let vectors = encoder.encode(&texts).unwrap();
    let expected = expected();
    assert_eq!((texts.len(), vectors.len(), expected.len()), (50, 50, 50));
    let cosines: Vec<f32> = vectors.iter().zip(&expected).map(|(a, b)| cosine(a, b)).collect();
    let least = cosines.iter().copied().fold(f32::INFINITY, f32::min);
    println!("least cosine {least}, mean {}", cosines.iter().sum::<f32>() / 50.0);
    for (text, cosine) in texts.iter().zip(&cosines) {
        assert!(*cosine >= 0.999, "{cosine} {text}");
    }
}

#[test]
fn padding_and_order_change_nothing() {
    let encoder = BertEncoder::open(&folder(), 1).unwrap();
    let texts: Vec<&str> = SENTENCES.lines().collect();
    let together = encoder.encode(&texts).unwrap();
    for (text, vector) in texts.iter().zip(&together).step_by(7) {
        let alone = &encoder.encode(&[text]).unwrap()[0];
        assert!(cosine(alone, vector) > 0.999_99, "{text}");
    }
    assert!(encoder.encode(&["", "……"]).unwrap().iter().flatten().all(|&x| x == 0.0));
    assert!(encoder.encode(&[&"很长".repeat(2000)]).is_ok());
}
