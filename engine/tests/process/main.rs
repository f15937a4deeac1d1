//! Executors in other processes. This program is its own executor, so it has a `main` of its own: what stands before a context
//! is made must not run in executors.

mod basics;
mod faults;
mod placement;

use dpark::event::Event;
use dpark::{Conf, DparkContext};
use libtest_mimic::{Arguments, Trial};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn main() {
    // In an executor this does not return.
    drop(context("local[1]"));
    let arguments = Arguments::from_args();
    let tests: Vec<Trial> =
        [basics::tests(), faults::tests(), placement::tests()].into_iter().flatten().chain([over_http()]).collect();
    libtest_mimic::run(&arguments, tests).exit();
}

/// A context on a master.
fn context(master: &str) -> DparkContext {
    DparkContext::new(Conf { master: master.to_owned(), ..Conf::default() }).unwrap()
}

/// Waits for something to become true.
fn wait_for(what: &str, mut is_true: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_true() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The processes of the executors that have joined, as they come.
fn processes(ctx: &DparkContext) -> Arc<Mutex<Vec<u32>>> {
    let pids = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&pids);
    ctx.events().subscribe(Box::new(move |event| {
        if let Event::ExecutorJoined { pid, .. } = event {
            seen.lock().unwrap().push(*pid);
        }
    }));
    pids
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
        for name in ["shuffles", "sorts", "large_results", "a_killed_executor", "damaged"] {
            let mut again = std::process::Command::new(std::env::current_exe()?);
            let output = again.env("DPARK_LOCAL_READS", "0").arg(name).output()?;
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && text.contains("1 passed"), "{text}");
        }
        Ok(())
    })
}
