//! `persist`: where blocks are, that they are verified, and that they go.

use dpark::event::Event;
use dpark::{Conf, DparkContext, Error, Rdd, StorageLevel};
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const LEVELS: [StorageLevel; 4] =
    [StorageLevel::Memory, StorageLevel::MemoryAndDisk, StorageLevel::Disk, StorageLevel::MemorySerialized];

fn context(memory: u64) -> (DparkContext, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let work_dirs = vec![directory.path().to_owned()];
    let conf = Conf { master: "local[2]".into(), parallelism: 4, memory, work_dirs, ..Conf::default() };
    (DparkContext::new(conf).unwrap(), directory)
}

/// The files of blocks in the work directory, finished or not.
fn blocks(work_dir: &Path) -> Vec<PathBuf> {
    let private = std::fs::read_dir(work_dir).into_iter().flatten().map(|entry| entry.unwrap().path());
    let files = private.flat_map(|private| std::fs::read_dir(private).unwrap()).map(|entry| entry.unwrap().path());
    let mut blocks: Vec<PathBuf> = files.filter(|file| !file.ends_with("lock")).collect();
    blocks.sort();
    blocks
}

/// Collects what `line` makes of the context's events.
fn log(ctx: &DparkContext, line: impl Fn(&Event) -> Option<String> + Send + 'static) -> Arc<Mutex<Vec<String>>> {
    let log = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&log);
    ctx.events().subscribe(Box::new(move |event| sink.lock().unwrap().extend(line(event))));
    log
}

fn stored(event: &Event) -> Option<String> {
    match event {
        Event::BlockStored { partition, memory, disk, .. } => {
            Some(format!("{partition} memory {} disk {}", *memory > 0, *disk > 0))
        }
        Event::BlockRemoved { partition, .. } => Some(format!("{partition} removed")),
        Event::BlockNotStored { partition, .. } => Some(format!("{partition} not stored")),
        _ => None,
    }
}

#[test]
fn every_level_computes_once_and_frees_everything() {
    for level in LEVELS {
        let (ctx, directory) = context(1 << 30);
        let calls = ctx.accumulator(0u64);
        let rows = ctx.range(0, 20_000).with_env((&calls,)).map(|(calls,)| {
            move |x| {
                calls.add(1);
                (x, Some(format!("row {x}")))
            }
        });
        let expected: Vec<_> = (0..20_000).map(|x| (x, Some(format!("row {x}")))).collect();
        let events = log(&ctx, stored);
        rows.persist(level);
        assert_eq!(rows.collect().unwrap(), expected, "{level}");
        assert_eq!(rows.collect().unwrap(), expected, "{level}");
        assert_eq!(rows.filter(|row| row.0 % 2 == 0).count().unwrap(), 10_000, "{level}");
        assert_eq!(calls.value(), 20_000, "{level}");
        let on_disk = level == StorageLevel::Disk;
        let mut stored = events.lock().unwrap().clone();
        stored.sort();
        let expected: Vec<String> = (0..4).map(|i| format!("{i} memory {} disk {on_disk}", !on_disk)).collect();
        assert_eq!(stored, expected, "{level}");
        assert_eq!(blocks(directory.path()).len(), if on_disk { 4 } else { 0 }, "{level}");
        assert_eq!(ctx.held().0, 4);
        assert_eq!(ctx.held().2 == 0, on_disk, "{level}");
        rows.unpersist();
        assert_eq!((ctx.held(), blocks(directory.path()).len()), ((0, 0, 0), 0), "{level}");
        rows.persist(level).count().unwrap();
        drop(rows);
        assert_eq!((ctx.held(), blocks(directory.path()).len()), ((0, 0, 0), 0), "{level}");
    }
}

