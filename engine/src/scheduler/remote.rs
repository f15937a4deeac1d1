//! The backend with executors in other processes: sends each of them what it needs, and makes reports of what they answer.

mod known;
mod outputs;
mod packing;

pub(crate) use packing::Parcel;

use super::command::{Because, Cause, Outcome};
use super::driver::{Message, Report};
use super::edge;
use super::lived::LivedTime;
use super::local::Assignment;
use crate::cluster::executors::{Ended, Executors, Lost};
use crate::cluster::hub::{End, Line};
use crate::cluster::protocol::{Answer, AnswerEnd, Hello, Place, ToExecutor};
use crate::error::Failure;
use crate::ids::{ExecutorId, JobId, RddId, ShuffleId, TaskId};
use crate::ship::code::Catalog;
use crate::task::TaskContext;
use crate::work::TaskOutput;
use known::{Known, Wait};
use outputs::MapOutputs;
use packing::Packers;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// A task that was told to stop may take so long.
const DEAF: Duration = Duration::from_secs(2);
/// One that is not wanted because another attempt was faster may take so long: its executor holds what later tasks need,
/// and nobody waits for the slot.
const DEAF_AND_BEATEN: Duration = Duration::from_secs(60);

/// See the module.
pub(crate) struct RemoteBackend {
    /// Who starts and ends the processes.
    processes: Executors,
    packers: Packers,
    executors: BTreeMap<ExecutorId, Known>,
    running: BTreeMap<TaskId, Attempt>,
    outputs: MapOutputs,
    /// Reads what tasks have sent, and drops what users own: neither is for the scheduler's thread.
    helpers: ThreadPool,
    reports: Sender<Message>,
    clock: LivedTime,
}

/// An attempt that was not reported yet.
struct Attempt {
    assignment: Assignment,
    progress: Progress,
}

/// How far an attempt has come.
#[derive(Clone, Copy)]
enum Progress {
    /// Its job is being packed.
    Waits,
    Runs,
    /// It was told to stop, and may take so long.
    Stops {
        until: Duration,
    },
    /// It has stopped; what it has left is being read.
    Answered,
}

impl RemoteBackend {
    pub(crate) fn start(
        processes: Executors,
        catalog: Catalog,
        reports: Sender<Message>,
    ) -> std::io::Result<RemoteBackend> {
        let helpers = ThreadPoolBuilder::new()
            .num_threads(1)
            .panic_handler(drop)
            .thread_name(|_| "dpark-results".to_owned())
            .start_handler(|_| edge::enter_thread())
            .build()
            .map_err(std::io::Error::other)?;
        let packers = Packers::start(catalog, processes.offers.clone(), reports.clone())?;
        Ok(RemoteBackend {
            processes,
            packers,
            executors: BTreeMap::new(),
            running: BTreeMap::new(),
            outputs: MapOutputs::default(),
            helpers,
            reports,
            clock: LivedTime::start(Instant::now()),
        })
    }

    /// An executor has joined: it is welcomed.
    pub(crate) fn joined(&mut self, executor: ExecutorId, hello: &Hello, line: Line) {
        self.processes.joined(executor, hello, &line);
        self.executors.insert(executor, Known::new(line));
        let peers = self.processes.peers();
        for known in self.executors.values() {
            known.line.send(&ToExecutor::Peers(peers.clone()));
        }
    }

    /// The connection to an executor has ended. What it had is lost once its process has ended, too: then it is known how.
    pub(crate) fn left(&mut self, executor: ExecutorId, how: End) -> Option<Lost> {
        self.forget_executor(executor);
        self.processes.left(executor, how)
    }

    /// An executor is gone, with the tasks it ran and the map outputs it had.
    fn forget_executor(&mut self, executor: ExecutorId) {
        self.executors.remove(&executor);
        self.running.retain(|_, attempt| attempt.assignment.executor != executor);
        self.outputs.lose(executor);
    }

    /// Starts an attempt, or has its job packed first.
    pub(crate) fn launch(&mut self, assignment: Assignment) {
        let Assignment { task, job, executor, .. } = assignment;
        let progress = match self.executors.get_mut(&executor) {
            // News that it is gone come later, and end the attempt.
            None => Progress::Waits,
            Some(known) => match known.expect(job, task) {
                Wait::No => {
                    known.begin(&assignment, &self.outputs);
                    Progress::Runs
                }
                Wait::ForParcel => Progress::Waits,
                Wait::ForPacking => {
                    self.packers.pack(executor, job, Arc::clone(&assignment.work), known.basis());
                    Progress::Waits
                }
            },
        };
        self.running.insert(task, Attempt { assignment, progress });
    }

