//! The backend with executors in other processes: sends each of them what it needs, and makes reports of what they answer.

use super::command::{Because, Cause, Outcome};
use super::driver::{Message, Report};
use super::edge;
use super::local::Assignment;
use crate::broadcast::{ShippedBroadcast, ShippedValue};
use crate::cluster::executors::{Ended, Executors, Lost};
use crate::cluster::hub::{End, Line};
use crate::cluster::libraries::announce_all;
use crate::cluster::protocol::{Answer, AnswerEnd, Hello, Place, ToExecutor};
use crate::error::Failure;
use crate::ids::{ExecutorId, JobId, RddId, ShuffleId, TaskId};
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
    running: BTreeMap<TaskId, Assignment>,
    /// Attempts that were told to stop, and until when they may take.
    killed: BTreeMap<TaskId, Instant>,
    /// Where map outputs are.
    outputs: BTreeMap<ShuffleId, Outputs>,
    /// Reads what tasks have sent, and drops what users own: neither is for the scheduler's thread.
    helpers: ThreadPool,
    reports: Sender<Message>,
}

/// An executor, and what it knows.
struct Known {
    line: Line,
    jobs: BTreeSet<JobId>,
    rdds: HashSet<RddId>,
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
            killed: BTreeMap::new(),
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
        let killed = &mut self.killed;
        self.running.retain(|task, assignment| {
            let stays = assignment.executor != executor;
            if !stays {
                killed.remove(task);
            }
            stays
        });
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
                let ready = known.prepare(&assignment, &self.catalog, &self.processes, &mut self.outputs);
                ready.map(|()| known.line.send(&ToExecutor::Task { task, job, stage, partition }))
            }
        };
        let work = Arc::clone(&assignment.work);
        self.running.insert(task, assignment);
        if let Err(problem) = sent {
            let outcome = Outcome::Failed(Failure::Other(problem.to_string()));
            let report =
                Report { task, stage, partition, outcome, output: None, work, context: TaskContext::default() };
            let _ = self.reports.send(Message::Finished(report));
        }
    }

    /// Asks an attempt to stop.
    pub(crate) fn kill(&mut self, task: TaskId, because: Because) {
        let executor = self.running.get(&task).and_then(|running| self.executors.get(&running.executor));
        if let Some(known) = executor {
            known.line.send(&ToExecutor::Kill(task));
            let patience = match because {
                Because::Unwanted => DEAF,
                Because::Beaten => DEAF_AND_BEATEN,
            };
            self.killed.insert(task, Instant::now() + patience);
        }
    }

    /// An attempt has ended: what it has left is read, then reported.
    pub(crate) fn answered(&mut self, executor: ExecutorId, answer: Answer) {
        let Answer { task, metrics, end } = answer;
        let Some(Assignment { stage, partition, work, executor: on, .. }) = self.running.get(&task) else { return };
        // An executor answers for its own tasks.
        if *on != executor {
            return;
        }
        let (stage, partition, work) = (*stage, *partition, Arc::clone(work));
        let reports = self.reports.clone();
        self.helpers.spawn(move || {
            let context = TaskContext::default();
            let (outcome, output) = match end {
                AnswerEnd::Failed(failure) => (Outcome::Failed(failure), None),
                AnswerEnd::Cancelled | AnswerEnd::Large(_) => (Outcome::Cancelled, None),
                AnswerEnd::Done(reply) => match edge::guard(|| work.receive(stage, &reply, &context)) {
                    Ok(Ok(TaskOutput::MapOutput)) => (Outcome::Succeeded(metrics), None),
                    Ok(Ok(TaskOutput::Value(value))) => (Outcome::Succeeded(metrics), Some(value)),
                    Ok(Err(failure)) | Err(failure) => (Outcome::Failed(failure), None),
                },
            };
            let report = Report { task, stage, partition, outcome, output, work, context };
            // The driver is gone only if the context was stopped.
            let _ = reports.send(Message::Finished(report));
        });
    }

    /// The attempt was reported. If it `counts`, its map output is the one that others read.
    pub(crate) fn finished(&mut self, task: TaskId, counts: bool) {
        self.killed.remove(&task);
        let Some(Assignment { executor, partition, shuffle, .. }) = self.running.remove(&task) else { return };
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
            || self.running.values().any(|assignment| assignment.shuffle == Some(shuffle));
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

    /// Ends the processes that take too long to join.
    pub(crate) fn end_the_late(&mut self) {
        self.processes.end_the_late();
    }

    /// Ends the executors with tasks that were told to stop and have not, for their code takes no notice; those executors.
    pub(crate) fn end_the_deaf(&mut self) -> BTreeSet<ExecutorId> {
        let now = Instant::now();
        let deaf: Vec<TaskId> = self.killed.iter().filter(|(_, by)| **by <= now).map(|(task, _)| *task).collect();
        let mut ended = BTreeSet::new();
        for task in deaf {
            self.killed.remove(&task);
            if let Some(running) = self.running.get(&task) {
                let why = "a task on it did not stop when it was told to";
                self.processes.kill(running.executor, why, Cause::Others);
                ended.insert(running.executor);
            }
        }
        ended
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
        let mut shipment = Shipment { known: self.rdds.clone(), shipper, bytes: Vec::new() };
        work.ship(&mut shipment).map_err(|failure| ShipError::new(failure.to_string()))?;
        let Shipment { known, mut shipper, bytes } = shipment;
        let broadcasts = std::mem::take(&mut shipper.broadcasts);
        let unknown = broadcasts.into_iter().filter(|(id, _)| !self.broadcasts.contains(id));
        let unknown: Vec<ShippedBroadcast> =
            unknown.map(|(_, broadcast)| broadcast.ship(&mut shipper)).collect::<Result<_, _>>()?;
        for number in shipper.libraries {
            for library in announce_all(catalog, number, &mut |number| self.libraries.insert(number))? {
                self.line.send(&ToExecutor::Library(library));
            }
        }
        for broadcast in unknown {
            self.broadcasts.insert(broadcast.id);
            if let ShippedValue::Chunks(_) = broadcast.value {
                processes.holders().offer(broadcast.id);
            }
            self.line.send(&ToExecutor::Broadcast(broadcast));
        }
        self.line.send(&ToExecutor::Job { job, work: bytes });
        self.jobs.insert(job);
        self.rdds = known;
        Ok(())
    }
}