#[test]
fn the_work_directory_is_made_late_and_goes_with_the_context() {
    let (ctx, directory) = context(1 << 30);
    let rdd = ctx.range(0, 10).cache();
    rdd.count().unwrap();
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    rdd.persist(StorageLevel::Disk).count().unwrap();
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    ctx.stop();
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    assert!(matches!(rdd.count(), Err(Error::Stopped)));

    let (ctx, directory) = context(1 << 30);
    ctx.range(0, 10).persist(StorageLevel::Disk).count().unwrap();
    drop(ctx);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn another_level_replaces_the_first() {
    let (ctx, directory) = context(1 << 30);
    let levels = log(&ctx, |event| match event {
        Event::CacheMarked { level, .. } => Some(level.clone().unwrap_or_default()),
        _ => None,
    });
    let rdd = ctx.range(0, 100).persist(StorageLevel::Disk);
    rdd.count().unwrap();
    rdd.persist(StorageLevel::Disk);
    assert_eq!(blocks(directory.path()).len(), 4, "the same level changes nothing");
    rdd.cache();
    assert_eq!((ctx.held().0, blocks(directory.path()).len()), (0, 0));
    assert_eq!(rdd.count().unwrap(), 100);
    assert!(ctx.uncache(rdd.id()));
    assert_eq!(*levels.lock().unwrap(), ["disk", "memory", ""]);
}

/// A persisted RDD of four partitions with several chunks each, and how often its rows were computed.
fn on_disk(ctx: &DparkContext) -> (Rdd<(i64, String)>, dpark::Accumulator<u64>) {
    let calls = ctx.accumulator(0u64);
    let rows = ctx.range(0, 40_000).with_env((&calls,)).map(|(calls,)| {
        move |x| {
            calls.add(1);
            (x, format!("row {x}"))
        }
    });
    (rows.persist(StorageLevel::Disk), calls)
}

#[test]
fn damaged_files_are_noticed_and_computed_again() {
    let (ctx, directory) = context(1 << 30);
    let (rows, calls) = on_disk(&ctx);
    let expected = rows.collect().unwrap();
    assert_eq!(calls.value(), 40_000);
    let damages: [fn(&Path); 6] = [
        |file| std::fs::remove_file(file).unwrap(),
        |file| std::fs::write(file, b"").unwrap(),
        |file| flip(file, 3),
        |file| flip(file, 20),
        |file| flip(file, std::fs::metadata(file).unwrap().len() / 2),
        |file| std::fs::File::options().write(true).open(file).unwrap().set_len(100_000).unwrap(),
    ];
    for (round, damage) in damages.into_iter().enumerate() {
        let events = log(&ctx, stored);
        damage(&blocks(directory.path())[2]);
        assert_eq!(rows.collect().unwrap(), expected, "damage {round}");
        assert_eq!(calls.value(), 40_000 + 10_000 * (round as u64 + 1), "one partition was computed again");
        assert_eq!(events.lock().unwrap().len(), 2, "removed and stored again: {events:?}");
        assert_eq!(blocks(directory.path()).len(), 4);
        assert_eq!(rows.collect().unwrap(), expected, "damage {round}");
    }
    assert_eq!(calls.value(), 40_000 + 60_000);
}

fn flip(file: &Path, at: u64) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[at as usize] ^= 0x40;
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn a_damaged_block_above_a_shuffle_is_computed_again() {
    let (ctx, directory) = context(1 << 30);
    let groups = ctx.range(0, 1000).map(|x| (x % 7, x)).group_by_key().persist(StorageLevel::Disk);
    let expected = groups.collect().unwrap();
    for block in blocks(directory.path()) {
        flip(&block, 60);
    }
    assert_eq!(groups.collect().unwrap(), expected);
    assert_eq!(groups.collect().unwrap(), expected);
}

#[test]
fn what_must_make_room_moves_to_disk_and_is_not_computed_again() {
    let (ctx, directory) = context(3 << 20);
    let events = log(&ctx, stored);
    let calls = ctx.accumulator(0u64);
    let make = |n: i64| {
        ctx.range(0, n).with_env((&calls,)).map(|(calls,)| {
            move |x| {
                calls.add(1);
                x
            }
        })
    };
    // Together twice the budget; the last is too large on its own.
    let rdds = [100_000, 200_000, 150_000, 1_000_000].map(|n| (n, make(n).persist(StorageLevel::MemoryAndDisk)));
    for _ in 0..3 {
        for (n, rdd) in &rdds {
            assert_eq!(rdd.sum().unwrap(), n * (n - 1) / 2);
            assert_eq!(rdd.take(3).unwrap(), [0, 1, 2]);
        }
    }
    assert_eq!(calls.value(), 1_450_000, "every row was computed once");
    assert_eq!(ctx.held().0, 16);
    let moved = events.lock().unwrap().iter().filter(|line| line.ends_with("memory false disk true")).count();
    assert!(moved >= 8 && !events.lock().unwrap().iter().any(|line| line.ends_with("removed")), "{events:?}");
    drop(rdds);
    assert_eq!((ctx.held(), blocks(directory.path()).len()), ((0, 0, 0), 0));
}

#[test]
fn shuffles_that_need_memory_move_blocks_to_disk() {
    let (ctx, directory) = context(5 << 20);
    let rdd = ctx.range(0, 500_000).persist(StorageLevel::MemoryAndDisk);
    assert_eq!(rdd.count().unwrap(), 500_000);
    assert_eq!(blocks(directory.path()).len(), 0);
    let sums = rdd.map(|x| (x % 20_000, 1i64)).reduce_by_key(|a, b| a + b);
    assert_eq!(sums.count().unwrap(), 20_000);
    assert!(!blocks(directory.path()).is_empty());
    assert_eq!(ctx.held().0, 4, "nothing was lost");
    drop((rdd, sums));
    assert_eq!((ctx.held(), blocks(directory.path()).len()), ((0, 0, 0), 0));
}

#[test]
fn a_directory_that_cannot_be_made_does_not_fail_the_job() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let conf = Conf { master: "local[2]".into(), memory: 1 << 20, work_dirs: vec![file], ..Conf::default() };
    let ctx = DparkContext::new(conf).unwrap();
    let events = log(&ctx, stored);
    for level in [StorageLevel::Disk, StorageLevel::MemoryAndDisk] {
        let rdd = ctx.range(0, 500_000).persist(level);
        assert_eq!((rdd.count().unwrap(), rdd.max().unwrap()), (500_000, 499_999), "{level}");
        assert_eq!(ctx.held(), (0, 0, 0), "{level}");
    }
    let events = events.lock().unwrap();
    assert!(events.len() >= 8 && events.iter().all(|line| line.ends_with("not stored")), "{events:?}");
}

