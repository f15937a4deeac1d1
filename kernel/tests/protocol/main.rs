//! The real kernel over real sockets, against what the protocol says.

mod harness;

mod answers;
mod displays;
mod executes;
mod flow;
mod life;
mod progress;
