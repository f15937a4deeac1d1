//! The tables of `:jobs`, `:stages`, `:cache` and `:executors`.

use super::Bundle;
use crate::view::table::Sheet;
use crate::view::{self, Names, html};
use dpark::ids::JobId;
use dpark::status::Snapshot;

/// Every job.
pub fn jobs(snapshot: &Snapshot, width: Option<usize>) -> Bundle {
    bundle(view::jobs::sheet(snapshot), width)
}

/// The stages of one job, or of all.
pub fn stages(snapshot: &Snapshot, job: Option<JobId>, width: Option<usize>) -> Bundle {
    bundle(view::stages::sheet(snapshot, job), width)
}

/// What the cache holds.
pub fn cache(snapshot: &Snapshot, names: &Names, width: Option<usize>) -> Bundle {
    bundle(view::cache::sheet(snapshot, names), width)
}

/// The executors.
pub fn executors(snapshot: &Snapshot, width: Option<usize>) -> Bundle {
    bundle(view::executors::sheet(snapshot), width)
}

fn bundle(sheet: Result<Sheet, &str>, width: Option<usize>) -> Bundle {
    match sheet {
        Ok(sheet) => Bundle::of(sheet.text(width), html::table(&sheet)),
        Err(nothing) => Bundle::text(nothing.to_owned()),
    }
}
