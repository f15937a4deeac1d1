//! Map outputs that are lost or corrupt, also when a part of the reduce partition was passed on already.

use crate::batch::Elem;
use crate::codec::Codec;
use crate::event::Event;
use crate::ids::ShuffleId;
use crate::storage::Checkpoint;
use crate::{DparkContext, Rdd};
use std::sync::{Arc, Mutex, PoisonError};

#[test]
fn lost_and_corrupt_map_outputs_are_computed_again() {
    let ctx = DparkContext::local(2);
    let calls = ctx.accumulator(0u64);
    let pairs = ctx.range(0, 100).with_env((&calls,)).map(|(calls,)| {
        move |x| {
            calls.add(1);
            (x % 7, x)
        }
    });
    let groups = pairs.group_by_key();
    let expected = groups.collect().unwrap();
    let store = &ctx.0.arc().shuffles;
    store.corrupt(ShuffleId(1), 1);
    assert_eq!(groups.collect().unwrap(), expected, "the same rows in the same order");
    store.lose(ShuffleId(1), 0);
    assert_eq!(groups.collect().unwrap(), expected);
    assert_eq!(calls.value(), 100, "recomputed rows do not count twice");
}

#[test]
fn all_outputs_that_are_lost_are_computed_at_once() {
    let ctx = DparkContext::local(1);
    let sums = ctx.range_with(0, 400, 1, 20).key_by(|x| x % 7).shuffle_into(2).reduce_by_key(|a, b| a + b);
    let expected = sums.collect().unwrap();
    let attempts = Arc::new(Mutex::new(0));
    let most = Arc::clone(&attempts);
    ctx.events().subscribe(Box::new(move |event| {
        if let Event::TaskStarted { attempt, .. } = event {
            let mut most = most.lock().unwrap_or_else(PoisonError::into_inner);
            *most = attempt.max(&most).to_owned();
        }
    }));
    let store = &ctx.0.arc().shuffles;
    (0..10).for_each(|map| store.lose(ShuffleId(1), map));
    assert_eq!(sums.collect().unwrap(), expected);
    (0..20).for_each(|map| store.corrupt(ShuffleId(1), map));
    assert_eq!(sums.collect().unwrap(), expected);
    assert_eq!(*attempts.lock().unwrap(), 1, "each reader found all of them the first time");
}

type Pairs = Rdd<(i64, i64)>;

/// What reads a shuffle, as text.
type Reader = fn(&Pairs) -> String;

#[test]
fn an_output_found_corrupt_late_changes_no_result() {
    // The reduce side of each is worked off in 64 pieces, or as a whole.
    let shuffles: [fn(&Pairs) -> Pairs; 6] = [
        |rdd| rdd.reduce_by_key(|a, b| a + b),
        |rdd| rdd.group_by_key().map_values(|v| v.len() as i64),
        |rdd| rdd.join(&rdd.context().range(0, 900).key_by(|x| x % 300)).map_values(|(v, w)| v * w),
        |rdd| rdd.full_outer_join(&rdd.filter(|kv| kv.0 % 2 == 0)).map_values(|(v, w)| v.or(w).unwrap_or(0)),
        |rdd| rdd.sort_by(|kv| kv.1 % 10),
        |rdd| rdd.cogroup(rdd).map_values(|(v, w)| (v.len() * w.len()) as i64),
    ];
    let readers: [(&str, Reader); 9] = [
        ("collect", |rdd| format!("{:?}", rdd.collect())),
        ("to_local_iter", |rdd| format!("{:?}", rdd.to_local_iter().map(Result::unwrap).collect::<Vec<_>>())),
        ("cache", |rdd| {
            let cached = rdd.map(|kv| kv).cache();
            format!("{:?} {:?}", cached.count(), cached.collect())
        }),
        ("zip", |rdd| format!("{:?}", rdd.zip(&rdd.map(|kv| kv.1)).collect())),
        ("cartesian", |rdd| format!("{:?}", rdd.cartesian(&rdd.filter(|kv| kv.0 < 2)).collect())),
        ("another shuffle", |rdd| format!("{:?}", rdd.map(|(k, v)| (v, k)).group_by_key().collect())),
        ("a narrow one", |rdd| format!("{:?}", rdd.reduce_by_key(|a, b| a ^ b).join(rdd).collect())),
        ("accumulator", |rdd| {
            let sum = rdd.context().accumulator(0i64);
            rdd.with_env((&sum,)).foreach(|(sum,)| move |kv| sum.add(kv.1)).unwrap();
            sum.value().to_string()
        }),
        ("zip_with_index", |rdd| format!("{:?}", rdd.zip_with_index().take(100_000))),
    ];
    for (i, shuffle) in shuffles.iter().enumerate() {
        for (name, read) in readers {
            let ctx = DparkContext::local(1);
            let calls = ctx.accumulator(0u64);
            let rows = ctx.range_with(0, 1000, 1, 3).with_env((&calls,)).map(|(calls,)| {
                move |x| {
                    calls.add(1);
                    (x * 7919 % 307, x)
                }
            });
            let shuffled = shuffle(&rows);
            let expected = read(&shuffled);
            let counted = calls.value();
            let store = &ctx.0.arc().shuffles;
            store.corrupt(ShuffleId(1), 2);
            assert_eq!(read(&shuffled), expected, "shuffle {i}, {name}");
            store.corrupt(ShuffleId(1), 0);
            store.lose(ShuffleId(1), 1);
            assert_eq!(read(&shuffled), expected, "shuffle {i}, {name}");
            assert_eq!(calls.value(), counted, "shuffle {i}, {name}: what is computed again does not count");
            drop((shuffled, rows));
            assert_eq!(ctx.held(), (0, 0, 0), "shuffle {i}, {name}");
        }
    }
}

type Groups = Rdd<(i64, Vec<i64>)>;

/// What the job below cuts while it runs.
static CUT: Mutex<Option<(Groups, Checkpoint)>> = Mutex::new(None);

#[test]
fn a_checkpoint_takes_no_outputs_from_a_running_job() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().join("groups");
    let ctx = DparkContext::local(1);
    let groups = ctx.range_with(0, 400, 1, 20).key_by(|x| x % 7).shuffle_into(3).group_by_key();
    let expected = groups.collect().unwrap();
    groups.map(|group| group).checkpoint(&directory).unwrap();
    let checkpoint = Checkpoint::find(&directory, Elem::<(i64, Vec<i64>)>::VT, Codec::<(i64, Vec<i64>)>::VT).unwrap();
    *CUT.lock().unwrap_or_else(PoisonError::into_inner) = Some((groups.clone(), checkpoint));
    // The first row cuts the lineage, as a checkpoint in another thread would; two partitions come after it.
    let cut = groups.map(|group| {
        if let Some((groups, checkpoint)) = CUT.lock().unwrap_or_else(PoisonError::into_inner).take() {
            groups.handle.arc().cut(Arc::new(checkpoint));
        }
        group
    });
    assert_eq!(cut.collect().unwrap(), expected);
    assert_eq!(ctx.held(), (0, 0, 0), "the outputs went with the job");
    assert_eq!(groups.collect().unwrap(), expected, "from the checkpoint");
}
