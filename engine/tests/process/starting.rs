//! Executors that cannot be started, or end before they have joined.

use crate::support::{context, processes, signal, wait_for};
use crate::{run_again, tests};
use dpark::event::Event;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

tests!(
    executors_that_end_before_they_join_are_not_started_without_a_pause,
    one_that_cannot_be_started_is_missed_by_nobody_while_there_is_another,
    programs_of_pipes_are_not_told_to_be_executors,
    programs_that_tasks_start_find_libraries_as_on_the_driver,
    arguments_are_those_of_the_driver,
);

const COMMAND: &str = "DPARK_EXECUTOR_COMMAND";

/// The directory of a test that was run again with executors of its own; none before that. `start` is told the directory and
/// gives the command that they are started with.
fn directory_of(test: &str, start: impl FnOnce(&Path) -> String) -> Option<PathBuf> {
    const DIRECTORY: &str = "DPARK_TEST_STARTING";
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        return Some(directory.into());
    }
    let directory = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    let command = format!("{} {}", start(directory.path()), program.display());
    run_again(&[], test, &[(DIRECTORY, directory.path().to_str().unwrap()), (COMMAND, &command)]);
    None
}

fn executors_that_end_before_they_join_are_not_started_without_a_pause() {
    let test = "executors_that_end_before_they_join_are_not_started_without_a_pause";
    let directory = directory_of(test, |directory| {
        let script = directory.join("start.sh");
        let text = "echo >> \"${0%/*}/starts\"; mkdir \"${0%/*}/begun\" 2>/dev/null || exit 1; exec \"$@\"";
        std::fs::write(&script, text).unwrap();
        format!("sh {}", script.display())
    });
    let Some(directory) = directory else { return };
    let ctx = context("process[2]");
    let starts = || std::fs::read_to_string(directory.join("starts")).unwrap_or_default().lines().count();
    let slow = ctx.range_with(0, 20, 1, 20).map(|x| {
        std::thread::sleep(Duration::from_millis(100));
        x
    });
    assert_eq!(slow.count().unwrap(), 20, "one executor is enough");
    wait_for("others are tried, though more of them have failed than may where there is none", || starts() >= 6);
    assert_eq!(slow.count().unwrap(), 20);
    // The pauses become twice as long each time: without them there are hundreds.
    assert!(starts() < 30, "{} starts", starts());
}

fn one_that_cannot_be_started_is_missed_by_nobody_while_there_is_another() {
    let test = "one_that_cannot_be_started_is_missed_by_nobody_while_there_is_another";
    let directory = directory_of(test, |directory| {
        let start = directory.join("start");
        symlink("/usr/bin/env", &start).unwrap();
        start.display().to_string()
    });
    let Some(directory) = directory else { return };
    let ctx = context("process[2]");
    let (pids, lost) = (processes(&ctx), Arc::new(AtomicBool::new(false)));
    let seen = Arc::clone(&lost);
    ctx.events().subscribe(Box::new(move |event| {
        if matches!(event, Event::ExecutorLost { .. }) {
            seen.store(true, Ordering::Release);
        }
    }));
    assert_eq!(ctx.range(0, 4).count().unwrap(), 4);
    wait_for("two executors have joined", || pids.lock().unwrap().len() == 2);
    let start = directory.join("start");
    std::fs::remove_file(&start).unwrap();
    assert!(signal(pids.lock().unwrap()[1], libc::SIGKILL));
    wait_for("one is lost", || lost.load(Ordering::Acquire));
    assert_eq!(ctx.range(0, 4).count().unwrap(), 4, "there is another");
    symlink("/usr/bin/env", &start).unwrap();
    wait_for("another one has joined in its place", || pids.lock().unwrap().len() == 3);
}

fn programs_of_pipes_are_not_told_to_be_executors() {
    if std::env::var_os(crate::THREAD_FIRST).is_none() {
        // In executors, too, a thread is started before they know what they are.
        return run_again(&[], "programs_of_pipes_are_not_told_to_be_executors", &[(crate::THREAD_FIRST, "1")]);
    }
    let ctx = context("process[1]");
    let environment = ctx.range(0, 1).pipe(["env"]).collect().unwrap();
    assert!(environment.contains(&format!("{}=1", crate::THREAD_FIRST)), "{environment:?}");
    assert!(!environment.iter().any(|line| line.starts_with("DPARK_EXECUTOR_")), "{environment:?}");
    assert_eq!(library_path(&environment), std::env::var(LIBRARY_PATH).ok().as_deref());
}

const LIBRARY_PATH: &str = "LD_LIBRARY_PATH";

/// What the lines that `env` has written tell of the library path.
fn library_path(environment: &[String]) -> Option<&str> {
    environment.iter().find_map(|line| line.strip_prefix(LIBRARY_PATH)?.strip_prefix('='))
}

fn programs_that_tasks_start_find_libraries_as_on_the_driver() {
    const EXPECTED: &str = "DPARK_TEST_LIBRARY_PATH";
    let test = "programs_that_tasks_start_find_libraries_as_on_the_driver";
    let Ok(path) = std::env::var(EXPECTED) else {
        run_again(&[], test, &[(EXPECTED, "/opt/libraries"), (LIBRARY_PATH, "/opt/libraries")]);
        return run_again(&["env", "-u", LIBRARY_PATH], test, &[(EXPECTED, "")]);
    };
    let ctx = context("process[1]");
    let environment = ctx.range(0, 1).pipe(["env"]).collect().unwrap();
    assert_eq!(library_path(&environment).unwrap_or_default(), path);
    let by_hand = ctx.range(0, 1).map(|_| {
        let output = std::process::Command::new("env").output().unwrap();
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    });
    assert_eq!(library_path(&by_hand.collect().unwrap()[0]).unwrap_or_default(), path);
}

fn arguments_are_those_of_the_driver() {
    let ctx = context("process[1]");
    let arguments = ctx.range(0, 1).flat_map(|_| std::env::args().collect::<Vec<_>>());
    assert_eq!(arguments.collect().unwrap(), std::env::args().collect::<Vec<_>>());
}
