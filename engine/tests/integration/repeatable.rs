//! A partition has the same rows in the same order whenever it is computed: however many threads there are, however its batches
//! fell, whatever memory there was.

use dpark::{Conf, DparkContext, Rdd};
use std::time::{Duration, Instant};

fn context(threads: usize, memory: u64) -> DparkContext {
    let conf = Conf { master: format!("local[{threads}]"), parallelism: 5, memory, ..Conf::default() };
    DparkContext::new(conf).unwrap()
}

/// Keeps the thread busy: slow rows make small batches.
fn spin(micros: u64) {
    let since = Instant::now();
    while since.elapsed() < Duration::from_micros(micros) {
        std::hint::spin_loop();
    }
}

/// Everything that shuffles, as text, partition by partition.
fn results(ctx: &DparkContext, slow: bool) -> Vec<String> {
    let rows = ctx.range(0, 1500).with_env((&slow,)).map(|(slow,)| {
        move |x| {
            if slow && x % 7 == 0 {
                spin(if x % 490 == 0 { 11_000 } else { 200 });
            }
            (x * 7919 % 613, x as f64 / 3.0)
        }
    });
    let text = |rdd: Rdd<(i64, String)>| format!("{:?}", rdd.glom().collect().unwrap());
    let other = rows.filter(|kv| kv.0 % 2 == 0).map_values(|v| v as i64);
    vec![
        text(rows.reduce_by_key(|a, b| a / 2.0 + b).map_values(|v| v.to_string())),
        text(rows.combine_by_key(|v| v, |a, v| a * 0.5 + v, |a, b| a - b).map_values(|v| v.to_string())),
        text(rows.group_by_key().map_values(|v| format!("{v:?}"))),
        text(rows.shuffle_into(3).fold_by_key(1.5, |a, b| a * 0.3 + b).map_values(|v| v.to_string())),
        text(rows.repartition(7).map_values(|v| v.to_string())),
        text(rows.partition_by(4).reduce_by_key(|a, b| a / 2.0 + b).map_values(|v| v.to_string())),
        text(rows.keys().distinct().zip_with_index().map(|(k, i)| (k, i.to_string()))),
        text(rows.sort_by(|kv| kv.0 % 17).map_values(|v| v.to_string())),
        text(rows.sort_by_key().map_values(|v| v.to_string())),
        text(rows.join(&other).map_values(|v| format!("{v:?}"))),
        text(rows.full_outer_join(&other).map_values(|v| format!("{v:?}"))),
        text(rows.partition_by(3).left_outer_join(&other).map_values(|v| format!("{v:?}"))),
        text(rows.cogroup(&other).map_values(|v| format!("{v:?}"))),
        text(rows.subtract_by_key(&other).batch(7).map(|rows| (0, format!("{rows:?}")))),
        text(rows.sample(0.3, 5).repartition(3).map_values(|v| v.to_string())),
        text(rows.top_by_key_by(2, |v| *v as i64 % 13).map_values(|v| format!("{v:?}"))),
        text(rows.percentiles_by_key(&[50.0]).map_values(|v| format!("{v:?}"))),
        text(rows.coalesce(2).cartesian(&other.filter(|kv| kv.0 < 3)).map(|(a, b)| (a.0, format!("{a:?}{b:?}")))),
        format!("{:?} {:?}", rows.values().sum(), rows.values().fold(0.1, |a, b| a * 0.9 + b)),
        format!("{:?}", rows.keys().take_sample(20, 3)),
    ]
}

#[test]
fn results_do_not_depend_on_threads_pace_or_memory() {
    let expected = results(&context(1, 1 << 30), false);
    for (threads, memory, slow) in [(4, 1 << 30, false), (3, 3 << 20, false), (4, 1 << 30, true), (2, 3 << 20, true)] {
        let found = results(&context(threads, memory), slow);
        for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert!(found == expected, "result {i} with {threads} threads, {memory} bytes, slow {slow}");
        }
    }
}

#[test]
fn large_tables_have_the_same_rows_with_and_without_buffers() {
    let rows = |memory| {
        let ctx = context(2, memory);
        let pairs = ctx.range(0, 250_000).map(|x| (x * 7919 % 90_001, x)).shuffle_into(2);
        let sums = pairs.reduce_by_key(|a, b| a.wrapping_mul(3) ^ b).map(|(k, v)| k ^ v);
        let order = sums.zip_with_index().map(|(x, i)| x.wrapping_mul(i as i64 | 1));
        order.fold(0, |a, b| a.wrapping_mul(31).wrapping_add(b)).unwrap()
    };
    assert_eq!(rows(1 << 30), rows(40 << 20));
}
