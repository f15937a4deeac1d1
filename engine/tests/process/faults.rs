//! Executors that die, hang or are asked for too much; files of theirs that are damaged.

use crate::support::{collected, context, files_ending, in_directory, processes, signal, wait_for};
use crate::tests;
use dpark::event::{Event, TaskEnd};
use dpark::{DparkContext, Error};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

tests!(
    a_killed_executor_is_replaced_and_its_map_outputs_are_made_again,
    code_that_exits_or_crashes_fails_its_job_with_the_cause,
    a_stopped_executor_is_noticed,
    one_that_stops_before_it_joins_is_noticed,
    killing_executors_is_not_held_against_their_tasks,
    a_cancelled_job_leaves_a_deaf_task_behind_with_its_executor,
    damaged_and_deleted_map_outputs_are_made_again,
    nothing_is_left_behind,
    programs_of_pipes_go_with_their_executor,
    a_map_output_that_comes_too_late_is_removed,
    stopping_takes_note_of_the_tasks_that_stop,
    a_program_that_was_built_anew_goes_on,
);

fn sums() -> HashMap<i64, i64> {
    let mut sums = HashMap::new();
    (0..1000).for_each(|x| *sums.entry(x % 10).or_default() += x);
    sums
}

fn a_killed_executor_is_replaced_and_its_map_outputs_are_made_again() {
    let ctx = context("process[2]");
    let pids = processes(&ctx);
    let counted = ctx.range_with(0, 1000, 1, 8).map(|x| (x % 10, x)).reduce_by_key(|a, b| a + b);
    assert_eq!(counted.collect_as_map().unwrap(), sums());
    wait_for("two executors have joined", || pids.lock().unwrap().len() == 2);
    for round in 0..3 {
        let pid = *pids.lock().unwrap().last().unwrap();
        assert!(signal(pid, libc::SIGKILL));
        assert_eq!(counted.collect_as_map().unwrap(), sums(), "round {round}");
        wait_for("another one has joined", || pids.lock().unwrap().len() == 3 + round);
    }
}

fn code_that_exits_or_crashes_fails_its_job_with_the_cause() {
    let ctx = context("process[2]");
    let exit = ctx.range(0, 4).map(|x| if x == 3 { std::process::exit(7) } else { x }).count().unwrap_err();
    let text = exit.to_string();
    assert!(text.contains("partition 1") && text.contains("exit status: 7") && text.contains("4 times"), "{text}");
    let crash = ctx.range(0, 4).map(|x| {
        if x == 0 {
            // SAFETY: there is none: this ends the executor by a signal, which is the point.
            return unsafe { std::ptr::null::<i64>().read_volatile() };
        }
        x
    });
    let text = crash.count().unwrap_err().to_string();
    assert!(text.contains("signal: 11 (SIGSEGV)") || text.contains("signal: 6 (SIGABRT)"), "{text}");
    assert_eq!(ctx.range(0, 4).count().unwrap(), 4);
}

fn a_stopped_executor_is_noticed() {
    let ctx = context("process[2]");
    let pids = processes(&ctx);
    assert_eq!(ctx.range(0, 4).count().unwrap(), 4);
    wait_for("two executors have joined", || pids.lock().unwrap().len() == 2);
    let stopped = pids.lock().unwrap()[0];
    assert!(signal(stopped, libc::SIGSTOP));
    let counted = ctx.range_with(0, 1000, 1, 8).map(|x| (x % 10, x)).reduce_by_key(|a, b| a + b);
    assert_eq!(counted.collect_as_map().unwrap(), sums());
}

