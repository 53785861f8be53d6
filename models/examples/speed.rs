//! Texts a second of each encoder on one core.
//!
//! `. scripts/bert-env; cargo run --release -p qingting-models --features bert --example speed`

use std::time::Instant;

use qingting_models::bert::{BertEncoder, Folder, default_folder};
use qingting_models::{Encoder, HashedNgrams, StaticVectors};

const SENTENCES: &str = include_str!("../tests/fixtures/e5_sentences.txt");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let started = Instant::now();
    let folder = Folder::open(&default_folder().ok_or("no folder for models")?)?;
    println!("files read and checked in {:.2?}", started.elapsed());
    let started = Instant::now();
    let transformer = BertEncoder::new(folder, 1)?;
    println!("network built in {:.2?}", started.elapsed());

    let encoders: [(&dyn Encoder, usize); 3] = [
        (&HashedNgrams::standard(), 50_000),
        (&StaticVectors::embedded()?, 50_000),
        (&transformer, 256),
    ];
    for (encoder, count) in encoders {
        let texts: Vec<&str> = SENTENCES.lines().cycle().take(count).collect();
        for size in [1, 32, 256] {
            let started = Instant::now();
            for batch in texts.chunks(size) {
                encoder.encode(batch)?;
            }
            let rate = count as f64 / started.elapsed().as_secs_f64();
            println!("{:24} batches of {size:3}: {rate:9.1} texts/s", encoder.name());
        }
    }
    Ok(())
}
