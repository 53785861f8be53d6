//! scratch
use qingting_models::{Encoder, bert::*};
use std::io::Write;
fn main() {
    let e = BertEncoder::open(&default_folder().unwrap(), 1).unwrap();
    for pair in std::env::args().skip(1).collect::<Vec<_>>().chunks(2) {
        let t = std::fs::read_to_string(&pair[0]).unwrap();
        let lines: Vec<&str> = t.lines().collect();
        let mut f = std::io::BufWriter::new(std::fs::File::create(&pair[1]).unwrap());
        for c in lines.chunks(1024) {
            for v in e.encode(c).unwrap() {
                for x in v {
                    f.write_all(&x.to_le_bytes()).unwrap();
                }
            }
            eprintln!("{}", pair[0]);
        }
    }
}