    /// A job was packed: it is sent, and the tasks that wait for it begin.
    pub(crate) fn packed(&mut self, Parcel { executor, job, contents }: Parcel) {
        // What was packed for one that is gone, or for a job that has ended, is of no use.
        let Some(known) = self.executors.get_mut(&executor) else { return };
        let contents = match contents {
            Ok(contents) => contents,
            Err(failure) => {
                let waiting = known.give_up(job);
                return waiting.into_iter().for_each(|task| self.end_waiting(task, Outcome::Failed(failure.clone())));
            }
        };
        if !known.can_use(&contents) {
            let mut waiting = known.waiting(job).iter().filter_map(|task| self.running.get(task));
            let work = waiting.next().map(|attempt| Arc::clone(&attempt.assignment.work));
            return match work {
                Some(work) => self.packers.pack(executor, job, work, known.basis()),
                None => drop(known.give_up(job)),
            };
        }
        for task in known.deliver(job, contents, self.processes.holders()) {
            if let Some(Attempt { assignment, progress }) = self.running.get_mut(&task)
                && matches!(progress, Progress::Waits)
            {
                known.begin(assignment, &self.outputs);
                *progress = Progress::Runs;
            }
        }
    }

    /// Reports an attempt that waits and will not run.
    fn end_waiting(&mut self, task: TaskId, outcome: Outcome) {
        let Some(Attempt { assignment, progress: progress @ Progress::Waits }) = self.running.get_mut(&task) else {
            return;
        };
        *progress = Progress::Answered;
        let Assignment { stage, partition, work, .. } = assignment;
        let (stage, partition, work, context) = (*stage, *partition, Arc::clone(work), TaskContext::default());
        let report = Report { task, stage, partition, outcome, output: None, work, context };
        // The driver is gone only if the context was stopped.
        let _ = self.reports.send(Message::Finished(report));
    }

    /// Asks an attempt to stop.
    pub(crate) fn kill(&mut self, task: TaskId, because: Because) {
        let Some(Attempt { assignment, progress }) = self.running.get_mut(&task) else { return };
        match progress {
            Progress::Answered => {}
            Progress::Waits => self.end_waiting(task, Outcome::Cancelled),
            Progress::Runs | Progress::Stops { .. } => {
                let Some(known) = self.executors.get(&assignment.executor) else { return };
                known.line.send(&ToExecutor::Kill(task));
                let patience = match because {
                    Because::Unwanted => DEAF,
                    Because::Beaten => DEAF_AND_BEATEN,
                };
                *progress = Progress::Stops { until: self.clock.now() + patience };
            }
        }
    }

    /// An attempt has stopped; it takes its time until what it has left is here. The assignment, if it is this executor's.
    pub(crate) fn stopped(&mut self, executor: ExecutorId, task: TaskId) -> Option<&Assignment> {
        let attempt = self.running.get_mut(&task).filter(|attempt| attempt.assignment.executor == executor)?;
        attempt.progress = Progress::Answered;
        Some(&attempt.assignment)
    }

    /// An attempt has ended: what it has left is read, then reported.
    pub(crate) fn answered(&mut self, executor: ExecutorId, answer: Answer) {
        let Answer { task, metrics, end } = answer;
        let Some(Assignment { stage, partition, work, .. }) = self.stopped(executor, task) else { return };
        let (stage, partition, work) = (*stage, *partition, Arc::clone(work));
        let (reports, context) = (self.reports.clone(), TaskContext::default());
        let report = move |outcome, output, work, context| {
            let report = Report { task, stage, partition, outcome, output, work, context };
            // The driver is gone only if the context was stopped.
            let _ = reports.send(Message::Finished(report));
        };
        match end {
            // They do not wait for the results of others.
            AnswerEnd::Unusable(problem) => {
                if let Some(known) = self.executors.get_mut(&executor) {
                    known.send_again();
                }
                report(Outcome::Failed(Failure::Other(problem)), None, work, context);
            }
            AnswerEnd::Failed(failure) => report(Outcome::Failed(failure), None, work, context),
            AnswerEnd::Cancelled | AnswerEnd::Large(_) => report(Outcome::Cancelled, None, work, context),
            AnswerEnd::Done(reply) => self.helpers.spawn(move || {
                let (outcome, output) = match edge::guard(|| work.receive(stage, &reply, &context)) {
                    Ok(Ok(TaskOutput::MapOutput)) => (Outcome::Succeeded(metrics), None),
                    Ok(Ok(TaskOutput::Value(value))) => (Outcome::Succeeded(metrics), Some(value)),
                    Ok(Err(failure)) | Err(failure) => (Outcome::Failed(failure), None),
                };
                report(outcome, output, work, context);
            }),
        }
    }

