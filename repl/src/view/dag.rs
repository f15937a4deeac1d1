//! `:dag`: the stages of a job and the shuffles between them.
use crate::status::Snapshot;
use super::Names;
use dpark::ids::JobId;
/// text
pub fn text(_s: &Snapshot, _j: JobId, _n: &Names) -> String { String::new() }
