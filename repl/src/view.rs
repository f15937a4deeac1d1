//! Pictures of what happens: pure functions from a snapshot of the status store, or from a value, to text, SVG or
//! HTML. No IO, no clock, no terminal in here; the same functions serve the shell and the notebook kernel.

pub mod cache;
pub mod card;
pub mod dag;
pub mod executors;
mod graph;
pub mod html;
pub mod jobs;
mod layout;
pub mod lineage;
pub mod progress;
pub mod rich;
pub mod rows;
pub mod stages;
pub mod svg;
pub mod table;
pub mod units;

#[cfg(test)]
pub(crate) mod example;

use dpark::ids::RddId;

/// The names of the RDDs that variables hold.
pub type Names = std::collections::BTreeMap<RddId, String>;

/// An RDD as text: its variable's name, else `rdd 4`.
pub fn rdd_name(id: RddId, names: &Names) -> String {
    names.get(&id).cloned().unwrap_or_else(|| format!("rdd {id}"))
}