/// Runs itself again where no file can grow beyond 128 KB: writing fails in the middle of a block.
#[test]
fn a_full_disk_does_not_fail_the_job() {
    const CHILD: &str = "DPARK_TEST_FULL_DISK";
    if std::env::var_os(CHILD).is_none() {
        let test = std::env::current_exe().unwrap();
        let shell = "trap '' XFSZ; ulimit -f 128; exec \"$0\" --exact storage::a_full_disk_does_not_fail_the_job";
        let ended = Command::new("sh").arg("-c").arg(shell).arg(test).env(CHILD, "1").output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
        return;
    }
    let (ctx, directory) = context(1 << 30);
    let events = log(&ctx, stored);
    let (rows, calls) = on_disk(&ctx);
    let expected: Vec<_> = (0..40_000).map(|x| (x, format!("row {x}"))).collect();
    assert_eq!(rows.collect().unwrap(), expected);
    assert_eq!(calls.value(), 40_000, "what was written is read back, not computed again");
    let mut events = events.lock().unwrap().clone();
    events.sort();
    assert_eq!(events, ["0 not stored", "1 not stored", "2 not stored", "3 not stored"]);
    assert_eq!((ctx.held(), blocks(directory.path()).len()), ((0, 0, 0), 0));

    let (ctx, directory) = context(4 << 20);
    let first = ctx.range(0, 250_000).persist(StorageLevel::MemoryAndDisk);
    let second = ctx.range(0, 250_000).map(|x| x + 1).persist(StorageLevel::MemoryAndDisk);
    for _ in 0..2 {
        assert_eq!((first.count().unwrap(), second.count().unwrap()), (250_000, 250_000));
    }
    drop((first, second));
    assert_eq!((ctx.held(), blocks(directory.path()).len()), ((0, 0, 0), 0));
}

