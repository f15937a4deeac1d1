//! Drives the real shell from outside: without a terminal, as a script, and at a terminal.
#![expect(clippy::unwrap_used, reason = "a test may")]

mod bad_input;
mod batch;
mod captures;
mod commands;
mod compile_errors;
mod definitions;
mod dependencies;
mod executors;
mod failing_cells;
mod installed;
mod interrupts;
mod memory;
mod operators;
mod sessions;
mod settings;
mod standard_streams;
mod terminal;
mod word_count;
