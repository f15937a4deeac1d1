//! The backend with executors in other processes: sends each of them what it needs, and makes reports of what they answer.

use super::command::{Because, Cause, Outcome};
use super::driver::{Message, Report};
use super::edge;
use super::local::Assignment;
use crate::broadcast::{ShippedBroadcast, ShippedValue};
use crate::cluster::executors::{Ended, Executors, Lost};
use crate::cluster::hub::{End, Line, Packed};
use crate::cluster::libraries::announce_all;
use crate::cluster::protocol::{Answer, AnswerEnd, Hello, Place, ToExecutor};
use crate::error::Failure;
use crate::ids::{ExecutorId, JobId, RddId, ShuffleId, TaskId};
use crate::net::frame::LIMIT;
use crate::ship::code::Catalog;
use crate::ship::{ShipError, Shipment, Shipper};
use crate::task::TaskContext;
use crate::work::{TaskOutput, Work};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, HashSet};
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
    catalog: Catalog,
    executors: BTreeMap<ExecutorId, Known>,
    running: BTreeMap<TaskId, Attempt>,
    /// Where map outputs are.
    outputs: BTreeMap<ShuffleId, Outputs>,
    /// Reads what tasks have sent, and drops what users own: neither is for the scheduler's thread.
    helpers: ThreadPool,
    reports: Sender<Message>,
}

/// An attempt that was not reported yet.
struct Attempt {
    assignment: Assignment,
    progress: Progress,
}

/// How far an attempt has come.
#[derive(Clone, Copy)]
enum Progress {
    Runs,
    /// It was told to stop, and may take so long.
    Stops {
        until: Instant,
    },
    /// It has stopped; what it has left is being read.
    Answered,
}

/// An executor, and what it knows.
struct Known {
    line: Line,
    jobs: BTreeSet<JobId>,
    /// The RDDs that it was sent.
    rdds: HashSet<RddId>,
    /// Those of them that it can use, as far as is known.
    usable: HashSet<RddId>,
    libraries: BTreeSet<u32>,
    broadcasts: BTreeSet<u64>,
    /// The state of each shuffle's outputs that it was told.
    outputs: BTreeMap<ShuffleId, u64>,
}

