//! The live shell: session, commands and views. The kernel uses this library too.
//!
//! In reading order: [`session`] is one engine child with its variables; [`shell`] runs what the user typed over it;
//! [`command`] holds the `:commands` and [`view`] draws what they show; [`terminal`] and [`batch`] feed the shell.

pub mod session;

pub mod batch;
pub mod bundle;
pub mod cell;
pub mod cli;
pub mod command;
pub mod complete;
pub mod config;
pub mod doctor;
pub mod feeder;
pub mod launch;
pub mod lexer;
pub mod master;
pub mod report;
pub mod shell;
pub mod terminal;
pub mod view;
