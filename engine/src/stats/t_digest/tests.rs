//! Accuracy of the quantiles over many distributions, in one part and merged from many.

use super::*;
use crate::hash::hash_key;

/// Even in 0..1, the same in every run.
fn random(seed: u64, i: u64) -> f64 {
    (hash_key(&(seed, i)) >> 11) as f64 / (1u64 << 53) as f64
}

fn values(name: &str, n: u64) -> Vec<f64> {
    let value = |i: u64| match name {
        "uniform" => random(1, i),
        // The sum of ten exponentials, and so not symmetric.
        "gamma" => (0..10).map(|k| -random(10 + k, i).max(1e-300).ln()).sum(),
        "normal" => (-2.0 * random(2, i).max(1e-300).ln()).sqrt() * (random(3, i) * std::f64::consts::TAU).cos(),
        "long tail" => (random(4, i) * 40.0 - 20.0).exp(),
        "repeated" => (random(5, i) * 10.0).floor(),
        "rising" => i as f64,
        "falling" => -(i as f64),
        "equal" => 7.0,
        "two humps" => random(6, i) + if i.is_multiple_of(3) { 1e9 } else { 0.0 },
        _ => panic!("no distribution {name}"),
    };
    (0..n).map(value).collect()
}

const DISTRIBUTIONS: [&str; 9] =
    ["uniform", "gamma", "normal", "long tail", "repeated", "rising", "falling", "equal", "two humps"];
const SHARES: [f64; 15] = [0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1.0];

fn digest(values: &[f64]) -> TDigest {
    let mut digest = TDigest::default();
    values.iter().for_each(|x| digest.add(*x));
    digest
}

/// How far `q` is from the ranks that the value told for it has among all values.
fn rank_error(sorted: &[f64], q: f64, told: f64) -> f64 {
    let rank = |index: usize| index as f64 / sorted.len() as f64;
    let (below, upto) = (sorted.partition_point(|x| *x < told), sorted.partition_point(|x| *x <= told));
    (rank(below) - q).max(q - rank(upto)).max(0.0)
}

/// The bounds of DPark's own tests; and few quantiles are further off than half a percent.
fn check(name: &str, values: &[f64], digest: &TDigest, bound: f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    assert_eq!(digest.count(), values.len() as u64, "{name}: no weight is lost");
    let told = digest.quantiles(&SHARES);
    assert!(told.is_sorted(), "{name}: {told:?}");
    assert_eq!((told[0], told[14]), (sorted[0], sorted[sorted.len() - 1]), "{name}: the ends are exact");
    let errors: Vec<f64> = SHARES.iter().zip(&told).map(|(q, x)| rank_error(&sorted, *q, *x)).collect();
    assert!(errors.iter().all(|error| *error < bound), "{name}: {errors:?}");
    assert!(errors.iter().filter(|error| **error > 0.005).count() <= 2, "{name}: {errors:?}");
}

#[test]
fn quantiles_are_accurate_whatever_the_distribution() {
    for name in DISTRIBUTIONS {
        let values = values(name, 50_000);
        let digest = digest(&values);
        check(name, &values, &digest, 0.012);
        assert!(digest.centroids().len() <= 202, "{name}: {} centroids", digest.centroids().len());
        assert!(digest.centroids.len() < 602);
    }
}

#[test]
fn merged_digests_are_accurate_in_however_many_parts() {
    for name in DISTRIBUTIONS {
        let values = values(name, 20_000);
        for parts in [2, 5, 10, 20, 50, 100] {
            let mut merged = TDigest::default();
            values.chunks(values.len() / parts).for_each(|part| merged.merge(&digest(part)));
            check(name, &values, &merged, 0.015);
        }
    }
}

#[test]
fn the_share_below_a_value_is_the_inverse_of_the_quantile() {
    for name in ["uniform", "gamma", "normal", "two humps", "rising"] {
        let digest = digest(&values(name, 50_000));
        for q in [0.001, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999] {
            let share = digest.cdf(digest.quantile(q));
            assert!((share - q).abs() < 1e-6, "{name}: {q} became {share}");
        }
        assert_eq!(digest.cdf(f64::MIN), 0.0);
        assert_eq!(digest.cdf(f64::MAX), 1.0);
    }
    let few = digest(&[1.0, 2.0, 2.0, 5.0]);
    assert_eq!([0.9, 1.0, 1.5, 2.0, 5.0, 5.1].map(|x| few.cdf(x)), [0.0, 0.125, 0.25, 0.5, 0.875, 1.0]);
    let one = digest(&[3.0]);
    assert_eq!([2.0, 3.0, 4.0].map(|x| one.cdf(x)), [0.0, 0.5, 1.0]);
}

