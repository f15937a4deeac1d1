//! The scheduler's state machine: inputs in, commands out; no clock, no thread, no IO, no randomness. So it runs in
//! virtual time in tests.
//!
//! Map stages belong to their shuffle, not to a job: jobs that read the same shuffle share its tasks, and a later job
//! finds the outputs there. A job *demands* a shuffle while it needs outputs of it that are missing; tasks run on
//! behalf of the earliest job that demands them. Result stages belong to their job.

mod demand;
mod launch;
mod locality;
mod outcome;
mod speculation;
#[cfg(test)]
mod tests;

use super::command::{Because, Command, Count, Input, Launch};
use super::executors::{Change, Executors};
use super::job::{Job, Phase, Turn};
use super::task_set::TaskSet;
use crate::error::Error;
use crate::event::{Event, JobEnd};
use crate::ids::{JobId, ShuffleId, StageId, TaskId};
use crate::work::JobSpec;
use locality::Blocks;
use std::collections::{BTreeMap, BTreeSet};

/// Whether a planted bug is switched on; never, outside tests.
macro_rules! planted {
    ($machine:expr, $bug:ident) => {{
        #[cfg(test)]
        let on = $machine.bug == Some(crate::scheduler::planted::Bug::$bug);
        #[cfg(not(test))]
        let on = false;
        on
    }};
}
pub(crate) use planted;

/// A partition is tried this often on its own account.
pub(crate) const MAX_ATTEMPTS: u32 = 4;

/// A map output may be missed this often before anybody has read it. The readers are not to blame, however many outputs they
/// miss: only an output that is computed and lost again and again is hopeless. What goes with its executor does not count.
pub(crate) const MAX_LOSSES: u32 = 4;

/// The tasks of which stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    /// The map stage of a shuffle.
    Map(ShuffleId),
    /// The result stage of a job.
    Result(Turn),
}

impl Owner {
    /// Comes before all others.
    const FIRST: Owner = Owner::Map(ShuffleId(0));
}

/// A map stage: the outputs of a shuffle.
#[derive(Debug)]
struct Shuffle {
    tasks: TaskSet,
    /// The running jobs with a stage that writes it, and which stage.
    users: BTreeMap<Turn, usize>,
    /// Those that need outputs which are missing.
    demand: BTreeSet<Turn>,
    /// Its place in the queue, if its tasks may start.
    queued: Option<(Turn, usize)>,
    /// How often in a row readers have missed an output, of those that were missed.
    missed: BTreeMap<usize, u32>,
    keep: Keep,
}

/// Whether a shuffle's outputs stay when no running job has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    ForLaterJobs,
    WhileUsed,
}

/// An attempt that was launched and not reported.
#[derive(Debug)]
struct Attempt {
    owner: Owner,
    position: usize,
    launch: Launch,
    stage: StageId,
    launched_at: u64,
    /// The time at which it was launched.
    began: u64,
    standing: Standing,
}

/// Whether anybody waits for an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Wanted,
    Killed,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    /// Counts inputs, to tell what came before what.
    step: u64,
    /// The time, in microseconds, as far as the machine was told.
    now: u64,
    last_task: u64,
    last_turn: u64,
    jobs: BTreeMap<Turn, Job>,
    turns: BTreeMap<JobId, Turn>,
    shuffles: BTreeMap<ShuffleId, Shuffle>,
    attempts: BTreeMap<TaskId, Attempt>,
    /// Stages with tasks that may start: earlier jobs first, then earlier stages.
    queue: BTreeMap<(Turn, usize), Owner>,
    executors: Executors,
    blocks: Blocks,
    commands: Vec<Command>,
    #[cfg(test)]
    pub(crate) bug: Option<super::planted::Bug>,
}

impl Machine {
    /// Takes in what happened; what to do about it, in order.
    pub(crate) fn apply(&mut self, input: Input) -> Vec<Command> {
        self.step += 1;
        match input {
            Input::Submit(spec) => self.submit(spec),
            Input::Cancel(job) => self.cancel(job),
            Input::CancelAll => {
                let jobs: Vec<JobId> = self.jobs.values().map(|job| job.id).collect();
                jobs.into_iter().for_each(|job| self.cancel(job));
            }
            Input::TaskFinished { task, outcome } => self.task_finished(task, outcome),
            Input::OutputLost { shuffle, map } => self.output_lost(shuffle, map),
            Input::ForgetShuffle(shuffle) => self.forget(shuffle),
            Input::ExecutorAdded { id, slots } => self.executors.add(id, slots),
            Input::ExecutorLeaving(id) => self.executor_leaving(id),
            Input::ExecutorLost { id, why, cause } => self.executor_lost(id, &why, cause),
            Input::BlockStored { rdd, partition, executor } => self.block_stored(rdd, partition, executor),
            Input::BlockRemoved { rdd, partition, executor } => self.block_removed(rdd, partition, executor),
            Input::Tick { now } => self.pass_time(now),
        }
        self.dispatch();
        self.tell_of_executors();
        std::mem::take(&mut self.commands)
    }

