//! What follows from the end of an attempt, and from losses.

use super::{Attempt, MAX_ATTEMPTS, MAX_LOSSES, Machine, Owner, Shuffle, Standing, planted};
use crate::error::Failure;
use crate::event::{Event, TaskEnd, TaskMetrics};
use crate::ids::{ExecutorId, ShuffleId, TaskId};
use crate::scheduler::command::{Because, Cause, Command, Outcome};
use crate::scheduler::job::Turn;
use crate::scheduler::task_set::Output;
use std::collections::BTreeSet;

impl Machine {
    pub(super) fn task_finished(&mut self, task: TaskId, outcome: Outcome) {
        let Some(attempt) = self.attempts.remove(&task) else { return };
        if !planted!(self, LeakSlot) || matches!(outcome, Outcome::Succeeded(_)) {
            self.executors.give_back(attempt.launch.executor);
        }
        let late = planted!(self, KilledCounts) && matches!(outcome, Outcome::Succeeded(_));
        if attempt.standing == Standing::Killed && !late {
            return self.report(&attempt, TaskEnd::Cancelled);
        }
        self.judge(attempt.launch.executor, &outcome);
        match outcome {
            Outcome::Succeeded(metrics) => self.task_succeeded(&attempt, metrics),
            Outcome::Failed(failure) => {
                self.report(&attempt, TaskEnd::Failed(failure.to_string()));
                self.task_failed(&attempt, failure);
            }
            Outcome::Cancelled => {
                let failure = Failure::Other("the task stopped without being told to".to_owned());
                self.report(&attempt, TaskEnd::Failed(failure.to_string()));
                self.try_again(&attempt, failure);
            }
        }
    }

    /// Notes what an attempt tells of the executor that it ran on. Lost inputs tell of others, too much memory of the task.
    fn judge(&mut self, executor: ExecutorId, outcome: &Outcome) {
        match outcome {
            Outcome::Succeeded(_) => self.executors.succeeded(executor),
            Outcome::Failed(Failure::Lost { .. } | Failure::Memory(_)) | Outcome::Cancelled => {}
            Outcome::Failed(_) if planted!(self, ExclusionIgnored) => {}
            Outcome::Failed(_) => self.executors.failed(executor, self.now),
        }
    }

    fn task_succeeded(&mut self, attempt: &Attempt, metrics: TaskMetrics) {
        self.report(attempt, TaskEnd::Succeeded(metrics));
        let super::Launch { task, job, partition, executor, .. } = attempt.launch;
        let (output, took) = (Output { executor, step: self.step }, self.now - attempt.began);
        let Some(tasks) = self.tasks_mut(attempt.owner) else { return };
        let beaten = tasks.succeed(attempt.position, task, output, took);
        let complete = tasks.is_complete();
        if !planted!(self, BeatenRunsOn) {
            self.kill(beaten, Because::Beaten);
        }
        self.inputs_read(attempt);
        match attempt.owner {
            Owner::Map(shuffle) => self.rows_taken(shuffle, partition),
            Owner::Result(turn) => {
                if let Some(shuffle) = self.jobs.get(&turn).and_then(|job| job.keeps_rows_for) {
                    self.rows_kept(shuffle, partition, executor);
                }
            }
        }
        self.commands.push(Command::Accept { task, job, partition });
        match attempt.owner {
            Owner::Result(turn) if complete => self.end_job(turn, Ok(())),
            Owner::Map(shuffle) if complete => self.completed(shuffle),
            Owner::Map(shuffle) if planted!(self, OneOutputShort) => self.completed(shuffle),
            Owner::Result(_) | Owner::Map(_) => {}
        }
    }

    fn task_failed(&mut self, attempt: &Attempt, failure: Failure) {
        match &failure {
            Failure::Lost { outputs, .. } => {
                let outputs = outputs.clone();
                self.inputs_lost(attempt, &outputs, failure);
            }
            _ if failure.may_pass_on_retry() || planted!(self, RetryHopeless) => self.try_again(attempt, failure),
            _ => {
                let attempts = attempt.launch.attempt + 1;
                self.give_up(attempt, attempts, failure);
            }
        }
    }

