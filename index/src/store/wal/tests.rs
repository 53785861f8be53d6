//! What is left of the log after a crash at any byte.

use qingting_pipeline::record::CallRecord;

use super::*;

/// A row as small as it gets: what the log writes does not depend on its content.
fn row(seq: u64) -> Row {
    let analysis = serde_json::json!({
        "call_id": "1", "turns": [], "signals": { "sentiment_curve": [], "peak": 0.0, "end": 0.0, "quarters": [0, 0, 0, 0] },
        "findings": [], "uncertain": [],
        "facts": {
            "appeal_type": "咨询", "outcome": "resolved", "satisfaction": 4.0, "category": [], "language": "zh",
            "needs": { "emotional": "none", "factual": "met" }, "repeat_contact": false, "crisis": false
        },
        "provenance": {
            "version": "", "config_fingerprint": "", "rules_version": "", "scorecard_version": "", "models": [],
            "dictionary_fingerprint": ""
        }
    });
    let record = CallRecord { queue: Some(format!("第{seq}号")), ..CallRecord::new("1") };
    Row {
        seq,
        source: Some("x".into()),
        sealed: None,
        record,
        analysis: serde_json::from_value(analysis).unwrap(),
    }
}

fn seqs(dir: &Path) -> Vec<u64> {
    replay(dir).unwrap().iter().map(|row| row.seq).collect()
}

#[test]
fn rows_come_back_in_order_over_several_files() {
    let dir = tempfile::tempdir().unwrap();
    let wal = Wal::open(dir.path()).unwrap();
    let ticket = wal.append(&[row(1), row(2)]).unwrap();
    wal.sync(ticket).unwrap();
    drop(wal);
    let wal = Wal::open(dir.path()).unwrap();
    wal.append(&[row(3)]).unwrap();
    wal.sync_all().unwrap();
    assert_eq!(replay(dir.path()).unwrap(), [row(1), row(2), row(3)]);
    wal.clear().unwrap();
    assert!(seqs(dir.path()).is_empty());
    wal.append(&[row(4)]).unwrap();
    assert_eq!(seqs(dir.path()), [4]);
}

#[test]
fn a_log_cut_at_any_byte_keeps_the_whole_frames_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let wal = Wal::open(dir.path()).unwrap();
    let mut ends = vec![0];
    for seq in 1..=3 {
        wal.append(&[row(seq)]).unwrap();
        ends.push(state_of(dir.path()).unwrap()[0].1);
    }
    let file = path(dir.path(), 1);
    let bytes = std::fs::read(&file).unwrap();
    for cut in 0..=bytes.len() {
        let whole = ends.iter().filter(|&&end| end <= cut as u64).count() as u64 - 1;
        std::fs::write(&file, &bytes[..cut]).unwrap();
        assert_eq!(seqs(dir.path()), (1..=whole).collect::<Vec<_>>(), "cut at {cut}");
    }
}

#[test]
fn a_tail_of_zeros_or_garbage_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let wal = Wal::open(dir.path()).unwrap();
    wal.append(&[row(1), row(2)]).unwrap();
    let file = path(dir.path(), 1);
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, [bytes.as_slice(), &[0; 64]].concat()).unwrap();
    assert_eq!(seqs(dir.path()), [1, 2]);
    let mut flipped = bytes.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    std::fs::write(&file, flipped).unwrap();
    assert_eq!(seqs(dir.path()), [1]);
}

#[test]
fn a_log_that_was_cut_is_continued_in_a_file_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    Wal::open(dir.path()).unwrap().append(&[row(1), row(2)]).unwrap();
    let file = path(dir.path(), 1);
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    Wal::open(dir.path()).unwrap().append(&[row(3)]).unwrap();
    assert_eq!(seqs(dir.path()), [1, 3]);
}
