//! Random pipelines give what plain iterators give, and the operators keep their promises on edge cases.

use dpark::{DparkContext, Rdd};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, Debug)]
enum Op {
    Map(i64),
    Filter(i64),
    FlatMap(usize),
    Union,
    Partitions,
    Sort,
    Cache,
    Distinct,
    Reduce,
    Group,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (-5i64..5).prop_map(Op::Map),
        (1i64..5).prop_map(Op::Filter),
        (0usize..4).prop_map(Op::FlatMap),
        Just(Op::Union),
        Just(Op::Partitions),
        Just(Op::Sort),
        Just(Op::Cache),
        Just(Op::Distinct),
        Just(Op::Reduce),
        Just(Op::Group),
    ]
}

/// The same operator on an RDD and on a vector; whether the order of rows is still the same.
fn apply(op: Op, rdd: &Rdd<i64>, rows: Vec<i64>) -> (Rdd<i64>, Vec<i64>, bool) {
    let key = |x: &i64| x.rem_euclid(7);
    match op {
        Op::Map(n) => (rdd.with_env((&n,)).map(|(n,)| move |x| x + n), rows.iter().map(|x| x + n).collect(), true),
        Op::Filter(n) => (
            rdd.with_env((&n,)).filter(|(n,)| move |x| x % n == 0),
            rows.into_iter().filter(|x| x % n == 0).collect(),
            true,
        ),
        Op::FlatMap(n) => (
            rdd.with_env((&n,)).flat_map(|(n,)| move |x| vec![x; n]),
            rows.into_iter().flat_map(|x| vec![x; n]).collect(),
            true,
        ),
        Op::Union => (rdd.union(rdd), [rows.clone(), rows].concat(), true),
        Op::Partitions => {
            (rdd.map_partitions(|rows| rows.map(|x| x * 2)), rows.into_iter().map(|x| x * 2).collect(), true)
        }
        Op::Sort => {
            let mut sorted = rows;
            sorted.sort_by_key(key);
            (rdd.sort_by(|x| x.rem_euclid(7)), sorted, true)
        }
        Op::Cache => (rdd.cache(), rows, true),
        Op::Distinct => (rdd.distinct(), rows.into_iter().collect::<BTreeSet<_>>().into_iter().collect(), false),
        Op::Reduce => {
            let mut sums = BTreeMap::new();
            rows.iter().for_each(|x| *sums.entry(key(x)).or_insert(0) += x);
            let reduced = rdd.key_by(|x| x.rem_euclid(7)).reduce_by_key(|a, b| a + b);
            (reduced.map(|(k, v)| k * 1000 + v), sums.into_iter().map(|(k, v)| k * 1000 + v).collect(), false)
        }
        Op::Group => {
            let mut groups = BTreeMap::<i64, Vec<i64>>::new();
            rows.iter().for_each(|x| groups.entry(key(x)).or_default().push(*x));
            let grouped = rdd.key_by(|x| x.rem_euclid(7)).group_by_key().map_values(|v| v.len() as i64);
            let expected = groups.into_iter().map(|(k, v)| k + v.len() as i64).collect();
            (grouped.map(|(k, v)| k + v), expected, false)
        }
    }
}

fn sorted(mut rows: Vec<i64>) -> Vec<i64> {
    rows.sort_unstable();
    rows
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_pipelines_equal_iterators(
        rows in prop::collection::vec(-100i64..100, 0..200),
        ops in prop::collection::vec(op(), 0..8),
        threads in 1usize..5,
    ) {
        let ctx = DparkContext::local(threads);
        let mut rdd = ctx.parallelize(rows.clone());
        let mut expected = rows;
        for op in ops {
            let (next, rows, ordered) = apply(op, &rdd, expected);
            rdd = next;
            expected = rows;
            if !ordered {
                // From here on the engine's own order is the right one.
                let actual = rdd.collect().unwrap();
                prop_assert_eq!(sorted(actual.clone()), sorted(expected));
                expected = actual;
            }
            if expected.len() > 2000 {
                break;
            }
        }
        prop_assert_eq!(&rdd.collect().unwrap(), &expected);
        prop_assert_eq!(rdd.count().unwrap(), expected.len() as u64);
        prop_assert_eq!(rdd.sum().unwrap(), expected.iter().sum::<i64>());
        prop_assert_eq!(rdd.fold(0, |a, b| a + b).unwrap(), expected.iter().sum::<i64>());
        prop_assert_eq!(rdd.max().ok(), expected.iter().max().copied());
        prop_assert_eq!(rdd.min().ok(), expected.iter().min().copied());
        prop_assert_eq!(rdd.first().ok(), expected.first().copied());
        for n in [0, 1, 5, 50] {
            prop_assert_eq!(&rdd.take(n).unwrap()[..], &expected[..n.min(expected.len())]);
            let mut best = expected.clone();
            best.sort_by_key(|x| std::cmp::Reverse(*x));
            best.truncate(n);
            prop_assert_eq!(rdd.top(n).unwrap(), best);
        }
    }

    #[test]
    fn joins_equal_nested_loops(
        left in prop::collection::vec((0u8..6, any::<i16>()), 0..40),
        right in prop::collection::vec((0u8..6, "[a-c]{0,3}"), 0..40),
    ) {
        let ctx = DparkContext::local(3);
        let joined = ctx.parallelize(left.clone()).join(&ctx.parallelize(right.clone()));
        let mut actual = joined.collect().unwrap();
        let mut expected = Vec::new();
        for (k, v) in &left {
            for (other, w) in &right {
                if k == other {
                    expected.push((*k, (*v, w.clone())));
                }
            }
        }
        actual.sort();
        expected.sort();
        prop_assert_eq!(actual, expected);
    }
}

