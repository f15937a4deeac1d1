//! The child of a session: the process in which cells run and the context lives.
//!
//! The parent compiles cells into libraries and tells the child over a Unix socket to load and run them; events,
//! results and what became of the variables travel back the same way ([`wire`]). Standard input and output belong to
//! the user's code alone.

pub mod child;
mod input;
pub mod loader;
pub mod wire;

use std::ffi::OsString;
use std::sync::OnceLock;

/// The libraries that the stub has loaded, if this process is the child of a session.
static STUB_LIBRARIES: OnceLock<OsString> = OnceLock::new();

/// What the stub is told to load when it shall enter the engine once more, in another process.
pub(crate) fn stub_libraries() -> Option<OsString> {
    STUB_LIBRARIES.get().cloned()
}
