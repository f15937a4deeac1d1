//! The engine from outside.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod accumulators;
mod bench_data;
mod broadcast;
mod budget;
mod by_key;
mod checkpoint;
mod closures;
mod deep_lineage;
mod every_operator;
mod failures;
mod files;
mod memory;
mod narrow;
mod pipelines;
mod repeatable;
mod self_joins;
mod statistics;
mod storage;
mod tolerance;
