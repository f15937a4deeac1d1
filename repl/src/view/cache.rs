//! `:cache`: what the RDD cache holds and where, and which RDDs have a checkpoint.

use super::table::{Align, Sheet};
use super::{Names, rdd_name, units};
use dpark::ids::ExecutorId;
use dpark::status::{RddLife, RddStatus, Snapshot};

/// Every RDD that is marked for the cache, still has blocks in it, or has a checkpoint; else what there is to say.
pub fn sheet(snapshot: &Snapshot, names: &Names) -> Result<Sheet, &'static str> {
    let is_kept = |rdd: &&RddStatus| {
        let has_checkpoint = rdd.checkpoint.is_some() && rdd.life == RddLife::Alive;
        rdd.level.is_some() || !rdd.cached.is_empty() || has_checkpoint
    };
    let cached: Vec<&RddStatus> = snapshot.rdds.iter().filter(is_kept).collect();
    if cached.is_empty() {
        return Err("nothing is cached; `rdd.cache()` marks an RDD");
    }
    let header = [
        ("rdd", Align::Left),
        ("made by", Align::Left),
        ("level", Align::Left),
        ("partitions cached", Align::Right),
        ("memory", Align::Right),
        ("disk", Align::Right),
        ("executors (blocks)", Align::Left),
        ("not stored", Align::Left),
        ("checkpoint", Align::Left),
    ];
    let rows = cached
        .iter()
        .map(|rdd| {
            let is_cached = rdd.level.is_some() || !rdd.cached.is_empty();
            let measured = |text: String| if is_cached { text } else { String::new() };
            vec![
                rdd_name(rdd.info.id, names),
                format!("{} at {}", rdd.info.operator, rdd.info.call_site),
                rdd.level.clone().unwrap_or_else(|| measured("none".to_owned())),
                measured(format!("{}/{}", rdd.cached.len(), rdd.info.partitions)),
                measured(units::bytes(rdd.memory())),
                measured(units::bytes(rdd.disk())),
                holders(rdd),
                not_stored(rdd).unwrap_or_default(),
                rdd.checkpoint.clone().unwrap_or_default(),
            ]
        })
        .collect();
    Ok(Sheet::of_used_columns(&header, rows))
}

/// The executors in other processes that hold blocks, and how many each: `1 (3), 2 (5)`.
fn holders(rdd: &RddStatus) -> String {
    let in_others = rdd.holders().into_iter().filter(|(executor, _)| *executor != ExecutorId(0));
    in_others.map(|(executor, blocks)| format!("{executor} ({blocks})")).collect::<Vec<_>>().join(", ")
}

/// How many partitions could not be written to disk, and why the first one could not: `2 partitions: no space left`.
pub fn not_stored(rdd: &RddStatus) -> Option<String> {
    let why = rdd.not_stored.values().next()?;
    Some(format!("{}: {why}", units::plural(rdd.not_stored.len() as u64, "partition")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::example;

    #[test]
    fn golden() {
        let sheet = |snapshot: &Snapshot| super::sheet(snapshot, &example::names());
        insta::assert_snapshot!(sheet(&example::snapshot()).expect("something is cached").text(None));
        assert!(sheet(&Snapshot::default()).is_err_and(|text| text.starts_with("nothing is cached")));
    }
}
