//! Operators by key, joins and moves between partitions give what plain collections give; what is partitioned alike is not
//! shuffled again.

use dpark::event::Event;
use dpark::{DparkContext, Rdd};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

type Pairs = Vec<(u8, i32)>;

fn pairs() -> impl Strategy<Value = Pairs> {
    prop::collection::vec((0u8..8, -50i32..50), 0..60)
}

/// The pairs in as many partitions as asked for, none included.
fn spread(ctx: &DparkContext, rows: &Pairs, partitions: usize) -> Rdd<(u8, i32)> {
    if partitions == 0 {
        return ctx.union([]);
    }
    let rdd = ctx.parallelize(rows.clone());
    rdd.repartition(partitions)
}

fn sorted<T: Ord>(mut rows: Vec<T>) -> Vec<T> {
    rows.sort();
    rows
}

fn groups(rows: &Pairs) -> BTreeMap<u8, Vec<i32>> {
    let mut groups = BTreeMap::<u8, Vec<i32>>::new();
    rows.iter().for_each(|(k, v)| groups.entry(*k).or_default().push(*v));
    groups.values_mut().for_each(|values| values.sort_unstable());
    groups
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn aggregations_equal_those_of_maps(rows in pairs(), partitions in 1usize..6, reduces in 1usize..12) {
        let ctx = DparkContext::local(2);
        let rdd = spread(&ctx, &rows, partitions).shuffle_into(reduces);
        let groups = groups(&rows);
        let sums: Vec<(u8, i32)> = groups.iter().map(|(k, v)| (*k, v.iter().sum())).collect();
        prop_assert_eq!(&sorted(rdd.reduce_by_key(|a, b| a + b).collect().unwrap()), &sums);
        prop_assert_eq!(&sorted(rdd.fold_by_key(0, |a, b| a + b).collect().unwrap()), &sums);
        prop_assert_eq!(&sorted(rdd.aggregate_by_key(0, |a, b| a + b, |a, b| a + b).collect().unwrap()), &sums);
        let combined = rdd.combine_by_key(
            |v| vec![v],
            |mut all, v| {
                all.push(v);
                all
            },
            |mut all, mut more| {
                all.append(&mut more);
                all
            },
        );
        prop_assert_eq!(combined.num_partitions(), reduces);
        let combined = combined.map_values(sorted).collect_as_map().unwrap();
        prop_assert_eq!(combined.into_iter().collect::<BTreeMap<_, _>>(), groups.clone());
        let grouped = rdd.group_by_key().map_values(sorted).collect_as_map().unwrap();
        prop_assert_eq!(grouped.into_iter().collect::<BTreeMap<_, _>>(), groups);
        let by_sign = rdd.group_by(|kv| kv.1 < 0).map_values(|rows| rows.len()).collect_as_map().unwrap();
        prop_assert_eq!(by_sign.values().sum::<usize>(), rows.len());
        let total = rdd.aggregate(0i64, |sum, kv| sum + i64::from(kv.1), |a, b| a + b).unwrap();
        prop_assert_eq!(total, rows.iter().map(|kv| i64::from(kv.1)).sum::<i64>());
    }

    #[test]
    fn moves_keep_every_row(rows in pairs(), partitions in 0usize..6, n in 1usize..9) {
        let ctx = DparkContext::local(2);
        let rdd = spread(&ctx, &rows, partitions);
        let expected = if partitions == 0 { Vec::new() } else { rows.clone() };
        let dealt = rdd.repartition(n);
        prop_assert_eq!(sorted(dealt.collect().unwrap()), sorted(expected.clone()));
        let sizes = dealt.map_partitions(|rows| [rows.count()]).collect().unwrap();
        prop_assert_eq!(sizes.len(), n);
        prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= partitions.max(1));
        let placed = rdd.partition_by(n);
        prop_assert_eq!(placed.num_partitions(), n);
        let keys = placed.map_partitions(|rows| [rows.map(|kv| kv.0).collect::<BTreeSet<_>>()]).collect().unwrap();
        let different: BTreeSet<u8> = expected.iter().map(|kv| kv.0).collect();
        prop_assert_eq!(keys.iter().map(BTreeSet::len).sum::<usize>(), different.len(), "no key is in two partitions");
        prop_assert_eq!(sorted(placed.collect().unwrap()), sorted(expected.clone()));
        let merged = rdd.coalesce(n);
        prop_assert_eq!(merged.num_partitions(), n.min(partitions));
        prop_assert_eq!(merged.collect().unwrap(), rdd.collect().unwrap());
        for start in 0..partitions {
            let parts = [rdd.slice(0..start), rdd.slice(start..partitions)].map(|part| part.collect().unwrap());
            prop_assert_eq!(parts.concat(), rdd.collect().unwrap());
        }
        prop_assert_eq!(rdd.sort().collect().unwrap(), sorted(expected.clone()));
        let mut by_key = rdd.collect().unwrap();
        by_key.sort_by_key(|kv| kv.0);
        prop_assert_eq!(rdd.sort_by_key().collect().unwrap(), by_key);
    }

    #[test]
    fn joins_equal_nested_loops(left in pairs(), right in pairs(), n in 1usize..5, placed in any::<(bool, bool)>()) {
        let ctx = DparkContext::local(2);
        let mut a = spread(&ctx, &left, 3);
        let mut b = spread(&ctx, &right, 2).map_values(|v| v.to_string());
        if placed.0 {
            a = a.partition_by(n);
        }
        if placed.1 {
            b = b.partition_by(n);
        }
        let right: Vec<(u8, String)> = right.iter().map(|(k, v)| (*k, v.to_string())).collect();
        let in_left = |k: u8| left.iter().any(|kv| kv.0 == k);
        let in_right = |k: u8| right.iter().any(|kv| kv.0 == k);
        let mut both = Vec::new();
        for (k, v) in &left {
            both.extend(right.iter().filter(|kv| kv.0 == *k).map(|(_, w)| (*k, (*v, w.clone()))));
        }
        let left_only: Pairs = left.iter().filter(|kv| !in_right(kv.0)).copied().collect();
        let right_only: Vec<(u8, String)> = right.iter().filter(|kv| !in_left(kv.0)).cloned().collect();
        prop_assert_eq!(sorted(a.join(&b).collect().unwrap()), sorted(both.clone()));
        let looked = |a: &Rdd<(u8, i32)>| a.join_with(&b, |(k, (v, w)), out| out.emit((*k, (*v, w.clone()))));
        prop_assert_eq!(looked(&a).collect().unwrap(), a.join(&b).collect().unwrap());
        prop_assert_eq!(looked(&a.map_values(|v| v).cache()).collect().unwrap(), looked(&a).collect().unwrap());
        let some = |(k, (v, w)): &(u8, (i32, String))| (*k, (*v, Some(w.clone())));
        let expected = both.iter().map(some).chain(left_only.iter().map(|(k, v)| (*k, (*v, None)))).collect();
        prop_assert_eq!(sorted(a.left_outer_join(&b).collect().unwrap()), sorted::<(u8, (i32, Option<String>))>(expected));
        let some = |(k, (v, w)): &(u8, (i32, String))| (*k, (Some(*v), w.clone()));
        let expected = both.iter().map(some).chain(right_only.iter().map(|(k, w)| (*k, (None, w.clone())))).collect();
        prop_assert_eq!(sorted(a.right_outer_join(&b).collect().unwrap()), sorted::<(u8, (Option<i32>, String))>(expected));
        let expected = both
            .iter()
            .map(|(k, (v, w))| (*k, (Some(*v), Some(w.clone()))))
            .chain(left_only.iter().map(|(k, v)| (*k, (Some(*v), None))))
            .chain(right_only.iter().map(|(k, w)| (*k, (None, Some(w.clone())))))
            .collect();
        let full = sorted(a.full_outer_join(&b).collect().unwrap());
        prop_assert_eq!(full, sorted::<(u8, (Option<i32>, Option<String>))>(expected));
        prop_assert_eq!(sorted(a.subtract_by_key(&b).collect().unwrap()), sorted(left_only));
        let grouped = a.cogroup(&b).collect().unwrap();
        let (values, others) = (groups(&left), right.len());
        prop_assert_eq!(grouped.iter().map(|(_, (v, _))| v.len()).sum::<usize>(), left.len());
        prop_assert_eq!(grouped.iter().map(|(_, (_, w))| w.len()).sum::<usize>(), others);
        for (k, (v, w)) in grouped {
            prop_assert_eq!(sorted(v), values.get(&k).cloned().unwrap_or_default());
            prop_assert_eq!(w.len(), right.iter().filter(|kv| kv.0 == k).count());
        }
    }

    #[test]
    fn sets_equal_those_of_the_standard_library(left in pairs(), right in pairs()) {
        let ctx = DparkContext::local(2);
        let (a, b) = (spread(&ctx, &left, 3), spread(&ctx, &right, 2));
        let (x, y): (BTreeSet<_>, BTreeSet<_>) = (left.iter().copied().collect(), right.iter().copied().collect());
        prop_assert_eq!(sorted(a.intersection(&b).collect().unwrap()), x.intersection(&y).copied().collect::<Vec<_>>());
        let without: Vec<_> = left.iter().filter(|row| !y.contains(row)).copied().collect();
        prop_assert_eq!(sorted(a.subtract(&b).collect().unwrap()), sorted(without));
        let (old, new) = (a.reduce_by_key(|a, b| a.max(b)), b.reduce_by_key(|a, b| a.max(b)));
        let mut expected: BTreeMap<u8, i32> = groups(&left).into_iter().map(|(k, v)| (k, v[v.len() - 1])).collect();
        let known: BTreeSet<u8> = expected.keys().copied().collect();
        expected.extend(groups(&right).into_iter().map(|(k, v)| (k, v[v.len() - 1])));
        let updated: BTreeMap<u8, i32> = old.update(&new).collect_as_map().unwrap().into_iter().collect();
        prop_assert_eq!(&updated, &expected);
        let updated: BTreeMap<u8, i32> = old.update_known(&new).collect_as_map().unwrap().into_iter().collect();
        expected.retain(|k, _| known.contains(k));
        prop_assert_eq!(updated, expected);
    }

    #[test]
    fn zips_and_products_equal_iterators(left in pairs(), right in pairs(), n in 1usize..4, m in 1usize..4) {
        let ctx = DparkContext::local(2);
        let (a, b) = (spread(&ctx, &left, n), spread(&ctx, &right, n));
        let (left, right) = (a.collect().unwrap(), b.collect().unwrap());
        let parts = |rdd: &Rdd<(u8, i32)>| rdd.map_partitions(|rows| [rows.collect::<Vec<_>>()]).collect().unwrap();
        let expected: Vec<_> =
            parts(&a).into_iter().zip(parts(&b)).flat_map(|(x, y)| x.into_iter().zip(y).collect::<Vec<_>>()).collect();
        prop_assert_eq!(a.zip(&b).collect().unwrap(), expected);
        let counts = a.zip_partitions(&b, |x, y| [(x.count(), y.count())]).collect().unwrap();
        prop_assert_eq!(counts.iter().map(|c| c.0).sum::<usize>(), left.len());
        prop_assert_eq!(counts.iter().map(|c| c.1).sum::<usize>(), right.len());
        let c = spread(&ctx, &right, m);
        let product = a.cartesian(&c);
        prop_assert_eq!(product.num_partitions(), n * m);
        let mut expected = Vec::new();
        left.iter().for_each(|x| expected.extend(right.iter().map(|y| (*x, *y))));
        prop_assert_eq!(sorted(product.collect().unwrap()), sorted(expected));
    }
}

