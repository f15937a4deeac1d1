//! Second copies of attempts that are slow: near the end of a stage, an attempt that takes much longer than others did is
//! started once more on another executor. The first one to succeed counts; the other is told to stop.

use super::{Machine, Owner, Standing, planted};
use crate::id_map::IdMap;
use crate::ids::{ExecutorId, TaskId};

impl Machine {
    pub(super) fn pass_time(&mut self, now: u64) {
        self.now = self.now.max(now);
        self.executors.readmit(self.now);
        // Slots go to what has not begun first.
        self.dispatch();
        for task in self.stragglers() {
            self.copy(task);
        }
    }

    /// The attempts that are slow and alone.
    fn stragglers(&self) -> Vec<TaskId> {
        let mut limits: IdMap<Owner, Option<u64>> = IdMap::new();
        let slow = self.attempts.iter().filter(|(_, attempt)| {
            let Some(tasks) = self.tasks(attempt.owner) else { return false };
            let limit = *limits.get_or_insert_with(attempt.owner, || tasks.slow_after());
            let limit = if planted!(self, CopyTooEarly) { Some(0) } else { limit };
            let alone = !tasks.has_copy(attempt.position) || planted!(self, CopyAfterCopy);
            let slow = limit.is_some_and(|limit| self.now - attempt.began > limit);
            slow && alone && attempt.standing == Standing::Wanted
        });
        slow.map(|(task, _)| *task).collect()
    }

    /// Starts a copy of an attempt on another executor, if one has a free slot.
    fn copy(&mut self, of: TaskId) -> Option<()> {
        let attempt = self.attempts.get(&of)?;
        let (owner, position, on) = (attempt.owner, attempt.position, attempt.launch.executor);
        let place = self.place(owner)?;
        let elsewhere = |executor: &ExecutorId| *executor != on || planted!(self, CopyBesideIt);
        let executor = self.executors.with_free_slots().find(elsewhere)?;
        let task = self.next_task();
        let attempt = self.tasks_mut(owner)?.start_copy(position, task)?;
        self.begin(place, owner, position, (task, attempt), executor)
    }
}
