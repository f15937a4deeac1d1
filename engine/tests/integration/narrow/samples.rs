//! What is chosen at random is chosen fairly, and chosen again in every run.

use dpark::{Conf, DparkContext};
use std::collections::{BTreeSet, HashMap};

#[test]
fn a_sample_has_its_fraction_in_every_partition() {
    let ctx = DparkContext::local(4);
    let rdd = ctx.range(0, 100_000);
    for fraction in [0.0, 0.01, 0.3, 0.9, 1.0] {
        for part in rdd.sample(fraction, 11).glom().collect().unwrap() {
            let expected = 25_000.0 * fraction;
            assert!(
                (part.len() as f64 - expected).abs() <= 5.0 * (expected * (1.0 - fraction)).sqrt(),
                "{}",
                part.len()
            );
            assert!(part.is_sorted());
        }
        let repeated = rdd.sample_with_replacement(fraction * 3.0, 11);
        let expected = 300_000.0 * fraction;
        assert!((repeated.count().unwrap() as f64 - expected).abs() <= 5.0 * expected.sqrt());
        assert!(repeated.collect().unwrap().is_sorted());
    }
    assert_ne!(rdd.sample(0.5, 1).collect().unwrap(), rdd.sample(0.5, 2).collect().unwrap());
    let firsts: BTreeSet<i64> =
        rdd.sample(0.01, 5).glom().collect().unwrap().iter().map(|part| part[0] % 25_000).collect();
    assert_eq!(firsts.len(), 4, "partitions draw different numbers");
    let often: HashMap<i64, u64> = ctx.range(0, 1000).sample_with_replacement(5.0, 2).count_by_value().unwrap();
    assert!(often.values().any(|n| *n > 8) && often.values().any(|n| *n < 3));
}

#[test]
fn what_is_no_fraction_is_refused() {
    let ctx = DparkContext::local(2);
    let rdd = ctx.range(0, 10);
    for bad in [-0.1, 1.5, f64::NAN, f64::INFINITY] {
        let error = rdd.sample(bad, 1).count().unwrap_err().to_string();
        assert!(error.starts_with(&format!("sample: {bad} is no fraction; give one from 0 to 1")), "{error}");
        let pairs = rdd.key_by(|x| x % 2).sample_by_key(&[(0, 0.5), (1, bad)].into(), 1);
        assert!(pairs.count().unwrap_err().to_string().starts_with("sample_by_key: "));
        let parts = rdd.random_split([1.0, bad.min(-1.0)], 1);
        assert!(parts[1].count().unwrap_err().to_string().contains("are no weights"));
    }
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        let error = rdd.sample_with_replacement(bad, 1).count().unwrap_err().to_string();
        assert!(error.starts_with("sample_with_replacement: rows cannot be taken"), "{error}");
    }
    assert!(rdd.random_split([0.0, 0.0], 1)[0].count().is_err());
    assert!(rdd.random_split([], 1).is_empty());
}

#[test]
fn a_split_deals_out_each_row_once() {
    let ctx = DparkContext::local(3);
    let rdd = ctx.range(0, 30_000);
    let parts = rdd.random_split([1.0, 0.0, 2.0, 3.0], 9);
    let rows: Vec<Vec<i64>> = parts.iter().map(|part| part.collect().unwrap()).collect();
    for (rows, expected) in rows.iter().zip([5_000.0, 0.0, 10_000.0, 15_000.0]) {
        assert!((rows.len() as f64 - expected).abs() <= 350.0, "{} rows", rows.len());
    }
    let mut all = rows.concat();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..30_000));
}

#[test]
fn each_key_is_sampled_with_its_own_fraction() {
    let ctx = DparkContext::local(2);
    let pairs = ctx.range(0, 40_000).key_by(|x| ["a", "b", "c", "d"][*x as usize % 4].to_owned());
    let fractions: HashMap<String, f64> = [("a", 0.1), ("b", 0.5), ("c", 1.0)].map(|(k, f)| (k.to_owned(), f)).into();
    let counts = pairs.sample_by_key(&fractions, 4).count_by_key().unwrap();
    assert!((850..1150).contains(&counts["a"]) && (4700..5300).contains(&counts["b"]), "{counts:?}");
    assert_eq!((counts["c"], counts.get("d")), (10_000, None));
    let other = HashMap::from([("b".to_owned(), 0.5)]);
    let only = |rdd: dpark::Rdd<(String, i64)>| rdd.lookup(&"b".to_owned()).unwrap();
    assert_eq!(only(pairs.sample_by_key(&fractions, 4)), only(pairs.sample_by_key(&other, 4)));
}

#[test]
fn a_taken_sample_has_exactly_as_many_rows_and_none_twice() {
    let ctx = DparkContext::local(3);
    let rdd = ctx.range_with(0, 1000, 1, 7);
    for n in [0, 1, 2, 10, 999, 1000, 1001, usize::MAX] {
        let rows = rdd.take_sample(n, 5).unwrap();
        assert_eq!(rows.len(), n.min(1000));
        assert_eq!(rows.iter().collect::<BTreeSet<_>>().len(), rows.len());
        assert_eq!(rows, rdd.take_sample(n, 5).unwrap());
    }
    assert!(!rdd.take_sample(1000, 5).unwrap().is_sorted(), "the order is random, too");
    let repeated = rdd.take_sample_with_replacement(3000, 5).unwrap();
    assert_eq!((repeated.len(), &repeated), (3000, &rdd.take_sample_with_replacement(3000, 5).unwrap()));
    let different = repeated.iter().collect::<BTreeSet<_>>().len();
    assert!((920..980).contains(&different), "{different}, not about 950 = 1000 (1 - 1/e³)");
    assert!(!repeated.is_sorted());
    assert_eq!(ctx.parallelize(["only".to_owned()]).take_sample_with_replacement(3, 1).unwrap(), ["only"; 3]);
}

/// Of 40 rows in uneven partitions 10 are taken, for a thousand seeds: each about 250 times, and each first about 25 times.
#[test]
fn every_row_is_as_likely_to_be_taken() {
    let conf = Conf { master: "local[1]".into(), parallelism: 3, ..Conf::default() };
    let ctx = DparkContext::new(conf).unwrap();
    let rdd = ctx.union([ctx.range_with(0, 2, 1, 1), ctx.range_with(2, 11, 1, 1), ctx.range_with(11, 40, 1, 1)]);
    let mut taken = [[0u32; 40]; 4];
    for seed in 0..1000 {
        let (rows, repeated) =
            (rdd.take_sample(10, seed).unwrap(), rdd.take_sample_with_replacement(10, seed).unwrap());
        for (rows, at) in [(&rows[..], 0), (&rows[..1], 1), (&repeated[..], 2), (&repeated[..1], 3)] {
            rows.iter().for_each(|row| taken[at][*row as usize] += 1);
        }
    }
    for (counts, range) in taken.iter().zip([180..320, 5..55, 180..320, 5..55]) {
        assert!(counts.iter().all(|n| range.contains(n)), "{counts:?}");
    }
}
