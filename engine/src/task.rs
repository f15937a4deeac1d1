//! What a running task is told: who it is, and whether to go on. It is passed down, never looked up, since a nested
//! `par_iter` may run another task's work on the same thread.

use crate::accumulator::TaskUpdates;
use crate::error::Failure;
use crate::event::TaskMetrics;
use crate::ids::TaskId;
use crate::shuffle::Inputs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Handed to everything that computes a partition. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct TaskContext(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    cancelled: AtomicBool,
    /// Why it was told to stop, if that makes it fail.
    failure: OnceLock<Failure>,
    rows: AtomicU64,
    shuffle_write_bytes: AtomicU64,
    shuffle_read_bytes: AtomicU64,
    input_bytes: AtomicU64,
    updates: TaskUpdates,
    /// The tolerated part of bad records.
    err: OnceLock<f64>,
    bad: Mutex<Vec<BadRecords>>,
    /// The attempt, in a process of an executor.
    id: OnceLock<TaskId>,
    /// What was fetched for it there.
    inputs: OnceLock<Inputs>,
    /// Whether it has to begin anew, with more.
    lacks_inputs: AtomicBool,
}

/// Bad records that one source or operator has left out.
#[derive(Clone, Debug)]
pub(crate) struct BadRecords {
    pub(crate) operator: &'static str,
    pub(crate) rows: u64,
    /// What was wrong with the first one.
    pub(crate) example: String,
}

/// Why a task stopped before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// It was cancelled.
    Cancelled,
    /// It failed.
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Stop {
        Stop::Failed(failure)
    }
}

impl TaskContext {
    /// Asks the task to stop at its next batch.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
    }

    /// Lets the task fail at its next batch.
    pub(crate) fn fail(&self, failure: Failure) {
        // The first reason is the one that is told.
        let _ = self.0.failure.set(failure);
        self.0.cancelled.store(true, Ordering::Release);
    }

    /// Why it was told to fail, if it was.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.0.failure.get().cloned()
    }

    /// `Err` once the task was cancelled; long loops call it every few milliseconds.
    pub fn check(&self) -> std::result::Result<(), Stop> {
        if !self.0.cancelled.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(self.failure().map_or(Stop::Cancelled, Stop::Failed))
    }

    /// Counts rows at the end of the task's pipeline.
    pub fn add_rows(&self, rows: u64) {
        self.0.rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// Counts bytes of map output written.
    pub fn add_shuffle_write(&self, bytes: u64) {
        self.0.shuffle_write_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts bytes of map output read.
    pub fn add_shuffle_read(&self, bytes: u64) {
        self.0.shuffle_read_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts bytes read from files.
    pub fn add_input(&self, bytes: u64) {
        self.0.input_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Where accumulators of this attempt collect their updates; the driver merges them when the attempt succeeds.
    pub fn updates(&self) -> &TaskUpdates {
        &self.0.updates
    }

    /// Tells an attempt in a process of an executor who it is, before it begins.
    pub(crate) fn name(&self, id: TaskId) {
        // Told once.
        let _ = self.0.id.set(id);
    }

    /// The attempt; 0 in the driver's process.
    pub(crate) fn id(&self) -> TaskId {
        self.0.id.get().copied().unwrap_or(TaskId(0))
    }

    /// Hands over what was fetched for it, before it begins.
    pub(crate) fn provide(&self, inputs: Inputs) {
        // Done once.
        let _ = self.0.inputs.set(inputs);
    }

    /// What was fetched for it.
    pub(crate) fn inputs(&self) -> Option<&Inputs> {
        self.0.inputs.get()
    }

    /// Something that it reads was not fetched, since it seemed to be persisted: it stops, is given more, and begins anew.
    pub(crate) fn stop_for_inputs(&self) -> Stop {
        self.0.lacks_inputs.store(true, Ordering::Release);
        Stop::Cancelled
    }

    /// Whether it has stopped for want of inputs.
    pub(crate) fn lacks_inputs(&self) -> bool {
        self.0.lacks_inputs.load(Ordering::Acquire)
    }

    /// Tells which part of its records may be bad, before the task begins.
    pub(crate) fn tolerate(&self, err: f64) {
        // Told once.
        let _ = self.0.err.set(err);
    }

    /// The part of its records that may be bad.
    pub(crate) fn err(&self) -> f64 {
        self.0.err.get().copied().unwrap_or(0.0)
    }

    /// Counts a bad record that was left out.
    pub(crate) fn add_bad_record(&self, operator: &'static str, why: &str) {
        let mut bad = self.0.bad.lock().unwrap_or_else(PoisonError::into_inner);
        match bad.iter_mut().find(|known| known.operator == operator) {
            Some(known) => known.rows += 1,
            None => bad.push(BadRecords { operator, rows: 1, example: why.to_owned() }),
        }
    }

    /// The bad records so far.
    pub(crate) fn bad_records(&self) -> Vec<BadRecords> {
        self.0.bad.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was counted so far; `run_micros` is left to the caller.
    pub fn metrics(&self) -> TaskMetrics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        TaskMetrics {
            rows: read(&self.0.rows),
            shuffle_write_bytes: read(&self.0.shuffle_write_bytes),
            shuffle_read_bytes: read(&self.0.shuffle_read_bytes),
            input_bytes: read(&self.0.input_bytes),
            run_micros: 0,
            bad_records: self.bad_records().iter().map(|bad| bad.rows).sum(),
        }
    }
}
