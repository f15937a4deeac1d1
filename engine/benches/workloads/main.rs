//! The engine against hand-written Rust: each workload is written once as a user of the engine writes it and once the way a
//! good programmer writes it without the engine, on the same threads. Prints their times, peak memory and ratios.
//!
//! ```text
//! python3 notebooks/data/make.py /tmp/dpark-bench
//! cargo bench -p dpark --bench workloads -- --data /tmp/dpark-bench
//! ```
//!
//! Each run is a process of its own, so that its peak memory is its own; input is in the page cache. Both sides must give the
//! same answer. `--help` lists the options.

mod cells;
mod chunks;
mod group_sum;
mod input;
mod join;
mod k_means;
mod lines;
mod measure;
mod narrow;
mod options;
mod page_rank;
mod plain_word_count;
mod radix;
mod report;
mod run;
mod sort;
mod word_count;

use input::Data;
use options::Options;
use std::process::ExitCode;

/// A task, done twice.
struct Workload {
    name: &'static str,
    /// Its cells, in `benches/cells`.
    script: &'static str,
    /// What it reads, for the message when it is not there.
    files: &'static [&'static str],
    /// How many times slower than the twin the engine may be, compiled and from cells.
    limits: (f64, f64),
    /// As a user of the engine writes it.
    engine: fn(&dpark::DparkContext, &Data) -> dpark::Result<String>,
    /// By hand.
    twin: fn(&Data) -> String,
}

const WORKLOADS: &[Workload] = &[
    narrow::WORKLOAD,
    lines::COUNT,
    lines::GREP,
    lines::GREP_CLOSURE,
    group_sum::WORKLOAD,
    word_count::WORKLOAD,
    plain_word_count::COMPACT,
    plain_word_count::STRINGS,
    sort::WORKLOAD,
    join::WORKLOAD,
    page_rank::WORKLOAD,
    k_means::WORKLOAD,
];

fn main() -> ExitCode {
    // In an executor this does not return.
    drop(dpark::DparkContext::local(1));
    let options = match Options::from_arguments(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = match options.side {
        Some(side) => run::one_side(side, &options),
        None => report::compare(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("workloads: {message}");
            ExitCode::FAILURE
        }
    }
}
