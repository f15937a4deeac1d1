//! What the generated wrapper of a cell calls.
//!
//! A cell becomes one function over a [`Frame`]. It loads the variables that the cell mentions, runs statement by
//! statement, each in a [`Frame::step`] that catches panics and `?`, and puts back what is alive at the place where it
//! left. Everything generic here is compiled into each cell again, so it is a few lines over calls that are not.

pub mod store;

use crate::event::CallSite;
use crate::handle::handle;
use crate::node::RddHandle;
use crate::session::wire::{CellEnd, StoredVariable};
use crate::show::Shown;
use std::cell::RefCell;
use std::fmt::Debug;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use store::{Store, VariableTable};

/// The place where cells run: the variables of the session and the report of the running cell.
#[derive(Default)]
pub struct Frame {
    store: RefCell<Store>,
    running: RefCell<Running>,
}

/// What the running cell has left so far.
#[derive(Default)]
pub(crate) struct Running {
    pub(crate) end: Option<CellEnd>,
    pub(crate) shown: Option<Shown>,
    pub(crate) stored: Vec<StoredVariable>,
    pub(crate) taken: Vec<String>,
    pub(crate) left_at: Option<usize>,
}

handle! {
    /// Why a statement was left early. `?` makes one out of any error.
    pub struct Exit(CellEnd);
}

impl<E: Debug + 'static> From<E> for Exit {
    fn from(error: E) -> Exit {
        Exit::of(&error)
    }
}

impl Exit {
    /// The exit that an error makes. Ours and texts are shown as they are, others as `main` would: by `Debug`.
    pub fn of<E: Debug + 'static>(error: &E) -> Exit {
        left_by(error, error)
    }
}

#[inline(never)]
fn left_by(known: &dyn std::any::Any, error: &dyn Debug) -> Exit {
    if let Some(error) = known.downcast_ref::<crate::Error>() {
        return returned(error.to_string());
    }
    if let Some(text) = known.downcast_ref::<String>() {
        return returned(text.clone());
    }
    if let Some(text) = known.downcast_ref::<&str>() {
        return returned((*text).to_owned());
    }
    returned(format!("{error:?}"))
}

#[inline(never)]
fn returned(text: String) -> Exit {
    Exit::wrap(Arc::new(CellEnd::Returned(text)))
}

impl Frame {
    /// Whether every variable is there with the type the compiler took it for. If not the cell must not run.
    #[inline(never)]
    pub fn check(&self, variables: &[(&str, &'static VariableTable)]) -> bool {
        match self.store.borrow().check(variables) {
            Ok(()) => true,
            Err(message) => {
                self.running.borrow_mut().end = Some(CellEnd::Refused(message));
                false
            }
        }
    }

    /// Moves a variable out of the session. Only after [`Frame::check`].
    pub fn take<T: 'static>(&self, name: &str) -> T {
        let mut value = MaybeUninit::<T>::uninit();
        self.take_erased(name, store::table::<T>(), value.as_mut_ptr().cast());
        // SAFETY: `take_erased` wrote a `T`: it checks the table's type id, or panics.
        unsafe { value.assume_init() }
    }

    /// Moves a variable into the session, in place of an older one of that name.
    pub fn put<T: 'static>(&self, name: &str, value: T) {
        let value = ManuallyDrop::new(value);
        self.put_erased(name, store::table::<T>(), (&raw const value).cast());
    }

    /// Runs one statement. `None` means that it panicked or was left by `?`: the cell then puts back its variables and
    /// returns.
    pub fn step<R, F: FnOnce() -> Result<R, Exit>>(&self, statement: F) -> Option<R> {
        let mut step = Step { statement: ManuallyDrop::new(statement), value: MaybeUninit::<R>::uninit() };
        // SAFETY: `run` gets the step it is made for, once; the value was written if it has completed.
        unsafe { self.completes(run::<R, F>, (&raw mut step).cast()).then(|| step.value.assume_init()) }
    }

    /// Records which statement failed.
    #[inline(never)]
    pub fn left_at(&self, statement: usize) {
        self.running.borrow_mut().left_at = Some(statement);
    }

    /// Records the value of the last expression.
    #[inline(never)]
    pub fn show(&self, shown: Option<Shown>) {
        self.running.borrow_mut().shown = shown;
    }

    #[inline(never)]
    fn take_erased(&self, name: &str, table: &'static VariableTable, into: *mut u8) {
        // SAFETY: `take` gives room for a value of the table's type.
        unsafe { self.store.borrow_mut().take(name, table, into) };
        self.running.borrow_mut().taken.push(name.to_owned());
    }

