//! `checkpoint`: files that are verified, and a lineage that is cut.

use dpark::event::Event;
use dpark::{DparkContext, Error, Rdd};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// The RDDs that are alive, by the events.
fn alive(ctx: &DparkContext) -> Arc<Mutex<BTreeSet<u64>>> {
    let alive = Arc::new(Mutex::new(BTreeSet::new()));
    let set = Arc::clone(&alive);
    ctx.events().subscribe(Box::new(move |event| match event {
        Event::RddCreated(info) => {
            set.lock().unwrap().insert(info.id.0);
        }
        Event::RddDropped { rdd } => {
            set.lock().unwrap().remove(&rdd.0);
        }
        _ => {}
    }));
    alive
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_lineage_is_cut_and_children_made_before_read_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = DparkContext::local(2);
    let alive = alive(&ctx);
    let calls = ctx.accumulator(0u64);
    fn keyed(calls: dpark::Accumulator<u64>) -> impl Fn(i64) -> (i64, i64) + Send + Sync {
        move |x| {
            calls.add(1);
            (x % 7, x)
        }
    }
    let groups = ctx.range(0, 1000).with_env((&calls,)).map(|(calls,)| keyed(calls)).cache().group_by_key();
    let sizes = groups.map_values(|values| values.len());
    let (expected, expected_sizes) = (groups.collect().unwrap(), sizes.collect().unwrap());
    assert_eq!(ctx.held().0, 2);
    assert_eq!(ctx.held().1, 1);
    let same = groups.checkpoint(directory.path()).unwrap();
    assert_eq!(same.id(), groups.id());
    assert_eq!(ctx.held(), (0, 0, 0), "the cached parent and the map outputs are freed");
    assert_eq!(*alive.lock().unwrap(), BTreeSet::from([groups.id().0, sizes.id().0]));
    assert_eq!(groups.collect().unwrap(), expected);
    assert_eq!(sizes.collect().unwrap(), expected_sizes);
    assert_eq!(groups.sort_by(|row| row.0).first().unwrap(), (0, (0..1000).step_by(7).collect()));
    assert_eq!(calls.value(), 1000);
    assert_eq!(names(directory.path()), ["manifest", "part-00000", "part-00001"]);
}

#[test]
fn an_iteration_with_checkpoints_stays_flat() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = DparkContext::local(2);
    let alive = alive(&ctx);
    let mut ranks = ctx.range(0, 50).map(|x| (x, 1i64));
    let mut most = 0;
    for round in 0..100 {
        let moved = ranks.map(|(key, rank)| ((key + 1) % 50, rank + 1));
        ranks = moved.reduce_by_key(|a, b| a + b);
        if round % 10 == 9 {
            ranks.checkpoint(directory.path().join(round.to_string())).unwrap();
        }
        drop(moved);
        most = most.max(alive.lock().unwrap().len());
        assert!(ctx.held().1 <= 10, "map outputs of at most ten rounds");
    }
    // Two RDDs a round, those of a round that has just begun, and the first two.
    assert!(most <= 23, "{most} RDDs were alive at once");
    assert_eq!(ranks.map(|row| row.1).collect().unwrap(), [101; 50]);
    assert_eq!((ctx.held(), alive.lock().unwrap().len()), ((0, 0, 0), 1));
}

#[test]
fn a_lineage_of_many_thousands_is_cut_without_recursion() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = DparkContext::local(1);
    let mut rdd = ctx.range(0, 3);
    for _ in 0..20_000 {
        rdd = rdd.map(|x| x + 1);
    }
    rdd.checkpoint(directory.path()).unwrap();
    assert_eq!(rdd.collect().unwrap(), [20_000, 20_001, 20_002]);
}

