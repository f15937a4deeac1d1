//! The same RDD on both sides, and inputs that are read where they are, together with what keeps or moves partitions.

use dpark::{DparkContext, Rdd, StorageLevel};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

type Pairs = Rdd<(i64, i64)>;

/// Pairs in `n` partitions by key, and how often they were computed.
fn counted(ctx: &DparkContext, n: usize) -> (Pairs, dpark::Accumulator<u64>) {
    let calls = ctx.accumulator(0u64);
    let placed = ctx.range(0, 200).key_by(|x| x % 10).partition_by(n);
    let counted = placed.with_env((&calls,)).map_values(|(calls,)| {
        move |v| {
            calls.add(1);
            v
        }
    });
    (counted, calls)
}

#[test]
fn a_persisted_rdd_joined_with_itself_is_computed_once() {
    for level in [StorageLevel::Memory, StorageLevel::MemorySerialized, StorageLevel::Disk] {
        let ctx = DparkContext::local(2);
        let (rdd, calls) = counted(&ctx, 3);
        rdd.persist(level);
        assert_eq!(rdd.join(&rdd).count().unwrap(), 4000, "{level}");
        assert_eq!(calls.value(), 200, "{level}");
        let (rdd, calls) = counted(&ctx, 3);
        rdd.persist(level);
        assert_eq!(rdd.zip(&rdd.map(|kv| kv.1)).filter(|((_, v), w)| v == w).count().unwrap(), 200, "{level}");
        assert_eq!(calls.value(), 200, "{level}");
        let (rdd, calls) = counted(&ctx, 3);
        rdd.persist(level);
        assert_eq!(rdd.cartesian(&rdd).count().unwrap(), 40_000, "{level}");
        assert_eq!(rdd.cogroup3(&rdd, &rdd).count().unwrap(), 10, "{level}");
        // The partitions of a product run side by side: two tasks may begin with the same one.
        assert!((200..=400).contains(&calls.value()), "{level}: {}", calls.value());
    }
}

/// A value that counts its clones.
#[derive(serde::Serialize, serde::Deserialize)]
struct Watched(i64);

static CLONES: AtomicUsize = AtomicUsize::new(0);

impl Clone for Watched {
    fn clone(&self) -> Watched {
        CLONES.fetch_add(1, Ordering::Relaxed);
        Watched(self.0)
    }
}

#[test]
fn joins_clone_no_more_than_they_give() {
    let ctx = DparkContext::local(1);
    let many = ctx.range(0, 20_000).map(|x| (0u8, Watched(x)));
    // Values of a key that nothing meets come in batches, too.
    let none = ctx.parallelize(Vec::<(u8, i64)>::new());
    for joined in [
        none.right_outer_join(&many).map(|(_, (_, w))| w.0),
        none.full_outer_join(&many).map(|(_, (_, w))| w.unwrap().0),
    ] {
        CLONES.store(0, Ordering::Relaxed);
        assert_eq!(joined.take(3).unwrap(), [0, 1, 2]);
        let clones = CLONES.load(Ordering::Relaxed);
        assert!(clones < 10_000, "{clones} values were cloned for three");
        assert_eq!(joined.collect().unwrap(), (0..20_000).collect::<Vec<_>>());
    }
    // What `subtract_by_key` leaves out, it does not pair first: that would be 400 million clones.
    CLONES.store(0, Ordering::Relaxed);
    assert_eq!(many.subtract_by_key(&many).count().unwrap(), 0);
    assert_eq!(CLONES.load(Ordering::Relaxed), 0);
    // Values that are looked at only are not cloned, in the cache neither: all at once or piece by piece.
    let kept = ctx.range(0, 5_000).map(|x| (x, Watched(x)));
    for kept in [kept.partition_by(2), kept.reduce_by_key(|a, _| a)].map(|kept| kept.cache()) {
        let others = ctx.range(0, 4_000).map(|x| (x, 1)).reduce_by_key(|a, _| a).shuffle_into(kept.num_partitions());
        assert_eq!(kept.count().unwrap(), 5_000);
        CLONES.store(0, Ordering::Relaxed);
        let looked = kept.join_with(&others, |(_, (v, w)), out| out.emit(v.0 + w));
        assert_eq!(looked.sort().collect().unwrap(), (1..=4_000).collect::<Vec<i64>>());
        assert_eq!(CLONES.load(Ordering::Relaxed), 0);
    }
}

/// What may stand between a partitioning and the join that makes use of it.
#[derive(Clone, Copy, Debug)]
enum Step {
    Cache,
    OnDisk,
    MapValues,
    Filter,
    ShuffleInto(usize),
    PartitionBy(usize),
    Reduce,
    Union,
    Slice,
    Coalesce(usize),
    Checkpoint,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Cache),
        Just(Step::OnDisk),
        Just(Step::MapValues),
        Just(Step::Filter),
        (1usize..7).prop_map(Step::ShuffleInto),
        (1usize..7).prop_map(Step::PartitionBy),
        Just(Step::Reduce),
        Just(Step::Union),
        Just(Step::Slice),
        (1usize..4).prop_map(Step::Coalesce),
        Just(Step::Checkpoint),
    ]
}

