//! Sketches and summaries over RDDs: exact where they are exact, within their bounds elsewhere, the same in however many
//! partitions, and by key the same as for the values of that key alone.

use dpark::stats::{HyperLogLog, TDigest};
use dpark::{Conf, DparkContext, Error, Rdd};
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap};

/// The rows in exactly that many partitions, some of which may be empty.
fn in_partitions<T: dpark::Data + Clone>(ctx: &DparkContext, rows: &[T], partitions: usize) -> Rdd<T> {
    let width = rows.len().div_ceil(partitions.max(1)).max(1);
    let part = |i: usize| rows.chunks(width).nth(i).map(<[T]>::to_vec).unwrap_or_default();
    ctx.union((0..partitions).map(|i| ctx.parallelize([part(i)]).flat_map(|rows| rows)).collect::<Vec<_>>())
}

fn no_partitions<T: dpark::Data>(ctx: &DparkContext) -> Rdd<T> {
    let rdd = ctx.union(Vec::<Rdd<T>>::new());
    assert_eq!(rdd.num_partitions(), 0);
    rdd
}

/// Spread over 0..1, but not in order.
fn scattered(n: i64) -> Vec<f64> {
    (0..n).map(|i| (i * 7_919 % n) as f64 / n as f64).collect()
}

fn invalid<T: std::fmt::Debug>(result: Result<T, Error>, expected: &str) {
    match result {
        Err(Error::Invalid(message)) => assert!(message.contains(expected), "{message}"),
        other => panic!("{other:?} instead of an error with {expected:?}"),
    }
}

#[test]
fn approximate_counts_are_those_of_one_sketch_in_however_many_partitions() {
    let ctx = DparkContext::local(3);
    for n in [0u64, 1, 100, 2_048, 30_000] {
        let rows: Vec<u64> = (0..n).chain(0..n / 2).collect();
        let mut whole = HyperLogLog::default();
        rows.iter().for_each(|x| whole.add(x));
        for partitions in [1, 2, 7, 40] {
            let rdd = in_partitions(&ctx, &rows, partitions);
            assert_eq!(rdd.num_partitions(), partitions);
            let told = rdd.count_approx_distinct(0.01).unwrap();
            assert_eq!(told, whole.count(), "{n} values in {partitions} partitions");
            assert!((told as f64 - n as f64).abs() <= 3.0 * 0.0081 * n as f64, "{told} for {n}");
            let told = rdd.adcount().unwrap();
            assert!((told as f64 - n as f64).abs() <= 3.0 * 0.0041 * n as f64, "{told} for {n}");
        }
    }
    assert_eq!(no_partitions::<String>(&ctx).adcount().unwrap(), 0);
}

#[test]
fn approximate_counts_by_key_equal_those_of_the_keys_rows() {
    let ctx = DparkContext::local(3);
    // Key k has 10^k values.
    let rows: Vec<(u32, String)> = (0..5).flat_map(|k| (0..10u32.pow(k)).map(move |i| (k, format!("v{i}")))).collect();
    let rdd = in_partitions(&ctx, &[rows.clone(), rows].concat(), 5);
    let counts = rdd.count_approx_distinct_by_key(0.01).collect_as_map().unwrap();
    let finer = rdd.adcount_by_key().collect_as_map().unwrap();
    assert_eq!((counts.len(), finer.len()), (5, 5));
    for key in 0..5u32 {
        let values = rdd.with_env((&key,)).filter(|(key,)| move |row| row.0 == key).map(|(_, v)| v);
        assert_eq!(counts[&key], values.count_approx_distinct(0.01).unwrap(), "key {key}");
        assert_eq!(finer[&key], values.adcount().unwrap(), "key {key}");
        assert!((counts[&key] as f64 / 10f64.powi(key as i32) - 1.0).abs() < 0.025);
    }
    assert_eq!(counts[&2], 100);
    assert!(no_partitions::<(u8, u8)>(&ctx).adcount_by_key().collect().unwrap().is_empty());
}

