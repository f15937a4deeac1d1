//! Indices of rows and partitions.

use dpark::event::Event;
use dpark::{Conf, DparkContext};
use std::sync::{Arc, Mutex};

/// The names of the jobs that ran in a context.
fn jobs(ctx: &DparkContext) -> Arc<Mutex<Vec<String>>> {
    let names = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&names);
    ctx.events().subscribe(Box::new(move |event| {
        if let Event::JobStarted { name, .. } = event {
            log.lock().unwrap().push(name.clone());
        }
    }));
    names
}

#[test]
fn rows_are_counted_once_and_only_when_needed() {
    let ctx = DparkContext::local(3);
    let names = jobs(&ctx);
    let taken = || std::mem::take(&mut *names.lock().unwrap());
    let indexed = ctx.range(0, 100).filter(|x| x % 3 == 0).zip_with_index();
    let after = indexed.filter(|row| row.1 % 2 == 0);
    assert_eq!(taken(), Vec::<String>::new(), "a transformation runs nothing");
    assert_eq!(after.count().unwrap(), 17);
    assert_eq!(taken(), ["zip_with_index (counting)", "count"]);
    assert!(indexed.collect().unwrap().into_iter().eq((0..34).map(|i| (i as i64 * 3, i))));
    assert_eq!(taken(), ["collect"]);
    let single = ctx.parallelize_with(["a", "b"].map(String::from), 1).enumerate();
    assert_eq!(single.collect().unwrap(), [(0, "a".to_owned()), (1, "b".to_owned())]);
    assert_eq!(taken(), ["collect"], "one partition needs no counting");
}

#[test]
fn indices_are_right_behind_and_before_every_kind_of_rdd() {
    let ctx = DparkContext::local(4);
    let base = ctx.range(0, 1000).flat_map(|x| vec![x; x as usize % 4]);
    let check = |rows: Vec<(u64, i64)>, of: Vec<i64>| {
        assert_eq!(rows, (0u64..).zip(of).collect::<Vec<_>>());
    };
    check(base.enumerate().collect().unwrap(), base.collect().unwrap());
    let twice = base.enumerate().filter(|row| row.1 % 2 == 0).enumerate();
    assert!(twice.map(|row| row.0).collect().unwrap().into_iter().eq(0..twice.count().unwrap()));
    let sorted = base.sort_by(|x| -x);
    check(sorted.enumerate().collect().unwrap(), sorted.collect().unwrap());
    let groups = base.key_by(|x| x % 10).reduce_by_key(|a, b| a + b).values();
    check(groups.enumerate().collect().unwrap(), groups.collect().unwrap());
    let union = base.union(&base.enumerate().map(|row| row.1)).union(&ctx.union([]));
    check(union.enumerate().collect().unwrap(), union.collect().unwrap());
    let both = base.enumerate().cache();
    assert_eq!(both.union(&both).sort_by(|row| row.0).enumerate().count().unwrap(), 2 * both.count().unwrap());
    check(both.collect().unwrap(), base.collect().unwrap());
    let by_index = base.enumerate().group_by_key();
    assert!(by_index.collect().unwrap().iter().all(|row| row.1.len() == 1));
    assert_eq!(base.enumerate().take(3).unwrap(), [(0, 1), (1, 2), (2, 2)]);
    let mut deep = ctx.range(0, 10);
    for _ in 0..40 {
        deep = deep.zip_with_index().map(|row| row.0 + i64::from(row.1 == 0));
    }
    assert_eq!(deep.sum().unwrap(), 45 + 40);
}

#[test]
fn a_failure_while_counting_is_the_actions_error() {
    let ctx = DparkContext::local(2);
    let failing = ctx.range(0, 10).map(|x| if x == 3 { panic!("bad row") } else { x }).zip_with_index();
    assert!(failing.count().unwrap_err().to_string().contains("bad row"));
    assert!(failing.sort_by(|row| row.1).count().unwrap_err().to_string().contains("bad row"));
}

#[test]
fn the_index_of_a_partition_is_that_in_its_own_rdd() {
    let ctx = DparkContext::local(2);
    let rdd = ctx.parallelize_with([1, 2, 3], 3);
    let union = rdd.enumerate_partition().union(&rdd.enumerate_partition());
    assert_eq!(union.collect().unwrap(), [(0, 1), (1, 2), (2, 3), (0, 1), (1, 2), (2, 3)]);
    let around = rdd.union(&rdd).enumerate_partition();
    assert!(around.keys().collect().unwrap().into_iter().eq(0..6));
    let nested = rdd.union(&rdd).map_partitions_with_index(|i, rows| rows.map(move |x| (i, x)));
    assert_eq!(nested.collect().unwrap(), around.collect().unwrap());
}

#[test]
fn indices_do_not_depend_on_the_number_of_threads() {
    let rows = |threads: usize| {
        let conf = Conf { master: format!("local[{threads}]"), parallelism: 5, ..Conf::default() };
        let ctx = DparkContext::new(conf).unwrap();
        let words = ctx.range(0, 5000).map(|x| ((x * 7919) % 100, x)).group_by_key().flat_map_values(|v| v);
        (words.zip_with_index().collect().unwrap(), words.sample(0.1, 3).collect().unwrap())
    };
    assert_eq!(rows(1), rows(4));
}
