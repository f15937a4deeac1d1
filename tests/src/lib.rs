//! Helpers shared by the integration tests: the real programs as a user starts them.
//!
//! [`program`] finds or builds them; [`shell`] runs the shell without a terminal, [`pty`] at one; [`clients`] are the
//! programs that speak to the notebook kernel.

pub mod clients;
pub mod program;
pub mod pty;
pub mod shell;
