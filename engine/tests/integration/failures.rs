//! Panics, cancellation, and what stays usable afterwards.

use dpark::{DparkContext, Error};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[test]
fn a_panic_in_a_closure_is_an_error_that_names_stage_and_partition() {
    let ctx = DparkContext::local(2);
    let rdd = ctx.range(0, 10).map(|x| if x == 7 { panic!("bad {x}") } else { (x, x.to_string()) });
    for result in [rdd.count().map(drop), rdd.reduce_by_key(|a, _| a).count().map(drop), rdd.collect().map(drop)] {
        let error = result.unwrap_err();
        let Error::Task(failure) = &error else { panic!("{error:?}") };
        assert_eq!(failure.partition, 1);
        assert!(error.to_string().contains("bad 7"), "{error}");
        assert!(error.to_string().contains("engine/tests/integration/failures.rs"), "{error}");
    }
    assert_eq!(ctx.range(0, 10).count().unwrap(), 10, "the context goes on");
}

/// Counts how many values of it are alive.
static ALIVE: AtomicUsize = AtomicUsize::new(0);

#[derive(serde::Serialize, PartialEq, Eq, Hash)]
struct Counted(u64);

impl Counted {
    fn new(x: u64) -> Counted {
        ALIVE.fetch_add(1, Ordering::SeqCst);
        Counted(x)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

impl<'de> serde::Deserialize<'de> for Counted {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Counted, D::Error> {
        // The derived newtype format.
        #[derive(serde::Deserialize)]
        struct Plain(u64);
        Plain::deserialize(deserializer).map(|plain| Counted::new(plain.0))
    }
}

#[test]
fn a_panic_drops_every_row_once() {
    let ctx = DparkContext::local(2);
    let rows = ctx.range(0, 3000).map(|x| (Counted::new(x as u64 % 100), Counted::new(x as u64)));
    let panics = |row: &(Counted, Counted)| if row.1.0 == 2500 { panic!("stop") } else { row.0.0 < 90 };
    assert!(rows.filter(panics).collect().is_err());
    assert!(rows.flat_map(|row| [row.0, row.1]).map(|c| assert!(c.0 != 2900)).count().is_err());
    assert!(rows.map_partitions(|rows| rows.map(|row| assert!(!at_2000(&row)))).count().is_err());
    assert!(rows.sort_by(|row| if row.1.0 == 17 { panic!("stop") } else { row.1.0 }).count().is_err());
    assert!(rows.map_values(|v| v).distinct().take(3).is_ok());
    assert!(rows.map(|row| row.0).distinct().count().is_ok());
    assert!(rows.join(&ctx.range(0, 10).map(|x| (Counted::new(x as u64), x))).count().is_ok());
    assert_eq!(ALIVE.load(Ordering::SeqCst), 0);
    // The row whose value the closure held when it panicked loses its key: one a task, nothing twice.
    assert!(
        rows.reduce_by_key(|a, b| if b.0 == 2950 { panic!("stop") } else { Counted::new(a.0 + b.0) }).count().is_err()
    );
    assert!(ALIVE.load(Ordering::SeqCst) <= 4);
}

fn at_2000(row: &(Counted, Counted)) -> bool {
    row.1.0 == 2000
}

impl Clone for Counted {
    fn clone(&self) -> Counted {
        Counted::new(self.0)
    }
}

#[test]
fn cancellation_reaches_running_tasks_soon() {
    let ctx = DparkContext::local(2);
    let endless = [
        ctx.range(0, 2).flat_map(|_| 0i64..),
        ctx.range(0, 2).flat_map(|_| 0i64..).filter(|_| false),
        ctx.range(0, 2).map_partitions(|rows| rows.flat_map(|_| 0i64..)).filter(|x| *x < 0),
        ctx.range(0, i64::MAX).sort_by(|x| -x),
    ];
    for rdd in endless {
        let started = Instant::now();
        let canceller = ctx.clone();
        let thread = std::thread::spawn(move || {
            while started.elapsed() < Duration::from_millis(100) {
                std::thread::yield_now();
            }
            canceller.cancel_all();
        });
        let error = rdd.count().unwrap_err();
        assert!(matches!(error, Error::Cancelled { .. }), "{error}");
        assert!(started.elapsed() < Duration::from_millis(600), "{:?}", started.elapsed());
        thread.join().unwrap();
    }
    assert_eq!(ctx.range(0, 5).count().unwrap(), 5);
}

#[test]
fn a_sum_that_overflows_is_an_error() {
    let ctx = DparkContext::local(2);
    assert!(ctx.range(0, 10).map(|x| x as u8 * 20).sum().unwrap_err().to_string().contains("the sum overflows"));
    assert!(ctx.parallelize([i64::MAX, 1]).sum().is_err());
    assert_eq!(ctx.parallelize([i64::MAX, -1, i64::MIN]).sum().unwrap(), -2);
    assert_eq!(ctx.parallelize([0.5f64, 0.25]).sum().unwrap(), 0.75);
}

#[test]
fn rdds_can_be_used_from_many_threads() {
    let ctx = DparkContext::local(2);
    let rdd = Arc::new(ctx.range(0, 1000).key_by(|x| x % 10).reduce_by_key(|a, b| a + b).sort_by(|row| row.0).cache());
    let expected = rdd.collect().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(rdd.collect().unwrap(), expected));
        }
    });
}

