//! Where tasks run: beside the blocks that they begin with, a second time if they are slow, and not where everything fails.

use crate::support::{collected, context, processes, wait_for};
use crate::tests;
use dpark::event::{Event, TaskEnd};
use dpark::ids::ExecutorId;
use dpark::status::StatusStore;
use dpark::{Conf, DparkContext};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

tests!(
    persisted_rows_are_read_where_they_are,
    rows_that_were_sampled_for_a_sort_are_not_computed_again,
    a_block_that_goes_while_its_task_runs_costs_no_map_outputs,
    the_status_tells_which_executors_hold_persisted_rows,
    a_task_that_hangs_is_overtaken_by_its_copy,
    an_executor_that_cannot_compute_anything_does_not_fail_the_job,
);

fn persisted_rows_are_read_where_they_are() {
    let ctx = context("process[4*2]");
    let pids = processes(&ctx);
    wait_for("all executors have joined", || pids.lock().unwrap().len() == 4);
    let computed = ctx.accumulator(0u64);
    let rdd = ctx.range_with(0, 800, 1, 8).with_env((&computed,)).map(|(computed,)| {
        move |x| {
            computed.add(1);
            x
        }
    });
    let rdd = rdd.cache();
    assert_eq!(rdd.count().unwrap(), 800);
    assert_eq!(rdd.sum().unwrap(), 319_600);
    assert_eq!(rdd.map(|x| x + 1).zip_with_index().count().unwrap(), 800);
    assert_eq!(rdd.map(|x| (x % 10, 1)).reduce_by_key(|a, b| a + b).count().unwrap(), 10);
    assert_eq!(computed.value(), 800, "each row was computed once");
    // With more partitions than slots an executor that is free takes one whose block is elsewhere.
    assert_eq!(rdd.union(&rdd.map(|x| -x)).sum().unwrap(), 0);
}

fn rows_that_were_sampled_for_a_sort_are_not_computed_again() {
    let ctx = context("process[4*2]");
    let pids = processes(&ctx);
    wait_for("all executors have joined", || pids.lock().unwrap().len() == 4);
    let computed = ctx.accumulator(0u64);
    let rows = ctx.range_with(0, 800, 1, 8).with_env((&computed,)).map(|(computed,)| {
        move |x| {
            computed.add(1);
            (x * 7) % 800
        }
    });
    assert_eq!(rows.sort_by(|x| *x).collect().unwrap(), (0..800).collect::<Vec<_>>());
    assert_eq!(computed.value(), 800, "each row was computed once");
}

fn a_block_that_goes_while_its_task_runs_costs_no_map_outputs() {
    let ctx = DparkContext::new(Conf { master: "process[1]".to_owned(), memory: 16 << 20, ..Conf::default() }).unwrap();
    let pairs = ctx.range_with(0, 1000, 1, 3).map(|x| (x % 10, x));
    let (sums, other) = (pairs.reduce_by_key(|a, b| a + b), pairs.map(|row| (row.0 + 5, row.1)).group_by_key());
    let few = sums.join(&other).map(|row| row.0).cache();
    assert_eq!(few.count().unwrap(), 5);
    // It does not fit, and makes everything else go before it gives up.
    let many = ctx.range_with(0, 4_000_000, 1, 1).map(|x| x + 1000).cache();
    let heard = collected(&ctx, |event| match event {
        Event::TaskStarted { .. } => Some("started".to_owned()),
        Event::BlockRemoved { .. } => Some("removed".to_owned()),
        Event::TaskFinished { end: TaskEnd::Failed(why), .. } => Some(why.clone()),
        _ => None,
    });
    // One task, which reads the one after the other.
    let both = many.union(&few).coalesce(1);
    assert_eq!(both.filter(|x| *x < 1000).count().unwrap(), 5);
    assert_eq!(*heard.lock().unwrap(), ["started", "removed"]);
}

fn the_status_tells_which_executors_hold_persisted_rows() {
    let ctx = context("process[2]");
    let pids = processes(&ctx);
    wait_for("both executors have joined", || pids.lock().unwrap().len() == 2);
    let status = Arc::new(Mutex::new(StatusStore::new()));
    let told = Arc::clone(&status);
    ctx.events().subscribe(Box::new(move |event| told.lock().unwrap().apply(event)));
    let rdd = ctx.range_with(0, 80, 1, 8).map(|x| x + 1).cache();
    assert_eq!(rdd.count().unwrap(), 80);
    let cached = || {
        let snapshot = status.lock().unwrap().snapshot();
        let status = snapshot.rdds.into_iter().find(|rdd| rdd.level.is_some()).unwrap();
        (status.cached.len(), status.holders())
    };
    let (partitions, holders) = cached();
    assert_eq!((partitions, holders.values().sum::<usize>()), (8, 8), "{holders:?}");
    assert!(holders.keys().all(|executor| [ExecutorId(1), ExecutorId(2)].contains(executor)), "{holders:?}");
    ctx.kill_executor(ExecutorId(1));
    wait_for("what it held is gone", || !cached().1.contains_key(&ExecutorId(1)));
    assert_eq!(cached().0, holders.get(&ExecutorId(2)).copied().unwrap_or(0));
}

fn a_task_that_hangs_is_overtaken_by_its_copy() {
    let ctx = context("process[2*2]");
    let pids = processes(&ctx);
    wait_for("both executors have joined", || pids.lock().unwrap().len() == 2);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap().to_owned();
    let rdd = ctx.range_with(0, 8, 1, 8).with_env((&path,)).map(|(path,)| {
        move |x| {
            let first = x == 5 && std::fs::File::create_new(Path::new(&path).join("begun")).is_ok();
            if !first {
                return x;
            }
            // A wrong row, should nobody overtake it: a panic would only be tried again.
            let ended = || Path::new(&path).join("ended").exists();
            (0..3000).find(|_| {
                ended() || {
                    std::thread::sleep(Duration::from_millis(10));
                    false
                }
            });
            -1
        }
    });
    let copied = collected(&ctx, |event| match event {
        Event::TaskStarted { partition, is_copy: true, .. } => Some(*partition),
        _ => None,
    });
    assert_eq!(rdd.collect().unwrap(), (0..8).collect::<Vec<_>>());
    assert_eq!(*copied.lock().unwrap(), [5]);
    std::fs::write(dir.path().join("ended"), "").unwrap();
}

fn an_executor_that_cannot_compute_anything_does_not_fail_the_job() {
    let ctx = context("process[2]");
    let pids = processes(&ctx);
    wait_for("both executors have joined", || pids.lock().unwrap().len() == 2);
    // They have their numbers in the order in which they have joined.
    let (bad, bad_id) = (pids.lock().unwrap()[0], ExecutorId(1));
    let rdd = ctx.range_with(0, 32, 1, 32).with_env((&bad,)).map(|(bad,)| {
        move |x| {
            assert_ne!(std::process::id(), bad);
            // So that the other one is fast enough to take everything.
            std::thread::sleep(Duration::from_millis(2));
            x
        }
    });
    let excluded = collected(&ctx, |event| match event {
        Event::ExecutorExcluded { executor, .. } => Some(*executor),
        _ => None,
    });
    assert_eq!(rdd.collect().unwrap(), (0..32).collect::<Vec<_>>());
    assert_eq!(*excluded.lock().unwrap(), [bad_id]);
}