#[test]
fn no_rows_and_no_partitions_have_empty_results() {
    let ctx = DparkContext::local(3);
    let nothing: Rdd<(u8, i32)> = ctx.union([]);
    for rdd in [nothing, ctx.parallelize(Vec::new()), ctx.parallelize([(1u8, 2)]).filter(|_| false)] {
        assert_eq!(rdd.combine_by_key(|v| v, |a, b| a + b, |a, b| a + b).count().unwrap(), 0);
        assert_eq!(rdd.join(&rdd).count().unwrap() + rdd.full_outer_join(&rdd).count().unwrap(), 0);
        assert_eq!(rdd.cogroup3(&rdd, &rdd).count().unwrap() + rdd.cogroup4(&rdd, &rdd, &rdd).count().unwrap(), 0);
        assert_eq!(rdd.cartesian(&rdd).count().unwrap() + rdd.zip(&rdd).count().unwrap(), 0);
        assert_eq!(rdd.intersection(&rdd).count().unwrap() + rdd.subtract(&rdd).count().unwrap(), 0);
        assert_eq!(rdd.repartition(4).partition_by(3).sort().coalesce(2).collect().unwrap(), vec![]);
        assert_eq!(rdd.aggregate(7, |a, _| a, |a, b| a.max(b)).unwrap(), 7);
    }
    let other = ctx.parallelize([(1u8, 'x')]);
    let nothing: Rdd<(u8, i32)> = ctx.union([]);
    assert_eq!(nothing.right_outer_join(&other).collect().unwrap(), [(1, (None, 'x'))]);
}

