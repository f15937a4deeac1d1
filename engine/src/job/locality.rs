//! Which persisted RDDs the partitions of a stage begin with.

use crate::ids::RddId;
use crate::node::{Kind, Lineage, Node};
use crate::work::CachedInput;
use std::collections::HashSet;
use std::sync::Arc;

/// The persisted RDDs from which `node` is computed partition by partition, the nearest first. Where partitions are put
/// together or taken apart, and at shuffles, the way ends. A loop: a lineage may be tens of thousands of RDDs deep.
pub(super) fn cached_inputs(node: &Arc<Node>) -> Vec<CachedInput> {
    let mut found = Vec::new();
    let mut seen: HashSet<(RddId, usize)> = HashSet::new();
    // An RDD, and the partition of `node` that its first one is.
    let mut to_visit = vec![(Arc::clone(node), 0)];
    while let Some((at, start)) = to_visit.pop() {
        if !seen.insert((at.id, start)) {
            continue;
        }
        if at.cached().is_some() {
            found.push(CachedInput { rdd: at.id, partitions: start..start + at.partitions });
        }
        let Lineage::Parents(parents) = at.lineage() else { continue };
        let mut begin_with = |parent: &Arc<Node>, start| to_visit.push((Arc::clone(parent), start));
        match &at.kind {
            Kind::Narrow { .. } | Kind::Indexed { .. } | Kind::Partitions { .. } | Kind::Paired { .. } => {
                parents.iter().rev().for_each(|parent| begin_with(parent, start));
            }
            Kind::Union => {
                let mut end = start + at.partitions;
                for parent in parents.iter().rev() {
                    end -= parent.partitions;
                    begin_with(parent, end);
                }
            }
            Kind::Shuffled(shuffled) => {
                let read_in_place = shuffled.inputs.iter().zip(parents.iter()).filter(|(input, _)| input.narrow);
                read_in_place.for_each(|(_, parent)| begin_with(parent, start));
            }
            Kind::Source(_) | Kind::Runs(_) | Kind::Product { .. } | Kind::Failed(_) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::cached_inputs;
    use crate::{DparkContext, Rdd};

    fn found<T: 'static>(rdd: &Rdd<T>) -> Vec<(u64, std::ops::Range<usize>)> {
        cached_inputs(rdd.handle.arc()).into_iter().map(|input| (input.rdd.0, input.partitions)).collect()
    }

    #[test]
    fn the_nearest_persisted_rdds_come_first() {
        let ctx = DparkContext::local(1);
        let below = ctx.range_with(0, 10, 1, 3).cache();
        let above = below.map(|x| x + 1).cache();
        let (low, high) = (below.handle.arc().id.0, above.handle.arc().id.0);
        assert_eq!(found(&above.filter(|x| x % 2 == 0)), [(high, 0..3), (low, 0..3)]);
        assert_eq!(found(&ctx.range(0, 5)), []);
        above.unpersist();
        assert_eq!(found(&above.zip_with_index()), [(low, 0..3)]);
    }

    #[test]
    fn partitions_of_a_union_begin_with_those_of_its_parts() {
        let ctx = DparkContext::local(1);
        let part = ctx.range_with(0, 10, 1, 3).cache();
        let id = part.handle.arc().id.0;
        let twice = ctx.range_with(0, 2, 1, 2).union(&part).union(&part.map(|x| x + 1));
        assert_eq!(found(&twice), [(id, 2..5), (id, 5..8)]);
        assert_eq!(found(&twice.coalesce(2)), [], "partitions that are put together begin with several");
        assert_eq!(found(&twice.key_by(|x| *x).reduce_by_key(|a, _| a)), []);
    }
}
