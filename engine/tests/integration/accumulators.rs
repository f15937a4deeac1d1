//! What accumulators count, and how often.

use dpark::{Accumulator, DparkContext, Error, Rdd, StorageLevel};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};

/// An RDD of the numbers below `n` whose `map` counts its rows.
fn counting(ctx: &DparkContext, n: i64) -> (Rdd<i64>, Accumulator<u64>) {
    let calls = ctx.accumulator(0u64);
    let rdd = ctx.range(0, n).with_env((&calls,)).map(|(calls,)| {
        move |x| {
            calls.add(1);
            x
        }
    });
    (rdd, calls)
}

#[test]
fn a_task_that_is_tried_again_counts_once() {
    static TRIES: AtomicUsize = AtomicUsize::new(0);
    let ctx = DparkContext::local(2);
    let (rdd, calls) = counting(&ctx, 1000);
    let seen = ctx.accumulator(0u64);
    let shaky = |x: i64| if x == 900 && TRIES.fetch_add(1, Ordering::SeqCst) < 2 { panic!("not yet") } else { x };
    rdd.map(shaky).with_env((&seen,)).foreach(|(seen,)| move |_| seen.add(1)).unwrap();
    assert_eq!((calls.value(), seen.value(), TRIES.load(Ordering::SeqCst)), (1000, 1000, 3));
    TRIES.store(0, Ordering::SeqCst);
    assert_eq!(rdd.map(shaky).map(|x| (x % 3, x)).group_by_key().count().unwrap(), 3);
    assert_eq!((calls.value(), TRIES.load(Ordering::SeqCst)), (2000, 3), "a map task as well");
}

#[test]
fn two_actions_count_twice_but_map_outputs_once() {
    let ctx = DparkContext::local(2);
    let (rdd, calls) = counting(&ctx, 1000);
    rdd.count().unwrap();
    rdd.count().unwrap();
    assert_eq!(calls.value(), 2000);
    let groups = rdd.map(|x| (x % 3, x)).group_by_key();
    groups.count().unwrap();
    groups.count().unwrap();
    assert_eq!(calls.value(), 3000, "the second action reuses the map outputs");
    rdd.sort_by(|x| -x).count().unwrap();
    assert_eq!(calls.value(), 4000, "the rows that were computed for the sample are kept until they are sorted");
}

#[test]
fn a_persisted_rdd_counts_when_it_is_computed() {
    let ctx = DparkContext::local(2);
    for level in [StorageLevel::Memory, StorageLevel::MemoryAndDisk, StorageLevel::Disk, StorageLevel::MemorySerialized]
    {
        let (rdd, calls) = counting(&ctx, 1000);
        rdd.persist(level);
        for _ in 0..3 {
            rdd.count().unwrap();
            rdd.map(|x| (x % 3, x)).group_by_key().count().unwrap();
        }
        assert_eq!(calls.value(), 1000, "{level}");
        rdd.unpersist();
        rdd.count().unwrap();
        assert_eq!(calls.value(), 2000, "{level}");
    }
}

#[test]
fn of_a_failed_job_the_finished_partitions_count() {
    let ctx = DparkContext::local(1);
    let calls = ctx.accumulator(0u64);
    let rdd = ctx.union([ctx.range(0, 10), ctx.range(10, 20)]);
    let failed = rdd.with_env((&calls,)).foreach(|(calls,)| {
        move |x| {
            calls.add(1);
            assert!(x != 15, "bad row");
        }
    });
    assert!(matches!(failed, Err(Error::Task(_))));
    assert_eq!(calls.value(), 10, "the first partition; nothing of the second");
}

#[test]
fn take_counts_what_it_computes() {
    let ctx = DparkContext::local(2);
    let (rdd, calls) = counting(&ctx, 1_000_000);
    assert_eq!(rdd.take(1).unwrap(), [0]);
    assert_eq!(calls.value(), 1);
}

#[test]
fn threads_of_a_closure_may_add() {
    let ctx = DparkContext::local(2);
    let total = ctx.accumulator(0i64);
    let rdd = ctx.range(0, 20).with_env((&total,)).map(|(total,)| {
        move |x| {
            std::thread::scope(|scope| {
                scope.spawn(|| total.add(x));
            });
            x
        }
    });
    assert_eq!((rdd.count().unwrap(), total.value()), (20, 190));
}

#[test]
fn lists_sets_maps_and_functions() {
    let ctx = DparkContext::local(3);
    let list = ctx.list_accumulator::<String>();
    let set = ctx.set_accumulator::<i64>();
    let map = ctx.map_accumulator::<String, f64>();
    let least = ctx.accumulator_with(None, |least: &mut Option<i64>, x| *least = (*least).into_iter().chain(x).min());
    list.push("driver".to_owned());
    set.insert(-1);
    let action = ctx.range(5, 100).with_env((&list, &set, &map, &least)).foreach(|(list, set, map, least)| {
        move |x| {
            if x % 40 == 0 {
                list.push(x.to_string());
            }
            set.insert(x % 4);
            map.add_to(format!("{}", x % 2), 0.5);
            least.add(Some(x));
        }
    });
    action.unwrap();
    let mut rows = list.value();
    rows.sort();
    assert_eq!(rows, ["40", "80", "driver"]);
    assert_eq!(set.value(), HashSet::from([-1, 0, 1, 2, 3]));
    assert_eq!(map.value(), HashMap::from([("0".to_owned(), 23.5), ("1".to_owned(), 24.0)]));
    assert_eq!(least.value(), Some(5));
}

#[test]
fn nothing_is_added_without_rows() {
    let ctx = DparkContext::local(2);
    let list = ctx.list_accumulator::<i64>();
    for rdd in [ctx.range(0, 0), ctx.union([])] {
        rdd.with_env((&list,)).foreach(|(list,)| move |x| list.push(x)).unwrap();
    }
    assert!(list.value().is_empty());
}