#[test]
fn empty_rdds_have_empty_results() {
    let ctx = DparkContext::local(3);
    let none = ctx.parallelize(Vec::<i64>::new());
    let nothing: Rdd<i64> = ctx.union([]);
    for rdd in [none, nothing, ctx.range(5, 5), ctx.range(5, -5)] {
        assert_eq!(rdd.collect().unwrap(), Vec::<i64>::new());
        assert_eq!((rdd.count().unwrap(), rdd.sum().unwrap(), rdd.top(3).unwrap()), (0, 0, vec![]));
        assert_eq!(rdd.key_by(|x| *x).reduce_by_key(|a, _| a).count().unwrap(), 0);
        assert_eq!(rdd.key_by(|x| *x).join(&rdd.key_by(|x| *x)).count().unwrap(), 0);
        assert_eq!(rdd.sort_by(|x| *x).distinct().collect().unwrap(), Vec::<i64>::new());
        assert_eq!(rdd.reduce(|a, b| a + b).unwrap_err().to_string(), "reduce: the RDD is empty");
        assert_eq!(rdd.first().unwrap_err().to_string(), "first: the RDD is empty");
        assert_eq!(rdd.fold(7, |a, b| a.max(b)).unwrap(), 7);
    }
}

#[test]
fn a_sort_orders_across_partitions_and_keeps_equal_rows_in_order() {
    let ctx = DparkContext::local(4);
    let rows: Vec<(i64, i64)> = (0..50_000).map(|i| (i * 7919 % 1000, i)).collect();
    let mut expected = rows.clone();
    expected.sort_by_key(|row| row.0);
    let sorted = ctx.parallelize(rows).sort_by(|row| row.0);
    assert_eq!(sorted.collect().unwrap(), expected);
    let sizes = sorted.map_partitions(|rows| [rows.count()]).collect().unwrap();
    assert!(sizes.iter().all(|n| (8_000..18_000).contains(n)), "partitions are even: {sizes:?}");
}

#[test]
fn ten_thousand_chained_maps_run_and_drop() {
    let ctx = DparkContext::local(2);
    let mut rdd = ctx.range(0, 10);
    for _ in 0..10_000 {
        rdd = rdd.map(|x| x + 1);
    }
    assert_eq!(rdd.sum().unwrap(), 45 + 100_000);
    drop(rdd);
}

#[test]
fn take_computes_as_few_rows_as_it_can() {
    let ctx = DparkContext::local(2);
    let calls = ctx.accumulator(0u32);
    let slow = ctx.range(0, 100_000).with_env((&calls,)).map(|(calls,)| {
        move |x| {
            calls.add(1);
            std::thread::sleep(std::time::Duration::from_millis(11));
            x
        }
    });
    assert_eq!(slow.take(2).unwrap(), [0, 1]);
    assert!(calls.value() <= 3, "{} rows were computed for two", calls.value());
    assert_eq!(slow.flat_map(|_| 0..).map(|x| x * 2).take(3).unwrap(), [0, 2, 4]);
}

#[test]
fn wide_rows_and_zero_sized_rows_flow() {
    let ctx = DparkContext::local(2);
    let wide = ctx.range(0, 50).map(|x| [x; 4096]);
    assert_eq!(wide.map(|row| row[4095]).sum().unwrap(), 49 * 25);
    let units = ctx.range(0, 5000).map(|_| ());
    assert_eq!((units.count().unwrap(), units.collect().unwrap().len()), (5000, 5000));
    assert_eq!(units.distinct().count().unwrap(), 1);
    assert_eq!(units.map(|()| ((), ())).reduce_by_key(|_, _| ()).count().unwrap(), 1);
    assert_eq!(units.cache().count().unwrap() + units.count().unwrap(), 10_000);
}

#[test]
fn rows_that_cannot_leave_a_task_may_flow_inside_it() {
    let ctx = DparkContext::local(2);
    let lengths = ctx.range(0, 10).map(|x| std::rc::Rc::new(x.to_string())).map(|text| text.len());
    assert_eq!(lengths.sum().unwrap(), 10);
}
