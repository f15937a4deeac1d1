//! The workloads as scripts of cells, run by the shell.

use crate::Workload;
use crate::measure::Cost;
use crate::options::Options;
use std::path::Path;

pub(crate) fn report(
    _repl: &Path,
    _workload: &Workload,
    _options: &Options,
    _twin: Cost,
    _expected: &str,
) -> Result<(), String> {
    Ok(())
}
