//! Jobs that have ended, as pictures.

use super::{Bundle, facts};
use crate::view::{Names, dag, html};
use dpark::ids::JobId;
use dpark::status::Snapshot;

/// One job: `:dag`.
pub fn job(snapshot: &Snapshot, job: JobId, names: &Names) -> Bundle {
    let plain = dag::text(snapshot, job, names);
    let html = html::dag(snapshot, job, names);
    Bundle { plain, html: Some(html), json: Some(facts::facts(snapshot, &[job], names)) }
}

/// The jobs of a cell that has ended, folded: the last frame of its progress.
pub fn after(snapshot: &Snapshot, jobs: &[JobId], names: &Names) -> Bundle {
    let plain = jobs.iter().map(|job| dag::text(snapshot, *job, names)).collect::<Vec<_>>().join("\n");
    let html = jobs.iter().map(|job| html::dag(snapshot, *job, names)).collect();
    Bundle { plain, html: Some(html), json: Some(facts::facts(snapshot, jobs, names)) }
}
