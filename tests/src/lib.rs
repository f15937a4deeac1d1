//! Helpers shared by the integration tests: the shell's program as a user starts it.
//!
//! [`program`] finds or builds it; [`shell`] runs it without a terminal, [`pty`] at one.

pub mod program;
pub mod pty;
pub mod shell;
