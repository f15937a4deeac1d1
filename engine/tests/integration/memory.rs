//! Who holds what, and for how long.

use dpark::event::Event;
use dpark::{Conf, DparkContext, Error};
use std::sync::{Arc, Mutex};

fn with_memory(memory: u64) -> DparkContext {
    DparkContext::new(Conf { master: "local[2]".into(), parallelism: 4, memory, ..Conf::default() }).unwrap()
}

#[test]
fn five_hundred_rebuilt_rdds_leave_memory_flat() {
    let ctx = with_memory(1 << 30);
    for round in 0..500 {
        let text = format!("{}", round % 3);
        let pairs =
            ctx.range(0, 100).with_env((&text,)).map(|(text,)| move |x| (format!("{text}{}", x % 10), x)).cache();
        let sums = pairs.reduce_by_key(|a, b| a + b).sort_by(|row| row.1);
        assert_eq!(sums.count().unwrap(), 10);
        assert_eq!(pairs.count().unwrap(), 100);
        let (blocks, shuffles, used) = ctx.held();
        assert_eq!((blocks, shuffles), (4, 2));
        assert!(used > 0);
    }
    assert_eq!(ctx.held(), (0, 0, 0));
}

#[test]
fn cached_rows_are_computed_once_and_their_stages_skipped() {
    let ctx = with_memory(1 << 30);
    let calls = ctx.accumulator(0u64);
    let counted = ctx.range(0, 50).with_env((&calls,)).map(|(calls,)| {
        move |x| {
            calls.add(1);
            (x % 5, x.to_string())
        }
    });
    let groups = counted.group_by_key().cache();
    let first = groups.collect().unwrap();
    assert_eq!(groups.collect().unwrap(), first);
    assert_eq!(groups.map_values(|v| v.len()).collect().unwrap().len(), 5);
    assert_eq!(calls.value(), 50);
    groups.unpersist();
    assert_eq!(ctx.held().0, 0);
    assert_eq!(groups.collect().unwrap(), first, "the same rows in the same order when computed again");
}

#[test]
fn the_cache_gives_way_and_results_stay_right() {
    let ctx = with_memory(2 << 20);
    let removed = Arc::new(Mutex::new(0));
    let count = Arc::clone(&removed);
    ctx.events().subscribe(Box::new(move |event| {
        if let Event::BlockRemoved { .. } = event {
            *count.lock().unwrap() += 1;
        }
    }));
    let first = ctx.range(0, 100_000).map(|x| x + 1).cache();
    let second = ctx.range(0, 200_000).map(|x| x + 2).cache();
    let too_large = ctx.range(0, 1_000_000).map(|x| x + 3).cache();
    for _ in 0..3 {
        assert_eq!(first.count().unwrap(), 100_000);
        assert_eq!(second.max().unwrap(), 200_001);
        assert_eq!(too_large.sum().unwrap(), 500_002_500_000);
    }
    assert!(*removed.lock().unwrap() > 0, "something was evicted");
}

#[test]
fn a_shuffle_over_the_budget_fails_naming_the_setting() {
    let ctx = with_memory(1 << 20);
    let error = ctx.range(0, 1_000_000).key_by(|x| *x).group_by_key().count().unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, Error::Task(_)), "{message}");
    assert!(message.contains("group_by_key at engine/tests/integration/memory.rs"), "{message}");
    assert!(message.contains("the memory budget of 1 MB does not suffice"), "{message}");
    assert!(message.contains("raise the memory setting (`-M`, `mem` in dpark.toml)"), "{message}");
    wait_until_nothing_is_held(&ctx);
}

/// The job has failed at its first task's failure; the others let go when they notice.
fn wait_until_nothing_is_held(ctx: &DparkContext) {
    let since = std::time::Instant::now();
    while ctx.held() != (0, 0, 0) {
        assert!(since.elapsed().as_secs() < 60, "still held: {:?}", ctx.held());
        std::thread::yield_now();
    }
}

#[test]
fn a_result_over_the_budget_fails_too() {
    let error = with_memory(1 << 20).range(0, 1_000_000).collect().unwrap_err();
    assert!(error.to_string().contains("memory budget"), "{error}");
}

#[test]
fn events_tell_the_life_of_an_rdd() {
    let ctx = DparkContext::local(1);
    let log = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&log);
    ctx.events().subscribe(Box::new(move |event| {
        let line = match event {
            Event::RddCreated(info) => format!("created {} {} of {}", info.id, info.operator, info.element),
            Event::RddDropped { rdd } => format!("dropped {rdd}"),
            Event::CacheMarked { rdd, level } => format!("marked {rdd} {level:?}"),
            Event::BlockStored { rdd, partition, memory, .. } => format!("stored {rdd}.{partition} {memory}"),
            Event::BlockRemoved { rdd, partition, .. } => format!("removed {rdd}.{partition}"),
            _ => return,
        };
        sink.lock().unwrap().push(line);
    }));
    let rdd = ctx.range(0, 2).map(Some).cache();
    rdd.count().unwrap();
    drop(rdd);
    let expected = [
        "created 1 range of i64",
        "created 2 map of Option<i64>",
        "marked 2 Some(\"memory\")",
        "stored 2.0 32",
        "removed 2.0",
        "dropped 2",
        "dropped 1",
    ];
    assert_eq!(*log.lock().unwrap(), expected);
}