#[test]
fn few_values_are_interpolated_exactly() {
    let digest = digest(&[3.0, 1.0, 2.0, 4.0]);
    assert_eq!(digest.quantiles(&[0.0, 0.125, 0.25, 0.5, 0.875, 1.0]), [1.0, 1.0, 1.5, 2.5, 4.0, 4.0]);
    assert_eq!(super::TDigest::default().quantile(0.5).to_bits(), f64::NAN.to_bits());
    let mut one = TDigest::default();
    one.add(7.0);
    assert_eq!(one.quantiles(&[0.0, 0.3, 1.0]), [7.0; 3]);
}

/// The quartiles that DPark gets wrong, since merging loses weight there.
#[test]
fn merging_four_parts_keeps_their_weight() {
    let parts: Vec<f64> = (0..500).map(|x| f64::from(x) * 2.0).collect();
    let mut merged = TDigest::default();
    parts.chunks(125).for_each(|part| merged.merge(&digest(part)));
    for (told, expected) in merged.quantiles(&[0.25, 0.5, 0.75]).into_iter().zip([249.0, 499.0, 749.0]) {
        assert!((told - expected).abs() <= 2.0, "{told} for {expected}");
    }
}

#[test]
fn weights_count_as_so_many_values() {
    let mut digest = TDigest::default();
    digest.add_weighted(1.0, 3 << 32);
    digest.add_weighted(2.0, 1 << 32);
    digest.add_weighted(9.0, 0);
    assert_eq!((digest.count(), digest.quantile(0.2), digest.quantile(1.0)), (4 << 32, 1.0, 2.0));
    let mut light = TDigest::default();
    light.add(0.0);
    digest.merge(&light);
    assert_eq!((digest.count(), digest.quantile(0.0)), ((4 << 32) + 1, 0.0));
    assert!((digest.quantile(0.375) - 1.0).abs() < 1e-9);
}

#[test]
fn nan_makes_quantiles_nan_and_infinite_values_are_values() {
    let mut digest = digest(&[f64::NEG_INFINITY, 1.0, 2.0, 3.0, f64::INFINITY]);
    assert_eq!(digest.quantiles(&[0.0, 0.1, 0.5, 0.9]), [f64::NEG_INFINITY, f64::NEG_INFINITY, 2.0, f64::INFINITY]);
    assert_eq!([f64::NEG_INFINITY, 2.0, f64::INFINITY].map(|x| digest.cdf(x)), [0.1, 0.5, 0.9]);
    (0..2_000).for_each(|i| digest.add([f64::MAX, f64::MIN, f64::INFINITY, f64::NEG_INFINITY][i % 4]));
    assert!(digest.quantiles(&SHARES).is_sorted());
    let mut with_nan = TDigest::default();
    with_nan.add(f64::NAN);
    assert!(!with_nan.is_empty() && with_nan.has_nan());
    digest.merge(&with_nan);
    assert!(digest.quantile(0.5).is_nan() && digest.cdf(0.0).is_nan());
    assert_eq!(digest.count(), 2_005);
}

#[test]
fn centroids_are_sorted_and_small_at_the_ends() {
    let centroids = digest(&values("normal", 100_000)).centroids();
    assert!(centroids.is_sorted_by(|a, b| a.mean < b.mean));
    let weight = |i: usize| centroids[i].weight;
    assert!(weight(0) < 100 && weight(centroids.len() - 1) < 100 && weight(centroids.len() / 2) > 1_000);
}

#[test]
fn serialisation_keeps_everything() {
    use crate::Data;
    let digest = digest(&values("gamma", 3_333));
    let mut out = crate::codec::Writer::default();
    Data::save(&digest, &mut out).unwrap();
    let back = <TDigest as Data>::load(&mut crate::codec::Reader::new(&out.bytes)).unwrap();
    assert_eq!(back, digest);
    assert_eq!(back.quantiles(&SHARES), digest.quantiles(&SHARES));
}