    /// The attempt failed on its own account: once more, if it was not the last time.
    fn try_again(&mut self, attempt: &Attempt, failure: Failure) {
        let Some(tasks) = self.tasks_mut(attempt.owner) else { return };
        let mut tries = tasks.requeue(attempt.position, attempt.launch.task, |tries| tries.failures += 1);
        if planted!(self, FailedCopyRepeated) {
            let others = |other: &&Attempt| (other.owner, other.position) == (attempt.owner, attempt.position);
            let other = self.attempts.values().find(others).map_or(attempt.launch.task, |other| other.launch.task);
            tries = self.tasks_mut(attempt.owner).map_or(tries, |tasks| tasks.requeue(attempt.position, other, |_| {}));
        }
        if tries.failures >= MAX_ATTEMPTS && !planted!(self, RetryForEver) {
            return self.give_up(attempt, tries.total(), failure);
        }
        self.refresh(attempt.owner);
    }

    /// The attempt found inputs lost: they are computed again, then the attempt repeated. The losses stand also when the job
    /// fails of them: later jobs must not count on those outputs.
    fn inputs_lost(&mut self, attempt: &Attempt, outputs: &[(ShuffleId, usize)], failure: Failure) {
        let Some(tasks) = self.tasks_mut(attempt.owner) else { return };
        let tries = tasks.requeue(attempt.position, attempt.launch.task, |tries| tries.losses += 1);
        let shuffles: BTreeSet<ShuffleId> = outputs.iter().map(|(shuffle, _)| *shuffle).collect();
        let mut hopeless = planted!(self, LossesBlameReader) && tries.losses >= MAX_LOSSES;
        for shuffle in shuffles {
            hopeless |= !self.add_input(attempt.owner, shuffle);
        }
        for (shuffle, map) in outputs {
            // What was computed after the attempt began is not what the attempt missed.
            if self.is_newer(*shuffle, *map, attempt) && !planted!(self, StaleLoss) {
                continue;
            }
            hopeless |= self.count_missed(*shuffle, *map) >= MAX_LOSSES && !planted!(self, LossForEver);
            self.output_lost(*shuffle, *map);
        }
        if hopeless {
            return self.give_up(attempt, tries.total(), failure);
        }
        self.refresh(attempt.owner);
    }

    /// Whether an output was computed after the attempt began.
    fn is_newer(&self, shuffle: ShuffleId, map: usize, attempt: &Attempt) -> bool {
        let output = self.shuffles.get(&shuffle).and_then(|shuffle| shuffle.tasks.output(map));
        output.is_some_and(|output| output.step > attempt.launched_at)
    }

    /// A reader has missed an output: how often in a row that is. Nothing if others have missed the same copy of it before.
    fn count_missed(&mut self, shuffle: ShuffleId, map: usize) -> u32 {
        let Some(shuffle) = self.shuffles.get_mut(&shuffle) else { return 0 };
        if shuffle.tasks.output(map).is_none() {
            return 0;
        }
        let missed = shuffle.missed.entry(map).or_default();
        *missed += 1;
        *missed
    }

    /// The attempt has read its inputs: those that had been missed before are good now.
    fn inputs_read(&mut self, attempt: &Attempt) {
        let turn = self.turns.get(&attempt.launch.job);
        let Some(job) = turn.and_then(|turn| self.jobs.get(turn)) else { return };
        for input in &job.stages[attempt.launch.stage].inputs {
            let Some(shuffle) = self.shuffles.get_mut(input) else { continue };
            let Shuffle { tasks, missed, .. } = shuffle;
            let read = |map: usize| tasks.output(map).is_some_and(|output| output.step <= attempt.launched_at);
            missed.retain(|map, _| !read(*map));
        }
    }

    /// Notes that the stage reads `shuffle`; whether the job it runs for can compute that.
    fn add_input(&mut self, owner: Owner, shuffle: ShuffleId) -> bool {
        let turns: Vec<Turn> = match owner {
            Owner::Map(written) => self.shuffles.get(&written).map(|known| known.demand.iter().copied().collect()),
            Owner::Result(turn) => Some(vec![turn]),
        }
        .unwrap_or_default();
        let mut known = false;
        // The earliest job, whose turn it is, is asked last.
        for turn in turns.into_iter().rev() {
            let Some(job) = self.jobs.get_mut(&turn) else { continue };
            let stage = match owner {
                Owner::Map(written) => job.writers[&written],
                Owner::Result(_) => job.result_stage(),
            };
            known = job.add_input(stage, shuffle);
            for demanded in self.demand_inputs(turn) {
                self.refresh_map(demanded);
            }
        }
        known
    }

