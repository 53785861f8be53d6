//! A quarter of a hotline from end to end: forty agents, their calls with ratings and work orders, every night the import and the
//! opening of cases, the work on these with its warnings and escalations, and in the end the two indicator sets over gRPC. What comes
//! out is compared with what has to: counted from what was drawn, by the minute, in whole numbers, without the program.
//!
//! `cargo bench --bench quarter` runs the same with 30,000 calls.

mod count;
mod desk;
mod hotline;
mod minutes;
mod mirror;
pub(crate) mod run;
mod table;

use self::run::work;
use crate::cli::serve;
use crate::grpc::pipeline;
use crate::socket::connected;

/// Calls of the quarter in the tests.
const CALLS: usize = 900;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quarter_comes_out_as_it_was_drawn() {
    let dir = tempfile::tempdir().unwrap();
    let worked = work(&pipeline(), &dir.path().join("data"), CALLS);
    let (causes, [closed, excluded, open]) = worked.cases();
    assert!(["rating", "finding", "crisis"].iter().all(|cause| causes[cause] > 10), "{causes:?}");
    assert!(closed > 100 && excluded > 0 && open == 0, "{closed} {excluded} {open}");
    let seen = &worked.seen;
    assert!(seen.warnings.len() > 100 && seen.escalations.len() > 50 && seen.looks > 1000);
    // Checked by hand; where what is said in a call comes to be judged otherwise, it is to be checked again.
    assert_eq!(worked.written("hotline-12345"), include_str!("hotline-12345.csv"));
    assert_eq!(worked.written("bank-branch"), include_str!("bank-branch.csv"));
    let _process = serve(dir.path());
    let channel = connected(&dir.path().join("data")).await;
    assert_eq!(worked.totals(&channel).await.len(), 12);
    assert!(worked.explained(&channel).await > 300);
    // The team that was drawn as the best is it in every month, and the one drawn as the worst too.
    for places in worked.places(&channel, "bank-branch").await {
        assert_eq!(
            (places.first().map(String::as_str), places.last().map(String::as_str)),
            (Some("一班"), Some("五班"))
        );
    }
}
