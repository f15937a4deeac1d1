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
