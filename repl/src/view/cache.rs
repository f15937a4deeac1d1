//! `:cache`: what the RDD cache holds.

use super::table::{Align, table};
use super::{Names, rdd_name, units};
use dpark::status::{RddStatus, Snapshot};

/// Every RDD that is marked for the cache or still has blocks in it.
pub fn cache(snapshot: &Snapshot, names: &Names, width: Option<usize>) -> String {
    let cached: Vec<&RddStatus> =
        snapshot.rdds.iter().filter(|rdd| rdd.level.is_some() || !rdd.cached.is_empty()).collect();
    if cached.is_empty() {
        return "nothing is cached; `rdd.cache()` marks an RDD".to_owned();
    }
    let header = [
        ("rdd", Align::Left),
        ("made by", Align::Left),
        ("level", Align::Left),
        ("partitions cached", Align::Right),
        ("memory", Align::Right),
        ("disk", Align::Right),
    ];
    let rows: Vec<Vec<String>> = cached
        .iter()
        .map(|rdd| {
            vec![
                rdd_name(rdd.info.id, names),
                format!("{} at {}", rdd.info.operator, rdd.info.call_site),
                rdd.level.clone().unwrap_or_else(|| "none".to_owned()),
                format!("{}/{}", rdd.cached.len(), rdd.info.partitions),
                units::bytes(rdd.memory()),
                units::bytes(rdd.disk()),
            ]
        })
        .collect();
    table(&header, &rows, width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::example;

    #[test]
    fn golden() {
        insta::assert_snapshot!(cache(&example::snapshot(), &example::names(), None));
        assert!(cache(&Snapshot::default(), &Names::new(), None).starts_with("nothing is cached"));
    }
}
