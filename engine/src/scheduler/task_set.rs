//! The tasks of one stage: what each partition is at.

use super::command::Count;
use super::pending::Pending;
use crate::id_map::IdMap;
use crate::ids::{ExecutorId, TaskId};
use crate::work::CachedInput;

/// An attempt is not slow before it has run for so long, in microseconds…
const SLOW_AT_LEAST: u64 = 1_000_000;
/// …and for so many times the median of those that are done.
const SLOW_TIMES: u64 = 2;

/// How often a partition was tried since it was last there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tries {
    /// Attempts that failed on their own account, or went with their executor.
    pub(crate) failures: u32,
    /// Attempts that found an input lost.
    pub(crate) losses: u32,
    /// Attempts that went with their executor through no fault of theirs.
    pub(crate) spared: u32,
}

impl Tries {
    /// Attempts made.
    pub(crate) fn total(self) -> u32 {
        self.failures + self.losses + self.spared
    }
}

/// One partition.
#[derive(Clone, Copy, Debug)]
enum Slot {
    /// Not there, nobody computes it.
    Missing(Tries),
    /// An attempt computes it.
    Running(TaskId, Tries),
    /// There.
    Done(Output),
}

/// Where and when a partition was finished.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// The executor that holds it.
    pub(crate) executor: ExecutorId,
    /// The machine's step at which it was accepted.
    pub(crate) step: u64,
}

/// The partitions of a stage, by position.
#[derive(Debug)]
pub(crate) struct TaskSet {
    slots: Vec<Slot>,
    counted: Vec<bool>,
    pending: Pending,
    undone: usize,
    /// The second attempts on positions of which the first one runs, too.
    copies: IdMap<usize, TaskId>,
    /// How long the attempts took that succeeded.
    durations: Vec<u64>,
    /// What the partitions begin with if it is persisted.
    cached: Vec<CachedInput>,
}

impl TaskSet {
    /// A set of `size` missing partitions.
    pub(crate) fn new(size: usize) -> TaskSet {
        TaskSet {
            slots: vec![Slot::Missing(Tries::default()); size],
            counted: vec![false; size],
            pending: Pending::all(size),
            undone: size,
            copies: IdMap::new(),
            durations: Vec::new(),
            cached: Vec::new(),
        }
    }

    /// Number of partitions.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether every partition is there.
    pub(crate) fn is_complete(&self) -> bool {
        self.undone == 0
    }

    /// How many partitions are not there.
    pub(crate) fn undone(&self) -> usize {
        self.undone
    }

    /// Whether a partition waits for an attempt.
    pub(crate) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The partitions that wait.
    pub(crate) fn pending(&self) -> &Pending {
        &self.pending
    }

    /// What the partitions begin with if it is persisted.
    pub(crate) fn cached(&self) -> &[CachedInput] {
        &self.cached
    }

    /// Sets what the partitions begin with if it is persisted.
    pub(crate) fn set_cached(&mut self, cached: Vec<CachedInput>) {
        self.cached = cached;
    }

    /// The executors on which a partition should be computed if they have free slots.
    pub(crate) fn prefer(&mut self, position: usize, executors: Vec<ExecutorId>) {
        self.pending.prefer(position, executors);
    }

    /// Starts `task` on a partition that waits; the attempts before.
    pub(crate) fn start(&mut self, position: usize, task: TaskId) -> Option<u32> {
        let Slot::Missing(tries) = self.slots[position] else { return None };
        self.pending.remove(position);
        self.slots[position] = Slot::Running(task, tries);
        Some(tries.total())
    }

    /// Starts `task` on a partition that one attempt computes already; the attempts before those two.
    pub(crate) fn start_copy(&mut self, position: usize, task: TaskId) -> Option<u32> {
        let Slot::Running(_, tries) = self.slots[position] else { return None };
        self.copies.insert(position, task);
        Some(tries.total())
    }