#[test]
fn errors_that_cannot_be_kept_are_refused_by_name() {
    let ctx = DparkContext::local(2);
    let pairs = ctx.range(0, 9).key_by(|x| x % 2);
    for error in [0.0, 1e-4, 1.0, -0.1, f64::NAN] {
        invalid(pairs.count_approx_distinct(error), "count_approx_distinct: a relative error of");
        let counts = pairs.count_approx_distinct_by_key(error);
        invalid(counts.collect(), "count_approx_distinct_by_key: a relative error of");
    }
}

#[test]
fn percentiles_are_close_in_however_many_partitions() {
    let ctx = DparkContext::local(3);
    let rows = scattered(20_000);
    let asked = [0.0, 0.1, 1.0, 10.0, 25.0, 50.0, 75.0, 90.0, 99.0, 99.9, 100.0];
    for partitions in [1, 2, 9, 60] {
        let rdd = in_partitions(&ctx, &rows, partitions);
        let told = rdd.percentiles(&asked).unwrap();
        for (percentage, told) in asked.iter().zip(&told) {
            assert!((told * 100.0 - percentage).abs() < 0.5, "{percentage}: {told} in {partitions} partitions");
        }
        assert_eq!(rdd.quantiles(&asked.map(|p| p / 100.0)).unwrap(), told);
        assert_eq!(rdd.percentiles(&asked).unwrap(), told, "the same again");
    }
}

/// DPark's answers are 186, 376 and 561.
#[test]
fn quartiles_of_a_key_that_spans_partitions_keep_all_weight() {
    let ctx = DparkContext::local(4);
    let rows: Vec<(String, i64)> = (0..500).map(|x| ("k".to_owned(), x * 2)).collect();
    let quartiles = in_partitions(&ctx, &rows, 4).percentiles_by_key(&[25.0, 50.0, 75.0]).collect().unwrap();
    assert_eq!(quartiles.len(), 1);
    for (told, expected) in quartiles[0].1.iter().zip([249.0, 499.0, 749.0]) {
        assert!((told - expected).abs() <= 2.0, "{told} for {expected}");
    }
}

#[test]
fn percentiles_by_key_equal_those_of_the_keys_rows() {
    let ctx = DparkContext::local(3);
    let rows: Vec<(i64, f32)> =
        scattered(9_000).into_iter().enumerate().map(|(i, x)| (i as i64 % 4, x as f32)).collect();
    let rdd = in_partitions(&ctx, &rows, 5);
    let asked = [0.0, 5.0, 50.0, 95.0, 100.0];
    let by_key = rdd.percentiles_by_key(&asked).collect_as_map().unwrap();
    assert_eq!(rdd.quantiles_by_key(&[0.5]).collect_as_map().unwrap()[&3][0], by_key[&3][2]);
    for key in 0..4i64 {
        let values = rdd.with_env((&key,)).filter(|(key,)| move |row| row.0 == key).map(|(_, v)| v);
        assert_eq!(by_key[&key], values.percentiles(&asked).unwrap(), "key {key}");
    }
}

#[test]
fn percentiles_of_nothing_of_nan_and_of_nonsense() {
    let ctx = DparkContext::local(2);
    invalid(no_partitions::<i32>(&ctx).percentiles(&[50.0]), "percentiles: the RDD is empty");
    invalid(ctx.range(0, 0).quantiles(&[]), "quantiles: the RDD is empty");
    assert_eq!(ctx.range(5, 6).percentiles(&[0.0, 50.0, 100.0]).unwrap(), [5.0; 3]);
    assert_eq!(ctx.range(5, 6).percentiles(&[]).unwrap(), [0.0; 0]);
    let with_nan = ctx.parallelize([1.0, f64::NAN, 3.0]);
    invalid(with_nan.percentiles(&[50.0]), "percentiles: a row is NaN");
    let by_key = with_nan.key_by(|x| *x == 1.0).percentiles_by_key(&[50.0]).collect_as_map().unwrap();
    assert!(by_key[&true] == [1.0] && by_key[&false][0].is_nan());
    for bad in [-1.0, 100.5, f64::NAN] {
        invalid(ctx.range(0, 9).percentiles(&[50.0, bad]), "is not in 0..=100");
        invalid(ctx.range(0, 9).key_by(|x| *x).percentiles_by_key(&[bad]).count(), "percentiles_by_key:");
    }
    invalid(ctx.range(0, 9).quantiles(&[1.5]), "quantiles: 1.5 is not in 0..=1");
}