    /// Every job that waits for the attempt's stage fails. A partition that fails again and again, or
    /// cannot succeed, is to blame itself, not the executors that tried it.
    fn give_up(&mut self, attempt: &Attempt, attempts: u32, failure: Failure) {
        self.executors.forgive();
        let stages: Vec<(Turn, usize)> = match attempt.owner {
            Owner::Result(turn) => vec![(turn, attempt.launch.stage)],
            Owner::Map(shuffle) => self
                .shuffles
                .get(&shuffle)
                .map(|shuffle| shuffle.demand.iter().map(|turn| (*turn, shuffle.users[turn])).collect())
                .unwrap_or_default(),
        };
        for (turn, stage) in stages {
            let Some(job) = self.jobs.get(&turn) else { continue };
            let error = job.failure(stage, attempt.launch.partition, attempts, failure.clone());
            self.end_job(turn, Err(error));
        }
    }

    pub(super) fn output_lost(&mut self, shuffle_id: ShuffleId, map: usize) {
        if planted!(self, LossIgnored) {
            return;
        }
        let Some(shuffle) = self.shuffles.get_mut(&shuffle_id) else { return };
        let was_complete = shuffle.tasks.is_complete();
        if !shuffle.tasks.lose(map) {
            return;
        }
        if was_complete {
            self.disturbed(shuffle_id);
        } else {
            self.refresh_map(shuffle_id);
        }
    }

    /// Nothing starts on the executor any more. What runs there may still end, and what it holds may still be read.
    pub(super) fn executor_leaving(&mut self, executor: ExecutorId) {
        if !planted!(self, LeavingIgnored) {
            self.executors.remove(executor);
            self.blocks_lost(executor);
        }
    }

    pub(super) fn executor_lost(&mut self, executor: ExecutorId, why: &str, cause: Cause) {
        self.executors.remove(executor);
        self.blocks_lost(executor);
        if !planted!(self, OutputsOutliveExecutor) {
            let held = self.shuffles.iter().map(|(shuffle, state)| (*shuffle, state.tasks.held_by(executor)));
            let held: Vec<(ShuffleId, Vec<usize>)> = held.collect();
            for (shuffle, maps) in held {
                maps.into_iter().for_each(|map| self.output_lost(shuffle, map));
            }
        }
        let on_it = self.attempts.iter().filter(|(_, attempt)| attempt.launch.executor == executor);
        let on_it: Vec<TaskId> = on_it.map(|(task, _)| *task).collect();
        for task in on_it {
            self.attempt_lost(task, executor, why, cause);
        }
    }

    fn attempt_lost(&mut self, task: TaskId, executor: ExecutorId, why: &str, cause: Cause) {
        if planted!(self, ZombieCounts) {
            if let Some(attempt) = self.attempts.get(&task) {
                let (owner, position) = (attempt.owner, attempt.position);
                self.tasks_mut(owner).map(|tasks| tasks.requeue(position, task, |tries| tries.failures += 1));
                self.refresh(owner);
            }
            return;
        }
        let Some(attempt) = self.attempts.remove(&task) else { return };
        if attempt.standing == Standing::Killed {
            return self.report(&attempt, TaskEnd::Cancelled);
        }
        let failure = Failure::Other(format!("executor {executor} was lost: {why}"));
        self.report(&attempt, TaskEnd::Failed(failure.to_string()));
        match cause {
            Cause::Others if !planted!(self, SparedCounts) => self.repeat(&attempt),
            Cause::Others | Cause::Tasks => self.try_again(&attempt, failure),
        }
    }

    /// The attempt has ended through no fault of its own: once more.
    fn repeat(&mut self, attempt: &Attempt) {
        let Some(tasks) = self.tasks_mut(attempt.owner) else { return };
        tasks.requeue(attempt.position, attempt.launch.task, |tries| tries.spared += 1);
        self.refresh(attempt.owner);
    }

    fn report(&mut self, attempt: &Attempt, end: TaskEnd) {
        let (task, stage, partition) = (attempt.launch.task, attempt.stage, attempt.launch.partition);
        self.emit(Event::TaskFinished { task, stage, partition, end, at: 0 });
    }
}
