//! Executors in other processes. This program is its own executor, so it has a `main` of its own: what stands before a context
//! is made must not run in executors.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod arriving;
mod basics;
mod broadcasts;
mod bytes;
mod chaos;
mod checkpoints;
mod disks;
mod faults;
mod memory;
mod nginx;
mod packing;
mod placement;
mod soak;
mod starting;
mod stopping;
mod support;
mod users;

use libtest_mimic::{Arguments, Trial};
use std::process::Command;

/// If it is set in the environment, this program starts a thread before anything else.
const THREAD_FIRST: &str = "DPARK_TEST_THREAD_FIRST";

fn main() {
    if std::env::var_os(THREAD_FIRST).is_some() {
        std::thread::spawn(std::thread::park);
    }
    // In an executor this does not return.
    drop(support::context("local[1]"));
    let arguments = Arguments::from_args();
    let tests = [
        arriving::tests(),
        basics::tests(),
        broadcasts::tests(),
        bytes::tests(),
        chaos::tests(),
        checkpoints::tests(),
        disks::tests(),
        faults::tests(),
        memory::tests(),
        nginx::tests(),
        packing::tests(),
        placement::tests(),
        soak::tests(),
        starting::tests(),
        stopping::tests(),
        users::tests(),
    ];
    let tests: Vec<Trial> = tests.into_iter().flatten().collect();
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

/// Runs one test of this program once more, behind the words of a command; the environment says what is different.
fn run_again(command: &[&str], name: &str, environment: &[(&str, &str)]) {
    let program = std::env::current_exe().unwrap();
    let words: Vec<&str> = command.iter().copied().chain([program.to_str().unwrap(), name]).collect();
    let output = Command::new(words[0]).args(&words[1..]).envs(environment.iter().copied()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let problems = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{problems}");
}
