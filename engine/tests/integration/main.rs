//! The engine from outside.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod accumulators;
mod broadcast;
mod checkpoint;
mod closures;
mod failures;
mod files;
mod memory;
mod pipelines;
mod storage;
mod tolerance;
