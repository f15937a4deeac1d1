//! Lineages whose partitions are computed inside each other: they run as deep as the stack of a task's thread is, and beyond
//! that the job fails, not the process.

use dpark::{DparkContext, Rdd};

/// As many rounds over ten pairs as asked for.
fn rounds(first: &Rdd<(i64, i64)>, n: i64, round: impl Fn(&Rdd<(i64, i64)>) -> Rdd<(i64, i64)>) -> Rdd<(i64, i64)> {
    let mut rdd = first.clone();
    for _ in 0..n {
        rdd = round(&rdd);
    }
    rdd
}

#[test]
fn hundreds_of_rounds_inside_each_other_run() {
    let ctx = DparkContext::local(2);
    let pairs = ctx.range(0, 10).key_by(|x| *x).partition_by(2);
    let n = 600;
    let deep = [
        rounds(&pairs, n, |rdd| pairs.join(rdd).map_values(|(_, w)| w + 1)),
        rounds(&pairs, n, |rdd| rdd.reduce_by_key(|a, b| a + b).map_values(|v| v + 1)),
        rounds(&pairs, n, |rdd| rdd.cogroup(&pairs).map_values(|(v, _)| v[0] + 1)),
        rounds(&pairs, n, |rdd| rdd.map_partitions(|rows| rows.map(|(k, v)| (k, v + 1)))),
        rounds(&pairs, n, |rdd| rdd.zip(rdd).map(|((k, v), _)| (k, v + 1)).cache()),
        rounds(&pairs, n, |rdd| rdd.map_values(|v| v + 1).cache()),
        rounds(&pairs.union(&pairs).coalesce(2), n, |rdd| {
            rdd.union(&pairs).coalesce(3).slice(0..2).map(|(k, v)| (k, v + 1))
        }),
    ];
    for (i, rdd) in deep[..6].iter().enumerate() {
        // `zip` computes its parent twice, but for the cache.
        assert_eq!(rdd.values().sum().unwrap(), 45 + 10 * n, "{i}");
    }
    assert!(deep[6].count().unwrap() > 0);
}

#[test]
fn a_lineage_deeper_than_the_stack_fails_its_job() {
    let ctx = DparkContext::local(2);
    let mut rdd = ctx.range(0, 10);
    for _ in 0..40_000 {
        rdd = rdd.map_partitions(|rows| rows.map(|x| x + 1));
    }
    let message = rdd.count().unwrap_err().to_string();
    assert!(message.contains("the lineage is too deep") && message.contains("`checkpoint`"), "{message}");
    assert_eq!(ctx.range(0, 5).count().unwrap(), 5, "the context goes on");
    drop(rdd);
}
