//! Live progress of the jobs of a cell.

use super::{Bundle, facts};
use crate::view::{Names, html, progress as text};
use dpark::ids::JobId;
use dpark::status::Snapshot;
use std::time::Duration;

/// Columns of the text form.
const WIDTH: usize = 80;
/// Running stages in the text form.
const MOST: usize = 12;

/// One frame: what the jobs are at, `elapsed` after their cell began. Every frame has all forms, as updates of one
/// display must.
pub fn progress(snapshot: &Snapshot, jobs: &[JobId], names: &Names, elapsed: Duration) -> Bundle {
    let lines = text::lines(snapshot, WIDTH, MOST).join("\n");
    let plain = format!("{}\n{lines}", crate::view::units::time(elapsed));
    let html = html::text(&plain);
    Bundle { plain, html: Some(html), json: Some(facts::facts(snapshot, jobs, names)) }
}