#[test]
fn bad_requests_are_the_first_actions_error() {
    let ctx = DparkContext::local(2);
    let rdd = ctx.range(0, 9).key_by(|x| *x);
    let message = |result: dpark::Result<u64>| result.unwrap_err().to_string();
    assert_eq!(
        message(rdd.zip(&ctx.range_of_three()).count()),
        "zip: one RDD has 2 partitions, the other one 3; `coalesce` or `repartition` one of them"
    );
    assert_eq!(message(rdd.slice(1..3).count()), "slice: 1..3 is not within the 2 partitions of RDD 2");
    assert_eq!(message(rdd.repartition(0).count()), "repartition: a shuffle makes at least one partition");
    assert_eq!(message(rdd.partition_by(0).count()), "partition_by: a shuffle makes at least one partition");
    assert_eq!(message(rdd.shuffle_into(0).count()), "shuffle_into: a shuffle makes at least one partition");
    assert_eq!(message(rdd.coalesce(0).count()), "coalesce: an RDD with rows needs at least one partition");
}

trait RangeOfThree {
    fn range_of_three(&self) -> Rdd<i64>;
}

impl RangeOfThree for DparkContext {
    fn range_of_three(&self) -> Rdd<i64> {
        self.range(0, 3).repartition(3)
    }
}