/// The map outputs of a shuffle.
#[derive(Default)]
struct Outputs {
    at: Vec<Option<Place>>,
    /// Counts the changes.
    version: u64,
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
        Ok(RemoteBackend {
            processes,
            catalog,
            executors: BTreeMap::new(),
            running: BTreeMap::new(),
            outputs: BTreeMap::new(),
            helpers,
            reports,
        })
    }

    /// An executor has joined: it is welcomed.
    pub(crate) fn joined(&mut self, executor: ExecutorId, hello: &Hello, line: Line) {
        self.processes.joined(executor, hello, &line);
        let known = Known {
            line,
            jobs: BTreeSet::new(),
            rdds: HashSet::new(),
            usable: HashSet::new(),
            libraries: BTreeSet::new(),
            broadcasts: BTreeSet::new(),
            outputs: BTreeMap::new(),
        };
        self.executors.insert(executor, known);
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
        for outputs in self.outputs.values_mut() {
            for place in outputs.at.iter_mut().filter(|place| place.is_some_and(|place| place.executor == executor)) {
                *place = None;
                outputs.version += 1;
            }
        }
    }

    /// Starts an attempt.
    pub(crate) fn launch(&mut self, assignment: Assignment) {
        let Assignment { task, job, stage, partition, executor, .. } = assignment;
        let sent = match self.executors.get_mut(&executor) {
            // News that it is gone come later, and end the attempt.
            None => Ok(()),
            Some(known) => {
                // It writes values of the user's.
                let ready =
                    edge::guard(|| known.prepare(&assignment, &self.catalog, &self.processes, &mut self.outputs));
                let ready = ready.and_then(|ready| ready.map_err(|problem| Failure::Other(problem.to_string())));
                ready.map(|()| known.line.send(&ToExecutor::Task { task, job, stage, partition }))
            }
        };
        let work = Arc::clone(&assignment.work);
        self.running.insert(task, Attempt { assignment, progress: Progress::Runs });
        if let Err(failure) = sent {
            let outcome = Outcome::Failed(failure);
            let report =
                Report { task, stage, partition, outcome, output: None, work, context: TaskContext::default() };
            let _ = self.reports.send(Message::Finished(report));
        }
    }

    /// Asks an attempt to stop.
    pub(crate) fn kill(&mut self, task: TaskId, because: Because) {
        let Some(Attempt { assignment, progress }) = self.running.get_mut(&task) else { return };
        if let Some(known) = self.executors.get(&assignment.executor)
            && !matches!(progress, Progress::Answered)
        {
            known.line.send(&ToExecutor::Kill(task));
            let patience = match because {
                Because::Unwanted => DEAF,
                Because::Beaten => DEAF_AND_BEATEN,
            };
            *progress = Progress::Stops { until: Instant::now() + patience };
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
                    // To other jobs it is sent again.
                    known.usable.clear();
                    known.libraries.clear();
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
        let outputs = self.outputs.entry(shuffle).or_default();
        if outputs.at.len() <= partition {
            outputs.at.resize(partition + 1, None);
        }
        outputs.at[partition] = Some(Place { executor, task });
        outputs.version += 1;
    }

    /// Removes what an attempt that does not count may have left, if nobody has an output of the shuffle to read.
    fn sweep(&self, executor: ExecutorId, shuffle: ShuffleId) {
        let in_use = self.outputs.contains_key(&shuffle)
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
        for known in self.executors.values_mut() {
            if known.jobs.remove(&job) {
                known.line.send(&ToExecutor::EndJob(job));
            }
        }
    }

    /// No handle of an RDD is left.
    pub(crate) fn forget_rdd(&mut self, rdd: RddId) {
        for known in self.executors.values_mut() {
            known.usable.remove(&rdd);
            if known.rdds.remove(&rdd) {
                known.line.send(&ToExecutor::ForgetRdd(rdd));
            }
        }
    }

    /// No handle of a broadcast is left.
    pub(crate) fn forget_broadcast(&mut self, id: u64) {
        self.processes.holders().forget(id);
        for known in self.executors.values_mut() {
            if known.broadcasts.remove(&id) {
                known.line.send(&ToExecutor::ForgetBroadcast(id));
            }
        }
    }

    /// An RDD is persisted no more.
    pub(crate) fn uncache(&mut self, rdd: RddId) {
        for known in self.executors.values().filter(|known| known.rdds.contains(&rdd)) {
            known.line.send(&ToExecutor::Uncache(rdd));
        }
    }

    /// Ends the process of an executor, of which news come.
    pub(crate) fn kill_executor(&mut self, executor: ExecutorId, why: &str, cause: Cause) {
        self.processes.kill(executor, why, cause);
    }

    /// Nobody reads a shuffle any more.
    pub(crate) fn forget_shuffle(&mut self, shuffle: ShuffleId) {
        if self.outputs.remove(&shuffle).is_some() {
            for known in self.executors.values_mut() {
                known.outputs.remove(&shuffle);
                known.line.send(&ToExecutor::ForgetShuffle(shuffle));
            }
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
        self.processes.end_the_late();
        self.processes.fill_vacancies()
    }

    /// Asks for [`Message::EndDeaf`] if an attempt takes too long to stop: what has been said until now is heard before that.
    pub(crate) fn notice_the_deaf(&self) {
        let now = Instant::now();
        if self.running.values().any(|attempt| attempt.is_deaf(now)) {
            // The driver is gone only if the context was stopped.
            let _ = self.reports.send(Message::EndDeaf { since: now });
        }
    }

    /// Ends the executors with tasks that should have stopped by then and have not, for their code takes no notice; those
    /// executors.
    pub(crate) fn end_the_deaf(&mut self, since: Instant) -> BTreeSet<ExecutorId> {
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
    fn is_deaf(&self, by: Instant) -> bool {
        matches!(self.progress, Progress::Stops { until } if until <= by)
    }
}

impl Known {
    /// Sends what a task needs and the executor does not know yet.
    fn prepare(
        &mut self,
        assignment: &Assignment,
        catalog: &Catalog,
        processes: &Executors,
        outputs: &mut BTreeMap<ShuffleId, Outputs>,
    ) -> Result<(), ShipError> {
        if !self.jobs.contains(&assignment.job) {
            self.send_job(assignment.job, &*assignment.work, catalog, processes)?;
        }
        for shuffle in &assignment.inputs {
            let Some(Outputs { at, version }) = outputs.get(shuffle) else { continue };
            if self.outputs.insert(*shuffle, *version) != Some(*version) {
                self.line.send(&ToExecutor::Outputs { shuffle: *shuffle, at: at.clone() });
            }
        }
        Ok(())
    }

    fn send_job(
        &mut self,
        job: JobId,
        work: &dyn Work,
        catalog: &Catalog,
        processes: &Executors,
    ) -> Result<(), ShipError> {
        let shipper = Shipper::new(catalog.clone(), processes.offers.clone());
        let mut shipment = Shipment { known: self.usable.clone(), shipper, bytes: Vec::new() };
        work.ship(&mut shipment).map_err(|failure| ShipError::new(failure.to_string()))?;
        let Shipment { known, mut shipper, bytes } = shipment;
        let broadcasts = std::mem::take(&mut shipper.broadcasts);
        let unknown = broadcasts.into_iter().filter(|(id, _)| !self.broadcasts.contains(id));
        let unknown: Vec<ShippedBroadcast> =
            unknown.map(|(_, broadcast)| broadcast.ship(&mut shipper)).collect::<Result<_, _>>()?;
        let (mut libraries, mut messages) = (self.libraries.clone(), Vec::new());
        for number in shipper.libraries {
            let announced = announce_all(catalog, number, &mut |number| libraries.insert(number))?;
            messages.extend(announced.into_iter().map(ToExecutor::Library));
        }
        let broadcasts: Vec<u64> = unknown.iter().map(|broadcast| broadcast.id).collect();
        let in_chunks = unknown.iter().filter(|broadcast| matches!(broadcast.value, ShippedValue::Chunks(_)));
        let in_chunks: Vec<u64> = in_chunks.map(|broadcast| broadcast.id).collect();
        messages.extend(unknown.into_iter().map(ToExecutor::Broadcast));
        messages.push(ToExecutor::Job { job, work: bytes });
        let packed = messages.iter().map(|message| Packed::new(message, LIMIT)).collect::<Result<Vec<_>, _>>()?;
        // From here on nothing fails: what is noted as sent is sent.
        in_chunks.into_iter().for_each(|id| processes.holders().offer(id));
        packed.into_iter().for_each(|message| self.line.send_packed(message));
        self.broadcasts.extend(broadcasts);
        self.libraries = libraries;
        self.jobs.insert(job);
        self.rdds.extend(&known);
        self.usable = known;
        Ok(())
    }
}
