//! Resilient distributed datasets in Rust.
//!
//! ```
//! let ctx = dpark::DparkContext::local(2);
//! let words = ctx.parallelize(["to be or", "not to be"].map(String::from));
//! let counts = words
//!     .flat_map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>())
//!     .map(|word| (word, 1))
//!     .reduce_by_key(|a, b| a + b);
//! assert_eq!(counts.top_by(1, |kv| kv.1)?[0].1, 2);
//! # Ok::<(), dpark::Error>(())
//! ```
//!
//! # Layout
//! In reading order: [`rdd`] has the operators, one a file, each a thin generic method over a monomorphised loop;
//! `node` is the lineage; `job` cuts it into stages and says how a task computes one; `pipeline` runs the loops over
//! [`batch`]es; `shuffle`, `sort` and `storage` move and keep rows. [`closure`] and [`capture`] decide what user code may be
//! shipped. The scheduler knows nothing of data: [`work`] is the seam, [`event`]s tell what happens.

// Doc links and doctests name the crate as users do.
extern crate self as dpark;

pub mod accumulator;
#[doc(hidden)]
pub mod batch;
mod broadcast;
pub mod capture;
#[doc(hidden)]
pub mod cell;
#[doc(hidden)]
pub mod closure;
mod cluster;
#[doc(hidden)]
pub mod codec;
mod conf;
mod context;
mod data;
pub mod display;
pub mod error;
pub mod event;
pub mod event_bus;
mod handle;
#[doc(hidden)]
pub mod hash;
pub mod ids;
#[doc(hidden)]
pub mod job;
#[doc(hidden)]
pub mod known;
mod net;
#[doc(hidden)]
pub mod node;
mod partitioner;
mod piped;
#[doc(hidden)]
pub mod pipeline;
mod process_memory;
#[doc(hidden)]
pub mod random;
pub mod rdd;
pub mod scheduler;
#[doc(hidden)]
pub mod serialize;
#[doc(hidden)]
pub mod session;
#[doc(hidden)]
pub mod ship;
pub mod show;
#[doc(hidden)]
pub mod shuffle;
#[doc(hidden)]
pub mod sort;
pub mod source;
pub mod stats;
pub mod status;
#[doc(hidden)]
pub mod storage;
#[doc(hidden)]
pub mod table;
pub mod task;
mod vectors;
pub mod work;

pub use accumulator::Accumulator;
pub use broadcast::Broadcast;
/// A text that is kept in place if it has at most 24 bytes. As key or row it is faster than `String`, which owns memory of its
/// own for each text.
///
/// ```
/// use dpark::CompactString;
/// let lines = dpark::DparkContext::local(2).parallelize(["to be or", "not to be"].map(String::from));
/// let words = lines.flat_map_str(|line, out| line.split(' ').for_each(|word| out.emit(CompactString::from(word))));
/// assert_eq!(words.count_by_value()?["be"], 2);
/// # Ok::<(), dpark::Error>(())
/// ```
pub use compact_str::CompactString;
pub use conf::Conf;
pub use context::DparkContext;
pub use data::{Data, Key, Ordered, total_order};
pub use display::{DisplayId, MimeBundle, clear_output, display, update_display};
pub use dpark_macros::closures;
pub use error::{Error, Result};
pub use job::SaveOptions;
pub use partitioner::Partitioner;
pub use rdd::{Emitter, LocalIter, PipeCommand, Rdd, Summand};
pub use serde;
pub use source::{CsvOptions, FileOptions, TextOptions, TextPaths};
pub use stats::{Number, Stats};
pub use storage::StorageLevel;

/// The examples of the documents, as tests.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../docs/guide.md")]
    struct Guide;
    #[doc = include_str!("../docs/glossary.md")]
    struct Glossary;
    #[doc = include_str!("../../README.md")]
    struct Readme;
}

/// What programs and cells use.
pub mod prelude {
    pub use crate::{Accumulator, Broadcast, CompactString, Data, DparkContext, Error, Key, Rdd, Result, StorageLevel};
    pub use crate::{CsvOptions, FileOptions, SaveOptions, TextOptions, total_order};
    pub use serde::{Deserialize, Serialize};
}
