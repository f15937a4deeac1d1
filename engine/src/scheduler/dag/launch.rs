//! Starting attempts while there are free slots.

use super::{Attempt, Machine, Owner, Standing, planted};
use crate::event::Event;
use crate::ids::{ExecutorId, TaskId};
use crate::scheduler::command::{Command, Launch};
use crate::scheduler::job::Turn;

impl Machine {
    /// Gives the free slots to the first stage of the queue.
    pub(super) fn dispatch(&mut self) {
        while self.executors.emptiest().is_some()
            && let Some((&place, &owner)) = self.queue.first_key_value()
        {
            let chosen = self.choose(owner);
            if chosen.and_then(|(executor, position)| self.launch(place, owner, position, executor)).is_none() {
                self.queue.remove(&place);
            }
        }
    }

    /// Starts a partition that waits.
    fn launch(&mut self, place: (Turn, usize), owner: Owner, position: usize, executor: ExecutorId) -> Option<()> {
        let task = self.next_task();
        let tasks = self.tasks_mut(owner)?;
        let attempt = tasks.start(position, task)?;
        let exhausted = !tasks.has_pending();
        self.begin(place, owner, position, (task, attempt), executor)?;
        if exhausted {
            self.refresh(owner);
        }
        if planted!(self, EndEarly) && exhausted && matches!(owner, Owner::Result(_)) {
            self.end_job(place.0, Ok(()));
        }
        Some(())
    }

    pub(super) fn next_task(&mut self) -> TaskId {
        self.last_task += 1;
        TaskId(self.last_task)
    }

    /// Begins an attempt: the task, and how often its partition was tried before.
    pub(super) fn begin(
        &mut self,
        place: (Turn, usize),
        owner: Owner,
        position: usize,
        (task, attempt): (TaskId, u32),
        executor: ExecutorId,
    ) -> Option<()> {
        let (turn, stage) = place;
        let partition = self.partition(owner, position);
        let job = self.jobs.get(&turn)?;
        let stage_id = job.stages[stage].id;
        let launch = Launch { task, job: job.id, stage, partition, attempt, executor };
        let (launched_at, began, standing) = (self.step, self.now, Standing::Wanted);
        let running = Attempt { owner, position, launch, stage: stage_id, launched_at, began, standing };
        self.attempts.insert(task, running);
        self.executors.take(executor);
        let is_copy = self.tasks(owner).is_some_and(|tasks| tasks.has_copy(position));
        self.emit(Event::TaskStarted { task, stage: stage_id, partition, attempt, executor, is_copy, at: 0 });
        self.commands.push(Command::Launch(launch));
        Some(())
    }
}
