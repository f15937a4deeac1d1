//! `broadcast_join` gives what a nested loop gives, in the order of the left side and without a shuffle.

use dpark::event::Event;
use dpark::{DparkContext, Error, Rdd};
use proptest::prelude::*;
use std::sync::{Arc, Mutex};

type Pairs = Vec<(u8, i32)>;

fn pairs() -> impl Strategy<Value = Pairs> {
    prop::collection::vec((0u8..8, -50i32..50), 0..60)
}

fn spread(ctx: &DparkContext, rows: &Pairs, partitions: usize) -> Rdd<(u8, i32)> {
    if partitions == 0 { ctx.union([]) } else { ctx.parallelize_with(rows.clone(), partitions) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equals_nested_loops(left in pairs(), right in pairs(), n in 0usize..80, m in 0usize..4) {
        let ctx = DparkContext::local(2);
        let (a, b) = (spread(&ctx, &left, n), spread(&ctx, &right, m).map_values(|v| v.to_string()));
        let left = if n == 0 { Pairs::new() } else { left };
        let right: Vec<(u8, String)> = if m == 0 { Vec::new() } else { right.iter().map(|(k, v)| (*k, v.to_string())).collect() };
        let mut inner = Vec::new();
        let mut outer = Vec::new();
        for (k, v) in left {
            let met: Vec<&String> = right.iter().filter(|kv| kv.0 == k).map(|kv| &kv.1).collect();
            inner.extend(met.iter().map(|w| (k, (v, (*w).clone()))));
            outer.extend(met.iter().map(|w| (k, (v, Some((*w).clone())))));
            if met.is_empty() {
                outer.push((k, (v, None)));
            }
        }
        let joined = a.broadcast_join(&b).unwrap();
        prop_assert_eq!(joined.num_partitions(), n);
        prop_assert_eq!(joined.collect().unwrap(), inner.clone());
        prop_assert_eq!(a.inner_join(&b).unwrap().collect().unwrap(), inner);
        prop_assert_eq!(a.broadcast_left_outer_join(&b).unwrap().collect().unwrap(), outer);
    }
}

#[test]
fn many_matches_of_one_key_fill_many_batches() {
    let ctx = DparkContext::local(2);
    let many = ctx.range(0, 2000).key_by(|_| 0u8);
    let joined = many.broadcast_join(&many).unwrap();
    assert_eq!(joined.take(3).unwrap(), [(0, (0, 0)), (0, (0, 1)), (0, (0, 2))]);
    assert_eq!(joined.slice(1..2).take(2).unwrap(), [(0, (1000, 0)), (0, (1000, 1))]);
    assert_eq!(joined.count().unwrap(), 4_000_000);
    assert_eq!(joined.map(|(_, (a, b))| a * b).sum().unwrap(), (1999 * 2000 / 2) * (1999 * 2000 / 2));
}

#[test]
fn nothing_is_shuffled_and_the_small_side_is_computed_once() {
    let ctx = DparkContext::local(2);
    let jobs = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&jobs);
    ctx.events().subscribe(Box::new(move |event| {
        if let Event::JobStarted { name, stages, .. } = event {
            seen.lock().unwrap().push((name.clone(), stages.len()));
        }
    }));
    let computed = ctx.accumulator(0);
    let small = ctx.range(0, 5).with_env((&computed,)).map(|(computed,)| {
        move |x| {
            computed.add(1);
            (x, x * 10)
        }
    });
    let joined = ctx.range(0, 100).key_by(|x| x % 10).broadcast_join(&small).unwrap();
    assert_eq!((joined.count().unwrap(), joined.count().unwrap()), (50, 50));
    assert_eq!(computed.value(), 5);
    let jobs = jobs.lock().unwrap();
    assert_eq!(*jobs, [("broadcast_join".to_owned(), 1), ("count".to_owned(), 1), ("count".to_owned(), 1)]);
}

#[test]
fn a_small_side_that_fails_is_an_error_at_once() {
    let ctx = DparkContext::local(2);
    let small = ctx.range(0, 5).map(|x| (1 / (x - 3), x));
    match ctx.range(0, 5).key_by(|x| *x).broadcast_join(&small) {
        Err(Error::Task(failure)) => assert!(failure.to_string().contains("divide by zero"), "{failure}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_map_counts_in_the_budget_until_the_joined_rdd_goes() {
    let ctx = DparkContext::local(2);
    let small = ctx.range(0, 1000).map(|x| (x, "x".repeat(1000)));
    let joined = ctx.range(0, 10).key_by(|x| *x).broadcast_join(&small).unwrap();
    let (.., held) = ctx.held();
    assert!(held > 1_000_000, "{held}");
    assert_eq!(joined.count().unwrap(), 10);
    drop(joined);
    assert!(ctx.held().2 < 100_000);
}
