//! Sketches and summaries: what is known of many values in little memory. Each is a plain data structure that values are
//! added to and that merges with others of its kind, so it works the same on its own, for a whole RDD, and for each key.
//!
//! | | made of | on an RDD | by key |
//! |---|---|---|---|
//! | [`HyperLogLog`] | hashes | `count_approx_distinct`, `adcount` | `count_approx_distinct_by_key`, `adcount_by_key` |
//! | [`TDigest`] | numbers | `percentiles`, `quantiles` | `percentiles_by_key`, `quantiles_by_key` |
//! | [`Histogram`] | numbers | `histogram`, `histogram_with` | `histogram_by_key` |
//! | [`Stats`] | numbers | `stats` | `stats_by_key` |
//!
//! All are deterministic: the same values, added and merged in the same order, give the same sketch in every process.

mod aggregator;
mod histogram;
mod hyper_log_log;
mod largest;
mod number;
mod summary;
mod t_digest;

pub(crate) use aggregator::Aggregator;
pub(crate) use histogram::Bounds;
pub use histogram::Histogram;
pub use hyper_log_log::HyperLogLog;
pub(crate) use hyper_log_log::Precision;
pub(crate) use largest::Largest;
pub use number::Number;
pub use summary::Stats;
pub(crate) use summary::Summarise;
pub(crate) use t_digest::Digest;
pub use t_digest::TDigest;
