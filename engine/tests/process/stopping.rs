//! Tasks that are told to stop, and executors that stay because they obey.

use crate::support::{Collected, collected, context, processes, signal, wait_for};
use crate::{run_again, tests};
use dpark::event::Event;
use dpark::ids::ExecutorId;
use dpark::{DparkContext, Error};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

tests!(
    executors_that_have_answered_stay_while_the_driver_reads_results,
    an_executor_that_takes_in_a_job_hears_that_a_task_is_to_stop,
    a_task_that_fetches_stops_when_it_is_told_to,
    rows_that_panic_when_they_go_do_not_take_their_executor_along,
);

/// The executors that are lost, and why, as that happens.
fn losses(ctx: &DparkContext) -> Collected<(ExecutorId, String)> {
    collected(ctx, |event| match event {
        Event::ExecutorLost { executor, why, .. } => Some((*executor, why.clone())),
        _ => None,
    })
}

/// The executors on which tasks have begun, as that happens.
fn starts(ctx: &DparkContext) -> Collected<ExecutorId> {
    collected(ctx, |event| if let Event::TaskStarted { executor, .. } = event { Some(*executor) } else { None })
}

/// A row that takes longer to read than a task may take to stop.
#[derive(Serialize)]
struct SlowToRead(i64);

impl<'de> Deserialize<'de> for SlowToRead {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<SlowToRead, D::Error> {
        READING.store(true, Ordering::Release);
        std::thread::sleep(Duration::from_secs(3));
        Deserialize::deserialize(deserializer).map(SlowToRead)
    }
}

/// Whether the driver has begun to read such a row.
static READING: AtomicBool = AtomicBool::new(false);

fn executors_that_have_answered_stay_while_the_driver_reads_results() {
    let ctx = context("process[2]");
    let lost = losses(&ctx);
    // The first partition has an answer at once, the second one goes on until it is told to stop.
    let rows = ctx.range_with(0, 10_000, 1, 2).filter_map(|x| {
        if x >= 5000 {
            std::thread::sleep(Duration::from_millis(10));
        }
        (x == 0).then_some(SlowToRead(x))
    });
    let job = std::thread::spawn(move || rows.collect().map(|rows| rows.len()));
    wait_for("the driver reads a result", || READING.load(Ordering::Acquire));
    ctx.cancel_all();
    assert!(matches!(job.join().unwrap(), Err(Error::Cancelled { .. })));
    // This result is read after that one.
    assert_eq!(ctx.range(0, 10).collect().unwrap().len(), 10);
    assert!(lost.lock().unwrap().is_empty(), "{lost:?}");
}

/// A captured value that takes its time to be read elsewhere than in the driver.
#[derive(Clone, Serialize)]
struct SlowToArrive {
    begun: PathBuf,
    driver: u32,
}

impl<'de> Deserialize<'de> for SlowToArrive {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<SlowToArrive, D::Error> {
        let (begun, driver): (PathBuf, u32) = Deserialize::deserialize(deserializer)?;
        if driver != std::process::id() {
            std::fs::write(&begun, "").unwrap();
            std::thread::sleep(Duration::from_secs(4));
        }
        Ok(SlowToArrive { begun, driver })
    }
}

fn an_executor_that_takes_in_a_job_hears_that_a_task_is_to_stop() {
    let ctx = context("process[1*2]");
    let (lost, started) = (losses(&ctx), starts(&ctx));
    let directory = tempfile::tempdir().unwrap();
    let slow = ctx.range_with(0, 10_000, 1, 1).map(|x| {
        std::thread::sleep(Duration::from_millis(10));
        x
    });
    let running = std::thread::spawn(move || slow.count());
    wait_for("a task runs", || started.lock().unwrap().len() == 1);
    let arriving = SlowToArrive { begun: directory.path().join("begun"), driver: std::process::id() };
    let begun = arriving.begun.clone();
    let late = ctx.range_with(0, 10, 1, 1).with_env((&arriving,)).filter(|(arriving,)| move |_| arriving.driver > 0);
    let waiting = std::thread::spawn(move || late.count());
    wait_for("the second job arrives", || begun.exists());
    ctx.cancel_all();
    for job in [running, waiting] {
        assert!(matches!(job.join().unwrap(), Err(Error::Cancelled { .. })));
    }
    assert_eq!(ctx.range(0, 10).count().unwrap(), 10);
    assert!(lost.lock().unwrap().is_empty(), "{lost:?}");
}

fn a_task_that_fetches_stops_when_it_is_told_to() {
    const AGAIN: &str = "DPARK_TEST_FETCHES";
    if std::env::var_os(AGAIN).is_none() {
        let name = "a_task_that_fetches_stops_when_it_is_told_to";
        return run_again(&[], name, &[(AGAIN, "1"), ("DPARK_LOCAL_READS", "0")]);
    }
    let ctx = context("process[2]");
    let (pids, lost, started) = (processes(&ctx), losses(&ctx), starts(&ctx));
    wait_for("two executors have joined", || pids.lock().unwrap().len() == 2);
    let counted = ctx.range_with(0, 1000, 1, 8).map(|x| (x % 10, x)).reduce_by_key(|a, b| a + b);
    assert_eq!(counted.count().unwrap(), 10);
    assert_eq!(started.lock().unwrap().iter().collect::<HashSet<_>>().len(), 2);
    let before = started.lock().unwrap().len();
    // It has map outputs that the other one asks it for in vain.
    let silent = pids.lock().unwrap()[0];
    assert!(signal(silent, libc::SIGSTOP));
    let job = std::thread::spawn(move || counted.count());
    wait_for("both have tasks", || started.lock().unwrap().len() >= before + 2);
    // Whether it fetches already or not, it is told to stop.
    std::thread::sleep(Duration::from_millis(300));
    ctx.cancel_all();
    assert!(matches!(job.join().unwrap(), Err(Error::Cancelled { .. })));
    wait_for("the silent one has been replaced", || pids.lock().unwrap().len() == 3);
    assert_eq!(ctx.range(0, 10).count().unwrap(), 10);
    assert_eq!(lost.lock().unwrap().len(), 1, "{lost:?}");
}

/// A row that panics when it goes, once there is a file at the path.
#[derive(Clone, Serialize, Deserialize)]
struct Fused(String);

impl Drop for Fused {
    fn drop(&mut self) {
        if Path::new(&self.0).exists() && !std::thread::panicking() {
            panic!("the fuse burns");
        }
    }
}

fn rows_that_panic_when_they_go_do_not_take_their_executor_along() {
    let ctx = context("process[1]");
    let lost = losses(&ctx);
    let directory = tempfile::tempdir().unwrap();
    let fuse = directory.path().join("fuse").to_str().unwrap().to_owned();
    let path = fuse.clone();
    let rows = ctx.range_with(0, 3, 1, 1).with_env((&path,)).map(|(path,)| move |_| Fused(path.clone())).cache();
    assert_eq!(rows.count().unwrap(), 3);
    std::fs::write(&fuse, "").unwrap();
    rows.unpersist();
    // It is worked off after that.
    assert_eq!(ctx.range(0, 10).count().unwrap(), 10);
    assert!(lost.lock().unwrap().is_empty(), "{lost:?}");
}
