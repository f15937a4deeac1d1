//! STAND-IN until part-b is merged: the same interface, a few plain threads, no retry but for lost map outputs.

use crate::error::{Error, Failure, Result, TaskFailure};
use crate::event_bus::EventBus;
use crate::ids::{JobId, ShuffleId, StageId};
use crate::task::{Stop, TaskContext};
use crate::work::{JobSpec, TaskOutput, Work};
use std::any::Any;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

/// Runs jobs.
#[derive(Clone)]
pub struct Scheduler(Arc<Inner>);

struct Inner {
    slots: usize,
    jobs: AtomicU64,
    stages: AtomicU64,
    complete: Mutex<HashSet<ShuffleId>>,
    running: Mutex<Vec<(JobId, TaskContext)>>,
}

type Ended = (usize, std::result::Result<TaskOutput, Stop>);

impl Scheduler {
    /// A scheduler with so many threads.
    pub fn start(slots: usize, _bus: EventBus) -> Scheduler {
        Scheduler(Arc::new(Inner {
            slots,
            jobs: AtomicU64::new(0),
            stages: AtomicU64::new(0),
            complete: Mutex::default(),
            running: Mutex::default(),
        }))
    }

    /// Runs a job.
    pub fn run_job(
        &self,
        spec: JobSpec,
        work: Arc<dyn Work>,
        on_result: &mut dyn FnMut(usize, Box<dyn Any + Send>),
    ) -> Result<()> {
        let last = spec.stages.len() - 1;
        let mut at = 0;
        let mut given = HashSet::new();
        let mut losses = 0;
        'stages: while at <= last {
            let stage = &spec.stages[at];
            if stage.shuffle.is_some_and(|shuffle| self.outputs_complete(shuffle)) {
                at += 1;
                continue;
            }
            let mut failed = None;
            self.run_stage(spec.id, &work, at, &stage.partitions, &mut |partition, end| match end {
                Ok(TaskOutput::MapOutput) => {}
                Ok(TaskOutput::Value(value)) => {
                    if given.insert(partition) {
                        on_result(partition, value)
                    }
                }
                Err(stop) => failed = Some((partition, stop)),
            });
            if let Some((partition, stop)) = failed {
                if let Stop::Failed(Failure::Lost { shuffle, .. }) = &stop
                    && losses < 4
                    && let Some(map_stage) = spec.stages.iter().position(|stage| stage.shuffle == Some(*shuffle))
                {
                    losses += 1;
                    self.lock_complete().remove(shuffle);
                    at = map_stage;
                    continue 'stages;
                }
                return Err(match stop {
                    Stop::Cancelled => Error::Cancelled { job: spec.id },
                    Stop::Failed(cause) => Error::Task(Box::new(TaskFailure {
                        stage: stage.id,
                        stage_name: stage.info.name.clone(),
                        call_site: stage.info.call_site.clone(),
                        partition,
                        attempts: 1,
                        cause,
                    })),
                });
            }
            if let Some(shuffle) = stage.shuffle {
                self.lock_complete().insert(shuffle);
            }
            at += 1;
        }
        Ok(())
    }

    fn run_stage(
        &self,
        job: JobId,
        work: &Arc<dyn Work>,
        stage: usize,
        partitions: &[usize],
        each: &mut dyn FnMut(usize, std::result::Result<TaskOutput, Stop>),
    ) {
        let next = AtomicUsize::new(0);
        let (send, receive) = mpsc::channel::<Ended>();
        std::thread::scope(|scope| {
            for _ in 0..self.0.slots.min(partitions.len()) {
                let (send, next) = (send.clone(), &next);
                scope.spawn(move || {
                    while let Some(&partition) = partitions.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let task = TaskContext::default();
                        self.lock_running().push((job, task.clone()));
                        let end = catch_unwind(AssertUnwindSafe(|| work.run(stage, partition, &task)));
                        self.lock_running().retain(|(_, running)| running.id() != task.id());
                        let end = end.unwrap_or_else(|panic| {
                            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                            let message = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
                            Err(Failure::Panic { message, location: None }.into())
                        });
                        if send.send((partition, end)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(send);
            for (partition, end) in receive {
                each(partition, end);
            }
        });
    }

    fn lock_complete(&self) -> std::sync::MutexGuard<'_, HashSet<ShuffleId>> {
        self.0.complete.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_running(&self) -> std::sync::MutexGuard<'_, Vec<(JobId, TaskContext)>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cancels a job.
    pub fn cancel_job(&self, job: JobId) {
        self.lock_running().iter().filter(|(id, _)| *id == job).for_each(|(_, task)| task.cancel());
    }

    /// Cancels all jobs.
    pub fn cancel_all(&self) {
        self.lock_running().iter().for_each(|(_, task)| task.cancel());
    }

    /// A new job's number.
    pub fn next_job_id(&self) -> JobId {
        JobId(self.0.jobs.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// A new stage's number.
    pub fn next_stage_id(&self) -> StageId {
        StageId(self.0.stages.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Whether all map outputs of a shuffle are there.
    pub fn outputs_complete(&self, shuffle: ShuffleId) -> bool {
        self.lock_complete().contains(&shuffle)
    }

    /// The map outputs of a shuffle are gone.
    pub fn forget_shuffle(&self, shuffle: ShuffleId) {
        self.lock_complete().remove(&shuffle);
    }

    /// Stops.
    pub fn stop(&self) {}
}
