//! The live shell: session, commands and views. The kernel uses this library too.

pub mod session;
