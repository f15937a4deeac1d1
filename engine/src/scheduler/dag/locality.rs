//! Where tasks have least to do: on an executor that holds the persisted partition which theirs begins with, or that has kept
//! their rows when it took a sample of them.

use super::{Machine, Owner, planted};
use crate::ids::{ExecutorId, RddId, ShuffleId};
use crate::work::CachedInput;
use std::collections::{BTreeMap, BTreeSet};

/// Which executors hold which persisted partitions, who begins with them, and which executors have kept rows for map tasks.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    holders: BTreeMap<RddId, BTreeMap<usize, BTreeSet<ExecutorId>>>,
    readers: BTreeSet<(RddId, Owner)>,
    /// By shuffle and map partition.
    kept: BTreeMap<ShuffleId, BTreeMap<usize, ExecutorId>>,
}

impl Blocks {
    /// Whether no stage is known.
    #[cfg(test)]
    pub(super) fn has_no_readers(&self) -> bool {
        self.readers.is_empty() && self.kept.is_empty()
    }

    /// The executor that has kept the rows of a partition.
    fn keeper(&self, owner: Owner, partition: usize) -> Option<ExecutorId> {
        let Owner::Map(shuffle) = owner else { return None };
        self.kept.get(&shuffle)?.get(&partition).copied()
    }

    /// The partitions whose rows `executor` has kept.
    fn kept_by(&self, executor: ExecutorId) -> Vec<(ShuffleId, usize)> {
        let all = self.kept.iter().flat_map(|(shuffle, kept)| kept.iter().map(move |kept| (*shuffle, kept)));
        let kept = all.filter(|(_, (_, keeper))| **keeper == executor);
        kept.map(|(shuffle, (partition, _))| (shuffle, *partition)).collect()
    }

    /// The executors that hold what `partition` begins with, of the nearest RDD that is held at all.
    fn nearest(&self, cached: &[CachedInput], partition: usize) -> Vec<ExecutorId> {
        let begins = cached.iter().filter(|input| input.partitions.contains(&partition));
        let mut holders =
            begins.filter_map(|input| self.holders.get(&input.rdd)?.get(&(partition - input.partitions.start)));
        holders.next().map(|executors| executors.iter().copied().collect()).unwrap_or_default()
    }

    /// `executor` holds a partition; whether that is news.
    fn add(&mut self, rdd: RddId, partition: usize, executor: ExecutorId) -> bool {
        self.holders.entry(rdd).or_default().entry(partition).or_default().insert(executor)
    }

    /// `executor` does not hold a partition; whether that is news.
    fn remove(&mut self, rdd: RddId, partition: usize, executor: ExecutorId) -> bool {
        let Some(partitions) = self.holders.get_mut(&rdd) else { return false };
        let Some(executors) = partitions.get_mut(&partition) else { return false };
        let removed = executors.remove(&executor);
        if executors.is_empty() {
            partitions.remove(&partition);
        }
        if partitions.is_empty() {
            self.holders.remove(&rdd);
        }
        removed
    }

    /// What `executor` holds.
    fn held_by(&self, executor: ExecutorId) -> Vec<(RddId, usize)> {
        let all = self.holders.iter().flat_map(|(rdd, partitions)| partitions.iter().map(move |held| (rdd, held)));
        let held = all.filter(|(_, (_, executors))| executors.contains(&executor));
        held.map(|(rdd, (partition, _))| (*rdd, *partition)).collect()
    }
}

impl Machine {
    pub(super) fn block_stored(&mut self, rdd: RddId, partition: usize, executor: ExecutorId) {
        if self.executors.contains(executor) && self.blocks.add(rdd, partition, executor) {
            self.prefer_again(rdd, partition);
        }
    }

    pub(super) fn block_removed(&mut self, rdd: RddId, partition: usize, executor: ExecutorId) {
        if self.blocks.remove(rdd, partition, executor) {
            self.prefer_again(rdd, partition);
        }
    }

    /// What a lost executor held is gone.
    pub(super) fn blocks_lost(&mut self, executor: ExecutorId) {
        for (rdd, partition) in self.blocks.held_by(executor) {
            self.block_removed(rdd, partition, executor);
        }
        for (shuffle, partition) in self.blocks.kept_by(executor) {
            self.rows_taken(shuffle, partition);
        }
    }

    /// `executor` has kept the rows of a partition for the map task of `shuffle`.
    pub(super) fn rows_kept(&mut self, shuffle: ShuffleId, partition: usize, executor: ExecutorId) {
        if self.executors.contains(executor) {
            self.blocks.kept.entry(shuffle).or_default().insert(partition, executor);
            self.prefer(Owner::Map(shuffle), partition);
        }
    }

