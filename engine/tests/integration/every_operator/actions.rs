//! All actions, each with what it gives for plain vectors.

use super::sorted;
use dpark::{CsvOptions, Rdd, Result, SaveOptions};
use proptest::prelude::*;
use std::collections::{BTreeSet, HashMap};

/// How often each row occurs.
fn counted(rows: impl IntoIterator<Item = i64>) -> HashMap<i64, u64> {
    let mut counts = HashMap::new();
    rows.into_iter().for_each(|x| *counts.entry(x).or_insert(0) += 1);
    counts
}

fn key(x: &i64) -> i64 {
    x.rem_euclid(5)
}

/// What an action gives, or that it says that there are no rows.
fn unless_empty<T>(result: Result<T>, rows: &[i64]) -> std::result::Result<Option<T>, TestCaseError> {
    if rows.is_empty() {
        let message = result.map(drop).unwrap_err().to_string();
        prop_assert!(message.contains("is empty") || message.contains("no rows"), "{}", message);
        return Ok(None);
    }
    Ok(Some(result.unwrap()))
}

/// Compares every action with what it gives for the rows, in their order.
pub(super) fn check(rdd: &Rdd<i64>, rows: &[i64]) -> std::result::Result<(), TestCaseError> {
    let ctx = rdd.context();
    let pairs = rdd.key_by(key);
    prop_assert_eq!(&rdd.collect().unwrap()[..], rows);
    prop_assert_eq!(rdd.count().unwrap(), rows.len() as u64);
    prop_assert_eq!(rdd.is_empty().unwrap(), rows.is_empty());
    prop_assert!(rdd.to_local_iter().map(Result::unwrap).eq(rows.iter().copied()));
    let card = format!("{rdd:?}");
    prop_assert!(card.contains(&rdd.id().to_string()), "{}", card);
    combined(rdd, rows)?;
    by_key(&pairs, rows)?;
    chosen(rdd, rows)?;
    numbers(rdd, rows)?;
    let seen = ctx.accumulator(0i64);
    rdd.with_env((&seen,)).foreach(|(seen,)| move |x| seen.add(x)).unwrap();
    rdd.with_env((&seen,)).foreach_partition(|(seen,)| move |rows| seen.add(rows.sum())).unwrap();
    rdd.foreach(|x| assert!(x < i64::MAX)).unwrap();
    rdd.foreach_partition(|rows| assert!(rows.count() < usize::MAX)).unwrap();
    prop_assert_eq!(seen.value(), 2 * rows.iter().sum::<i64>());
    saved(rdd, rows)
}

