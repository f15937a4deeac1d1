//! The tasks of one stage: what each partition is at.

use super::command::Count;
use crate::ids::{ExecutorId, TaskId};
use std::collections::BTreeSet;

/// How often a partition was tried since it was last there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tries {
    /// Attempts that failed on their own account, or went with their executor.
    pub(crate) failures: u32,
    /// Attempts that found an input lost.
    pub(crate) losses: u32,
}

impl Tries {
    /// Attempts made.
    pub(crate) fn total(self) -> u32 {
        self.failures + self.losses
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
    executor: ExecutorId,
    /// The machine's step at which it was accepted.
    pub(crate) step: u64,
}

/// The partitions of a stage, by position.
#[derive(Debug)]
pub(crate) struct TaskSet {
    slots: Vec<Slot>,
    counted: Vec<bool>,
    pending: BTreeSet<usize>,
    undone: usize,
}

impl TaskSet {
    /// A set of `size` missing partitions.
    pub(crate) fn new(size: usize) -> TaskSet {
        TaskSet {
            slots: vec![Slot::Missing(Tries::default()); size],
            counted: vec![false; size],
            pending: (0..size).collect(),
            undone: size,
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

    /// Starts `task` on the first partition that waits; its position and the attempts before.
    pub(crate) fn start(&mut self, task: TaskId) -> Option<(usize, u32)> {
        let position = self.pending.pop_first()?;
        let Slot::Missing(tries) = self.slots[position] else { return None };
        self.slots[position] = Slot::Running(task, tries);
        Some((position, tries.total()))
    }

    /// The attempt on `position` succeeded.
    pub(crate) fn succeed(&mut self, position: usize, executor: ExecutorId, step: u64) {
        if !matches!(self.slots[position], Slot::Done(_)) {
            self.undone -= 1;
        }
        self.slots[position] = Slot::Done(Output { executor, step });
        self.pending.remove(&position);
        self.counted[position] = true;
    }

    /// Whether an output at `position` is the first one there.
    pub(crate) fn count(&self, position: usize) -> Count {
        if self.counted[position] { Count::Again } else { Count::First }
    }

    /// The attempt on `position` failed; the partition waits again. `note` counts the try.
    pub(crate) fn requeue(&mut self, position: usize, note: impl FnOnce(&mut Tries)) -> Tries {
        let mut tries = match self.slots[position] {
            Slot::Missing(tries) | Slot::Running(_, tries) => tries,
            Slot::Done(_) => return Tries::default(),
        };
        note(&mut tries);
        self.slots[position] = Slot::Missing(tries);
        self.pending.insert(position);
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
        let mut running = Vec::new();
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