#[test]
fn another_program_reads_it() {
    let directory = tempfile::tempdir().unwrap();
    let rows = [("a".to_owned(), Some(1.5)), ("b".to_owned(), None)];
    DparkContext::local(3).parallelize(rows.clone()).checkpoint(directory.path()).unwrap();
    let ctx = DparkContext::local(1);
    let back = ctx.read_checkpoint::<(String, Option<f64>)>(directory.path()).unwrap();
    assert_eq!((back.collect().unwrap(), back.num_partitions()), (rows.to_vec(), 2));
    let error = ctx.read_checkpoint::<(String, Option<f32>)>(directory.path()).unwrap_err().to_string();
    assert!(error.contains("of type (String, Option<f64>), not (String, Option<f32>)"), "{error}");
    std::fs::remove_file(directory.path().join("manifest")).unwrap();
    let error = ctx.read_checkpoint::<(String, Option<f64>)>(directory.path()).unwrap_err().to_string();
    assert!(error.contains("there is no finished checkpoint here"), "{error}");
}

#[test]
fn damage_is_an_error_that_names_the_file_and_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = DparkContext::local(2);
    let rdd = ctx.range(0, 50_000).checkpoint(directory.path()).unwrap();
    let part = directory.path().join("part-00001");
    let whole = std::fs::read(&part).unwrap();
    let mut flipped = whole.clone();
    flipped[100_000] ^= 1;
    let other = std::fs::read(directory.path().join("part-00000")).unwrap();
    for damaged in [Some(flipped), Some(whole[..1000].to_vec()), Some(Vec::new()), Some(other), None] {
        match damaged {
            Some(bytes) => std::fs::write(&part, bytes).unwrap(),
            None => std::fs::remove_file(&part).unwrap(),
        }
        let error = rdd.count().unwrap_err();
        let Error::Task(failure) = &error else { panic!("{error}") };
        assert_eq!((failure.partition, failure.attempts), (1, 1), "another attempt would not help");
        let message = error.to_string();
        assert!(message.contains(&part.display().to_string()), "{message}");
        assert!(message.contains("the lineage was cut: put the file back, or compute the RDD anew"), "{message}");
    }
    std::fs::write(&part, whole).unwrap();
    assert_eq!(rdd.count().unwrap(), 50_000);
}

#[test]
fn a_failed_checkpoint_leaves_no_file_and_the_lineage() {
    static BAD: AtomicBool = AtomicBool::new(true);
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("deep/checkpoint");
    let ctx = DparkContext::local(1);
    let rdd = ctx.range(0, 1000).map(|x| if x == 900 && BAD.load(Ordering::SeqCst) { panic!("bad row") } else { x });
    for _ in 0..2 {
        assert!(rdd.checkpoint(&target).unwrap_err().to_string().contains("bad row"));
        assert!(!target.exists());
    }
    std::fs::create_dir_all(&target).unwrap();
    assert!(rdd.checkpoint(&target).is_err());
    assert!(names(&target).is_empty(), "a directory that was there stays, empty");
    BAD.store(false, Ordering::SeqCst);
    assert_eq!(rdd.checkpoint(&target).unwrap().count().unwrap(), 1000);
    ctx.stop();
    assert!(matches!(ctx.range(0, 3).checkpoint(directory.path().join("other")), Err(Error::Stopped)));
    assert_eq!(names(directory.path()), ["deep"]);
}

#[test]
fn a_cancelled_checkpoint_leaves_no_file() {
    static STARTED: AtomicBool = AtomicBool::new(false);
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("checkpoint");
    let ctx = DparkContext::local(1);
    let endless = ctx.range(0, 1).flat_map(|_| {
        STARTED.store(true, Ordering::SeqCst);
        0i64..
    });
    let canceller = ctx.clone();
    let thread = std::thread::spawn(move || {
        while !STARTED.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        canceller.cancel_all();
    });
    let endless = endless.map_partitions(|rows| rows.filter(|x| x % 1024 == 0));
    assert!(matches!(endless.checkpoint(&target), Err(Error::Cancelled { .. })));
    thread.join().unwrap();
    let since = std::time::Instant::now();
    while target.exists() && !names(&target).is_empty() {
        assert!(since.elapsed().as_secs() < 60, "still there: {:?}", names(&target));
        std::thread::yield_now();
    }
}