fn apply(step: Step, rdd: &Pairs, rows: Vec<(i64, i64)>, directory: &Path) -> (Pairs, Vec<(i64, i64)>) {
    match step {
        Step::Cache => (rdd.cache(), rows),
        Step::OnDisk => (rdd.map_values(|v| v).persist(StorageLevel::Disk), rows),
        Step::MapValues => (rdd.map_values(|v| v * 3 % 101), rows.into_iter().map(|(k, v)| (k, v * 3 % 101)).collect()),
        Step::Filter => (rdd.filter(|kv| kv.1 % 5 != 0), rows.into_iter().filter(|kv| kv.1 % 5 != 0).collect()),
        Step::ShuffleInto(n) => (rdd.shuffle_into(n), rows),
        Step::PartitionBy(n) => (rdd.partition_by(n), rows),
        Step::Reduce => {
            let mut sums = BTreeMap::new();
            rows.iter().for_each(|(k, v)| *sums.entry(*k).or_insert(0) += v);
            (rdd.reduce_by_key(|a, b| a + b), sums.into_iter().collect())
        }
        Step::Union => (rdd.union(rdd), [rows.clone(), rows].concat()),
        Step::Slice => {
            let kept = rdd.slice(0..rdd.num_partitions() / 2);
            let rows = kept.collect().unwrap();
            (kept, rows)
        }
        Step::Coalesce(n) => (rdd.coalesce(n), rows),
        Step::Checkpoint => {
            let directory = directory.join(format!("{:?}", rdd.id()));
            // An RDD that an operator returned as it is was checkpointed before, perhaps.
            (rdd.map_values(|v| v).checkpoint(directory).unwrap(), rows)
        }
    }
}

fn sorted<T: Ord>(mut rows: Vec<T>) -> Vec<T> {
    rows.sort();
    rows
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn inputs_read_where_they_are_give_what_shuffled_ones_give(
        rows in prop::collection::vec((0i64..9, -40i64..40), 0..50),
        before in 1usize..7,
        left in prop::collection::vec(step(), 0..5),
        right in prop::collection::vec(step(), 0..5),
        same in any::<bool>(),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let ctx = DparkContext::local(3);
        let placed = ctx.parallelize(rows.clone()).partition_by(before);
        let build = |steps: &[Step], name: &str| {
            let directory = directory.path().join(name);
            std::fs::create_dir(&directory).unwrap();
            steps.iter().filter(|_| rows.len() < 400).fold((placed.clone(), rows.clone()), |(rdd, rows), step| {
                apply(*step, &rdd, rows, &directory)
            })
        };
        let (a, left) = build(&left, "left");
        let (b, right) = if same { (a.clone(), left.clone()) } else { build(&right, "right") };
        prop_assert_eq!(sorted(a.collect().unwrap()), sorted(left.clone()));
        let mut both = Vec::new();
        for (k, v) in &left {
            both.extend(right.iter().filter(|kv| kv.0 == *k).map(|(_, w)| (*k, (*v, *w))));
        }
        prop_assert_eq!(sorted(a.join(&b).collect().unwrap()), sorted(both.clone()));
        let unmet = left.iter().filter(|kv| right.iter().all(|other| other.0 != kv.0)).copied().collect();
        prop_assert_eq!(sorted(a.subtract_by_key(&b).collect().unwrap()), sorted(unmet));
        let full = a.full_outer_join(&b).map(|(k, (v, w))| (k, v.or(w))).keys().distinct().count().unwrap();
        let keys = |rows: &[(i64, i64)]| rows.iter().map(|kv| kv.0).collect::<BTreeSet<_>>();
        prop_assert_eq!(full as usize, keys(&[left.clone(), right.clone()].concat()).len());
        let mut groups = BTreeMap::<i64, (Vec<i64>, Vec<i64>)>::new();
        left.iter().for_each(|(k, v)| groups.entry(*k).or_default().0.push(*v));
        right.iter().for_each(|(k, v)| groups.entry(*k).or_default().1.push(*v));
        let expected: Vec<_> = groups.into_iter().map(|(k, (v, w))| (k, (sorted(v), sorted(w)))).collect();
        let cogrouped = a.cogroup(&b).map_values(|(v, w)| (sorted(v), sorted(w)));
        prop_assert_eq!(sorted(cogrouped.collect().unwrap()), expected.clone());
        let grouped = a.group_by_key().map_values(sorted).collect().unwrap();
        let own: Vec<_> = expected.into_iter().filter(|(_, (v, _))| !v.is_empty()).map(|(k, (v, _))| (k, v)).collect();
        prop_assert_eq!(sorted(grouped), own);
        if let Some(partitioner) = a.partitioner() {
            let places = a.enumerate_partition().collect().unwrap();
            prop_assert!(places.iter().all(|(i, (k, _))| partitioner.partition(k) == Some(*i)));
        }
        drop((a, b, placed, cogrouped));
        prop_assert_eq!(ctx.held(), (0, 0, 0));
    }
}
