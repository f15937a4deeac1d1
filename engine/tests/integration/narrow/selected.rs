//! A filter directly before `sum` or `count`, which are content with its answers: rows that it leaves out are there, but do not
//! count.

use dpark::{Conf, DparkContext, Rdd, Summand};

/// What the numbers that `keep` says yes to amount to, and how many they are.
fn kept<T: Summand + Copy>(rows: &Rdd<T>, keep: fn(&T) -> bool) -> (T, u64) {
    let kept = rows.filter(keep);
    (kept.sum().unwrap(), kept.count().unwrap())
}

#[test]
fn rows_that_were_left_out_do_not_count() {
    let ctx = DparkContext::local(2);
    // Less than a batch, a batch and a bit, many; all, none and some of them.
    for n in [0, 1, 7, 64, 2048, 2049, 100_003] {
        let numbers = ctx.range(-n, n);
        assert_eq!(kept(&numbers, |_| true), (-n, 2 * n as u64));
        assert_eq!(kept(&numbers, |_| false), (0, 0));
        let expected: Vec<i64> = (-n..n).filter(|x| x % 3 == 1).collect();
        assert_eq!(kept(&numbers, |x| x % 3 == 1), (expected.iter().sum(), expected.len() as u64));
    }
}

#[test]
fn numbers_of_every_width_are_added_up() {
    let ctx = DparkContext::local(2);
    let extremes = ctx.parallelize_with([i64::MIN, i64::MAX, -1, i64::MAX, 7, i64::MIN, 1 << 32, -(1 << 32)], 2);
    assert_eq!(extremes.sum().unwrap(), 4, "only the total has to fit");
    assert_eq!(kept(&extremes, |x| x.unsigned_abs() > 7), (-2, 6));
    assert!(extremes.filter(|x| *x > 0).sum().is_err(), "it does not fit");
    assert_eq!(kept(&ctx.parallelize([u64::MAX, u64::MAX - 1, 1]), |x| *x < u64::MAX), (u64::MAX, 2));
    assert!(ctx.parallelize([u64::MAX, 1]).sum().is_err());
    assert_eq!(kept(&ctx.parallelize([i32::MIN, -1, i32::MAX, 5]), |x| *x != 5), (-2, 3));
    assert_eq!(kept(&ctx.parallelize([i8::MIN, 100, 100, -50]), |x| *x != -50), (72, 3));
    assert_eq!(kept(&ctx.parallelize([200u8, 55, 9]), |x| *x > 9), (255, 2));
    assert_eq!(kept(&ctx.parallelize([1u128 << 100, 3, 4]), |x| *x != 3), ((1 << 100) + 4, 2));
    assert_eq!(kept(&ctx.parallelize([0.5, f64::NAN, 2.0, f64::INFINITY]), |x| x.is_finite()), (2.5, 2));
}

#[test]
fn only_the_last_operator_leaves_rows_in_place() {
    let ctx = DparkContext::local(2);
    let numbers = ctx.range(0, 10_000);
    let even = numbers.filter(|x| x % 2 == 0);
    // The second filter must not see what the first one has left out.
    assert_eq!(kept(&numbers.filter(|x| *x > 0), |x| 10_000 / x >= 2), (5000 * 5001 / 2, 5000));
    assert_eq!(even.map(|x| if x % 2 == 0 { 1 } else { panic!("left out") }).sum().unwrap(), 5000);
    assert_eq!(
        even.filter(|x| x % 3 == 0).flat_map_with(|x, out| (0..x % 4).for_each(|_| out.emit(x))).count().unwrap(),
        { (0..10_000).filter(|x| x % 6 == 0).map(|x| x % 4).sum::<u64>() }
    );
    // Rows that come from partitions with and without a filter, from other filters, and through one that is full.
    assert_eq!(ctx.union([even, numbers.clone()]).count().unwrap(), 15_000);
    let pairs = numbers.flat_map_with(|x, out| (0..x % 7).for_each(|i| out.emit((x, i))));
    let expected = (0..10_000u64).map(|x| (x % 7).min(3)).sum::<u64>();
    assert_eq!(pairs.filter_values(|i| *i < 3).count().unwrap(), expected);
    let texts = numbers.map(|x| x.to_string());
    assert_eq!(
        texts.filter_containing("99").count().unwrap(),
        texts.filter_str(|text| text.contains("99")).collect().unwrap().len() as u64
    );
    assert_eq!(numbers.sample(0.3, 1).count().unwrap(), numbers.sample(0.3, 1).collect().unwrap().len() as u64);
}

#[test]
fn bad_rows_are_left_out_before_a_sum() {
    let conf = Conf { master: "local[2]".into(), err: 0.1, ..Conf::default() };
    let numbers = DparkContext::new(conf).unwrap().range(0, 1000);
    let bad = |x: &i64| if x % 50 == 7 { panic!("bad {x}") } else { x % 2 == 1 };
    let expected: Vec<i64> = (0..1000).filter(|x| x % 50 != 7 && x % 2 == 1).collect();
    assert_eq!(kept(&numbers, bad), (expected.iter().sum(), expected.len() as u64));
}
