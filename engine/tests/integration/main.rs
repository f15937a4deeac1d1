//! The engine from outside.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod closures;
mod failures;
mod files;
mod memory;
mod pipelines;
mod saving;
mod text_files;
mod typed_files;
