//! The backend of `local`: tasks on the threads of one pool in this process.

use super::command::Outcome;
use super::driver::{Message, Report};
use super::edge;
use crate::id_map::IdMap;
use crate::ids::{ExecutorId, JobId, ShuffleId, TaskId};
use crate::task::{Stop, TaskContext};
use crate::work::{TaskOutput, Work};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::any::Any;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::Instant;

/// A rayon pool of our own, never the global one: a closure's `par_iter` runs on it too.
pub(crate) struct LocalBackend {
    pool: ThreadPool,
    threads: Vec<JoinHandle<()>>,
    reports: Sender<Message>,
    running: IdMap<TaskId, TaskContext>,
}

/// The stack of a thread that runs tasks. Partitions that are computed inside others (joins of what is partitioned alike, for
/// one) take some kilobytes each; what is not used is not there.
const STACK: usize = 64 << 20;

/// A pool for tasks.
pub(crate) fn pool(slots: usize) -> std::io::Result<(ThreadPool, Vec<JoinHandle<()>>)> {
    let mut threads = Vec::new();
    let pool = ThreadPoolBuilder::new()
        .num_threads(slots)
        // Whatever is dropped on the pool may panic; there is nobody to tell.
        .panic_handler(drop)
        .spawn_handler(|thread| {
            let name = format!("dpark-task-{}", thread.index());
            threads.push(std::thread::Builder::new().name(name).stack_size(STACK).spawn(move || {
                edge::enter_task_thread(STACK);
                thread.run();
            })?);
            Ok(())
        })
        .build()
        .map_err(std::io::Error::other)?;
    Ok((pool, threads))
}

/// What to run.
pub(crate) struct Assignment {
    pub(crate) task: TaskId,
    pub(crate) job: JobId,
    pub(crate) stage: usize,
    pub(crate) partition: usize,
    pub(crate) executor: ExecutorId,
    /// The shuffle whose map outputs the stage makes.
    pub(crate) shuffle: Option<ShuffleId>,
    /// The shuffles that it reads.
    pub(crate) inputs: Vec<ShuffleId>,
    pub(crate) work: Arc<dyn Work>,
}

impl LocalBackend {
    /// A pool of `slots` threads that reports to `reports`.
    pub(crate) fn start(slots: usize, reports: Sender<Message>) -> std::io::Result<LocalBackend> {
        let (pool, threads) = pool(slots)?;
        Ok(LocalBackend { pool, threads, reports, running: IdMap::new() })
    }

    /// Starts an attempt.
    pub(crate) fn launch(&mut self, assignment: Assignment) {
        let context = TaskContext::default();
        self.running.insert(assignment.task, context.clone());
        let reports = self.reports.clone();
        self.pool.spawn(move || {
            let report = run(assignment, context);
            // The driver is gone only if the context was stopped.
            let _ = reports.send(Message::Finished(report));
        });
    }

    /// Asks an attempt to stop.
    pub(crate) fn kill(&self, task: TaskId) {
        if let Some(context) = self.running.get(&task) {
            context.cancel();
        }
    }

    /// The attempt was reported.
    pub(crate) fn finished(&mut self, task: TaskId) {
        self.running.remove(&task);
    }

    /// Whether no attempt is running.
    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Drops values of the user's where a panic, or a drop that takes its time, does no harm.
    pub(crate) fn discard(&self, values: impl Any + Send) {
        self.pool.spawn(move || drop(values));
    }

    /// Ends the threads and waits for them; not if a task still runs, which nothing can stop: its thread ends with it.
    pub(crate) fn stop(self) {
        let idle = self.is_idle();
        drop(self.pool);
        if idle {
            for thread in self.threads {
                // A pool thread does not panic, and if it did there is no more to do about it.
                let _ = thread.join();
            }
        }
    }
}

fn run(assignment: Assignment, context: TaskContext) -> Report {
    let Assignment { task, stage, partition, work, .. } = assignment;
    let began = Instant::now();
    let result = edge::guard(|| {
        context.check()?;
        work.run(stage, partition, &context)
    });
    let mut metrics = context.metrics();
    metrics.run_micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    let (outcome, output) = match result {
        Ok(Ok(TaskOutput::MapOutput)) => (Outcome::Succeeded(metrics), None),
        Ok(Ok(TaskOutput::Value(value))) => (Outcome::Succeeded(metrics), Some(value)),
        Ok(Err(Stop::Cancelled)) => (Outcome::Cancelled, None),
        Ok(Err(Stop::Failed(failure))) => (Outcome::Failed(failure), None),
        Err(panic) => (Outcome::Failed(panic), None),
    };
    Report { task, stage, partition, outcome, output, work, context }
}
