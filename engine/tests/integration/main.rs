//! The engine from outside.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod by_key;
mod closures;
mod failures;
mod files;
mod memory;
mod narrow;
mod pipelines;
mod statistics;
