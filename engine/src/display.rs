//! What a cell shows besides its value: a plot, a picture, a table of the user's own.
//!
//! A [`MimeBundle`] is one thing in several forms, of which the front end takes the best that it can draw. In a cell it
//! travels to the shell over the session's own line, in order with what the cell prints: a notebook shows it under the
//! cell, `dpark-repl` its text. An ordinary program prints the text.
//!
//! It is for the driver's code. Tasks on executors have nobody to show anything to: what they display is dropped, with a
//! word on the executor's standard error.

mod base64;
mod bundle;

#[doc(hidden)]
pub use base64::base64;
pub use bundle::{Form, MimeBundle};

use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// Names a display that can be updated later.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DisplayId(String);

impl DisplayId {
    /// A name that no other display has, in whatever process.
    fn new() -> DisplayId {
        static PROCESS: OnceLock<u64> = OnceLock::new();
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let process = PROCESS.get_or_init(|| {
            let mut bytes = [0; 8];
            // Without randomness the process id still tells notebooks of one machine apart.
            getrandom::fill(&mut bytes).map_or_else(|_| u64::from(std::process::id()), |()| u64::from_le_bytes(bytes))
        });
        DisplayId(format!("{process:016x}-{}", NEXT.fetch_add(1, Ordering::Relaxed)))
    }
}

impl fmt::Display for DisplayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What user code asks its front end to show.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// Something new.
    Display(DisplayId, MimeBundle),
    /// Something in place of what was shown under this name.
    Update(DisplayId, MimeBundle),
    /// Nothing of what the cell has shown so far; at once, or when the next output comes.
    Clear { wait: bool },
}

/// Shows a bundle, or a text, under the running cell. The name it returns is for [`update_display`].
///
/// ```
/// dpark::display("half of it is done");
/// let circle = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><circle cx='4' cy='4' r='4'/></svg>";
/// dpark::display(dpark::MimeBundle::new().svg(circle).text("a circle"));
/// ```
pub fn display(bundle: impl Into<MimeBundle>) -> DisplayId {
    show(bundle.into())
}

/// Shows a bundle in place of what [`display`] has shown: in the cell that is where it was, even if that is another one.
/// A terminal cannot go back; there the new text comes below. Give all bundles of one display the same forms.
///
/// ```
/// let id = dpark::display("0 %");
/// dpark::update_display(&id, "100 %");
/// ```
pub fn update_display(id: &DisplayId, bundle: impl Into<MimeBundle>) {
    send(Output::Update(id.clone(), bundle.into()));
}

/// Takes away what the running cell has shown so far: with `wait`, only when its next output is there, so that nothing
/// flickers. On a terminal nothing happens.
///
/// ```
/// for percent in [0, 50, 100] {
///     dpark::clear_output(true);
///     println!("{percent} %");
/// }
/// ```
pub fn clear_output(wait: bool) {
    send(Output::Clear { wait });
}

#[inline(never)]
fn show(bundle: MimeBundle) -> DisplayId {
    let id = DisplayId::new();
    send(Output::Display(id.clone(), bundle));
    id
}

/// Where outputs go.
pub(crate) type Sink = dyn Fn(Output) + Send + Sync;

static SINK: RwLock<Option<Arc<Sink>>> = RwLock::new(None);

/// Sends all outputs of this process to `sink` from now on.
pub(crate) fn show_through(sink: Arc<Sink>) {
    *SINK.write().unwrap_or_else(PoisonError::into_inner) = Some(sink);
}

/// This process is an executor: nobody looks.
pub(crate) fn show_nothing() {
    let told = AtomicBool::new(false);
    show_through(Arc::new(move |_| {
        if !told.swap(true, Ordering::Relaxed) {
            eprintln!("a task has called dpark::display: only code outside of tasks can show something");
        }
    }));
}

#[inline(never)]
fn send(output: Output) {
    // User code runs in no sink, but one may wait for its front end: the lock is not kept.
    let sink = SINK.read().unwrap_or_else(PoisonError::into_inner).clone();
    match sink {
        Some(sink) => sink(output),
        None => print(&output),
    }
}

/// The text form, for programs without a front end. A stream that is closed is no reason to fail.
fn print(output: &Output) {
    if let Output::Display(_, bundle) | Output::Update(_, bundle) = output {
        let _ = writeln!(std::io::stdout(), "{}", bundle.plain().trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_display_has_a_name_of_its_own() {
        let (one, other) = (display("a"), display("b"));
        assert_ne!(one, other);
        assert_eq!(one.to_string().split('-').next(), other.to_string().split('-').next());
    }

    #[test]
    fn an_output_survives_the_line_to_the_shell() {
        let output = Output::Display(DisplayId::new(), MimeBundle::new().html("<b>1</b>").text("1"));
        let bytes = crate::serialize::encode(&output).unwrap();
        assert_eq!(crate::serialize::decode::<Output>(&bytes).unwrap(), output);
    }
}
