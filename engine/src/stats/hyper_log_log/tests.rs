//! Accuracy of the counts, and that sketches do not depend on order and parts.

use super::*;

fn sketch(precision: u32, values: impl IntoIterator<Item: Hash>) -> HyperLogLog {
    let mut sketch = HyperLogLog::with_precision(precision);
    values.into_iter().for_each(|value| sketch.add(&value));
    sketch
}

/// Errors of the estimates for `n` values, in standard errors of the precision.
fn errors(precision: u32, n: u64, trials: u64) -> Vec<f64> {
    let sigma = 1.04 / f64::from(1u32 << precision).sqrt();
    let error = |trial: u64| {
        let estimate = sketch(precision, (0..n).map(|i| (trial << 40) + i)).estimate();
        (estimate / n as f64 - 1.0) / sigma
    };
    (0..trials).map(error).collect()
}

/// Small, where the sketch turns dense, where plain HyperLogLog is biased (2.5 registers), and large.
#[test]
fn estimates_have_the_promised_error_and_no_bias() {
    for (precision, n, trials) in [
        (14, 1, 100),
        (14, 100, 100),
        (14, 2_000, 60),
        (14, 2_100, 60),
        (14, 10_000, 60),
        (14, 40_000, 60),
        (14, 80_000, 40),
        (14, 400_000, 10),
        (10, 100, 200),
        (10, 200, 200),
        (10, 1_000, 200),
        (10, 2_600, 200),
        (10, 5_000, 200),
        (10, 100_000, 20),
        (6, 30, 400),
        (6, 1_000, 400),
        (18, 300_000, 5),
    ] {
        let errors = errors(precision, n, trials);
        let count = trials as f64;
        let mean = errors.iter().sum::<f64>() / count;
        let root_mean_square = (errors.iter().map(|e| e * e).sum::<f64>() / count).sqrt();
        let worst = errors.iter().fold(0.0, |worst: f64, e| worst.max(e.abs()));
        assert!(mean.abs() < 3.0 / count.sqrt(), "precision {precision}, {n} values: bias of {mean} sigma");
        assert!(root_mean_square < 1.0 + 2.0 / count.sqrt(), "precision {precision}, {n} values: {root_mean_square}");
        assert!(worst < 4.0, "precision {precision}, {n} values: {worst} sigma");
    }
}

/// Also values that differ in few bits are spread well.
#[test]
fn hashes_of_all_kinds_of_values_are_good_enough() {
    let n = 30_000u64;
    let sketches = [
        ("multiples of 2^32", sketch(14, (0..n).map(|i| i << 32))),
        ("multiples of 1000", sketch(14, (0..n).map(|i| i * 1000))),
        ("negative", sketch(14, (0..n as i64).map(|i| -i))),
        ("bits of floats", sketch(14, (0..n).map(|i| (i as f64).to_bits()))),
        ("words", sketch(14, (0..n).map(|i| format!("word{i}")))),
        ("long words", sketch(14, (0..n).map(|i| format!("{:>40}", i)))),
        ("pairs", sketch(14, (0..n).map(|i| (i % 100, i / 100)))),
        ("options", sketch(14, (0..n).map(|i| i.checked_sub(1)))),
        ("bytes", sketch(14, (0..n).map(|i| (i as u8, (i >> 8) as u8)))),
    ];
    for (kind, sketch) in sketches {
        let error = sketch.estimate() / n as f64 - 1.0;
        assert!(error.abs() < 3.0 * 1.04 / 128.0, "{kind}: {error}");
    }
}

#[test]
fn merging_gives_the_same_sketch_as_adding() {
    for n in [0, 1, 500, 2_048, 2_049, 10_000] {
        let whole = sketch(14, 0..n);
        for parts in [2, 3, 50] {
            let mut merged = HyperLogLog::default();
            (0..parts).rev().for_each(|part| merged.merge(&sketch(14, (part..n).step_by(parts))));
            assert!(merged == whole, "{n} values in {parts} parts");
        }
    }
}

#[test]
fn of_two_precisions_the_lower_one_stays() {
    for n in [3, 100, 1_000, 3_000, 50_000] {
        for (own, other) in [(10, 14), (14, 10), (18, 10), (10, 10)] {
            let mut merged = sketch(own, 0..n / 2);
            merged.merge(&sketch(other, n / 3..n));
            assert!(merged == sketch(10, 0..n), "{n} values, precisions {own} and {other}");
        }
    }
}

#[test]
fn small_sets_are_small_and_precise() {
    let sketch = sketch(14, 0..1_000);
    assert_eq!(sketch.count(), 1_000);
    let mut out = crate::codec::Writer::default();
    sketch.serialize(&mut out).unwrap();
    assert!(out.bytes.len() < 4_100, "{} bytes", out.bytes.len());
}

#[test]
fn errors_choose_the_precision() {
    let precision = |error| HyperLogLog::with_error(error).map(|sketch| sketch.precision()).ok();
    assert_eq!([0.01, 0.005, 0.14, 0.9].map(precision), [14, 16, 6, 4].map(Some));
    assert_eq!([0.001, 0.0, -1.0, 1.0, f64::NAN, f64::INFINITY].map(precision), [None; 6]);
}

/// Every run of zeros finds its place in registers of every precision.
#[test]
fn sparse_entries_become_the_registers_they_stand_for() {
    for shift in 0..=64 {
        let hash = u64::MAX.unbounded_shr(shift);
        for precision in 4..=18 {
            let entry = ((hash >> (64 - SPARSE_BITS)) as u32) << RUN_BITS | run(hash, SPARSE_BITS);
            let expected = ((hash >> (64 - precision)) as usize, run(hash, precision));
            assert_eq!(place(entry, precision), expected, "{hash:x}, precision {precision}");
        }
    }
}