/// Runs one of these tests again, with executors that stop themselves before they join: the first one, or all.
fn again_with_executors_that_stop(test: &str, which: &str) {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("start.sh");
    let stop = "if [ $STOPPING = all ] || mkdir \"${0%/*}/begun\" 2>/dev/null; then kill -STOP $$; fi; exec \"$@\"";
    std::fs::write(&script, stop).unwrap();
    let program = std::env::current_exe().unwrap();
    let output = std::process::Command::new(&program)
        .env("DPARK_EXECUTOR_COMMAND", format!("sh {} {}", script.display(), program.display()))
        .env("DPARK_EXECUTOR_START_SECONDS", "1")
        .env("STOPPING", which)
        .args(["--exact", test])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

fn one_that_stops_before_it_joins_is_noticed() {
    match std::env::var("STOPPING").as_deref() {
        Ok("first") => {
            let ctx = context("process[2]");
            let pids = processes(&ctx);
            assert_eq!(ctx.range(0, 4).count().unwrap(), 4, "the other one does the work");
            wait_for("another one has joined in its place", || pids.lock().unwrap().len() == 2);
        }
        Ok(_) => {
            let error = context("process[1]").range(0, 4).count().unwrap_err().to_string();
            let expected = "executors end before they have joined (it had not joined after 1 s; signal: 9 (SIGKILL))";
            assert!(error.contains(expected), "{error}");
        }
        Err(_) => {
            let test = "one_that_stops_before_it_joins_is_noticed";
            ["first", "all"].iter().for_each(|which| again_with_executors_that_stop(test, which));
        }
    }
}

fn killing_executors_is_not_held_against_their_tasks() {
    let ctx = context("process[1]");
    let killed = Arc::new(Mutex::new(0));
    let (count, killer) = (Arc::clone(&killed), ctx.clone());
    // More executors than a task has attempts.
    ctx.events().subscribe(Box::new(move |event| {
        if let Event::TaskStarted { executor, .. } = event {
            let mut killed = count.lock().unwrap();
            *killed += 1;
            if *killed <= 6 {
                killer.kill_executor(*executor);
            }
        }
    }));
    let slow = ctx.range_with(0, 10, 1, 1).map(|x| {
        std::thread::sleep(Duration::from_millis(20));
        x
    });
    assert_eq!(slow.sum().unwrap(), 45);
    assert_eq!(*killed.lock().unwrap(), 7);
}

fn a_cancelled_job_leaves_a_deaf_task_behind_with_its_executor() {
    let ctx = context("process[2]");
    let lost = Arc::new(Mutex::new(Vec::new()));
    let (seen, canceller) = (Arc::clone(&lost), ctx.clone());
    ctx.events().subscribe(Box::new(move |event| match event {
        Event::ExecutorLost { why, .. } => seen.lock().unwrap().push(why.clone()),
        Event::TaskStarted { .. } => {
            let canceller = canceller.clone();
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(500));
                canceller.cancel_all();
            });
        }
        _ => {}
    }));
    let endless = ctx.range(0, 1).map(|x| {
        let mut y = x;
        while std::hint::black_box(y) >= 0 {
            y ^= 1;
        }
        y
    });
    assert!(matches!(endless.count(), Err(Error::Cancelled { .. })));
    wait_for("the deaf executor has ended", || !lost.lock().unwrap().is_empty());
    assert!(lost.lock().unwrap()[0].contains("did not stop when it was told to"), "{lost:?}");
}

fn damaged_and_deleted_map_outputs_are_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = in_directory("process[2]", directory.path());
    let counted = ctx.range_with(0, 1000, 1, 4).map(|x| (x % 10, x)).reduce_by_key(|a, b| a + b);
    assert_eq!(counted.collect_as_map().unwrap(), sums());
    let data = |ending: &str| files_ending(directory.path(), ending);
    assert_eq!((data("data").len(), data("index").len()), (4, 4));
    for path in data("data") {
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        std::fs::write(&path, bytes).unwrap();
    }
    assert_eq!(counted.collect_as_map().unwrap(), sums(), "a flipped bit in every data file");
    for path in data("data").into_iter().take(3) {
        std::fs::remove_file(path).unwrap();
    }
    assert_eq!(counted.collect_as_map().unwrap(), sums(), "data files are gone");
}

fn nothing_is_left_behind() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = in_directory("process[2]", directory.path());
    let pids = processes(&ctx);
    for _ in 0..30 {
        let counted = ctx.range_with(0, 100, 1, 4).map(|x| (x % 10, x)).reduce_by_key(|a, b| a + b);
        assert_eq!(counted.count().unwrap(), 10);
    }
    wait_for("map outputs of dropped RDDs are removed", || files_ending(directory.path(), "data").len() <= 4);
    ctx.stop();
    let pids = pids.lock().unwrap().clone();
    wait_for("the executors have ended", || pids.iter().all(|pid| !PathBuf::from(format!("/proc/{pid}/exe")).exists()));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

/// Calls `act` when a task has been running for a moment.
fn when_a_task_runs(ctx: &DparkContext, act: impl FnOnce() + Send + 'static) {
    let mut act = Some(act);
    ctx.events().subscribe(Box::new(move |event| {
        if matches!(event, Event::TaskStarted { .. })
            && let Some(act) = act.take()
        {
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(300));
                act();
            });
        }
    }));
}

