//! Resilient distributed datasets in Rust.

pub mod accumulator;
pub mod error;
pub mod event;
pub mod ids;
pub mod scheduler;
pub mod show;
pub mod task;
pub mod work;

pub use error::{Error, Result};
