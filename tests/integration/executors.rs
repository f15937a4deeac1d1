//! Executors in other processes: what cells may rely on there.

pub(crate) mod bundle;
mod faults;
mod scripts;
mod semantics;
mod terminal;