#[test]
fn a_panic_on_the_driver_is_the_actions_error() {
    let ctx = DparkContext::local(2);
    // One row a partition: nothing is combined but the partitions' results.
    let rows = ctx.parallelize([1, 2]);
    let pairs = rows.map(|x| ((), x));
    let messages = [
        rows.reduce(|_, _| panic!("no merging")).map(drop).unwrap_err().to_string(),
        rows.aggregate(0, |a, b| a + b, |_, _| panic!("no merging")).map(drop).unwrap_err().to_string(),
        pairs.reduce_by_key_to_driver(|_, _| panic!("no merging")).map(drop).unwrap_err().to_string(),
    ];
    for (action, message) in ["reduce", "aggregate", "reduce_by_key_to_driver"].iter().zip(messages) {
        let expected = format!("{action}: putting the results of the partitions together panicked: no merging");
        assert_eq!(message, expected);
    }
}

/// Keys computed by the sort below, and whether it was cancelled.
static KEYS: AtomicUsize = AtomicUsize::new(0);

#[test]
fn a_sort_by_slow_keys_can_be_cancelled() {
    let ctx = DparkContext::local(1);
    let canceller = ctx.clone();
    let sorted = ctx.range(0, 20_000).sort_by(|x| {
        KEYS.fetch_add(1, Ordering::SeqCst);
        // The first 20,000 are those of the map side, where batches are small.
        if KEYS.load(Ordering::SeqCst) > 20_000 {
            std::thread::sleep(Duration::from_millis(1));
        }
        -x
    });
    let thread = std::thread::spawn(move || {
        while KEYS.load(Ordering::SeqCst) < 20_010 {
            std::thread::yield_now();
        }
        canceller.cancel_all();
    });
    assert!(matches!(sorted.count(), Err(Error::Cancelled { .. })));
    thread.join().unwrap();
    // The task stops when it notices; until then it holds the context's only thread.
    assert_eq!(ctx.range(0, 3).count().unwrap(), 3);
    assert!(KEYS.load(Ordering::SeqCst) < 30_000, "{} keys were computed", KEYS.load(Ordering::SeqCst));
}

/// Counts how many values of it are alive, for the operators by key.
static HELD: AtomicUsize = AtomicUsize::new(0);

#[derive(serde::Serialize, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Held(u64);