#[test]
fn directories_and_second_checkpoints() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = DparkContext::local(2);
    std::fs::write(directory.path().join("file"), "").unwrap();
    let rdd = ctx.range(0, 10);
    let error = rdd.checkpoint(directory.path()).unwrap_err().to_string();
    assert!(error.ends_with("the directory is not empty; remove it first or `checkpoint` to another one"), "{error}");
    let below_a_file = directory.path().join("file").join("rows");
    let error = rdd.checkpoint(below_a_file).unwrap_err().to_string();
    assert!(error.contains("`checkpoint` to a"), "{error}");
    let error = ctx.read_checkpoint::<i64>(directory.path()).unwrap_err().to_string();
    assert!(error.ends_with("name the directory that was given to `checkpoint`"), "{error}");
    let first = directory.path().join("first");
    rdd.checkpoint(&first).unwrap();
    assert!(rdd.checkpoint(&first).is_ok(), "it is there already");
    let error = rdd.checkpoint(directory.path().join("second")).unwrap_err().to_string();
    assert!(error.contains("is checkpointed in") && error.contains("first already"), "{error}");
}

#[test]
fn no_partitions_no_rows_and_every_kind_of_rdd() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = DparkContext::local(2);
    let mut next = 0;
    let mut fresh = || -> PathBuf {
        next += 1;
        directory.path().join(next.to_string())
    };
    let none = ctx.union(std::iter::empty::<Rdd<String>>()).checkpoint(fresh()).unwrap();
    assert_eq!((none.count().unwrap(), none.num_partitions()), (0, 0));
    let empty = ctx.range(0, 8).filter(|x| *x > 9).checkpoint(fresh()).unwrap();
    assert_eq!((empty.count().unwrap(), empty.num_partitions()), (0, 2));
    let sorted = ctx.range(0, 5000).sort_by(|x| -x).checkpoint(fresh()).unwrap();
    assert_eq!(sorted.take(2).unwrap(), [4999, 4998]);
    let joined = ctx.range(0, 9).key_by(|x| x % 3).join(&ctx.range(0, 3).key_by(|x| *x)).checkpoint(fresh()).unwrap();
    assert_eq!(joined.count().unwrap(), 9);
    let both = ctx.union([sorted.clone(), ctx.range(0, 3)]).checkpoint(fresh()).unwrap();
    assert_eq!(both.count().unwrap(), 5003);
    let mapped = sorted.map_partitions(|rows| std::iter::once(rows.count())).checkpoint(fresh()).unwrap();
    assert_eq!(mapped.sum().unwrap(), 5000);
    let missing = ctx.text_file(directory.path().join("missing").display().to_string()).checkpoint(fresh());
    assert!(missing.unwrap_err().to_string().contains("missing"));
}

#[test]
fn a_persisted_rdd_is_not_computed_again_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = DparkContext::local(2);
    let calls = ctx.accumulator(0u64);
    let rdd = ctx.range(0, 100).with_env((&calls,)).map(|(calls,)| {
        move |x| {
            calls.add(1);
            x
        }
    });
    rdd.cache().count().unwrap();
    rdd.checkpoint(directory.path()).unwrap();
    assert_eq!((rdd.sum().unwrap(), calls.value()), (4950, 100));
    rdd.unpersist();
    assert_eq!((rdd.sum().unwrap(), calls.value()), (4950, 100));
}

#[test]
fn other_jobs_may_run_on_the_lineage_that_is_cut() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = DparkContext::local(2);
    for round in 0..20 {
        let pairs = ctx.range(0, 3000).map(|x| (x % 100, x));
        let sums = pairs.reduce_by_key(|a, b| a + b).map_values(|sum| sum * 2);
        let sorted = sums.sort_by(|row| row.0);
        let expected: Vec<_> = (0..100).map(|key| (key, 2 * (0..30).map(|i| key + 100 * i).sum::<i64>())).collect();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.load(Ordering::SeqCst) {
                        assert_eq!(sorted.collect().unwrap(), expected);
                    }
                });
            }
            sums.checkpoint(directory.path().join(format!("sums {round}"))).unwrap();
            sorted.checkpoint(directory.path().join(format!("sorted {round}"))).unwrap();
            done.store(true, Ordering::SeqCst);
        });
        assert_eq!(sorted.collect().unwrap(), expected);
    }
}