    /// Whether all outputs of a shuffle are there.
    pub(crate) fn outputs_complete(&self, shuffle: ShuffleId) -> bool {
        self.shuffles.get(&shuffle).is_some_and(|shuffle| self.is_complete(shuffle))
    }

    /// What the success of a running attempt would mean; none if nobody waits for it.
    pub(crate) fn counts(&self, task: TaskId) -> Option<Count> {
        let attempt = self.attempts.get(&task).filter(|attempt| attempt.standing == Standing::Wanted)?;
        let tasks = self.tasks(attempt.owner)?;
        Some(if planted!(self, RecomputationCounts) { Count::First } else { tasks.count(attempt.position) })
    }

    /// The jobs that have not ended.
    #[cfg(test)]
    pub(crate) fn running_jobs(&self) -> Vec<JobId> {
        self.jobs.values().map(|job| job.id).collect()
    }

    /// Whether nothing is remembered.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
            && self.turns.is_empty()
            && self.shuffles.is_empty()
            && self.attempts.is_empty()
            && self.queue.is_empty()
            && self.blocks.has_no_readers()
    }

    fn submit(&mut self, mut spec: JobSpec) {
        let job = match self.admit(&spec) {
            Ok(job) => job,
            Err(error) => return self.commands.push(Command::JobEnded { job: spec.id, end: Err(error) }),
        };
        self.last_turn += 1;
        let turn = Turn(self.last_turn);
        for (shuffle, stage) in &job.writers {
            let entry = self.shuffles.entry(*shuffle).or_insert_with(|| Shuffle {
                tasks: TaskSet::new(spec.stages[*stage].partitions.len()),
                users: BTreeMap::new(),
                demand: BTreeSet::new(),
                queued: None,
                missed: BTreeMap::new(),
                keep: Keep::ForLaterJobs,
            });
            entry.users.insert(turn, *stage);
            entry.keep = Keep::ForLaterJobs;
        }
        let result = job.result_stage();
        let empty = job.results.is_complete();
        self.turns.insert(job.id, turn);
        self.jobs.insert(turn, job);
        for stage in &mut spec.stages {
            let owner = stage.shuffle.map_or(Owner::Result(turn), Owner::Map);
            self.begin_with(owner, std::mem::take(&mut stage.cached));
        }
        let demanded = if empty { Vec::new() } else { self.demand_inputs(turn) };
        self.set_phase(turn, result, Phase::Waiting);
        let skipped = self.jobs[&turn].stages.iter().filter(|stage| stage.phase == Phase::Skipped);
        let skipped = skipped.map(|stage| stage.id).collect();
        let stages = spec.stages.into_iter().map(|stage| stage.info).collect();
        let JobSpec { id: job, name, call_site, .. } = spec;
        self.emit(Event::JobStarted { job, name, call_site, stages, skipped, at: 0 });
        demanded.into_iter().for_each(|shuffle| self.refresh_map(shuffle));
        self.refresh_result(turn);
        if empty {
            self.end_job(turn, Ok(()));
        }
    }

    /// Whether `spec` can be run beside what is known already.
    fn admit(&self, spec: &JobSpec) -> Result<Job, Error> {
        let job = Job::new(spec)?;
        if self.turns.contains_key(&job.id) {
            return Err(Error::Invalid(format!("job {} is running already", job.id)));
        }
        for (shuffle, stage) in &job.writers {
            let size = spec.stages[*stage].partitions.len();
            if let Some(known) = self.shuffles.get(shuffle).filter(|known| known.tasks.len() != size) {
                let known = known.tasks.len();
                return Err(Error::Invalid(format!("shuffle {shuffle} has {known} map outputs, not {size}")));
            }
        }
        Ok(job)
    }

    fn cancel(&mut self, job: JobId) {
        let Some(turn) = self.turns.get(&job).copied() else { return };
        if planted!(self, CancelKeepsQueue) {
            return self.commands.push(Command::JobEnded { job, end: Err(Error::Cancelled { job }) });
        }
        self.end_job(turn, Err(Error::Cancelled { job }));
    }

    /// Takes a job out of the books: its queued tasks, and the running ones that no other job demands.
    fn end_job(&mut self, turn: Turn, end: Result<(), Error>) {
        self.forget_reader(Owner::Result(turn));
        let Some(mut job) = self.jobs.remove(&turn) else { return };
        self.turns.remove(&job.id);
        self.queue.remove(&(turn, job.result_stage()));
        if end.is_ok() {
            let stage = job.stages[job.result_stage()].id;
            self.emit(Event::StageFinished { stage, at: 0 });
        }
        let mut running = job.results.abandon();
        if planted!(self, CopyOutlivesJob) {
            let mut first = BTreeSet::new();
            running.sort();
            running.retain(|task| self.attempts.get(task).is_some_and(|attempt| first.insert(attempt.position)));
        }
        self.kill(running, Because::Unwanted);
        let mut unused = Vec::new();
        for shuffle_id in job.writers.keys() {
            let Some(shuffle) = self.shuffles.get_mut(shuffle_id) else { continue };
            shuffle.users.remove(&turn);
            if shuffle.users.is_empty() {
                shuffle.missed.clear();
            }
            let demanded = shuffle.demand.remove(&turn);
            let dispensable = shuffle.demand.is_empty();
            if shuffle.users.is_empty() && shuffle.keep == Keep::WhileUsed {
                unused.push(*shuffle_id);
            }
            if demanded && planted!(self, KillShared) {
                let running: Vec<TaskId> = self.attempts_on(Owner::Map(*shuffle_id));
                self.kill(running, Because::Unwanted);
            } else if demanded && dispensable {
                let running = self.shuffles.get_mut(shuffle_id).map(|shuffle| shuffle.tasks.abandon());
                self.kill(running.unwrap_or_default(), Because::Unwanted);
            }
            self.refresh_map(*shuffle_id);
        }
        let how = match &end {
            Ok(()) => JobEnd::Succeeded,
            Err(Error::Cancelled { .. }) => JobEnd::Cancelled,
            Err(error) => JobEnd::Failed(error.to_string()),
        };
        self.emit(Event::JobFinished { job: job.id, end: how, at: 0 });
        self.commands.push(Command::JobEnded { job: job.id, end });
        unused.into_iter().for_each(|shuffle| self.remove_shuffle(shuffle));
    }

    fn forget(&mut self, shuffle: ShuffleId) {
        let in_use = !planted!(self, ForgetInUse);
        match self.shuffles.get_mut(&shuffle) {
            Some(known) if in_use && !known.users.is_empty() => {
                known.keep = Keep::WhileUsed;
                if planted!(self, OutputsRemovedInUse) {
                    self.commands.push(Command::RemoveOutputs(shuffle));
                }
            }
            Some(_) => self.remove_shuffle(shuffle),
            None => self.forget_kept(shuffle),
        }
    }

    fn remove_shuffle(&mut self, shuffle: ShuffleId) {
        self.forget_reader(Owner::Map(shuffle));
        self.forget_kept(shuffle);
        self.shuffles.remove(&shuffle);
        self.commands.push(Command::RemoveOutputs(shuffle));
    }

    fn kill(&mut self, tasks: impl IntoIterator<Item = TaskId>, because: Because) {
        for task in tasks {
            if let Some(attempt) = self.attempts.get_mut(&task) {
                attempt.standing = Standing::Killed;
                self.commands.push(Command::Kill { task, because });
            }
        }
    }

    fn attempts_on(&self, owner: Owner) -> Vec<TaskId> {
        let wanted = |attempt: &Attempt| attempt.owner == owner && attempt.standing == Standing::Wanted;
        self.attempts.iter().filter(|(_, attempt)| wanted(attempt)).map(|(task, _)| *task).collect()
    }

    /// The partition at a position of `owner`.
    fn partition(&self, owner: Owner, position: usize) -> usize {
        let job = if let Owner::Result(turn) = owner { self.jobs.get(&turn) } else { None };
        job.map_or(position, |job| job.partitions[position])
    }

    fn tasks(&self, owner: Owner) -> Option<&TaskSet> {
        match owner {
            Owner::Map(shuffle) => self.shuffles.get(&shuffle).map(|shuffle| &shuffle.tasks),
            Owner::Result(turn) => self.jobs.get(&turn).map(|job| &job.results),
        }
    }

    fn tasks_mut(&mut self, owner: Owner) -> Option<&mut TaskSet> {
        match owner {
            Owner::Map(shuffle) => self.shuffles.get_mut(&shuffle).map(|shuffle| &mut shuffle.tasks),
            Owner::Result(turn) => self.jobs.get_mut(&turn).map(|job| &mut job.results),
        }
    }

    /// Tells which executors get no tasks for a while, and which get some again.
    fn tell_of_executors(&mut self) {
        for change in self.executors.take_changes() {
            match change {
                Change::Excluded(executor) => self.emit(Event::ExecutorExcluded { executor, at: 0 }),
                Change::Readmitted(_) if planted!(self, ReadmissionUntold) => {}
                Change::Readmitted(executor) => self.emit(Event::ExecutorReadmitted { executor, at: 0 }),
            }
        }
    }

    fn emit(&mut self, event: Event) {
        self.commands.push(Command::Emit(event));
    }
}
