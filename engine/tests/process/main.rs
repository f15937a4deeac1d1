//! Executors in other processes. This program is its own executor, so it has a `main` of its own: what stands before a context
//! is made must not run in executors.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod basics;
mod chaos;
mod faults;
mod support;

use libtest_mimic::{Arguments, Trial};

fn main() {
    // In an executor this does not return.
    drop(support::context("local[1]"));
    let arguments = Arguments::from_args();
    let tests: Vec<Trial> = [basics::tests(), chaos::tests(), faults::tests()].into_iter().flatten().collect();
    libtest_mimic::run(&arguments, tests).exit();
}

/// A test by the name of its function.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub(crate) fn tests() -> Vec<libtest_mimic::Trial> {
            vec![$(libtest_mimic::Trial::test(stringify!($name), || { $name(); Ok(()) })),*]
        }
    };
}
pub(crate) use tests;
