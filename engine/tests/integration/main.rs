//! The engine from outside.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod accumulators;
mod bench_data;
mod broadcast;
mod broadcast_join;
mod by_key;
mod checkpoint;
mod closures;
mod failures;
mod files;
mod guide;
mod memory;
mod narrow;
mod partitioning;
mod pipelines;
mod saving;
mod statistics;
mod storage;
mod text_files;
mod texts;
mod tolerance;
mod typed_files;