#[test]
fn stats_by_key_are_those_of_the_keys_values() {
    let ctx = DparkContext::local(3);
    let rows: Vec<(bool, u16)> = (0..1_000u16).map(|x| (x % 3 == 0, x)).collect();
    for partitions in [1, 4, 30] {
        let stats = in_partitions(&ctx, &rows, partitions).stats_by_key().collect_as_map().unwrap();
        assert_eq!(stats.len(), 2);
        for (key, stats) in stats {
            let values: Vec<f64> = rows.iter().filter(|row| row.0 == key).map(|row| f64::from(row.1)).collect();
            let count = values.len() as f64;
            let (sum, mean) = (values.iter().sum::<f64>(), values.iter().sum::<f64>() / count);
            let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
            assert_eq!((stats.count(), stats.sum()), (values.len() as u64, sum));
            assert_eq!((stats.min(), stats.max()), (values[0], values[values.len() - 1]));
            for (told, expected) in [
                (stats.mean(), mean),
                (stats.variance(), squares / count),
                (stats.stdev(), (squares / count).sqrt()),
                (stats.sample_variance(), squares / (count - 1.0)),
                (stats.sample_stdev(), (squares / (count - 1.0)).sqrt()),
            ] {
                assert!((told / expected - 1.0).abs() < 1e-12, "{told} for {expected}");
            }
        }
    }
    assert!(no_partitions::<(u8, f64)>(&ctx).stats_by_key().collect().unwrap().is_empty());
}

#[test]
fn even_histograms_of_edge_cases() {
    let ctx = DparkContext::local(2);
    invalid(ctx.range(0, 0).histogram(3), "histogram: the RDD is empty");
    invalid(no_partitions::<f64>(&ctx).histogram(3), "histogram: the RDD is empty");
    invalid(ctx.range(0, 5).histogram(0), "histogram: a histogram needs at least one bucket");
    invalid(ctx.parallelize([1.0, f64::NAN]).histogram(2), "histogram: no even buckets lie between NaN and NaN");
    invalid(ctx.parallelize([1.0, f64::INFINITY]).histogram(2), "`filter` out");
    assert_eq!(ctx.parallelize([4, 4, 4]).histogram(5).unwrap(), (vec![4.0, 4.0], vec![3]));
    let (bounds, counts) = ctx.parallelize([1u8, 2, 6, 20, 50]).histogram(7).unwrap();
    assert_eq!((bounds[0], bounds[1], bounds[7]), (1.0, 8.0, 50.0));
    assert_eq!(counts, [3, 0, 1, 0, 0, 0, 1]);
    invalid(ctx.range(0, 5).histogram_with(&[1.0]), "histogram_with: the bounds [1.0] make no buckets");
    invalid(ctx.range(0, 5).key_by(|x| *x).histogram_by_key(&[2.0, 1.0]).collect(), "histogram_by_key: the bounds");
    assert_eq!(no_partitions::<f32>(&ctx).histogram_with(&[0.0, 1.0, 2.0]).unwrap(), [0, 0]);
}