    #[inline(never)]
    fn put_erased(&self, name: &str, table: &'static VariableTable, from: *const u8) {
        // SAFETY: `put` gives a value of the table's type and forgets it.
        let (variable, old) = unsafe { self.store.borrow_mut().put(name, table, from) };
        let mut running = self.running.borrow_mut();
        running.taken.retain(|taken| taken != name);
        running.stored.retain(|stored| stored.name != name);
        running.stored.push(variable);
        drop(running);
        // User code (a `Drop` impl) runs here, so nothing of the frame may be borrowed.
        drop(old);
    }

    /// Runs a step and catches what it panics with: the landing pads of that are here, not in each cell.
    ///
    /// # Safety
    /// `run` may be called with `step`.
    #[inline(never)]
    unsafe fn completes(&self, run: unsafe fn(*mut u8) -> Result<(), Exit>, step: *mut u8) -> bool {
        // SAFETY: passed on from the caller.
        match std::panic::catch_unwind(AssertUnwindSafe(|| unsafe { run(step) })) {
            Ok(Ok(())) => return true,
            Ok(Err(exit)) => self.running.borrow_mut().end = Some(CellEnd::clone(exit.arc())),
            Err(payload) => self.panicked(payload),
        }
        false
    }

    fn panicked(&self, payload: Box<dyn std::any::Any + Send>) {
        let (message, location) = last_panic(&*payload);
        self.running.borrow_mut().end = Some(CellEnd::Panicked { message, location });
    }

    /// Begins a cell's report.
    pub(crate) fn begin(&self) {
        keep(None);
        *self.running.borrow_mut() = Running::default();
    }

    /// Ends it.
    pub(crate) fn finish(&self) -> Running {
        std::mem::take(&mut *self.running.borrow_mut())
    }

    /// Drops variables by name.
    pub(crate) fn forget(&self, names: &[String]) {
        for name in names {
            let old = self.store.borrow_mut().remove(name);
            drop(old);
        }
    }
}

/// A statement, and the place for its value.
struct Step<R, F> {
    statement: ManuallyDrop<F>,
    value: MaybeUninit<R>,
}

/// # Safety
/// `step` points to a [`Step`] of these types that was not run yet.
unsafe fn run<R, F: FnOnce() -> Result<R, Exit>>(step: *mut u8) -> Result<(), Exit> {
    // SAFETY: the caller's promise.
    let step = unsafe { &mut *step.cast::<Step<R, F>>() };
    // SAFETY: the statement is taken out once.
    let statement = unsafe { ManuallyDrop::take(&mut step.statement) };
    match statement() {
        Ok(value) => {
            step.value.write(value);
            Ok(())
        }
        Err(exit) => Err(exit),
    }
}

/// The RDD shown last: it lives until the next cell, so that its card has something to tell.
static SHOWN: Mutex<Option<RddHandle>> = Mutex::new(None);

/// Keeps an RDD until the next cell begins.
pub(crate) fn hold<T>(rdd: &crate::Rdd<T>) {
    keep(Some(rdd.handle.clone()));
}

fn keep(handle: Option<RddHandle>) {
    let before = std::mem::replace(&mut *SHOWN.lock().unwrap_or_else(PoisonError::into_inner), handle);
    drop(before);
}

thread_local! {
    /// The message and place of the last panic on this thread, left by the hook of [`crate::session::child`].
    static LAST_PANIC: RefCell<Option<(String, Option<CallSite>)>> = const { RefCell::new(None) };
}

/// Called by the panic hook on the thread that runs cells.
pub(crate) fn note_panic(message: String, location: Option<CallSite>) {
    LAST_PANIC.with(|last| *last.borrow_mut() = Some((message, location)));
}

fn last_panic(payload: &(dyn std::any::Any + Send)) -> (String, Option<CallSite>) {
    if let Some(noted) = LAST_PANIC.with(|last| last.borrow_mut().take()) {
        return noted;
    }
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    (text.unwrap_or_else(|| "a panic with a payload that is not text".to_owned()), None)
}

/// Drives a future of a cell's `.await` on the session's own tokio runtime.
pub fn block_on<F: Future>(future: F) -> F::Output {
    runtime().block_on(future)
}

#[inline(never)]
fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: std::sync::OnceLock<tokio::runtime::Runtime> = std::sync::OnceLock::new();
    RUNTIME.get_or_init(|| {
        let made = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        made.expect("threads for the async runtime can be started")
    })
}
