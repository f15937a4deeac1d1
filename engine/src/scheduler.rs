//! The scheduler: computes nothing itself, but decides which task of which stage runs when and where, and what to
//! repeat after a failure or a loss.
//!
//! The decisions are a pure state machine (`dag`), run in virtual time by the simulation. Around it: one thread that owns
//! it (`driver`) and a backend that runs tasks (`local`).

mod backend;
mod command;
mod dag;
mod driver;
pub(crate) mod edge;
mod executors;
mod job;
mod lived;
pub(crate) mod local;
mod pending;
#[cfg(test)]
mod planted;
mod remote;
#[cfg(test)]
mod sim;
mod task_set;
#[cfg(test)]
mod tests;

use crate::cluster::executors::{Executors, Wanted};
use crate::error::{Error, Result};
use crate::event_bus::EventBus;
use crate::ids::{ExecutorId, JobId, RddId, ShuffleId, StageId};
use crate::ship::code::Catalog;
use crate::work::{JobSpec, Work};
use backend::Backend;
pub(crate) use command::Cause;
pub(crate) use driver::Message;
use driver::{Driver, Reply};
use remote::RemoteBackend;
use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;

/// Runs jobs. Cheap to clone; the last handle to go stops it.
#[derive(Clone)]
pub struct Scheduler(Arc<Owner>);

/// A scheduler that others keep running.
pub(crate) struct WeakScheduler(Weak<Owner>);

impl WeakScheduler {
    /// The scheduler, if anybody keeps it running.
    pub(crate) fn upgrade(&self) -> Option<Scheduler> {
        self.0.upgrade().map(Scheduler)
    }
}

/// Owns the driver thread.
struct Owner {
    messages: Sender<Message>,
    driver: Mutex<Option<JoinHandle<()>>>,
    last_job: AtomicU64,
    last_stage: AtomicU64,
}

impl Scheduler {
    /// A scheduler over `slots` threads of this process (at least one), which tells `bus` what happens.
    pub fn start(slots: usize, bus: EventBus) -> Scheduler {
        let slots = slots.max(1);
        Scheduler::over(bus, move |reports| {
            Ok((Backend::Local(local::LocalBackend::start(slots, reports)?), Some(slots)))
        })
    }

    /// A scheduler over executors in other processes.
    pub(crate) fn start_remote(wanted: Wanted, catalog: Catalog, bus: EventBus) -> Scheduler {
        Scheduler::over(bus, move |reports| {
            let processes = Executors::start(wanted, reports.clone())?;
            Ok((Backend::Remote(Box::new(RemoteBackend::start(processes, catalog, reports)?)), None))
        })
    }

    /// A scheduler that runs nothing: executors have none of their own.
    pub(crate) fn none() -> Scheduler {
        let (messages, _) = mpsc::channel();
        Scheduler::driven(messages, None)
    }

    /// `start` makes the backend, on the thread that owns it, and says how many tasks run at once if that is known.
    fn over(
        bus: EventBus,
        start: impl FnOnce(Sender<Message>) -> std::io::Result<(Backend, Option<usize>)> + Send + 'static,
    ) -> Scheduler {
        let (messages, inbox) = mpsc::channel();
        let reports = messages.clone();
        let driver =
            std::thread::Builder::new().name("dpark-scheduler".to_owned()).spawn(move || match start(reports) {
                Ok((backend, slots)) => Driver::new(backend, bus, slots).run(inbox),
                Err(error) => refuse_all(&inbox, &error),
            });
        Scheduler::driven(messages, driver.ok())
    }

    fn driven(messages: Sender<Message>, driver: Option<JoinHandle<()>>) -> Scheduler {
        Scheduler(Arc::new(Owner {
            messages,
            driver: Mutex::new(driver),
            last_job: AtomicU64::new(0),
            last_stage: AtomicU64::new(0),
        }))
    }

