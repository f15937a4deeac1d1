//! Random pipelines of the narrow operators give what plain iterators give.

use dpark::{DparkContext, Rdd};
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap};

#[derive(Clone, Copy, Debug)]
enum Op {
    FlatMapWith(i64),
    FilterMap(i64),
    Keys(i64),
    Values,
    FilterValues(i64),
    FlatMapValues(usize),
    Inspect,
    Glom,
    Batch(usize),
    EnumeratePartition,
    WithPartition,
    ZipWithIndex,
    Enumerate,
    Sample(bool),
    SampleByKey,
    Split(u64),
    Uniq,
    Pipe,
    Union,
    Cache,
    Shuffle,
}

fn op() -> impl Strategy<Value = Op> {
    let narrow = prop_oneof![
        (0i64..5).prop_map(Op::FlatMapWith),
        (1i64..5).prop_map(Op::FilterMap),
        (1i64..5).prop_map(Op::Keys),
        Just(Op::Values),
        (-5i64..5).prop_map(Op::FilterValues),
        (0usize..4).prop_map(Op::FlatMapValues),
        Just(Op::Inspect),
        Just(Op::Glom),
        (1usize..9).prop_map(Op::Batch),
        Just(Op::EnumeratePartition),
        Just(Op::WithPartition),
        Just(Op::ZipWithIndex),
        Just(Op::Enumerate),
        any::<bool>().prop_map(Op::Sample),
        Just(Op::SampleByKey),
        any::<u64>().prop_map(Op::Split),
        Just(Op::Uniq),
        Just(Op::Union),
        Just(Op::Cache),
        Just(Op::Shuffle),
    ];
    prop_oneof![30 => narrow, 1 => Just(Op::Pipe)]
}

/// The same operator on an RDD and on a vector; whether the order of rows is still the same.
fn apply(op: Op, rdd: &Rdd<i64>, rows: Vec<i64>) -> (Rdd<i64>, Vec<i64>, bool) {
    let pairs = rdd.key_by(|x| x.rem_euclid(7));
    let key = |x: &i64| x.rem_euclid(7);
    match op {
        Op::FlatMapWith(n) => (
            rdd.with_env((&n,)).flat_map_with(|(n,)| move |x, out| (0..n).for_each(|i| out.emit(x - i))),
            rows.into_iter().flat_map(|x| (0..n).map(move |i| x - i)).collect(),
            true,
        ),
        Op::FilterMap(n) => (
            rdd.with_env((&n,)).filter_map(|(n,)| move |x| (x % n == 0).then(|| x / n)),
            rows.into_iter().filter(|x| x % n == 0).map(|x| x / n).collect(),
            true,
        ),
        Op::Keys(n) => (
            rdd.with_env((&n,)).key_by(|(n,)| move |x| x.rem_euclid(n)).keys(),
            rows.into_iter().map(|x| x.rem_euclid(n)).collect(),
            true,
        ),
        Op::Values => (pairs.values(), rows, true),
        Op::FilterValues(n) => (
            pairs.with_env((&n,)).filter_values(|(n,)| move |x| *x > n).map(|(k, v)| k * 100 + v),
            rows.into_iter().filter(|x| *x > n).map(|x| key(&x) * 100 + x).collect(),
            true,
        ),
        Op::FlatMapValues(n) => (
            pairs
                .with_env((&n,))
                .flat_map_values(|(n,)| move |x| (0..n as i64).map(move |i| x + i))
                .map(|(k, v)| k + v),
            rows.into_iter().flat_map(|x| (0..n as i64).map(move |i| x.rem_euclid(7) + x + i)).collect(),
            true,
        ),
        Op::Inspect => (rdd.inspect(|x| assert!(*x < i64::MAX)), rows, true),
        Op::Glom => (rdd.glom().flat_map(|rows| rows), rows, true),
        Op::Batch(n) => (
            rdd.batch(n).with_env((&n,)).flat_map(|(n,)| {
                move |rows| {
                    assert!((1..=n).contains(&rows.len()));
                    rows
                }
            }),
            rows,
            true,
        ),
        Op::EnumeratePartition => {
            let sizes = rdd.glom().map(|rows| rows.len()).collect().unwrap();
            let partitions = sizes.iter().enumerate().flat_map(|(i, n)| std::iter::repeat_n(i as i64, *n));
            let expected = partitions.zip(rows).map(|(i, x)| i * 1000 + x).collect();
            (rdd.enumerate_partition().map(|(i, x)| i as i64 * 1000 + x), expected, true)
        }
        Op::WithPartition => {
            let with_index = rdd.map_partitions_with_index(|i, rows| rows.map(move |x| (i, x)));
            assert_eq!(with_index.collect().unwrap(), rdd.enumerate_partition().collect().unwrap());
            (with_index.values(), rows, true)
        }
        Op::ZipWithIndex => (
            rdd.zip_with_index().map(|(x, i)| x + i as i64),
            rows.into_iter().zip(0..).map(|(x, i)| x + i).collect(),
            true,
        ),
        Op::Enumerate => {
            (rdd.enumerate().map(|(i, x)| x - i as i64), rows.into_iter().zip(0..).map(|(x, i)| x - i).collect(), true)
        }
        Op::Sample(all) => (rdd.sample(f64::from(u8::from(all)), 3), if all { rows } else { Vec::new() }, true),
        Op::SampleByKey => {
            let fractions: HashMap<i64, f64> = [(0, 1.0), (3, 1.0), (5, 0.0)].into();
            let kept = rows.into_iter().filter(|x| matches!(key(x), 0 | 3)).collect();
            (pairs.sample_by_key(&fractions, 1).values(), kept, true)
        }
        Op::Split(seed) => {
            let parts = rdd.random_split([2.0, 1.0, 1.0], seed);
            (rdd.context().union(parts), rows, false)
        }
        Op::Uniq => {
            let counts: BTreeMap<i64, ()> = rows.into_iter().map(|x| (x, ())).collect();
            (rdd.uniq(), counts.into_keys().collect(), false)
        }
        Op::Pipe => (rdd.pipe("cat").map(|line| line.parse().unwrap()), rows, true),
        Op::Union => (rdd.union(rdd), [rows.clone(), rows].concat(), true),
        Op::Cache => (rdd.cache(), rows, true),
        Op::Shuffle => (pairs.group_by_key().flat_map_values(|values| values).values(), rows, false),
    }
}