/// Counts the shuffles that each job writes.
fn shuffles_of(ctx: &DparkContext, job: impl FnOnce()) -> usize {
    let count = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&count);
    ctx.events().subscribe(Box::new(move |event| {
        if let Event::JobStarted { stages, .. } = event {
            *seen.lock().unwrap() = stages.iter().filter(|stage| stage.shuffle.is_some()).count();
        }
    }));
    job();
    // The event has been told before the job ends.
    *count.lock().unwrap()
}

#[test]
fn what_is_partitioned_alike_is_not_shuffled() {
    let fresh = || {
        let ctx = DparkContext::local(2);
        let (a, b) = (ctx.range(0, 100).key_by(|x| x % 10), ctx.range(0, 50).key_by(|x| x % 10));
        (ctx, a, b)
    };
    let (ctx, a, b) = fresh();
    assert_eq!(shuffles_of(&ctx, || assert_eq!(a.join(&b).count().unwrap(), 500)), 2);
    let (ctx, a, b) = fresh();
    let (a, b) = (a.partition_by(4), b.partition_by(4));
    assert_eq!(shuffles_of(&ctx, || assert_eq!(a.join(&b).count().unwrap(), 500)), 2, "those of partition_by");
    let (ctx, a, b) = fresh();
    let kept = a.partition_by(4).filter(|kv| kv.1 < 90).map_values(|v| v * 2).cache();
    assert_eq!(kept.count().unwrap(), 90);
    let joined = kept.join(&b);
    assert_eq!(joined.partitioner().unwrap().num_partitions(), 4);
    assert_eq!(shuffles_of(&ctx, || assert_eq!(joined.count().unwrap(), 450)), 1, "only `b` is shuffled");
    let sums = joined.map_values(|(v, w)| v + w).reduce_by_key(|a, b| a + b);
    assert_eq!(shuffles_of(&ctx, || assert_eq!(sums.count().unwrap(), 10)), 1, "the sums need none of their own");
    let twice = sums.group_by_key().cogroup(&sums);
    assert_eq!(shuffles_of(&ctx, || assert!(twice.collect().unwrap().iter().all(|(_, (a, b))| a[0] == *b))), 1);
    let again = sums.map(|kv| kv).reduce_by_key(|a, b| a + b);
    assert_eq!(shuffles_of(&ctx, || assert_eq!(again.count().unwrap(), 10)), 2, "`map` may have changed the keys");
    assert_eq!(sums.shuffle_into(3).reduce_by_key(|a, b| a + b).num_partitions(), 3);
}

