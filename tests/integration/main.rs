//! Drives the real shell from outside: without a terminal, as a script, and at a terminal.

mod bad_input;
mod batch;
mod captures;
mod commands;
mod compile_errors;
mod definitions;
mod failing_cells;
mod settings;
mod standard_streams;