/// Every save gives files that hold the rows, in their order.
fn saved(rdd: &Rdd<i64>, rows: &[i64]) -> std::result::Result<(), TestCaseError> {
    let ctx = rdd.context();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let pairs = rdd.key_by(key);
    let binary = rdd.map(|x| x.to_le_bytes());
    let options = || SaveOptions::new().gzip();
    let files = rdd.save_as_text_file(path("text")).unwrap();
    let text: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    prop_assert_eq!(text, rows.iter().map(|x| format!("{x}\n")).collect::<String>());
    rdd.save_as_text_file_with(path("text.gz"), options()).unwrap();
    pairs.save_as_csv(path("csv")).unwrap();
    pairs.save_as_csv_with(path("csv.gz"), options().without_header()).unwrap();
    rdd.save_as_json_lines(path("json")).unwrap();
    rdd.save_as_json_lines_with(path("json.gz"), options()).unwrap();
    binary.save_as_binary(path("binary")).unwrap();
    binary.save_as_binary_with(path("binary.gz"), options()).unwrap();
    binary.save_as_tf_records(path("tf")).unwrap();
    binary.save_as_tf_records_with(path("tf.gz"), options()).unwrap();
    let by_key = pairs.save_as_text_file_by_key(path("by_key")).unwrap();
    let zipped = pairs.save_as_text_file_by_key_with(path("by_key.gz"), options()).unwrap();
    prop_assert_eq!(by_key.len(), zipped.len());
    if rows.is_empty() {
        prop_assert!(by_key.is_empty(), "{:?}", by_key);
        return Ok(());
    }
    let numbers = |rdd: Rdd<Vec<u8>>| rdd.map(|bytes| i64::from_le_bytes(bytes.try_into().unwrap())).collect().unwrap();
    for zip in ["", ".gz"] {
        let path = |name: &str| path(&format!("{name}{zip}"));
        let lines = ctx.text_file(path("text")).map_str(|line| line.parse::<i64>().unwrap());
        prop_assert_eq!(&lines.collect().unwrap()[..], rows);
        let csv = ctx.csv_file_with::<(i64, i64)>(path("csv"), CsvOptions::new().without_header());
        prop_assert_eq!(&csv.values().collect().unwrap()[..], rows);
        prop_assert_eq!(&ctx.json_lines::<i64>(path("json")).collect().unwrap()[..], rows);
        prop_assert_eq!(&numbers(ctx.binary_file(path("binary"), 8))[..], rows);
        prop_assert_eq!(&numbers(ctx.tf_records(path("tf")))[..], rows);
        let lines = ctx.text_file(path("by_key")).map_str(|line| line.parse::<i64>().unwrap());
        prop_assert_eq!(sorted(lines.collect().unwrap()), sorted(rows.to_vec()));
    }
    Ok(())
}

fn combined(rdd: &Rdd<i64>, rows: &[i64]) -> std::result::Result<(), TestCaseError> {
    let total = rows.iter().sum::<i64>();
    prop_assert_eq!(rdd.sum().unwrap(), total);
    prop_assert_eq!(rdd.fold(0, |a, b| a + b).unwrap(), total);
    let (sum, count) = rdd.aggregate((0, 0), |a, x| (a.0 + x, a.1 + 1), |a, b| (a.0 + b.0, a.1 + b.1)).unwrap();
    prop_assert_eq!((sum, count), (total, rows.len()));
    prop_assert_eq!(unless_empty(rdd.reduce(|a, b| a + b), rows)?, (!rows.is_empty()).then_some(total));
    prop_assert_eq!(unless_empty(rdd.min(), rows)?, rows.iter().min().copied());
    prop_assert_eq!(unless_empty(rdd.max(), rows)?, rows.iter().max().copied());
    prop_assert_eq!(unless_empty(rdd.min_by(key), rows)?, rows.iter().min_by_key(|x| key(x)).copied());
    prop_assert_eq!(unless_empty(rdd.max_by(key), rows)?, rows.iter().rev().max_by_key(|x| key(x)).copied());
    prop_assert_eq!(unless_empty(rdd.first(), rows)?, rows.first().copied());
    Ok(())
}

fn by_key(pairs: &Rdd<(i64, i64)>, rows: &[i64]) -> std::result::Result<(), TestCaseError> {
    let last: HashMap<i64, i64> = rows.iter().map(|x| (key(x), *x)).collect();
    prop_assert_eq!(pairs.collect_as_map().unwrap(), last);
    prop_assert_eq!(pairs.count_by_key().unwrap(), counted(rows.iter().map(key)));
    prop_assert_eq!(pairs.count_by_value().unwrap().values().sum::<u64>(), rows.len() as u64);
    let mut sums = HashMap::new();
    rows.iter().for_each(|x| *sums.entry(key(x)).or_insert(0) += x);
    prop_assert_eq!(pairs.reduce_by_key_to_driver(|a, b| a + b).unwrap(), sums);
    for k in [0, 3, 9] {
        let expected: Vec<i64> = rows.iter().copied().filter(|x| key(x) == k).collect();
        prop_assert_eq!(&pairs.lookup(&k).unwrap(), &expected);
        // Of one partition, if it is known which.
        prop_assert_eq!(sorted(pairs.partition_by(3).lookup(&k).unwrap()), sorted(expected));
    }
    Ok(())
}

