//! The tables of `:jobs`, `:stages`, `:cache` and `:executors`.

use super::Bundle;
use crate::view::{self, Names};
use dpark::ids::JobId;
use dpark::status::Snapshot;

/// Every job.
pub fn jobs(snapshot: &Snapshot, width: Option<usize>) -> Bundle {
    Bundle::preformatted(view::jobs::jobs(snapshot, width))
}

/// The stages of one job, or of all.
pub fn stages(snapshot: &Snapshot, job: Option<JobId>, width: Option<usize>) -> Bundle {
    Bundle::preformatted(view::stages::stages(snapshot, job, width))
}

/// What the cache holds.
pub fn cache(snapshot: &Snapshot, names: &Names, width: Option<usize>) -> Bundle {
    Bundle::preformatted(view::cache::cache(snapshot, names, width))
}

/// The executors.
pub fn executors(snapshot: &Snapshot, width: Option<usize>) -> Bundle {
    Bundle::preformatted(view::executors::executors(snapshot, width))
}