    /// Whether two attempts run on `position`.
    pub(crate) fn has_copy(&self, position: usize) -> bool {
        self.copies.contains_key(&position)
    }

    /// How long an attempt may run before it is slow: known near the end of a stage, when the last partitions are being
    /// computed.
    pub(crate) fn slow_after(&self) -> Option<u64> {
        let done = self.len() - self.undone;
        if self.has_pending() || self.is_complete() || done * 4 < self.len() * 3 || self.durations.is_empty() {
            return None;
        }
        let mut durations = self.durations.clone();
        let middle = durations.len() / 2;
        let (_, median, _) = durations.select_nth_unstable(middle);
        Some(SLOW_AT_LEAST.max(SLOW_TIMES * *median))
    }

    /// `task`, an attempt on `position`, succeeded after `micros`; the other attempt on it, if there is one.
    pub(crate) fn succeed(&mut self, position: usize, task: TaskId, output: Output, micros: u64) -> Option<TaskId> {
        let copy = self.copies.remove(&position);
        let first = match self.slots[position] {
            Slot::Running(first, _) => Some(first),
            Slot::Missing(_) | Slot::Done(_) => None,
        };
        if !matches!(self.slots[position], Slot::Done(_)) {
            self.undone -= 1;
        }
        self.slots[position] = Slot::Done(output);
        self.pending.remove(position);
        self.counted[position] = true;
        self.durations.push(micros);
        [first, copy].into_iter().flatten().find(|other| *other != task)
    }

    /// Whether an output at `position` is the first one there.
    pub(crate) fn count(&self, position: usize) -> Count {
        if self.counted[position] { Count::Again } else { Count::First }
    }

    /// `task`, an attempt on `position`, failed; the partition waits again, unless another attempt computes it. `note`
    /// counts the try.
    pub(crate) fn requeue(&mut self, position: usize, task: TaskId, note: impl FnOnce(&mut Tries)) -> Tries {
        let (running, mut tries) = match self.slots[position] {
            Slot::Missing(tries) => (None, tries),
            Slot::Running(first, tries) => (Some(first), tries),
            Slot::Done(_) => return Tries::default(),
        };
        note(&mut tries);
        let copy = self.copies.remove(&position);
        let other = [running, copy].into_iter().flatten().find(|other| *other != task);
        self.slots[position] = match other {
            Some(other) => Slot::Running(other, tries),
            None => Slot::Missing(tries),
        };
        if other.is_none() {
            self.pending.insert(position);
        }
        tries
    }

    /// The output at `position`, if it is there.
    pub(crate) fn output(&self, position: usize) -> Option<Output> {
        match self.slots.get(position)? {
            Slot::Done(output) => Some(*output),
            Slot::Missing(_) | Slot::Running(..) => None,
        }
    }

    /// The output at `position` is gone; whether it had been there.
    pub(crate) fn lose(&mut self, position: usize) -> bool {
        if self.output(position).is_none() {
            return false;
        }
        self.slots[position] = Slot::Missing(Tries::default());
        self.pending.insert(position);
        self.undone += 1;
        true
    }

    /// Positions of the outputs that `executor` holds.
    pub(crate) fn held_by(&self, executor: ExecutorId) -> Vec<usize> {
        let held = |position: &usize| self.output(*position).is_some_and(|output| output.executor == executor);
        (0..self.slots.len()).filter(held).collect()
    }

    /// Nobody wants the missing partitions any more: forgets their tries; the attempts to kill.
    pub(crate) fn abandon(&mut self) -> Vec<TaskId> {
        let mut running: Vec<TaskId> = std::mem::take(&mut self.copies).into_values().collect();
        for (position, slot) in self.slots.iter_mut().enumerate() {
            match slot {
                Slot::Running(task, _) => running.push(*task),
                Slot::Missing(_) => {}
                Slot::Done(_) => continue,
            }
            *slot = Slot::Missing(Tries::default());
            self.pending.insert(position);
        }
        running
    }
}