#[test]
fn top_by_key_keeps_earlier_ones_of_equal_values() {
    /// Compared by its size alone.
    #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
    struct Parcel {
        size: u8,
        number: usize,
    }
    impl PartialEq for Parcel {
        fn eq(&self, other: &Parcel) -> bool {
            self.size == other.size
        }
    }
    impl Eq for Parcel {}
    impl PartialOrd for Parcel {
        fn partial_cmp(&self, other: &Parcel) -> Option<std::cmp::Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Parcel {
        fn cmp(&self, other: &Parcel) -> std::cmp::Ordering {
            self.size.cmp(&other.size)
        }
    }
    let ctx = DparkContext::local(3);
    let rows: Vec<(u8, Parcel)> =
        (0..3_000).map(|number| ((number % 2) as u8, Parcel { size: (number * 31 % 50) as u8, number })).collect();
    for (n, partitions) in [(1, 1), (7, 4), (100, 9), (5_000, 3)] {
        let told = in_partitions(&ctx, &rows, partitions).top_by_key(n).collect_as_map().unwrap();
        for key in 0..2u8 {
            let mut expected: Vec<Parcel> = rows.iter().filter(|row| row.0 == key).map(|row| row.1.clone()).collect();
            expected.sort_by(|a, b| b.cmp(a));
            expected.truncate(n);
            let numbers = |parcels: &[Parcel]| parcels.iter().map(|parcel| parcel.number).collect::<Vec<_>>();
            assert_eq!(numbers(&told[&key]), numbers(&expected), "the {n} largest in {partitions} partitions");
        }
    }
}

#[test]
fn top_by_key_of_none_and_of_as_many_as_there_can_be() {
    let ctx = DparkContext::local(2);
    let pairs = ctx.range(0, 6).map(|x| (x % 2, x));
    let sorted = |n: usize| pairs.top_by_key(n).collect_as_map().unwrap().into_iter().collect::<BTreeMap<_, _>>();
    assert_eq!(sorted(0), BTreeMap::from([(0, vec![]), (1, vec![])]));
    assert_eq!(sorted(usize::MAX), BTreeMap::from([(0, vec![4, 2, 0]), (1, vec![5, 3, 1])]));
    let words = ctx.parallelize([(1, "b"), (1, "a"), (1, "c")].map(|(k, v)| (k, Some(v.to_owned()))));
    let words = words.union(&ctx.parallelize([(1, None)]));
    assert_eq!(words.top_by_key(9).collect().unwrap()[0].1.last(), Some(&None));
}

#[test]
fn sketches_are_the_same_after_recomputing_and_in_every_run() {
    let run = || {
        let ctx = DparkContext::local(3);
        let pairs = ctx.range(0, 5_000).map(|x| (x % 10, x * 7_919 % 5_000));
        let percentiles = pairs.percentiles_by_key(&[10.0, 50.0]);
        let first = percentiles.collect().unwrap();
        assert_eq!(percentiles.collect().unwrap(), first);
        (first, pairs.stats_by_key().collect().unwrap(), pairs.top_by_key(3).collect().unwrap())
    };
    assert_eq!(run(), run());
}

/// What a key needs depends on its values: with sixteen kilobytes for each key these would not fit.
#[test]
fn many_keys_with_few_values_need_little_memory() {
    let conf = Conf { master: "local[2]".into(), memory: 64 << 20, ..Conf::default() };
    let ctx = DparkContext::new(conf).unwrap();
    let pairs = ctx.range(0, 60_000).map(|x| (x / 3, x % 2));
    let counts = pairs.count_approx_distinct_by_key(0.01);
    assert_eq!(counts.filter(|(_, n)| *n == 2).count().unwrap(), 20_000);
}

/// A sketch is a value like any other: a row, or a captured variable.
#[test]
fn sketches_are_rows_and_can_be_captured() {
    let ctx = DparkContext::local(2);
    let digests = ctx.range(0, 1_000).map_partitions(|rows| {
        let mut digest = TDigest::default();
        rows.for_each(|x| digest.add(x as f64));
        [digest]
    });
    let whole = digests
        .reduce(|mut a, b| {
            a.merge(&b);
            a
        })
        .unwrap();
    assert_eq!(whole.count(), 1_000);
    let ranks = ctx.parallelize([100.0, 900.0]).with_env((&whole,)).map(|(whole,)| move |x| whole.cdf(x));
    for (rank, expected) in ranks.collect().unwrap().into_iter().zip([0.1, 0.9]) {
        assert!((rank - expected).abs() < 0.005);
    }
}

fn bounds() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::btree_set(-20i32..20, 2..8).prop_map(|bounds| bounds.into_iter().map(f64::from).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn histograms_equal_counting(
        rows in prop::collection::vec((0u8..3, prop_oneof![9 => (-25f64..25.0).prop_map(|x| x.round() / 2.0), 1 => Just(f64::NAN)]), 0..80),
        bounds in bounds(),
        partitions in 0usize..6,
    ) {
        let ctx = DparkContext::local(2);
        let rows = if partitions == 0 { Vec::new() } else { rows };
        let count = |values: Vec<f64>| -> Vec<u64> {
            let last = bounds[bounds.len() - 1];
            let inside = |w: &[f64], x: f64| w[0] <= x && (x < w[1] || (w[1] == last && x == last));
            bounds.windows(2).map(|w| values.iter().filter(|x| inside(w, **x)).count() as u64).collect()
        };
        let rdd = in_partitions(&ctx, &rows, partitions);
        let values = rdd.map(|(_, v)| v);
        prop_assert_eq!(values.histogram_with(&bounds).unwrap(), count(rows.iter().map(|row| row.1).collect()));
        let mut by_key = HashMap::<u8, Vec<f64>>::new();
        rows.iter().for_each(|(k, v)| by_key.entry(*k).or_default().push(*v));
        let expected: HashMap<u8, Vec<u64>> = by_key.into_iter().map(|(k, v)| (k, count(v))).collect();
        prop_assert_eq!(rdd.histogram_by_key(&bounds).collect_as_map().unwrap(), expected);
    }

    #[test]
    fn even_histograms_count_every_row_in_the_bucket_of_its_bounds(
        rows in prop::collection::vec(-1000i32..1000, 1..80),
        buckets in 1usize..9,
        partitions in 1usize..6,
    ) {
        let ctx = DparkContext::local(2);
        let (bounds, counts) = in_partitions(&ctx, &rows, partitions).histogram(buckets).unwrap();
        let (min, max) = (f64::from(*rows.iter().min().unwrap()), f64::from(*rows.iter().max().unwrap()));
        prop_assert_eq!((bounds[0], bounds[bounds.len() - 1]), (min, max));
        prop_assert_eq!(counts.len(), if min == max { 1 } else { buckets });
        prop_assert_eq!(counts.iter().sum::<u64>(), rows.len() as u64);
        for (i, w) in bounds.windows(2).enumerate() {
            prop_assert!(min == max || ((w[1] - w[0]) * buckets as f64 / (max - min) - 1.0).abs() < 1e-9);
            let inside = |x: f64| w[0] <= x && (x < w[1] || (i + 1 == counts.len() && x == max));
            prop_assert_eq!(counts[i], rows.iter().filter(|x| inside(f64::from(**x))).count() as u64);
        }
    }

    #[test]
    fn top_by_key_equals_sorting(
        rows in prop::collection::vec((0u8..4, -20i64..20), 0..120),
        n in 0usize..12,
        partitions in 0usize..6,
    ) {
        let ctx = DparkContext::local(2);
        let rows = if partitions == 0 { Vec::new() } else { rows };
        let mut expected = HashMap::<u8, Vec<i64>>::new();
        rows.iter().for_each(|(k, v)| expected.entry(*k).or_default().push(*v));
        let rdd = in_partitions(&ctx, &rows, partitions);
        // Many values are equally far from 3, and are told apart: the order of equal ones shows.
        let mut nearest = expected.clone();
        nearest.values_mut().for_each(|values| {
            values.sort_by_key(|x| (x - 3).abs());
            values.truncate(n);
        });
        prop_assert_eq!(rdd.top_by_key_by(n, |x| std::cmp::Reverse((x - 3).abs())).collect_as_map().unwrap(), nearest);
        expected.values_mut().for_each(|values| {
            values.sort_by(|a, b| b.cmp(a));
            values.truncate(n);
        });
        prop_assert_eq!(rdd.top_by_key(n).collect_as_map().unwrap(), expected);
    }
}
