//! `map_partitions`: user code that pulls rows itself, as an iterator. It is a source for what follows.

use super::{Pipeline, Source, State, StateVt};
use crate::batch::{Batch, ElemVt, take_row};
use crate::closure::Closure;
use crate::context::{Context, ContextHandle};
use crate::storage::Reservation;
use crate::task::{Stop, TaskContext};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex, PoisonError};

/// An operator over iterators.
#[derive(Debug)]
pub struct PartitionsVt {
    /// The operator's name.
    pub name: &'static str,
    /// The type of the rows it makes.
    pub out: &'static ElemVt,
    /// The iterator that user code returned; none before `open`.
    pub state: &'static StateVt,
    /// Calls the closure. Arguments: closure, upstream, state.
    pub open: unsafe fn(*const u8, Upstream, *mut u8),
    /// Fills `out` up to its limit; `false` at the end.
    pub next: unsafe fn(*mut u8, &mut Batch) -> bool,
}

/// An operator over iterators of two RDDs.
#[derive(Debug)]
pub struct PairVt {
    /// The operator's name.
    pub name: &'static str,
    /// The type of the rows it makes.
    pub out: &'static ElemVt,
    /// The iterator that user code returned; none before `open`.
    pub state: &'static StateVt,
    /// Calls the closure. Arguments: closure, the two upstreams, state.
    pub open: unsafe fn(*const u8, Upstream, Upstream, *mut u8),
    /// Fills `out` up to its limit; `false` at the end.
    pub next: unsafe fn(*mut u8, &mut Batch) -> bool,
}

/// The rows of a partition, as an iterator, for the closure of `map_partitions`.
#[derive(Debug)]
pub struct Rows<T> {
    upstream: Upstream,
    rows: PhantomData<T>,
}

impl<T> Rows<T> {
    /// # Safety
    /// The upstream has rows of type `T`.
    pub(crate) unsafe fn new(upstream: Upstream) -> Rows<T> {
        Rows { upstream, rows: PhantomData }
    }
}

impl<T> Iterator for Rows<T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        let rows = self.upstream.rows()?;
        // SAFETY: `rows` is not empty and has the type `T`.
        Some(unsafe { take_row(rows) })
    }
}

/// A pipeline that user code pulls rows from. Its drop is a call into the engine: cells would compile the glue of all that is in
/// it.
pub struct Upstream(ManuallyDrop<Box<Inner>>);

impl Drop for Upstream {
    #[inline(never)]
    fn drop(&mut self) {
        // SAFETY: dropped here only, and nobody can use the upstream afterwards.
        unsafe { ManuallyDrop::drop(&mut self.0) }
    }
}

struct Inner {
    pipeline: Option<Pipeline>,
    batch: Batch,
    task: TaskContext,
    stopped: Stopped,
    context: ContextHandle,
    /// For what `gather` returned last.
    memory: Reservation,
}

/// Why the rows ended early; user code only sees that they ended.
type Stopped = Arc<Mutex<Option<Stop>>>;

impl Upstream {
    /// The batch with the next row, or none at the end.
    #[inline]
    pub(crate) fn rows(&mut self) -> Option<&mut Batch> {
        if self.0.batch.is_empty() && !self.refill() { None } else { Some(&mut self.0.batch) }
    }

    #[inline(never)]
    fn refill(&mut self) -> bool {
        let Inner { pipeline, batch, stopped, .. } = &mut **self.0;
        let Some(running) = pipeline else { return false };
        match running.next(batch) {
            Ok(true) => return true,
            Ok(false) => {}
            Err(stop) => *stopped.lock().unwrap_or_else(PoisonError::into_inner) = Some(stop),
        }
        *pipeline = None;
        false
    }
}

impl Upstream {
    /// The next rows, at most `n` and at the end fewer, in memory of their own.
    #[inline(never)]
    pub fn gather(&mut self, n: usize) -> Batch {
        let mut gathered = Batch::new(self.0.batch.elem());
        while gathered.rows() < n {
            let wanted = n - gathered.rows();
            let Some(rows) = self.rows() else { break };
            rows.move_rows(&mut gathered, wanted);
            let Inner { context, memory, .. } = &mut **self.0;
            if gathered.bytes() as u64 > memory.bytes()
                && let Err(failure) = context.arc().reserve(memory, gathered.bytes() as u64)
            {
                self.stop(failure.into());
            }
        }
        gathered
    }

    /// The context that the rows belong to.
    pub(crate) fn context(&self) -> &Context {
        self.0.context.arc()
    }

    /// The task that pulls.
    pub(crate) fn task(&self) -> &TaskContext {
        &self.0.task
    }

    /// Whether the rows ended because the task has to stop.
    pub(crate) fn has_stopped(&self) -> bool {
        self.0.stopped.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Ends the rows and fails the task.
    pub(crate) fn stop(&mut self, stop: Stop) {
        *self.0.stopped.lock().unwrap_or_else(PoisonError::into_inner) = Some(stop);
        self.0.pipeline = None;
        self.0.batch.clear();
    }
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("rows of a partition")
    }
}

impl Upstream {
    fn new(pipeline: Pipeline, stopped: &Stopped, context: &ContextHandle) -> Upstream {
        let batch = Batch::new(pipeline.stages.last().map_or(pipeline.input, |stage| stage.op.out));
        Upstream(ManuallyDrop::new(Box::new(Inner {
            task: pipeline.task().clone(),
            pipeline: Some(pipeline),
            batch,
            stopped: Arc::clone(stopped),
            memory: context.arc().budget.reserve(),
            context: context.clone(),
        })))
    }
}

struct PartitionsSource {
    next: unsafe fn(*mut u8, &mut Batch) -> bool,
    state: State,
    // Dropped after the state, which may use it.
    _closure: Closure,
    stopped: Stopped,
    ended: bool,
}

pub(super) fn open(
    op: &'static PartitionsVt,
    closure: Closure,
    upstream: Pipeline,
    partition: usize,
    context: &ContextHandle,
) -> Box<dyn Source> {
    let stopped = Stopped::default();
    let upstream = Upstream::new(upstream, &stopped, context);
    let state = State::new(Some(op.state), partition as u64);
    // SAFETY: closure and state have the types of the operator's table.
    unsafe { (op.open)(closure.ptr(), upstream, state.ptr) };
    Box::new(PartitionsSource { next: op.next, state, _closure: closure, stopped, ended: false })
}

pub(super) fn open_pair(
    op: &'static PairVt,
    closure: Closure,
    (left, right): (Pipeline, Pipeline),
    partition: usize,
    context: &ContextHandle,
) -> Box<dyn Source> {
    let stopped = Stopped::default();
    let (left, right) = (Upstream::new(left, &stopped, context), Upstream::new(right, &stopped, context));
    let state = State::new(Some(op.state), partition as u64);
    // SAFETY: closure and state have the types of the operator's table.
    unsafe { (op.open)(closure.ptr(), left, right, state.ptr) };
    Box::new(PartitionsSource { next: op.next, state, _closure: closure, stopped, ended: false })
}

impl Source for PartitionsSource {
    fn next_batch(&mut self, out: &mut Batch, _task: &TaskContext) -> Result<bool, Stop> {
        if self.ended {
            return Ok(false);
        }
        // SAFETY: the state was initialised by `open` and has the type of the operator's table.
        self.ended = !unsafe { (self.next)(self.state.ptr, out) };
        match self.stopped.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(stop) => Err(stop),
            None => Ok(!self.ended || !out.is_empty()),
        }
    }
}