    /// Runs a job and blocks until it ended. `on_result` is called once for each partition of the result stage, on the
    /// calling thread, in the order in which they finish.
    ///
    /// A job inside a task would wait for the thread that it occupies: that is an error.
    pub fn run_job(
        &self,
        spec: JobSpec,
        work: Arc<dyn Work>,
        on_result: &mut dyn FnMut(usize, Box<dyn Any + Send>),
    ) -> Result<()> {
        if edge::on_engine_thread() {
            return Err(Error::Invalid(format!(
                "{} was called inside a task: run the action first and pass its result in",
                spec.name
            )));
        }
        let (reply, replies) = mpsc::channel();
        let job = spec.id;
        self.send(Message::Submit { spec, work, reply });
        // Should `on_result` panic, the job goes with it.
        let _guard = CancelOnDrop { scheduler: self, job };
        loop {
            match replies.recv() {
                Ok(Reply::Result { partition, value }) => on_result(partition, value),
                Ok(Reply::Ended { end, work }) => {
                    // What the job's closures own goes here, on the caller's thread; should its drop panic, the job has
                    // ended all the same.
                    let _ = edge::guard(|| drop(work));
                    return end;
                }
                Err(mpsc::RecvError) => return Err(Error::Stopped),
            }
        }
    }

    /// Cancels a job: its `run_job` returns [`Error::Cancelled`], its tasks are told to stop.
    pub fn cancel_job(&self, job: JobId) {
        self.send(Message::Cancel(job));
    }

    /// Cancels every job that runs now.
    pub fn cancel_all(&self) {
        self.send(Message::CancelAll);
    }

    /// A new job id, from 1.
    pub fn next_job_id(&self) -> JobId {
        JobId(self.0.last_job.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// A new stage id, from 1.
    pub fn next_stage_id(&self) -> StageId {
        StageId(self.0.last_stage.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Whether all map outputs of a shuffle are there, so that later jobs reuse them.
    pub fn outputs_complete(&self, shuffle: ShuffleId) -> bool {
        let (reply, answer) = mpsc::channel();
        self.send(Message::OutputsComplete { shuffle, reply });
        answer.recv().unwrap_or(false)
    }

    /// No RDD refers to a shuffle any more: its outputs count until the jobs that read it now have ended, then no more.
    pub fn forget_shuffle(&self, shuffle: ShuffleId) {
        self.send(Message::ForgetShuffle(shuffle));
    }

    /// No handle of an RDD is left: executors need not know it any more.
    pub(crate) fn forget_rdd(&self, rdd: RddId) {
        self.send(Message::ForgetRdd(rdd));
    }

    /// The scheduler, without keeping it running.
    pub(crate) fn downgrade(&self) -> WeakScheduler {
        WeakScheduler(Arc::downgrade(&self.0))
    }

    /// No handle of a broadcast is left.
    pub(crate) fn forget_broadcast(&self, id: u64) {
        self.send(Message::ForgetBroadcast(id));
    }

    /// Ends the process of an executor; another one takes its place.
    pub(crate) fn kill_executor(&self, executor: ExecutorId) {
        self.send(Message::KillExecutor(executor));
    }

    /// An RDD is persisted no more.
    pub(crate) fn uncache(&self, rdd: RddId) {
        self.send(Message::Uncache(rdd));
    }

    /// Ends every job with [`Error::Stopped`] and every thread. A task that does not stop within 2 s keeps its thread
    /// until it does.
    pub fn stop(&self) {
        self.0.stop();
    }

    fn send(&self, message: Message) {
        // After `stop` there is nobody to tell; who waits for an answer sees its channel closed.
        let _ = self.0.messages.send(message);
    }
}

impl std::fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scheduler").finish_non_exhaustive()
    }
}

impl Owner {
    fn stop(&self) {
        let _ = self.messages.send(Message::Stop);
        // The last handle may go inside a task, which the driver waits for: then it ends by itself.
        if edge::on_engine_thread() {
            return;
        }
        let driver = self.driver.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(driver) = driver {
            // It does not panic; if it did, it has ended all the same.
            let _ = driver.join();
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Tells every job that there is nothing to run tasks on.
fn refuse_all(inbox: &mpsc::Receiver<Message>, problem: &std::io::Error) {
    let problem = format!("tasks cannot be run: {problem}");
    while let Ok(message) = inbox.recv() {
        match message {
            Message::Submit { work, reply, .. } => {
                // Who asked may have gone.
                let _ = reply.send(Reply::Ended { end: Err(Error::Invalid(problem.clone())), work });
            }
            Message::OutputsComplete { reply, .. } => {
                let _ = reply.send(false);
            }
            Message::Stop => break,
            _ => {}
        }
    }
}

/// Cancels a job when the wait for it ends; nothing happens if it has ended.
struct CancelOnDrop<'s> {
    scheduler: &'s Scheduler,
    job: JobId,
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.scheduler.cancel_job(self.job);
        }
    }
}
