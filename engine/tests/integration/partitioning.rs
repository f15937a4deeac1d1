//! The operators that say that they keep the partitioner, or that they spread their rows by key, do: the partitioner is there,
//! and every row is where it says.

use dpark::{Data, DparkContext, Partitioner, Rdd, StorageLevel};
use std::collections::HashMap;

/// A hundred pairs in three partitions, by their keys.
fn placed(ctx: &DparkContext) -> Rdd<(u8, i64)> {
    ctx.range(0, 100).map(|x| ((x % 10) as u8, x)).partition_by(3)
}

/// The RDD has this partitioner, and all rows are where it places them.
fn check<V: Data>(what: &str, rdd: &Rdd<(u8, V)>, partitioner: Partitioner) {
    assert_eq!(rdd.partitioner(), Some(partitioner), "{what}");
    assert_eq!(rdd.num_partitions(), partitioner.num_partitions(), "{what}");
    let keys = rdd.map(|kv| kv.0).enumerate_partition().collect().unwrap();
    assert!(!keys.is_empty(), "{what}: there are rows to look at");
    for (partition, key) in keys {
        assert_eq!(partitioner.partition(&key), Some(partition), "{what}: key {key}");
    }
}

#[test]
fn operators_that_leave_keys_alone_keep_the_partitioner() {
    let ctx = DparkContext::local(2);
    let rdd = placed(&ctx);
    let there = rdd.partitioner().unwrap();
    assert_eq!(there.num_partitions(), 3);
    assert_eq!(there.partition(&7i64), None, "it knows nothing of keys of other types");
    check("filter", &rdd.filter(|kv| kv.1 % 3 == 0), there);
    check("filter, with_env", &rdd.with_env((&3i64,)).filter(|(n,)| move |kv| kv.1 % n == 0), there);
    check("map_values", &rdd.map_values(|v| v.to_string()), there);
    check("map_values, with_env", &rdd.with_env((&3i64,)).map_values(|(n,)| move |v| v * n), there);
    check("filter_values", &rdd.filter_values(|v| v % 2 == 0), there);
    check("filter_values, with_env", &rdd.with_env((&3i64,)).filter_values(|(n,)| move |v| *v > n), there);
    check("flat_map_values", &rdd.flat_map_values(|v| [v, v + 1]), there);
    check("flat_map_values, with_env", &rdd.with_env((&3i64,)).flat_map_values(|(n,)| move |v| [v, n]), there);
    check("inspect", &rdd.inspect(|_| ()), there);
    check("inspect, with_env", &rdd.with_env((&3i64,)).inspect(|(n,)| move |kv| assert!(kv.1 + n > 0)), there);
    check("sample", &rdd.sample(0.5, 1), there);
    check("sample_with_replacement", &rdd.sample_with_replacement(2.0, 1), there);
    check("sample_by_key", &rdd.sample_by_key(&HashMap::from([(1, 1.0), (2, 0.5)]), 1), there);
    for part in rdd.random_split([0.5, 0.5], 1) {
        check("random_split", &part, there);
    }
    check("shuffle_into", &rdd.shuffle_into(7), there);
    check("partition_by, as it is", &rdd.partition_by(3), there);
    check("cache", &rdd.filter(|_| true).cache(), there);
    check("persist", &rdd.filter(|_| true).persist(StorageLevel::MemorySerialized), there);
    check("unpersist", &rdd.filter(|_| true).cache().unpersist(), there);
    let directory = tempfile::tempdir().unwrap();
    check("checkpoint", &rdd.filter(|_| true).checkpoint(directory.path().join("rows")).unwrap(), there);
    let small = ctx.parallelize([(3u8, 'a'), (3, 'b'), (4, 'c')]);
    check("broadcast_join", &rdd.broadcast_join(&small).unwrap(), there);
    check("inner_join", &rdd.inner_join(&small).unwrap(), there);
    check("broadcast_left_outer_join", &rdd.broadcast_left_outer_join(&small).unwrap(), there);
}

