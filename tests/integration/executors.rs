//! Executors in other processes: what cells may rely on there.

mod semantics;
