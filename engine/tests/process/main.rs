//! Executors in other processes. This program is its own executor, so it has a `main` of its own: what stands before a context
//! is made must not run in executors.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod basics;
mod chaos;
mod checkpoints;
mod faults;
mod memory;
mod placement;
mod support;

use libtest_mimic::{Arguments, Trial};

fn main() {
    // In an executor this does not return.
    drop(support::context("local[1]"));
    let arguments = Arguments::from_args();
    let tests = [
        basics::tests(),
        chaos::tests(),
        checkpoints::tests(),
        faults::tests(),
        memory::tests(),
        placement::tests(),
        vec![over_http()],
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

/// The tests of shuffles and losses once more, with executors that do not read each other's files from the disk.
fn over_http() -> Trial {
    Trial::test("over_http", || {
        // In that run this test itself has nothing to do.
        if std::env::var_os("DPARK_LOCAL_READS").is_some() {
            return Ok(());
        }
        for name in ["shuffles", "sorts", "large_results", "a_killed_executor", "damaged", "a_hundred_jobs"] {
            let mut again = std::process::Command::new(std::env::current_exe()?);
            let output = again.env("DPARK_LOCAL_READS", "0").arg(name).output()?;
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && text.contains("1 passed"), "{text}");
        }
        Ok(())
    })
}