fn sorted(mut rows: Vec<i64>) -> Vec<i64> {
    rows.sort_unstable();
    rows
}

/// How often each row occurs.
fn counted(rows: &[i64]) -> HashMap<i64, u64> {
    let mut counts = HashMap::new();
    rows.iter().for_each(|x| *counts.entry(*x).or_insert(0) += 1);
    counts
}

fn check_actions(rdd: &Rdd<i64>, rows: &[i64]) -> Result<(), TestCaseError> {
    let pairs = rdd.key_by(|x| x.rem_euclid(7));
    let key = |x: &i64| x.rem_euclid(7);
    prop_assert_eq!(&rdd.collect().unwrap()[..], rows);
    prop_assert_eq!(rdd.is_empty().unwrap(), rows.is_empty());
    prop_assert!(rdd.to_local_iter().map(Result::unwrap).eq(rows.iter().copied()));
    prop_assert_eq!(rdd.glom().collect().unwrap().concat(), rows);
    let counts = counted(rows);
    prop_assert_eq!(&rdd.count_by_value().unwrap(), &counts);
    let keys: Vec<i64> = rows.iter().map(key).collect();
    prop_assert_eq!(pairs.count_by_key().unwrap(), counted(&keys));
    let mut sums = HashMap::new();
    rows.iter().for_each(|x| *sums.entry(key(x)).or_insert(0) += x);
    prop_assert_eq!(pairs.reduce_by_key_to_driver(|a, b| a + b).unwrap(), sums);
    prop_assert_eq!(pairs.lookup(&3).unwrap(), rows.iter().copied().filter(|x| key(x) == 3).collect::<Vec<_>>());
    let first_min = rows.iter().copied().min_by_key(key);
    let first_max = rows.iter().rev().copied().max_by_key(key);
    prop_assert_eq!(
        (rdd.min_by(|x| x.rem_euclid(7)).ok(), rdd.max_by(|x| x.rem_euclid(7)).ok()),
        (first_min, first_max)
    );
    let ascending = sorted(rows.to_vec());
    for n in [0, 1, 5, 300] {
        prop_assert_eq!(&rdd.take_ordered(n).unwrap()[..], &ascending[..n.min(rows.len())]);
        let hot = rdd.hot(n).unwrap();
        prop_assert!(hot.len() == n.min(counts.len()) && hot.iter().all(|(x, count)| counts[x] == *count));
        prop_assert!(hot.is_sorted_by(|a, b| a.1 >= b.1));
        let sample = rdd.take_sample(n, 7).unwrap();
        prop_assert_eq!(sample.len(), n.min(rows.len()));
        prop_assert!(counted(&sample).iter().all(|(x, times)| *times <= counts[x]));
        let repeated = rdd.take_sample_with_replacement(n, 7).unwrap();
        prop_assert_eq!(repeated.len(), if rows.is_empty() { 0 } else { n });
        prop_assert!(repeated.iter().all(|x| counts.contains_key(x)));
    }
    let stats = rdd.stats().unwrap();
    prop_assert_eq!((stats.count(), stats.sum()), (rows.len() as u64, rows.iter().sum::<i64>() as f64));
    prop_assert_eq!(rdd.mean().ok(), (!rows.is_empty()).then(|| stats.sum() / rows.len() as f64));
    if let (Some(min), Some(max)) = (ascending.first(), ascending.last()) {
        prop_assert_eq!((stats.min(), stats.max()), (*min as f64, *max as f64));
        let squares: f64 = rows.iter().map(|x| (*x as f64 - stats.mean()).powi(2)).sum();
        prop_assert!((stats.variance() - squares / rows.len() as f64).abs() <= 1e-9 * (1.0 + squares));
    }
    let seen = rdd.context().accumulator(0i64);
    rdd.with_env((&seen,)).foreach_partition(|(seen,)| move |rows| seen.add(rows.sum())).unwrap();
    prop_assert_eq!(seen.value(), rows.iter().sum::<i64>());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_pipelines_equal_iterators(
        rows in prop::collection::vec(-100i64..100, 0..200),
        ops in prop::collection::vec(op(), 0..8),
        threads in 1usize..5,
        partitions in 1usize..9,
    ) {
        let ctx = DparkContext::local(threads);
        let mut rdd = ctx.parallelize_with(rows.clone(), partitions);
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
        check_actions(&rdd, &expected)?;
    }
}
