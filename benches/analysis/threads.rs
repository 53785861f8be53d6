//! What a second thread brings to the analysis, beside what it brings to a loop that only computes: on a
//! busy machine neither gets the whole of a second core.

use std::hint::black_box;
use std::time::Instant;

use qingting_pipeline::Pipeline;
use qingting_pipeline::record::CallRecord;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::clock::{median, thread_cpu};

/// Steps of the loop that stand for one call.
const STEPS: u64 = 400_000;

/// Seconds of one round by the wall clock, and seconds that its threads computed.
#[derive(Clone, Copy)]
struct Spent {
    wall: f64,
    cpu: f64,
}

pub(crate) fn report(pipeline: &Pipeline, calls: &[CallRecord], rounds: usize) {
    let pools = [1, 2].map(|threads| ThreadPoolBuilder::new().num_threads(threads).build().expect("threads"));
    let measured: Vec<[Spent; 4]> = (0..rounds)
        .map(|_| {
            // One after the other within a round, so that what disturbs one disturbs its neighbour too.
            let [one, two] = &pools;
            [
                spent(one, || computing(calls.len() as u64)),
                spent(two, || computing(calls.len() as u64)),
                spent(one, || analysing(pipeline, calls)),
                spent(two, || analysing(pipeline, calls)),
            ]
        })
        .collect();
    let of = |value: &dyn Fn(&[Spent; 4]) -> f64| median(measured.iter().map(value));
    let row = |name: &str, one: usize, two: usize| {
        println!(
            "| {name:16} | {:6.2} s | {:6.2} s | {:5.2} | {:5.2} |",
            of(&|round| round[one].wall),
            of(&|round| round[two].wall),
            of(&|round| round[one].wall / round[two].wall),
            of(&|round| round[two].cpu / round[one].cpu),
        );
    };
    println!("| wall clock       | 1 thread | 2 threads | gain | CPU time, 2 threads / 1 |\n|---|---:|---:|---:|---:|");
    row("computing alone", 0, 1);
    row("whole analysis", 2, 3);
    let share = of(&|round| (round[2].wall / round[3].wall) / (round[0].wall / round[1].wall));
    println!("\nthe analysis gains {share:.2} of what computing alone gains");
}

fn spent(pool: &ThreadPool, work: impl Fn() + Send + Sync) -> Spent {
    let cpu = || pool.broadcast(|_| thread_cpu().as_secs_f64()).into_iter().sum::<f64>();
    let (before, start) = (cpu(), Instant::now());
    pool.install(&work);
    let wall = start.elapsed().as_secs_f64();
    Spent { wall, cpu: cpu() - before }
}

fn analysing(pipeline: &Pipeline, calls: &[CallRecord]) {
    black_box(pipeline.analyze_batch(calls));
}

/// As many items as there are calls, each a chain of multiplications that touches no memory.
fn computing(items: u64) {
    (0..items).into_par_iter().for_each(|item| {
        let mixed = (0..STEPS).fold(item, |x, step| (x ^ step).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31));
        black_box(mixed);
    });
}