    /// The attempt was reported. If it `counts`, its map output is the one that others read.
    pub(crate) fn finished(&mut self, task: TaskId, counts: bool) {
        let Some(Attempt { assignment, .. }) = self.running.remove(&task) else { return };
        let Assignment { executor, partition, shuffle, .. } = assignment;
        let Some(shuffle) = shuffle else { return };
        if !counts {
            return self.sweep(executor, shuffle);
        }
        self.outputs.put(shuffle, partition, Place { executor, task });
    }

    /// Removes what an attempt that does not count may have left, if nobody has an output of the shuffle to read.
    fn sweep(&self, executor: ExecutorId, shuffle: ShuffleId) {
        let in_use = self.outputs.get(shuffle).is_some()
            || self.running.values().any(|attempt| attempt.assignment.shuffle == Some(shuffle));
        if let Some(known) = self.executors.get(&executor).filter(|_| !in_use) {
            known.line.send(&ToExecutor::ForgetShuffle(shuffle));
        }
    }

    /// Whether it matters that time passes.
    pub(crate) fn needs_time(&self) -> bool {
        !self.is_idle() || self.processes.are_expected()
    }

    /// Whether no attempt is running.
    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Drops values of the user's where a panic, or a drop that takes its time, does no harm.
    pub(crate) fn discard(&self, values: impl Any + Send) {
        self.helpers.spawn(move || drop(values));
    }

    /// A job has ended.
    pub(crate) fn job_ended(&mut self, job: JobId) {
        self.executors.values_mut().for_each(|known| known.end_job(job));
    }

    /// No handle of an RDD is left.
    pub(crate) fn forget_rdd(&mut self, rdd: RddId) {
        self.executors.values_mut().for_each(|known| known.forget_rdd(rdd));
    }

    /// No handle of a broadcast is left.
    pub(crate) fn forget_broadcast(&mut self, id: u64) {
        self.processes.holders().forget(id);
        self.executors.values_mut().for_each(|known| known.forget_broadcast(id));
    }

    /// An RDD is persisted no more.
    pub(crate) fn uncache(&mut self, rdd: RddId) {
        self.executors.values_mut().for_each(|known| known.uncache(rdd));
    }

    /// Ends the process of an executor, of which news come.
    pub(crate) fn kill_executor(&mut self, executor: ExecutorId, why: &str, cause: Cause) {
        self.processes.kill(executor, why, cause);
    }

    /// Nobody reads a shuffle any more.
    pub(crate) fn forget_shuffle(&mut self, shuffle: ShuffleId) {
        if self.outputs.forget(shuffle) {
            self.executors.values_mut().for_each(|known| known.forget_shuffle(shuffle));
        }
    }

    /// Ends the executors.
    pub(crate) fn stop(mut self) {
        for known in self.executors.values() {
            known.line.send(&ToExecutor::Stop);
        }
        self.processes.stop();
    }

    /// A process of an executor has ended.
    pub(crate) fn process_ended(&mut self, process: u32, status: &std::io::Result<ExitStatus>) -> Ended {
        self.processes.ended(process, status)
    }

    /// Sees to executors that have not joined: those that take too long are ended, and others are started for those that have
    /// ended. What is wrong, if there is no executor and none can be had.
    pub(crate) fn tend_processes(&mut self) -> Option<String> {
        self.processes.end_the_late(self.clock.now());
        self.processes.fill_vacancies()
    }

    /// Time has passed.
    pub(crate) fn pass_time(&mut self) {
        self.clock.pass(Instant::now());
    }

    /// Asks for [`Message::EndDeaf`] if an attempt takes too long to stop: what has been said until now is heard before that.
    pub(crate) fn notice_the_deaf(&self) {
        let now = self.clock.now();
        if self.running.values().any(|attempt| attempt.is_deaf(now)) {
            // The driver is gone only if the context was stopped.
            let _ = self.reports.send(Message::EndDeaf { since: now });
        }
    }

    /// Ends the executors with tasks that should have stopped by then and have not, for their code takes no notice; those
    /// executors.
    pub(crate) fn end_the_deaf(&mut self, since: Duration) -> BTreeSet<ExecutorId> {
        let deaf = self.running.values_mut().filter(|attempt| attempt.is_deaf(since));
        let ended: BTreeSet<ExecutorId> = deaf
            .map(|attempt| {
                // Once is enough.
                attempt.progress = Progress::Answered;
                attempt.assignment.executor
            })
            .collect();
        let why = "a task on it did not stop when it was told to";
        ended.iter().for_each(|executor| self.processes.kill(*executor, why, Cause::Others));
        ended
    }
}

impl Attempt {
    /// Whether it should have stopped by then.
    fn is_deaf(&self, by: Duration) -> bool {
        matches!(self.progress, Progress::Stops { until } if until <= by)
    }
}
