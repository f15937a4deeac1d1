//! The engine from outside.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod accumulators;
mod bench_data;
mod broadcast;
mod broadcast_join;
mod budget;
mod by_key;
mod checkpoint;
mod closures;
mod deep_lineage;
mod every_operator;
mod examples;
mod failures;
mod files;
mod guide;
mod memory;
mod narrow;
mod partitioning;
mod pipelines;
mod repeatable;
mod saving;
mod self_joins;
mod statistics;
mod storage;
mod text_files;
mod texts;
mod tolerance;
mod typed_files;