impl Held {
    fn new(x: u64) -> Held {
        HELD.fetch_add(1, Ordering::SeqCst);
        Held(x)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD.fetch_sub(1, Ordering::SeqCst);
    }
}

impl<'de> serde::Deserialize<'de> for Held {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Held, D::Error> {
        #[derive(serde::Deserialize)]
        struct Plain(u64);
        Plain::deserialize(deserializer).map(|plain| Held::new(plain.0))
    }
}

/// The clone of one value in a thousand panics, if told to.
impl Clone for Held {
    fn clone(&self) -> Held {
        assert!(self.0 != 999 || !CLONES_PANIC.load(Ordering::SeqCst), "no clone");
        Held::new(self.0)
    }
}

type HeldJob = fn(&dpark::Rdd<(Held, Held)>) -> dpark::Result<u64>;

static CLONES_PANIC: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

#[test]
fn operators_by_key_drop_every_row_once() {
    let ctx = DparkContext::local(2);
    let rows = ctx.range(0, 2000).map(|x| (Held::new(x as u64 % 70), Held::new(x as u64)));
    let jobs: [HeldJob; 20] = [
        |rdd| rdd.reduce_by_key(|a, b| a.max(b)).count(),
        |rdd| rdd.fold_by_key(Held::new(0), |a, b| a.max(b)).count(),
        |rdd| {
            rdd.combine_by_key(
                |v| vec![v],
                |mut all, v| (all.push(v), all).1,
                |mut all, more| (all.extend(more), all).1,
            )
            .count()
        },
        |rdd| rdd.aggregate_by_key(Vec::new(), |mut all, v| (all.push(v), all).1, |_, more| more).count(),
        |rdd| rdd.group_by_key().count(),
        |rdd| rdd.group_by_key().take(2).map(|rows| rows.len() as u64),
        |rdd| rdd.partition_by(5).group_by_key().count(),
        |rdd| rdd.distinct().count(),
        |rdd| rdd.join(rdd).count(),
        |rdd| rdd.partition_by(3).join(rdd).take(7).map(|rows| rows.len() as u64),
        |rdd| rdd.full_outer_join(&rdd.filter(|kv| kv.0.0 % 2 == 0)).count(),
        |rdd| rdd.filter(|kv| kv.0.0 % 2 == 0).right_outer_join(rdd).take(30_000).map(|rows| rows.len() as u64),
        |rdd| rdd.subtract_by_key(&rdd.filter(|kv| kv.0.0 % 2 == 0)).count(),
        |rdd| rdd.cogroup3(rdd, rdd).count(),
        |rdd| rdd.cartesian(&rdd.filter(|kv| kv.0.0 == 3)).count(),
        |rdd| rdd.sort().count(),
        |rdd| rdd.sort_by_key().take(3).map(|rows| rows.len() as u64),
        |rdd| rdd.repartition(7).zip(&rdd.filter(|_| true).cache().repartition(7)).count(),
        |rdd| rdd.top_by_key(3).count(),
        |rdd| rdd.reduce_by_key_to_driver(|a, b| a.max(b)).map(|map| map.len() as u64),
    ];
    for (i, job) in jobs.iter().enumerate() {
        job(&rows).unwrap();
        assert_eq!(HELD.load(Ordering::SeqCst), 0, "job {i}");
    }
    // Of a row in which a closure, a clone or a comparison panics, no more than its own values may be lost.
    CLONES_PANIC.store(true, Ordering::SeqCst);
    for (i, job) in jobs.iter().enumerate() {
        // Some jobs clone nothing.
        let failed = job(&rows).is_err();
        ctx.range(0, 2).count().unwrap();
        let since = Instant::now();
        while HELD.load(Ordering::SeqCst) > 0 {
            assert!(since.elapsed().as_secs() < 60, "job {i}, failed {failed}: {} values", HELD.load(Ordering::SeqCst));
            std::thread::yield_now();
        }
    }
    assert!(rows.join(&rows).count().is_err());
}
