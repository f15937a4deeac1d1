//! The edge between the engine and user code: the one place where panics are caught.
//!
//! The panic hook notes where a panic began and prints nothing for it, if it happened on a thread of the engine. A
//! nested `par_iter` may panic on another of our threads than the one that catches it: rayon carries only the payload
//! over, so the note is found again by its text.

use crate::error::Failure;
use crate::event::CallSite;
use std::any::Any;
use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread::ThreadId;

/// Panics that were noted and not yet caught. User code may catch its own, so old notes are thrown away.
static NOTES: Mutex<VecDeque<Note>> = Mutex::new(VecDeque::new());
const MAX_NOTES: usize = 256;

thread_local! {
    /// Whether this thread belongs to a scheduler. This says what thread it is, never which task runs on it.
    static OURS: Cell<bool> = const { Cell::new(false) };

    /// The address below which the thread's stack is short; 0 where the end of the stack is not known.
    static FLOOR: Cell<usize> = const { Cell::new(0) };
}

struct Note {
    thread: ThreadId,
    message: String,
    location: Option<CallSite>,
}

/// Marks the current thread as one of the engine's.
pub(crate) fn enter_thread() {
    install_hook();
    OURS.set(true);
}

/// The same for a thread that runs tasks on a stack of this size: some of it is kept for user code.
pub(crate) fn enter_task_thread(stack: usize) {
    enter_thread();
    FLOOR.set(here().saturating_sub(stack - KEPT_STACK));
}

/// What user code finds of the stack at least, however deep the lineage around it is.
const KEPT_STACK: usize = 4 << 20;

/// Whether so much of the thread's stack is in use that nothing should be nested deeper.
pub(crate) fn stack_is_short() -> bool {
    here() < FLOOR.get()
}

/// An address in the caller's frame. Stacks grow downwards wherever there is a Rust compiler for us.
#[inline(always)]
fn here() -> usize {
    let local = 0u8;
    (&raw const local).addr()
}

/// Whether the current thread is one of the engine's.
pub(crate) fn on_engine_thread() -> bool {
    OURS.get()
}

/// Runs user code; its panic becomes a failure.
pub(crate) fn guard<T>(code: impl FnOnce() -> T) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|payload| {
        let message = text(&*payload);
        // A payload is a user's value; should its drop panic, that is one more panic of the user's.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
        let location = take_note(&message);
        Failure::Panic { message, location }
    })
}

/// Installs the hook, once per process, over the one that is there.
fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| if on_engine_thread() { note(panic) } else { previous(panic) }));
    });
}

fn note(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(|at| CallSite::of(at));
    let mut notes = notes();
    if notes.len() >= MAX_NOTES {
        notes.pop_front();
    }
    notes.push_back(Note { thread: std::thread::current().id(), message: text(panic.payload()), location });
}

/// The place of the latest panic with this text: on this thread if there is one, else on any.
fn take_note(message: &str) -> Option<CallSite> {
    let thread = std::thread::current().id();
    let mut notes = notes();
    let here = notes.iter().rposition(|note| note.thread == thread && note.message == message);
    let found = here.or_else(|| notes.iter().rposition(|note| note.message == message))?;
    notes.remove(found)?.location
}

fn notes() -> MutexGuard<'static, VecDeque<Note>> {
    NOTES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn text(payload: &(dyn Any + Send)) -> String {
    let known = payload.downcast_ref::<&str>().copied();
    let known = known.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    known.unwrap_or("(a value that is not text)").to_owned()
}