#[test]
fn panics_in_the_middle_leave_nothing() {
    for level in LEVELS {
        let (ctx, directory) = context(1 << 30);
        let rdd = ctx.range(0, 100_000).map(|x| if x == 99_000 { panic!("bad row") } else { x }).persist(level);
        assert!(rdd.count().unwrap_err().to_string().contains("bad row"));
        drop(rdd);
        wait_until_nothing_is_held(&ctx, directory.path());
    }
}

/// A job ends at its first task's failure; the others let go when they notice.
fn wait_until_nothing_is_held(ctx: &DparkContext, work_dir: &Path) {
    let since = std::time::Instant::now();
    while ctx.held() != (0, 0, 0) || !blocks(work_dir).is_empty() {
        assert!(since.elapsed().as_secs() < 60, "still held: {:?}", ctx.held());
        std::thread::yield_now();
    }
}

#[test]
fn cancellation_in_the_middle_leaves_nothing() {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    for (round, level) in LEVELS.into_iter().enumerate() {
        let (ctx, directory) = context(8 << 20);
        let endless = ctx.range(0, 2).flat_map(|_| {
            STARTED.fetch_add(1, Ordering::SeqCst);
            0i64..
        });
        let endless = endless.map_partitions(|rows| rows.filter(|x| x % 64 == 0)).persist(level);
        let canceller = ctx.clone();
        let thread = std::thread::spawn(move || {
            while STARTED.load(Ordering::SeqCst) <= 2 * round {
                std::thread::yield_now();
            }
            canceller.cancel_all();
        });
        assert!(matches!(endless.count(), Err(Error::Cancelled { .. })), "{level}");
        thread.join().unwrap();
        drop(endless);
        wait_until_nothing_is_held(&ctx, directory.path());
    }
}

#[test]
fn unpersist_while_a_task_computes_a_block_keeps_nothing() {
    static INSIDE: AtomicBool = AtomicBool::new(false);
    static GO_ON: AtomicBool = AtomicBool::new(false);
    for level in LEVELS {
        let (ctx, directory) = context(1 << 30);
        INSIDE.store(false, Ordering::SeqCst);
        GO_ON.store(false, Ordering::SeqCst);
        let rdd = ctx.range(0, 4).map(|x| {
            INSIDE.store(true, Ordering::SeqCst);
            while !GO_ON.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            x
        });
        rdd.persist(level);
        std::thread::scope(|scope| {
            let job = scope.spawn(|| rdd.count().unwrap());
            while !INSIDE.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            rdd.unpersist();
            GO_ON.store(true, Ordering::SeqCst);
            assert_eq!(job.join().unwrap(), 4);
        });
        assert_eq!((ctx.held(), blocks(directory.path()).len()), ((0, 0, 0), 0), "{level}");
    }
}

#[test]
fn no_partitions_and_no_rows() {
    for level in LEVELS {
        let (ctx, directory) = context(1 << 30);
        let none = ctx.union(std::iter::empty::<Rdd<i64>>()).persist(level);
        let empty = ctx.range(0, 8).filter(|x| *x > 10).persist(level);
        let one = ctx.parallelize([f64::NAN]).persist(level);
        for _ in 0..2 {
            assert_eq!((none.count().unwrap(), empty.collect().unwrap().len()), (0, 0), "{level}");
            assert!(one.first().unwrap().is_nan());
        }
        drop((none, empty, one));
        assert_eq!((ctx.held(), blocks(directory.path()).len()), ((0, 0, 0), 0), "{level}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn rows_come_back_as_they_were(
        rows in proptest::collection::vec((any::<Option<String>>(), any::<i64>()), 0..300),
        level in 0..4usize,
        small in any::<bool>(),
    ) {
        let (ctx, _directory) = context(if small { 8 << 10 } else { 1 << 30 });
        let rdd = ctx.parallelize(rows.clone()).persist(LEVELS[level]);
        for _ in 0..2 {
            prop_assert_eq!(rdd.count().unwrap(), rows.len() as u64);
            let hashed = rdd.map_partitions(|rows| std::iter::once(rows.collect::<Vec<_>>())).take(4);
            if let Ok(parts) = hashed {
                prop_assert_eq!(parts.concat(), rows.clone());
            }
        }
    }
}
