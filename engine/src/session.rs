//! The child of a session: the process in which cells run and the context lives.
//!
//! The parent compiles cells into libraries and tells the child over a Unix socket to load and run them; events,
//! results and what became of the variables travel back the same way ([`wire`]). Standard input and output belong to
//! the user's code alone.

pub mod child;
pub mod loader;
pub mod wire;