fn chosen(rdd: &Rdd<i64>, rows: &[i64]) -> std::result::Result<(), TestCaseError> {
    let counts = counted(rows.iter().copied());
    prop_assert_eq!(&rdd.count_by_value().unwrap(), &counts);
    let ascending = sorted(rows.to_vec());
    for n in [0, 1, 4, 1000] {
        let first = n.min(rows.len());
        prop_assert_eq!(&rdd.take(n).unwrap()[..], &rows[..first]);
        prop_assert_eq!(&rdd.take_ordered(n).unwrap()[..], &ascending[..first]);
        prop_assert!(rdd.top(n).unwrap().iter().eq(ascending.iter().rev().take(n)));
        let mut by_key = rows.to_vec();
        by_key.sort_by_key(|x| std::cmp::Reverse(key(x)));
        prop_assert_eq!(&rdd.top_by(n, key).unwrap()[..], &by_key[..first]);
        let hot = rdd.hot(n).unwrap();
        prop_assert!(hot.len() == n.min(counts.len()) && hot.iter().all(|(x, count)| counts[x] == *count));
        prop_assert!(hot.is_sorted_by(|a, b| a.1 >= b.1));
        let sample = rdd.take_sample(n, 7).unwrap();
        prop_assert_eq!(sample.len(), first);
        prop_assert!(counted(sample).iter().all(|(x, times)| *times <= counts[x]));
        let repeated = rdd.take_sample_with_replacement(n, 7).unwrap();
        prop_assert_eq!(repeated.len(), if rows.is_empty() { 0 } else { n });
        prop_assert!(repeated.iter().all(|x| counts.contains_key(x)));
    }
    // So few are counted exactly.
    prop_assert_eq!(rdd.count_approx_distinct(0.01).unwrap(), counts.len() as u64);
    prop_assert_eq!(rdd.adcount().unwrap(), counts.len() as u64);
    Ok(())
}

fn numbers(rdd: &Rdd<i64>, rows: &[i64]) -> std::result::Result<(), TestCaseError> {
    let n = rows.len() as f64;
    let mean = rows.iter().sum::<i64>() as f64 / n;
    let variance = rows.iter().map(|x| (*x as f64 - mean).powi(2)).sum::<f64>() / n;
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + b.abs());
    let stats = rdd.stats().unwrap();
    prop_assert_eq!(stats.count(), rows.len() as u64);
    if let Some(found) = unless_empty(rdd.mean(), rows)? {
        prop_assert!(close(found, mean) && close(stats.mean(), mean), "{} {}", found, mean);
    }
    if let Some(found) = unless_empty(rdd.variance(), rows)? {
        prop_assert!(close(found, variance), "{} {}", found, variance);
    }
    if let Some(found) = unless_empty(rdd.stdev(), rows)? {
        prop_assert!(close(found, variance.sqrt()), "{} {}", found, variance.sqrt());
    }
    for found in [rdd.percentiles(&[0.0, 100.0]), rdd.quantiles(&[0.0, 1.0])] {
        let ends = rows.iter().min().zip(rows.iter().max());
        prop_assert_eq!(unless_empty(found, rows)?, ends.map(|(min, max)| vec![*min as f64, *max as f64]));
    }
    let within = rows.iter().filter(|x| (-10..=10).contains(*x)).count() as u64;
    prop_assert_eq!(rdd.histogram_with(&[-10.0, 0.0, 10.0]).unwrap().iter().sum::<u64>(), within);
    if let Some((bounds, counts)) = unless_empty(rdd.histogram(3), rows)? {
        prop_assert_eq!(counts.iter().sum::<u64>(), rows.len() as u64);
        let different = rows.iter().collect::<BTreeSet<_>>().len();
        prop_assert_eq!(bounds.len(), if different == 1 { 2 } else { 4 });
    }
    Ok(())
}
