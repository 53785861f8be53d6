//! scratch
use qingting_models::{Encoder, bert::*};
use std::time::Instant;
fn main() {
    let t = Instant::now();
    let f = Folder::open(&default_folder().unwrap()).unwrap();
    println!("open {:?}", t.elapsed());
    let t = Instant::now();
    let e = BertEncoder::new(f, 1).unwrap();
    println!("network {:?}", t.elapsed());
    let s: Vec<&str> = include_str!("../tests/fixtures/e5_sentences.txt").lines().collect();
    let many: Vec<&str> = s.iter().copied().cycle().take(400).collect();
    for n in [1, 32, 400] {
        let t = Instant::now();
        for chunk in many.chunks(n) {
            e.encode(chunk).unwrap();
        }
        println!("batch {n}: {:.1}/s", 400.0 / t.elapsed().as_secs_f64());
    }
}
