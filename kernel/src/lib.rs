//! The Jupyter kernel: the sockets and messages of the protocol (5.5) over the session, the commands and the views of
//! `dpark-repl`. Nothing else in the workspace knows Jupyter.
//!
//! In reading order: [`server`] opens the sockets and lives until it is told to stop; [`shell`], [`control`], [`stdin`],
//! `heartbeat` and [`iopub`] are one socket each; [`cells`] is the thread that runs cells, one after the other, and
//! [`notebook`] turns what they show into messages. Requests that need no cell are answered where they are read, so a
//! running cell blocks nothing.

pub mod activity;
pub mod assistant;
pub mod cells;
pub mod cli;
pub mod comms;
pub mod connection;
pub mod control;
pub mod failure;
mod heartbeat;
pub mod history;
pub mod info;
pub mod iopub;
pub mod kernelspec;
pub mod media;
pub mod notebook;
pub mod server;
pub mod shell;
pub mod stdin;
pub mod wire;
