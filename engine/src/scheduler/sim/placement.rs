//! The rules of where a task may start, and when a second time: persisted partitions, copies of slow attempts, executors
//! on which everything fails.

use super::checks::Key;
use super::world::{Run, World};
use crate::error::Failure;
use crate::event::Event;
use crate::ids::{ExecutorId, RddId};
use crate::scheduler::command::{Launch, Outcome};
use crate::work::{CachedInput, StageSpec};
use std::collections::BTreeSet;

const SECOND: u64 = 1_000_000;

/// How an executor fares.
#[derive(Debug, Default)]
pub(super) struct Health {
    failures: u32,
    excluded: Option<u64>,
    /// Nearly everything fails on it.
    pub(super) bad: bool,
}

impl Health {
    pub(super) fn new(bad: bool) -> Health {
        Health { bad, ..Health::default() }
    }
}

impl World {
    /// Whether a launch may go where it goes, if it is the first attempt on its partition that runs.
    pub(super) fn check_place(&mut self, launch: &Launch, key: Key, stage: &StageSpec) -> Result<(), String> {
        let (executor, partition) = (launch.executor, launch.partition);
        let holders = self.holders(stage, partition);
        if holders.contains(&executor) {
            self.seen.local += usize::from(self.keeper(stage, partition).is_none());
            self.seen.at_keeper += usize::from(self.keeper(stage, partition).is_some());
            return Ok(());
        }
        if let Some(free) = holders.iter().find(|holder| self.has_free_slot(**holder)) {
            return Err(format!("{launch:?}: {free} holds what it begins with, and has a free slot"));
        }
        let others = self.pending(key, stage).into_iter().filter(|other| *other != partition);
        for other in others {
            let wanted = self.holders(stage, other);
            if wanted.contains(&executor) || (wanted.is_empty() && !holders.is_empty()) {
                return Err(format!("{launch:?} before partition {other}, which begins with what {wanted:?} hold"));
            }
        }
        Ok(())
    }

    /// Whether a second attempt may start beside `first`.
    pub(super) fn check_copy(
        &mut self,
        launch: &Launch,
        first: u64,
        key: Key,
        stage: &StageSpec,
    ) -> Result<(), String> {
        let there = stage.partitions.iter().filter(|partition| self.is_there(key, **partition)).count();
        let mut durations = self.durations.get(&key).cloned().unwrap_or_default();
        durations.sort();
        let limit = durations.get(durations.len() / 2).map(|median| SECOND.max(2 * median));
        let slow = limit.is_some_and(|limit| self.ticked - first > limit);
        if !slow || there * 4 < stage.partitions.len() * 3 || !self.pending(key, stage).is_empty() {
            return Err(format!(
                "{launch:?} is a copy of an attempt that began at {first}; the others took {durations:?}"
            ));
        }
        self.seen.copies += 1;
        Ok(())
    }

    /// Partitions of a stage that wait for an attempt.
    fn pending(&self, key: Key, stage: &StageSpec) -> Vec<usize> {
        let waits = |partition: &usize| !self.is_there(key, *partition) && self.attempts(key, *partition).is_empty();
        stage.partitions.iter().copied().filter(waits).collect()
    }

    pub(super) fn is_there(&self, key: Key, partition: usize) -> bool {
        match key {
            Key::Map(shuffle) => self.believed.contains_key(&(shuffle, partition)),
            Key::Result(job) => self.jobs[job].results.contains_key(&partition),
        }
    }

    /// The attempts that compute a partition.
    pub(super) fn attempts(&self, key: Key, partition: usize) -> Vec<&Run> {
        let same = |run: &&Run| run.key == key && run.launch.partition == partition;
        self.runs.values().filter(same).filter(|run| run.is_wanted()).collect()
    }

    /// Who has kept the rows of a partition.
    fn keeper(&self, stage: &StageSpec, partition: usize) -> Option<ExecutorId> {
        self.kept_rows.get(&(stage.shuffle?, partition)).copied()
    }

    /// Who holds what a partition begins with.
    fn holders(&self, stage: &StageSpec, partition: usize) -> BTreeSet<ExecutorId> {
        if let Some(keeper) = self.keeper(stage, partition) {
            return BTreeSet::from([keeper]);
        }
        let holders = blocks_of(&stage.cached, partition).filter_map(|block| self.blocks.get(&block)).cloned();
        holders.into_iter().find(|holders| !holders.is_empty()).unwrap_or_default()
    }

    /// How many tasks run on an executor.
    pub(super) fn load(&self, executor: ExecutorId) -> usize {
        self.runs.values().filter(|run| run.launch.executor == executor && !run.zombie).count()
    }

    fn has_free_slot(&self, executor: ExecutorId) -> bool {
        !self.is_excluded(executor) && self.executors.get(&executor).is_some_and(|slots| self.load(executor) < *slots)
    }

    pub(super) fn is_excluded(&self, executor: ExecutorId) -> bool {
        self.health.get(&executor).is_some_and(|health| health.excluded.is_some())
    }

    /// What the end of an attempt tells of its executor.
    pub(super) fn note_health(&mut self, executor: ExecutorId, outcome: &Outcome) {
        let others = self.health.len() > 1;
        let Some(health) = self.health.get_mut(&executor) else { return };
        match outcome {
            Outcome::Succeeded(_) => health.failures = 0,
            Outcome::Failed(Failure::Lost { .. } | Failure::Memory(_)) | Outcome::Cancelled => {}
            Outcome::Failed(_) if health.excluded.is_some() => {}
            Outcome::Failed(_) => {
                health.failures += 1;
                if health.failures >= 3 && others {
                    *health = Health { failures: 0, excluded: Some(self.ticked + 60 * SECOND), bad: health.bad };
                    self.seen.excluded += 1;
                }
            }
        }
        self.keep_one();
    }

    /// What is told of executors is true.
    pub(super) fn check_told(&self, event: &Event) -> Result<(), String> {
        let (executor, told) = match event {
            Event::ExecutorExcluded { executor, .. } => (*executor, true),
            Event::ExecutorReadmitted { executor, .. } => (*executor, false),
            _ => return Ok(()),
        };
        let right = self.is_excluded(executor) == told;
        if right { Ok(()) } else { Err(format!("{event:?} is told, and is not so")) }
    }

    /// If all executors are excluded, the first one is used.
    pub(super) fn keep_one(&mut self) {
        if self.health.values().all(|health| health.excluded.is_some()) {
            let first = self.health.values_mut().min_by_key(|health| health.excluded);
            first.into_iter().for_each(|health| health.excluded = None);
        }
    }

    /// Time has passed.
    pub(super) fn readmit(&mut self) {
        let now = self.ticked;
        let over = self.health.values_mut().filter(|health| health.excluded.is_some_and(|until| until <= now));
        over.for_each(|health| health.excluded = None);
    }

    /// A job has failed: that was not its executors' fault.
    pub(super) fn forgive(&mut self) {
        self.health.values_mut().for_each(|health| (health.failures, health.excluded) = (0, None));
    }
}

/// The persisted partitions that a partition begins with, the nearest first.
pub(super) fn blocks_of(cached: &[CachedInput], partition: usize) -> impl Iterator<Item = (RddId, usize)> {
    let inputs = cached.iter().filter(move |input| input.partitions.contains(&partition));
    inputs.map(move |input| (input.rdd, partition - input.partitions.start))
}
