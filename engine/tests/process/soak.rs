//! Many RDDs come and go: what executors keep of them, on disk and in memory, does not grow.

use crate::support::{files, in_directory, processes, wait_for};
use crate::tests;
use dpark::{DparkContext, StorageLevel};
use std::path::Path;

tests!(hundreds_of_dropped_rdds_leave_nothing_on_executors);

const ROUNDS: usize = 6;
/// RDDs of each kind in a round.
const RDDS: i64 = 50;
/// Numbers in a broadcast, of 8 bytes each.
const NUMBERS: i64 = 100_000;

fn hundreds_of_dropped_rdds_leave_nothing_on_executors() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = in_directory("process[2]", directory.path());
    let pids = processes(&ctx);
    let mut memory = Vec::new();
    for _ in 0..ROUNDS {
        (0..RDDS).for_each(|n| come_and_go(&ctx, n));
        let left = || files(directory.path()).into_iter().filter(|path| !path.ends_with("lock")).collect::<Vec<_>>();
        wait_for("no file is left", || left().is_empty());
        memory.push(pids.lock().unwrap().iter().map(|pid| resident(*pid)).max().unwrap());
    }
    assert_eq!(pids.lock().unwrap().len(), 2, "the executors are those of the beginning");
    let broadcasts = (ROUNDS as u64 - 1) * RDDS as u64 * NUMBERS as u64 * 8;
    assert!(memory[ROUNDS - 1] < memory[0] + broadcasts / 2, "bytes after each round: {memory:?}");
}

/// A broadcast, a cached RDD and a shuffle.
fn come_and_go(ctx: &DparkContext, n: i64) {
    let numbers = ctx.broadcast((0..NUMBERS).map(|x| x * n).collect::<Vec<i64>>());
    let rows = ctx.range_with(0, 1000, 1, 4).with_env((&numbers,)).map(|(numbers,)| move |x| numbers[x as usize]);
    let level = if n % 2 == 0 { StorageLevel::Disk } else { StorageLevel::MemorySerialized };
    let rows = rows.persist(level);
    assert_eq!(rows.sum().unwrap(), 499_500 * n);
    let sums = rows.map(|x| (x % 7, x)).reduce_by_key(|a, b| a + b);
    assert_eq!(sums.values().sum().unwrap(), 499_500 * n);
}

/// Bytes of memory that a process has in use.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}
