//! Which RDDs of a job are drawn as one: as DPark does, those that feed the same RDDs and came about in the same way,
//! operator for operator and call site for call site. A loop that makes ten inputs of a union is drawn once, with a count.

use crate::view::Names;
use dpark::event::CallSite;
use dpark::ids::RddId;
use dpark::status::{RddStatus, Snapshot};
use std::collections::{BTreeMap, BTreeSet};

/// The group of each RDD; RDDs of one group are drawn as one.
pub(super) type Groups = BTreeMap<RddId, usize>;

/// How an RDD came about: its operator, and that of its parents.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Origin<'a> {
    operator: &'a str,
    site: (&'a str, u32, u32),
    variable: Option<&'a String>,
    is_cached: bool,
    /// For each parent its class, if the job computes it, and whether a shuffle is between.
    parents: Vec<(Option<usize>, bool)>,
}

/// Groups these RDDs. Parents have smaller numbers than what is made of them, so two passes do.
pub(super) fn groups(snapshot: &Snapshot, rdds: &BTreeSet<RddId>, names: &Names) -> Groups {
    let known: Vec<&RddStatus> = rdds.iter().filter_map(|rdd| snapshot.rdd(*rdd)).collect();
    let mut classes = BTreeMap::new();
    let mut class: Groups = BTreeMap::new();
    for rdd in &known {
        let next = classes.len();
        let number = *classes.entry(origin(rdd, &class, names)).or_insert(next);
        class.insert(rdd.info.id, number);
    }
    let mut readers: BTreeMap<RddId, BTreeSet<(usize, bool)>> = BTreeMap::new();
    let mut numbers = BTreeMap::new();
    let mut group = Groups::new();
    for rdd in known.iter().rev() {
        let id = rdd.info.id;
        let next = numbers.len();
        let number = *numbers.entry((class[&id], readers.remove(&id))).or_insert(next);
        group.insert(id, number);
        for link in &rdd.info.parents {
            readers.entry(link.parent).or_default().insert((number, link.shuffle.is_some()));
        }
    }
    group
}

fn origin<'a>(rdd: &'a RddStatus, class: &Groups, names: &'a Names) -> Origin<'a> {
    let CallSite { file, line, column } = &rdd.info.call_site;
    let parents = rdd.info.parents.iter().map(|link| (class.get(&link.parent).copied(), link.shuffle.is_some()));
    Origin {
        operator: &rdd.info.operator,
        site: (file, *line, *column),
        variable: names.get(&rdd.info.id),
        is_cached: rdd.level.is_some(),
        parents: parents.collect(),
    }
}
