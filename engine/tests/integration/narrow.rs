//! The narrow operators and the actions that need no shuffle, against plain iterators and on edge cases.

mod indices;
mod pipe;
mod pipelines;
mod samples;
mod selected;

use dpark::{Conf, DparkContext, Error, Rdd, Stats};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An RDD of nothing, in several shapes.
fn empties(ctx: &DparkContext) -> Vec<Rdd<i64>> {
    vec![ctx.union([]), ctx.parallelize([]), ctx.parallelize_with([], 5), ctx.range(0, 9).filter(|_| false)]
}

#[test]
fn nothing_through_every_operator_and_action_is_nothing() {
    let ctx = DparkContext::local(2);
    for none in empties(&ctx) {
        let pairs = none.key_by(|x| *x);
        assert!(none.is_empty().unwrap());
        assert_eq!(none.flat_map_with(|x, out| out.emit(x)).count().unwrap(), 0);
        assert_eq!(pairs.flat_map_values(|v| [v, v]).count().unwrap(), 0);
        assert_eq!(pairs.filter_values(|_| true).keys().union(&pairs.values()).count().unwrap(), 0);
        assert_eq!(none.filter_map(Some).inspect(|_| ()).uniq().count().unwrap(), 0);
        assert_eq!(none.batch(3).count().unwrap(), 0);
        assert_eq!(none.glom().collect().unwrap(), vec![Vec::<i64>::new(); none.num_partitions()]);
        assert_eq!(none.zip_with_index().count().unwrap() + none.enumerate_partition().count().unwrap(), 0);
        assert_eq!(none.sample(0.5, 1).union(&none.sample_with_replacement(3.0, 1)).count().unwrap(), 0);
        assert_eq!(pairs.sample_by_key(&HashMap::new(), 1).count().unwrap(), 0);
        assert!(none.random_split([1.0, 1.0], 1).iter().all(|part| part.is_empty().unwrap()));
        assert_eq!(none.take_sample(3, 1).unwrap(), none.take_sample_with_replacement(3, 1).unwrap());
        assert_eq!((none.take_ordered(3).unwrap(), none.hot(3).unwrap()), (vec![], vec![]));
        assert!(none.count_by_value().unwrap().is_empty() && pairs.count_by_key().unwrap().is_empty());
        assert!(pairs.lookup(&1).unwrap().is_empty());
        assert!(pairs.reduce_by_key_to_driver(|a, _| a).unwrap().is_empty());
        assert_eq!(none.to_local_iter().count(), 0);
        none.foreach_partition(|rows| assert_eq!(rows.count(), 0)).unwrap();
        assert_eq!(none.min_by(|x| *x).unwrap_err().to_string(), "min_by: the RDD is empty");
        assert_eq!(none.max_by(|x| *x).unwrap_err().to_string(), "max_by: the RDD is empty");
        assert_eq!(none.mean().unwrap_err().to_string(), "mean: the RDD is empty");
        assert_eq!(none.stdev().unwrap_err().to_string(), "stdev: the RDD is empty");
        let stats = none.stats().unwrap();
        assert_eq!((stats.count(), stats.sum()), (0, 0.0));
        assert!(stats.mean().is_nan() && stats.variance().is_nan() && stats.min().is_nan() && stats.max().is_nan());
    }
}

/// Counts how many values of it are alive.
static ALIVE: AtomicUsize = AtomicUsize::new(0);

struct Counted(i64);

impl Counted {
    fn new(x: i64) -> Counted {
        ALIVE.fetch_add(1, Ordering::SeqCst);
        Counted(x)
    }
}