#[test]
fn a_join_streams_many_matches_of_one_key() {
    let ctx = DparkContext::local(2);
    let many = ctx.range(0, 2000).key_by(|_| 0u8);
    let joined = many.join(&many);
    assert_eq!(joined.take(3).unwrap(), [(0, (0, 0)), (0, (0, 1)), (0, (0, 2))]);
    assert_eq!(joined.count().unwrap(), 4_000_000);
}

#[test]
fn what_a_join_emits_streams_and_is_not_taken_for_its_keys() {
    let ctx = DparkContext::local(2);
    let many = ctx.range(0, 2000).key_by(|_| 0u8);
    let products = many.join_with(&many, |(_, (v, w)), out| (0..3).for_each(|i| out.emit((*v as u8, v * w * i))));
    assert_eq!(products.take(3).unwrap(), [(0, 0), (0, 0), (0, 0)]);
    assert_eq!(products.count().unwrap(), 12_000_000);
    assert_eq!(products.partitioner(), None);
    let nothing = many.join_with(&ctx.range(0, 9).key_by(|_| 1u8), |_, out| out.emit(()));
    assert_eq!(nothing.count().unwrap(), 0);
}

#[test]
fn a_panic_in_a_combination_loses_the_job_only() {
    let ctx = DparkContext::local(2);
    let pairs = ctx.range(0, 1000).map(|x| (x % 10, vec![x.to_string()]));
    let failing = pairs.combine_by_key(
        |v| v,
        |mut all, v| {
            assert!(v[0] != "777", "seven");
            all.extend(v);
            all
        },
        |a, _| a,
    );
    let message = failing.count().unwrap_err().to_string();
    assert!(message.contains("panicked") && message.contains("seven"), "{message}");
    assert_eq!(pairs.group_by_key().count().unwrap(), 10);
}

/// Integers that lie close together, enough of them for the arrays of map and reduce side, and some that lie far off. In a tuple
/// they hash alike, but are no integers to the engine.
#[test]
fn many_integers_give_what_other_keys_give_in_the_same_order() {
    let ctx = DparkContext::local(2);
    for far in [0, 1, 40] {
        let keys = (0..150_000i64).map(|i| i * 7919 % 150_001 - 70_000);
        let rows: Vec<(i64, i64)> =
            keys.chain((0..far).map(|i| i * 1_000_000_007)).cycle().take(320_000).zip(0..).collect();
        let plain = ctx.parallelize_with(rows, 3);
        let other = plain.filter(|(k, _)| k % 3 != 0).map_values(|v| v * 2);
        let tuples = plain.map(|(k, v)| ((k,), v));
        let other_tuples = other.map(|(k, v)| ((k,), v));

        let (sums, tuple_sums) = (plain.reduce_by_key(|a, b| a + b), tuples.reduce_by_key(|a, b| a + b));
        assert!(sums.collect().unwrap() == tuple_sums.map(|((k,), v)| (k, v)).collect().unwrap(), "{far}: sums");
        let (lists, tuple_lists) = (plain.group_by_key().cache(), tuples.group_by_key());
        assert!(lists.collect().unwrap() == tuple_lists.map(|((k,), v)| (k, v)).collect().unwrap(), "{far}: lists");
        let (full, tuple_full) = (sums.full_outer_join(&other), tuple_sums.full_outer_join(&other_tuples));
        assert!(full.collect().unwrap() == tuple_full.map(|((k,), v)| (k, v)).collect().unwrap(), "{far}: outer join");
        let right = other.reduce_by_key(|a, b| a.max(b));
        let looked = lists.join_with(&right, |(k, (list, w)), out| list.iter().for_each(|v| out.emit((*k, (*v, *w)))));
        let joined = tuple_lists
            .join(&other_tuples.reduce_by_key(|a, b| a.max(b)))
            .flat_map(|((k,), (list, w))| list.into_iter().map(move |v| (k, (v, w))).collect::<Vec<_>>());
        assert!(looked.collect().unwrap() == joined.collect().unwrap(), "{far}: join");
    }
}
