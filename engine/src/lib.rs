//! Resilient distributed datasets in Rust.

pub mod accumulator;
pub mod error;
pub mod event;
pub mod event_bus;
pub mod ids;
pub mod scheduler;
pub mod show;
pub mod status;
pub mod task;
pub mod work;

pub use error::{Error, Result};