/// A row that takes long to write, and nobody asks meanwhile whether to stop.
#[derive(serde::Deserialize)]
struct Heavy(i64);

impl serde::Serialize for Heavy {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        std::thread::sleep(Duration::from_millis(900));
        serializer.serialize_newtype_struct("Heavy", &self.0)
    }
}

fn a_map_output_that_comes_too_late_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = in_directory("process[1]", directory.path());
    let canceller = ctx.clone();
    when_a_task_runs(&ctx, move || canceller.cancel_all());
    let slow = ctx.range_with(0, 1, 1, 1).map(|x| (x, Heavy(x)));
    let summed = slow.reduce_by_key(|a, b| Heavy(a.0 + b.0));
    assert!(matches!(summed.count(), Err(Error::Cancelled { .. })));
    drop((slow, summed));
    // On the only executor this runs after the late task.
    assert_eq!(ctx.range(0, 10).count().unwrap(), 10);
    wait_for("the map output is removed", || files_ending(directory.path(), "data").is_empty());
}

fn stopping_takes_note_of_the_tasks_that_stop() {
    let ctx = context("process[2]");
    let ended =
        collected(&ctx, |event| if let Event::TaskFinished { end, .. } = event { Some(end.clone()) } else { None });
    let stopper = ctx.clone();
    when_a_task_runs(&ctx, move || stopper.stop());
    let slow = ctx.range_with(0, 10_000, 1, 2).map(|x| {
        std::thread::sleep(Duration::from_millis(5));
        x
    });
    assert!(matches!(slow.count(), Err(Error::Cancelled { .. })));
    wait_for("both tasks have stopped", || *ended.lock().unwrap() == [TaskEnd::Cancelled, TaskEnd::Cancelled]);
}

fn programs_of_pipes_go_with_their_executor() {
    let ctx = context("process[1]");
    let pids = processes(&ctx);
    let piped = ctx.range(0, 1).pipe(["sleep", "3600"]);
    let job = std::thread::spawn(move || piped.count());
    let children = |pid: u32| -> Vec<u32> {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
        lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect()
    };
    let mut sleeping = Vec::new();
    wait_for("the program runs", || {
        sleeping = pids.lock().unwrap().first().map(|pid| children(*pid)).unwrap_or_default();
        !sleeping.is_empty()
    });
    signal(pids.lock().unwrap()[0], libc::SIGKILL);
    wait_for("it has ended with its executor", || !PathBuf::from(format!("/proc/{}/exe", sleeping[0])).exists());
    ctx.cancel_all();
    assert!(matches!(job.join().unwrap(), Err(Error::Cancelled { .. })));
}

/// Cargo replaces the file of a program that runs. Executors are started from what runs, but `/proc/self/exe` has another name
/// in them then.
fn a_program_that_was_built_anew_goes_on() {
    let sum = |ctx: &DparkContext| ctx.range_with(0, 100, 1, 2).map(|x| x * 2).sum().unwrap();
    match std::env::var("BUILT_ANEW").as_deref() {
        Ok(when) => {
            let ctx = context("process[1]");
            let pids = processes(&ctx);
            if when == "after the first job" {
                assert_eq!(sum(&ctx), 9900);
            }
            let program = std::env::current_exe().unwrap();
            let new = program.with_extension("new");
            std::fs::copy(&program, &new).unwrap();
            std::fs::rename(&new, &program).unwrap();
            assert_eq!(sum(&ctx), 9900);
            assert!(signal(*pids.lock().unwrap().last().unwrap(), libc::SIGKILL));
            wait_for("another one has joined", || pids.lock().unwrap().len() == 2);
            assert_eq!(sum(&ctx), 9900);
        }
        Err(_) => {
            let directory = tempfile::tempdir().unwrap();
            let program = directory.path().join("program");
            for when in ["before the first job", "after the first job"] {
                std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
                let mut again = std::process::Command::new(&program);
                again.env("BUILT_ANEW", when).args(["--exact", "a_program_that_was_built_anew_goes_on"]);
                let output = again.output().unwrap();
                let text = String::from_utf8_lossy(&output.stdout);
                assert!(output.status.success() && text.contains("1 passed"), "{when}: {text}");
            }
        }
    }
}
