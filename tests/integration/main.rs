//! Drives the real shell from outside: without a terminal, as a script, and at a terminal.

mod batch;