#[test]
fn operators_by_key_spread_their_rows_by_key() {
    let ctx = DparkContext::local(2);
    let rdd = ctx.range(0, 100).map(|x| ((x % 10) as u8, x)).shuffle_into(3);
    let there = rdd.partition_by(3).partitioner().unwrap();
    check("partition_by", &rdd.partition_by(3), there);
    check("reduce_by_key", &rdd.reduce_by_key(|a, b| a + b), there);
    check("fold_by_key", &rdd.fold_by_key(0, |a, b| a + b), there);
    check("aggregate_by_key", &rdd.aggregate_by_key(0, |n, _| n + 1, |a, b| a + b), there);
    check("combine_by_key", &rdd.combine_by_key(|v| v, |a, b| a + b, |a, b| a + b), there);
    check("group_by_key", &rdd.group_by_key(), there);
    check("group_by", &rdd.group_by(|kv| kv.0), there);
    check("top_by_key", &rdd.top_by_key(2), there);
    check("count_approx_distinct_by_key", &rdd.count_approx_distinct_by_key(0.05), there);
    check("percentiles_by_key", &rdd.percentiles_by_key(&[50.0]), there);
    check("histogram_by_key", &rdd.histogram_by_key(&[0.0, 50.0, 100.0]), there);
    check("stats_by_key", &rdd.stats_by_key(), there);
    check("cogroup", &rdd.cogroup(&rdd), there);
    check("cogroup3", &rdd.cogroup3(&rdd, &rdd), there);
    check("cogroup4", &rdd.cogroup4(&rdd, &rdd, &rdd), there);
    let other = ctx.range(5, 15).map(|x| (x as u8, x)).shuffle_into(3);
    check("join", &rdd.join(&other), there);
    check("left_outer_join", &rdd.left_outer_join(&other), there);
    check("right_outer_join", &rdd.right_outer_join(&other), there);
    check("full_outer_join", &rdd.full_outer_join(&other), there);
    check("subtract_by_key", &rdd.subtract_by_key(&other), there);
    check("update", &rdd.update(&other), there);
    check("update_known", &rdd.update_known(&other), there);
}

#[test]
fn operators_that_may_change_keys_or_partitions_forget_the_partitioner() {
    let rdd = placed(&DparkContext::local(2));
    assert_eq!(rdd.map(|kv| kv).partitioner(), None);
    assert_eq!(rdd.flat_map(|kv| [kv]).partitioner(), None);
    assert_eq!(rdd.filter_map(Some).partitioner(), None);
    assert_eq!(rdd.map_partitions(|rows| rows).partitioner(), None);
    assert_eq!(rdd.union(&rdd).partitioner(), None);
    assert_eq!(rdd.coalesce(2).partitioner(), None);
    assert_eq!(rdd.slice(0..1).partitioner(), None);
    assert_eq!(rdd.repartition(3).partitioner(), None);
    assert_eq!(rdd.sort_by_key().partitioner(), None);
}

#[test]
fn the_number_of_partitions_asked_for_holds_until_the_next_shuffle() {
    let rdd = DparkContext::local(2).range(0, 100).shuffle_into(5);
    assert_eq!(rdd.num_partitions(), 2);
    assert_eq!(rdd.map(|x| (x % 3, x)).filter(|kv| kv.1 > 5).reduce_by_key(|a, b| a + b).num_partitions(), 5);
    assert_eq!(rdd.group_by(|x| x % 3).num_partitions(), 5);
    assert_eq!(rdd.sort_by(|x| -x).num_partitions(), 5);
    assert_eq!(rdd.distinct().num_partitions(), 5);
    assert_eq!(rdd.intersection(&rdd).num_partitions(), 5);
    assert_eq!(rdd.subtract(&rdd).num_partitions(), 5);
    assert_eq!(rdd.distinct().distinct().num_partitions(), 2, "the one after that makes the default number");
}