impl Clone for Counted {
    fn clone(&self) -> Counted {
        Counted::new(self.0)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

fn stop(row: &Counted) -> bool {
    if row.0 == 2500 { panic!("stop") } else { row.0 % 3 > 0 }
}

#[test]
fn a_panic_drops_every_row_once() {
    let ctx = DparkContext::local(2);
    let rows = ctx.range(0, 3000).map(|x| (Counted::new(x), Counted::new(x)));
    let emit_and_panic = rows.flat_map_with(|row, out| {
        (0..row.0.0 % 50).for_each(|i| out.emit(Counted::new(i)));
        stop(&row.0);
    });
    assert!(emit_and_panic.count().is_err());
    assert!(rows.filter_map(|row| stop(&row.1).then_some(row.0)).count().is_err());
    assert!(rows.filter_values(stop).count().is_err());
    assert_eq!(rows.filter(|row| row.0.0 % 3 > 0).count().unwrap(), 2000);
    assert!(rows.flat_map_values(|v| (0..3).map(move |_| stop(&v))).count().is_err());
    assert!(rows.values().inspect(|row| assert!(row.0 != 2500)).count().is_err());
    assert!(rows.keys().glom().map(|rows| assert!(rows.iter().all(|row| row.0 < 2500))).count().is_err());
    assert!(rows.batch(7).map(|rows| assert!(!stop(&rows[0].0) || rows[0].0.0 < 2500)).count().is_err());
    assert!(rows.zip_with_index().map(|row| stop(&row.0.0)).count().is_err());
    assert!(rows.enumerate_partition().enumerate().map(|row| stop(&row.1.1.0)).count().is_err());
    assert!(rows.sample(0.5, 1).sample_with_replacement(9.0, 1).map(|row| assert!(row.0.0 < 2500)).count().is_err());
    assert!(rows.foreach_partition(|rows| rows.for_each(|row| assert!(row.0.0 < 2500))).is_err());
    // A failed job's other task drops its rows when it notices.
    let since = std::time::Instant::now();
    while ALIVE.load(Ordering::SeqCst) > 0 {
        assert!(since.elapsed().as_secs() < 60, "{} rows still live", ALIVE.load(Ordering::SeqCst));
        std::thread::yield_now();
    }
}

#[test]
fn one_row_may_emit_more_than_a_batch_holds() {
    let ctx = DparkContext::local(2);
    let rows = ctx.range(0, 5).flat_map_with(|x, out| (0..x * 50_000).for_each(|i| out.emit((x, i))));
    let expected = (0..5).flat_map(|x| (0..x * 50_000).map(move |i| (x, i)));
    assert!(rows.collect().unwrap().into_iter().eq(expected));
    let units = ctx.range(0, 100).flat_map_with(|_, out| (0..1000).for_each(|_| out.emit(())));
    assert_eq!(units.count().unwrap(), 100_000);
    let texts = ctx.range(0, 3).flat_map_with(|x, out| (0..9000).for_each(|i| out.emit(format!("{x}.{i}"))));
    assert_eq!(texts.map(|text| text.len()).max().unwrap(), 6);
}

#[test]
fn an_emitter_does_not_run_ahead_of_what_is_wanted() {
    let ctx = DparkContext::local(1);
    let calls = ctx.accumulator(0u64);
    let rows = ctx.range(0, 1_000_000).with_env((&calls,)).flat_map_with(|(calls,)| {
        move |x, out| {
            calls.add(1);
            (0..100).for_each(|_| out.emit(x));
        }
    });
    assert_eq!(rows.take(150).unwrap().len(), 150);
    assert!(calls.value() < 100, "{} rows were computed for two", calls.value());
}

#[test]
fn rows_that_cannot_leave_a_task_may_flow_through() {
    let ctx = DparkContext::local(2);
    let rcs = ctx.range(0, 20).map(std::rc::Rc::new);
    let lengths = rcs.batch(3).map(|rows| rows.len()).collect().unwrap();
    assert_eq!(lengths, [3, 3, 3, 1, 3, 3, 3, 1]);
    assert_eq!(
        rcs.glom().flat_map_with(|rows, out| rows.into_iter().for_each(|row| out.emit(*row))).sum().unwrap(),
        190
    );
    assert_eq!(rcs.sample_with_replacement(2.0, 5).enumerate().map(|row| row.0).max().unwrap() + 1, {
        rcs.sample_with_replacement(2.0, 5).count().unwrap()
    });
    rcs.foreach_partition(|rows| assert_eq!(rows.count(), 10)).unwrap();
}

#[test]
fn vectors_of_rows_take_memory_from_the_budget() {
    let conf = Conf { master: "local[2]".into(), parallelism: 2, memory: 1 << 20, ..Conf::default() };
    let ctx = DparkContext::new(conf).unwrap();
    let error = ctx.range(0, 1_000_000).glom().map(|rows| rows.len()).sum().unwrap_err();
    assert!(error.to_string().contains("the memory budget of 1 MB does not suffice"), "{error}");
    wait_until_nothing_is_held(&ctx);
    assert_eq!(ctx.range(0, 1_000_000).batch(1000).map(|rows| rows.len()).sum().unwrap(), 1_000_000);
    let error = ctx.range(0, 1_000_000).count_by_value().unwrap_err();
    assert!(error.to_string().contains("memory budget"), "{error}");
    wait_until_nothing_is_held(&ctx);
}

/// The job has failed at its first task's failure; the others let go when they notice.
fn wait_until_nothing_is_held(ctx: &DparkContext) {
    let since = std::time::Instant::now();
    while ctx.held() != (0, 0, 0) {
        assert!(since.elapsed().as_secs() < 60, "still held: {:?}", ctx.held());
        std::thread::yield_now();
    }
}

#[test]
fn partitions_are_as_many_as_asked_for() {
    let ctx = DparkContext::local(2);
    assert_eq!(
        ctx.parallelize_with([1, 2, 3], 5).glom().collect().unwrap(),
        [vec![], vec![1], vec![], vec![2], vec![3]]
    );
    assert_eq!(ctx.make_rdd(0..9).num_partitions(), 2);
    for (start, end, step, n) in
        [(0, 10, 3, 2), (10, 0, -3, 4), (0, 10, -1, 3), (5, 5, 2, 2), (-7, 8, 5, 9), (0, 2, 9, 1)]
    {
        let rdd = ctx.range_with(start, end, step, n);
        let next = |x: &i64| Some(x + step).filter(|x| if step > 0 { *x < end } else { *x > end });
        let first = Some(start).filter(|x| if step > 0 { *x < end } else { *x > end });
        assert_eq!(rdd.collect().unwrap(), std::iter::successors(first, next).collect::<Vec<_>>());
        assert_eq!(rdd.num_partitions(), n);
    }
    assert_eq!(ctx.range_with(i64::MIN, i64::MAX, i64::MAX, 3).collect().unwrap(), [i64::MIN, -1, i64::MAX - 1]);
    assert_eq!(ctx.range_with(i64::MAX, i64::MIN, i64::MIN, 1).collect().unwrap(), [i64::MAX, -1]);
    assert_eq!(ctx.range(i64::MIN, i64::MAX).take(1).unwrap(), [i64::MIN]);
    let message = |rdd: Rdd<i64>| rdd.collect().unwrap_err().to_string();
    assert_eq!(message(ctx.range_with(0, 5, 0, 2)), "range_with: steps of 0 lead nowhere; give another step");
    let none = "rows need a partition to be in; give a number of partitions of at least 1";
    assert_eq!(message(ctx.range_with(0, 5, 1, 0)), format!("range_with: {none}"));
    assert_eq!(message(ctx.parallelize_with([1], 0)), format!("parallelize_with: {none}"));
    let error = ctx.parallelize_with([1], 0).map(|x| x + 1).distinct().count().unwrap_err();
    assert!(error.to_string().contains(none), "{error}");
    let error = ctx.text_file("no such file").distinct().count().unwrap_err();
    assert!(error.to_string().starts_with("no such file: "), "{error}");
    let error = ctx.range(0, 3).batch(0).count().unwrap_err().to_string();
    assert_eq!(error, "batch: vectors of 0 rows would never end; give a size of at least 1");
}

#[test]
fn a_local_iterator_computes_one_partition_at_a_time() {
    let ctx = DparkContext::local(2);
    let calls = ctx.accumulator(0u64);
    let counted = ctx.range_with(0, 100, 1, 10).with_env((&calls,)).map(|(calls,)| {
        move |x| {
            calls.add(1);
            x
        }
    });
    let mut rows = counted.to_local_iter();
    assert_eq!(calls.value(), 0);
    assert!(rows.by_ref().take(10).map(Result::unwrap).eq(0..10));
    assert_eq!(calls.value(), 10);
    assert!(rows.map(Result::unwrap).eq(10..100));
    let failing = ctx.range_with(0, 100, 1, 10).map(|x| if x == 25 { panic!("bad row") } else { x });
    let mut rows = failing.to_local_iter();
    assert_eq!(rows.by_ref().take(20).filter(Result::is_ok).count(), 20);
    assert!(rows.next().unwrap().unwrap_err().to_string().contains("bad row"));
    assert!(rows.next().is_none() && rows.next().is_none());
    let words = ctx.range(0, 50).map(|x| (x % 5, x)).group_by_key().to_local_iter();
    assert_eq!(words.map(|row| row.unwrap().1.len()).sum::<usize>(), 50);
}

#[test]
fn statistics_are_accurate_and_do_not_depend_on_batches() {
    let ctx = DparkContext::local(3);
    let numbers: Vec<f64> = (0..10_000).map(|i| 1e9 + ((i * 7919) % 1000) as f64 / 7.0).collect();
    let n = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / n;
    let deviations: f64 = numbers.iter().map(|x| (x - mean).powi(2)).sum();
    let rdd = ctx.parallelize(numbers.clone());
    let stats = rdd.stats().unwrap();
    let close = |a: f64, b: f64| assert!((a - b).abs() <= 1e-9 * b.abs(), "{a} is not {b}");
    close(stats.mean(), mean);
    close(stats.variance(), deviations / n);
    close(stats.sample_variance(), deviations / (n - 1.0));
    close(stats.stdev(), (deviations / n).sqrt());
    close(stats.sample_stdev(), (deviations / (n - 1.0)).sqrt());
    close(stats.sum(), mean * n);
    assert_eq!((stats.count(), stats.min(), stats.max()), (10_000, 1e9, 1e9 + 999.0 / 7.0));
    close(Stats::from_iter(numbers).variance(), stats.variance());
    // Slow rows come in small batches.
    let slow = rdd.map(|x| {
        let since = std::time::Instant::now();
        while x as i64 % 400 == 0 && since.elapsed().as_millis() < 11 {}
        x
    });
    for _ in 0..3 {
        assert_eq!(slow.stats().unwrap(), stats);
    }
    assert_eq!(rdd.mean().unwrap(), stats.mean());
    assert_eq!((rdd.variance().unwrap(), rdd.stdev().unwrap()), (stats.variance(), stats.stdev()));
}

#[test]
fn statistics_of_odd_numbers() {
    let ctx = DparkContext::local(2);
    let one = ctx.parallelize([7u8]).stats().unwrap();
    assert_eq!((one.mean(), one.variance(), one.min(), one.max()), (7.0, 0.0, 7.0, 7.0));
    assert!(one.sample_variance().is_nan());
    let with_nan = ctx.parallelize([1.0, f64::NAN, 3.0]).stats().unwrap();
    assert!(with_nan.mean().is_nan() && with_nan.stdev().is_nan());
    assert!(with_nan.count() == 3 && with_nan.min().is_nan() && with_nan.max().is_nan());
    let endless = ctx.parallelize([f64::INFINITY, f64::INFINITY, 1.0]).stats().unwrap();
    assert_eq!((endless.mean(), endless.max()), (f64::INFINITY, f64::INFINITY));
    let huge = ctx.parallelize_with([f64::MAX, f64::MAX, f64::MAX, f64::MAX], 2).stats().unwrap();
    assert_eq!((huge.mean(), huge.sum()), (f64::MAX, f64::INFINITY));
    assert_eq!(ctx.parallelize([u64::MAX, 0]).mean().unwrap(), 2f64.powi(63));
    assert_eq!(ctx.parallelize([1i128, 2]).mean().unwrap(), 1.5);
    assert_eq!(
        ctx.parallelize([0.5f32, 1.5]).stats().unwrap().to_string(),
        "count: 2, mean: 1, stdev: 0.5, min: 0.5, max: 1.5"
    );
}

#[test]
fn the_most_frequent_rows_and_the_extremes() {
    let ctx = DparkContext::local(3);
    let words = ctx.parallelize((0..1000u32).map(|i| format!("w{}", (i * i) % 17)));
    let counts = words.count_by_value().unwrap();
    let mut best: Vec<u64> = counts.values().copied().collect();
    best.sort_by(|a, b| b.cmp(a));
    for n in [0, 1, 3, 100] {
        let hot = words.hot(n).unwrap();
        assert!(hot.iter().all(|(word, count)| counts[word] == *count));
        assert!(hot.iter().map(|row| row.1).eq(best.iter().copied().take(n)));
        assert_eq!(hot, words.hot(n).unwrap());
    }
    let rows = ctx.parallelize([(2, 'a'), (1, 'b'), (2, 'c'), (1, 'd')]);
    assert_eq!((rows.max_by(|row| row.0).unwrap(), rows.min_by(|row| row.0).unwrap()), ((2, 'a'), (1, 'b')));
    let options = ctx.parallelize([Some(2), None, Some(1), None]);
    assert_eq!(options.take_ordered(3).unwrap(), [None, None, Some(1)]);
    assert_eq!((options.hot(1).unwrap(), options.count_by_value().unwrap()[&None]), (vec![(None, 2)], 2));
    assert_eq!(options.key_by(|x| *x).lookup(&None).unwrap(), [None, None]);
}

#[test]
fn a_partition_is_seen_once_also_if_it_is_empty() {
    let ctx = DparkContext::local(2);
    let (partitions, rows) = (ctx.accumulator(0u64), ctx.accumulator(0i64));
    ctx.parallelize_with([1i64, 2, 3], 7)
        .with_env((&partitions, &rows))
        .foreach_partition(|(partitions, rows)| {
            move |all| {
                partitions.add(1);
                all.for_each(|x| rows.add(x));
            }
        })
        .unwrap();
    assert_eq!((partitions.value(), rows.value()), (7, 6));
    ctx.range(0, 10).foreach_partition(drop).unwrap();
    let error = ctx.range(0, 10).foreach_partition(|rows| rows.for_each(|x| assert!(x < 7, "seven"))).unwrap_err();
    assert!(matches!(&error, Error::Task(failure) if failure.partition == 1), "{error}");
    let error = ctx.range(0, 10).map(|x| assert!(x < 7, "before")).foreach_partition(|rows| rows.for_each(drop));
    assert!(error.unwrap_err().to_string().contains("before"));
}

#[dpark::closures]
#[test]
fn closures_capture_by_name() {
    let ctx = DparkContext::local(2);
    let (n, text) = (2i64, String::from("x"));
    let rdd = ctx.range(0, 4);
    let pairs = rdd.key_by(|x| x % n);
    let words = rdd.flat_map_with(|x, out| (0..x % n).for_each(|i| out.emit(format!("{text}{i}"))));
    assert_eq!(words.collect().unwrap(), ["x0", "x0"]);
    assert_eq!(pairs.flat_map_values(|v| vec![v; n as usize]).count().unwrap(), 8);
    assert_eq!(rdd.filter_map(|x| (x > n).then(|| text.clone())).collect().unwrap(), ["x"]);
    assert_eq!(pairs.filter_values(|v| *v > n).collect().unwrap(), [(1, 3)]);
    assert_eq!(rdd.inspect(|x| assert!(*x < n + 2)).count().unwrap(), 4);
    let sums = rdd.map_partitions_with_index(|i, rows| [i as i64 + rows.sum::<i64>() * n]);
    assert_eq!(sums.collect().unwrap(), [2, 11]);
    rdd.foreach_partition(|rows| assert_eq!(rows.count(), n as usize)).unwrap();
    assert_eq!(rdd.min_by(|x| (x - n).abs()).unwrap(), 2);
    assert_eq!(rdd.max_by(|x| (x - n).abs()).unwrap(), 0);
    assert_eq!(pairs.reduce_by_key_to_driver(|a, b| a + b + n).unwrap(), [(0, 4), (1, 6)].into());
    assert!(rdd.to_local_iter().map(|x| x.unwrap() + n).eq(2..6));
    let halves = rdd.random_split([1.0, 1.0], 3);
    assert_eq!(halves[0].map(|x| x + n).union(&halves[1].map(|x| x + n)).sum().unwrap(), 14);
}

#[test]
fn a_closure_with_captures_is_refused_under_the_operators_name() {
    let rdd = DparkContext::local(2).range(0, 3);
    let n = rdd.num_partitions() as i64;
    let refused = |name: &str, f: &dyn Fn()| {
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_err();
        let message = panic.downcast_ref::<String>().cloned().unwrap_or_default();
        assert!(message.starts_with(&format!("{name} at engine/tests/integration/narrow.rs")), "{message}");
    };
    let pairs = rdd.key_by(|x| *x);
    refused("flat_map_with", &|| drop(rdd.flat_map_with(move |x, out| out.emit(x + n))));
    refused("flat_map_values", &|| drop(pairs.flat_map_values(move |x| [x + n])));
    refused("filter_map", &|| drop(rdd.filter_map(move |x| Some(x + n))));
    refused("filter_values", &|| drop(pairs.filter_values(move |x| *x > n)));
    refused("inspect", &|| drop(rdd.inspect(move |x| assert!(*x >= n))));
    refused("map_partitions_with_index", &|| drop(rdd.map_partitions_with_index(move |_, _| [n])));
    refused("foreach_partition", &|| drop(rdd.foreach_partition(move |_| assert!(n > 0))));
    refused("min_by", &|| drop(rdd.min_by(move |x| x + n)));
    refused("reduce_by_key_to_driver", &|| drop(pairs.reduce_by_key_to_driver(move |a, b| a + b + n)));
}
