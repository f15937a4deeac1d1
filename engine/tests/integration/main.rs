//! The engine from outside.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod bench_data;
mod closures;
mod failures;
mod files;
mod memory;
mod pipelines;