    /// The rows of a partition that were kept have been taken, or are of no use any more.
    pub(super) fn rows_taken(&mut self, shuffle: ShuffleId, partition: usize) {
        let Some(kept) = self.blocks.kept.get_mut(&shuffle) else { return };
        if kept.remove(&partition).is_none() {
            return;
        }
        if kept.is_empty() {
            self.blocks.kept.remove(&shuffle);
        }
        self.prefer(Owner::Map(shuffle), partition);
    }

    /// Nobody asks for the map outputs of `shuffle` any more.
    pub(super) fn forget_kept(&mut self, shuffle: ShuffleId) {
        self.blocks.kept.remove(&shuffle);
    }

    /// The tasks of `owner` begin with `cached`, if that is persisted.
    pub(super) fn begin_with(&mut self, owner: Owner, cached: Vec<CachedInput>) {
        let has_kept = matches!(owner, Owner::Map(shuffle) if self.blocks.kept.contains_key(&shuffle));
        if self.tasks(owner).is_none_or(|tasks| tasks.cached() == cached && !has_kept) {
            return;
        }
        self.forget_reader(owner);
        self.blocks.readers.extend(cached.iter().map(|input| (input.rdd, owner)));
        if let Some(tasks) = self.tasks_mut(owner) {
            tasks.set_cached(cached);
        }
        (0..self.tasks(owner).map_or(0, |tasks| tasks.len())).for_each(|position| self.prefer(owner, position));
    }

    /// `owner` goes.
    pub(super) fn forget_reader(&mut self, owner: Owner) {
        let cached = self.tasks(owner).map(|tasks| tasks.cached().to_vec()).unwrap_or_default();
        for input in cached {
            self.blocks.readers.remove(&(input.rdd, owner));
        }
    }

    /// The holders of a persisted partition are others now.
    fn prefer_again(&mut self, rdd: RddId, partition: usize) {
        let readers = self.blocks.readers.range((rdd, Owner::FIRST)..);
        let readers: Vec<Owner> = readers.take_while(|(of, _)| *of == rdd).map(|(_, owner)| *owner).collect();
        for owner in readers {
            let Some(tasks) = self.tasks(owner) else { continue };
            let begins = tasks.cached().iter().filter(|input| input.rdd == rdd);
            let theirs = begins
                .map(|input| (input.partitions.start + partition, input))
                .filter(|(of, input)| input.partitions.contains(of));
            let positions: Vec<usize> = theirs.filter_map(|(of, _)| self.position(owner, of)).collect();
            positions.into_iter().for_each(|position| self.prefer(owner, position));
        }
    }

    /// Finds out where the partition at `position` should be computed.
    fn prefer(&mut self, owner: Owner, position: usize) {
        let Some(tasks) = self.tasks(owner).filter(|tasks| position < tasks.len()) else { return };
        let partition = self.partition(owner, position);
        let executors = match self.blocks.keeper(owner, partition) {
            Some(keeper) if !planted!(self, KeptRowsIgnored) => vec![keeper],
            _ => self.blocks.nearest(tasks.cached(), partition),
        };
        if let Some(tasks) = self.tasks_mut(owner) {
            tasks.prefer(position, executors);
        }
    }

    /// The position of a partition among those of `owner`.
    fn position(&self, owner: Owner, partition: usize) -> Option<usize> {
        match owner {
            Owner::Map(_) => Some(partition),
            Owner::Result(turn) => self.jobs.get(&turn)?.partitions.binary_search(&partition).ok(),
        }
    }

    /// Which of the partitions of `owner` that wait is computed next, and where. One that prefers the emptiest executor
    /// goes before those that have no preference. One that prefers others is computed there as long as one of them has a
    /// free slot; then anywhere, for a slot must not stand idle.
    pub(super) fn choose(&self, owner: Owner) -> Option<(ExecutorId, usize)> {
        let pending = self.tasks(owner)?.pending();
        let emptiest = self.executors.emptiest()?;
        let anyone = || Some((emptiest, pending.choosy()?));
        if planted!(self, LocalityIgnored) {
            let first = pending.choosy().into_iter().chain(pending.indifferent()).min()?;
            return Some((emptiest, first));
        }
        if let Some(position) = pending.preferring(emptiest).or(pending.indifferent()) {
            return Some((emptiest, position));
        }
        if planted!(self, StealFromFree) {
            return anyone();
        }
        let preferred = |executor| Some((executor, pending.preferring(executor)?));
        self.executors.with_free_slots().find_map(preferred).or_else(anyone)
    }
}
