//! Checkpoints that cut a lineage while another job runs on it.

use crate::support::{collected, context, files_ending, in_directory, processes, signal, wait_for};
use crate::tests;
use dpark::event::{Event, TaskEnd};
use dpark::{DparkContext, Rdd};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

tests!(
    a_job_goes_on_where_nothing_is_known_of_the_lineage_that_was_cut,
    map_outputs_stay_for_the_job_that_was_to_read_them,
);

const BEGUN: &str = "begun";
const GO: &str = "go";

type Sums = Rdd<(i64, i64)>;
type Joined = Rdd<(i64, (i64, i64))>;

/// Sums by key, and a join of them that makes a file, then waits for another one before it reads them.
fn sums_and_slow_join(ctx: &DparkContext, directory: &Path) -> (Sums, Joined) {
    let sums = ctx.range_with(0, 100, 1, 2).map(|x| (x % 10, x)).shuffle_into(2).reduce_by_key(|a, b| a + b);
    let files = (directory.join(BEGUN), directory.join(GO));
    let slow = ctx.range_with(0, 10, 1, 1).with_env((&files,)).map(|(files,)| {
        move |x| {
            std::fs::write(&files.0, "").unwrap();
            while !files.1.exists() {
                std::thread::sleep(Duration::from_millis(5));
            }
            (x, x)
        }
    });
    let joined = sums.join(&slow.shuffle_into(2).reduce_by_key(|a, b| a + b));
    (sums, joined)
}

fn expected() -> HashMap<i64, (i64, i64)> {
    (0..10).map(|key| (key, ((0..10).map(|ten| ten * 10 + key).sum(), key))).collect()
}

/// Runs the join, and while it waits, `meanwhile`.
fn join_while(joined: &Joined, directory: &Path, meanwhile: impl FnOnce()) -> HashMap<i64, (i64, i64)> {
    std::thread::scope(|scope| {
        let job = scope.spawn(|| joined.collect_as_map());
        wait_for("the join waits", || directory.join(BEGUN).exists());
        meanwhile();
        std::fs::write(directory.join(GO), "").unwrap();
        job.join().unwrap().unwrap()
    })
}

fn a_job_goes_on_where_nothing_is_known_of_the_lineage_that_was_cut() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = context("process[2]");
    let pids = processes(&ctx);
    let (sums, joined) = sums_and_slow_join(&ctx, directory.path());
    let rows = join_while(&joined, directory.path(), || {
        wait_for("two executors have joined", || pids.lock().unwrap().len() == 2);
        sums.checkpoint(directory.path().join("saved")).unwrap();
        let first = pids.lock().unwrap().clone();
        first.iter().for_each(|pid| assert!(signal(*pid, libc::SIGKILL)));
        wait_for("others have joined in their place", || pids.lock().unwrap().len() == 4);
    });
    assert_eq!(rows, expected());
}

fn map_outputs_stay_for_the_job_that_was_to_read_them() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = in_directory("process[2]", directory.path());
    let ended =
        collected(&ctx, |event| if let Event::TaskFinished { end, .. } = event { Some(end.clone()) } else { None });
    let (sums, joined) = sums_and_slow_join(&ctx, directory.path());
    let rows = join_while(&joined, directory.path(), || {
        sums.checkpoint(directory.path().join("saved")).unwrap();
        // Executors work off what they are told in its order: another job ends after they were told of the cut.
        assert_eq!(ctx.range_with(0, 4, 1, 1).count().unwrap(), 4);
    });
    assert_eq!(rows, expected());
    let ended = ended.lock().unwrap().clone();
    assert!(!ended.iter().any(|end| matches!(end, TaskEnd::Failed(_))), "{ended:?}");
    let succeeded = ended.iter().filter(|end| matches!(end, TaskEnd::Succeeded(_))).count();
    // Two maps of the sums and a slow one, two reduce tasks of the join, two of the checkpoint, one that counts.
    assert_eq!(succeeded, 8, "nothing is computed again: {ended:?}");
    drop((sums, joined));
    wait_for("the map outputs go", || files_ending(directory.path(), "data").is_empty());
}
