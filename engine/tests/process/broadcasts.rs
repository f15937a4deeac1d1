//! Large broadcasts and the rows of `parallelize`: how often their bytes are moved, and what happens if they are damaged or whoever
//! has them dies.

use crate::support::{Collected, collected, files, in_directory, signal, wait_for};
use crate::tests;
use dpark::event::Event;
use dpark::ids::ExecutorId;
use dpark::{Broadcast, DparkContext, Rdd};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

tests!(
    large_broadcasts_come_from_peers_too,
    large_broadcasts_are_removed_everywhere,
    large_broadcasts_survive_damage_at_a_peer,
    large_broadcasts_survive_the_death_of_a_peer,
    large_broadcasts_say_what_is_wrong_with_them,
    parallelized_rows_go_where_they_are_needed,
);

/// Bytes of a value of twenty chunks.
const SIZE: usize = 20 << 20;

/// A text of this size that has no two equal chunks.
fn large_text() -> String {
    let mut text = String::with_capacity(SIZE + 20);
    let mut line = 0;
    while text.len() < SIZE {
        text += &format!("line {line}\n");
        line += 1;
    }
    text.truncate(SIZE);
    text
}

/// How the text ends, as seen by each task.
fn ends(ctx: &DparkContext, text: &Broadcast<String>, tasks: usize) -> Rdd<(usize, String)> {
    let rows = ctx.range_with(0, tasks as i64, 1, tasks);
    rows.with_env((text,)).map(|(text,)| move |_| (text.len(), text[text.len() - 30..].to_owned()))
}

fn end_of(text: &str) -> (usize, String) {
    (text.len(), text[text.len() - 30..].to_owned())
}

/// Who has fetched how much: from the driver, from other executors.
type Fetched = Collected<(ExecutorId, u64, u64)>;

fn fetched(ctx: &DparkContext) -> Fetched {
    collected(ctx, |event| match event {
        Event::BroadcastFetched { executor, from_driver, from_peers, .. } => {
            Some((*executor, *from_driver, *from_peers))
        }
        _ => None,
    })
}

/// A context all of whose executors have joined, and their processes.
fn complete(executors: usize, directory: &Path) -> (DparkContext, HashMap<ExecutorId, u32>) {
    let ctx = in_directory(&format!("process[{executors}]"), directory);
    let joined = collected(&ctx, |event| match event {
        Event::ExecutorJoined { executor, pid, .. } => Some((*executor, *pid)),
        _ => None,
    });
    wait_for("all executors have joined", || joined.lock().unwrap().len() == executors);
    let pids = joined.lock().unwrap().iter().copied().collect();
    (ctx, pids)
}

/// The files of broadcasts.
fn kept(directory: &Path) -> Vec<PathBuf> {
    let is_one = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("broadcast-"));
    files(directory).into_iter().filter(is_one).collect()
}

fn large_broadcasts_come_from_peers_too() {
    let directory = tempfile::tempdir().unwrap();
    let (ctx, _) = complete(3, directory.path());
    let (fetched, text) = (fetched(&ctx), large_text());
    let shared = ctx.broadcast(text.clone());
    assert_eq!(ends(&ctx, &shared, 3).collect().unwrap(), vec![end_of(&text); 3]);
    assert_eq!(ends(&ctx, &shared, 9).collect().unwrap(), vec![end_of(&text); 9], "once more");
    let fetched = fetched.lock().unwrap().clone();
    let executors: HashSet<ExecutorId> = fetched.iter().map(|row| row.0).collect();
    assert_eq!((fetched.len(), executors.len()), (3, 3), "each has fetched it once: {fetched:?}");
    // The length of the text goes before it.
    let bytes = fetched[0].1 + fetched[0].2;
    assert!((SIZE as u64..SIZE as u64 + 16).contains(&bytes), "{fetched:?}");
    assert!(fetched.iter().all(|row| row.1 + row.2 == bytes), "each chunk once: {fetched:?}");
    let from_driver: u64 = fetched.iter().map(|row| row.1).sum();
    assert!((bytes..2 * bytes).contains(&from_driver), "the driver has served it about once: {fetched:?}");
}

fn large_broadcasts_are_removed_everywhere() {
    let directory = tempfile::tempdir().unwrap();
    let (ctx, _) = complete(2, directory.path());
    let text = large_text();
    for round in 0..5 {
        let shared = ctx.broadcast(text.clone());
        let rdd = ends(&ctx, &shared, 2);
        assert_eq!(rdd.count().unwrap(), 2);
        assert_eq!(kept(directory.path()).len(), 3, "the driver and two executors have it");
        drop(shared);
        assert_eq!(rdd.count().unwrap(), 2, "a closure holds it");
        drop(rdd);
        wait_for(&format!("it is removed in round {round}"), || kept(directory.path()).is_empty());
    }
    let small = ctx.broadcast("small".to_owned());
    let lengths = ctx.range(0, 2).with_env((&small,)).map(|(small,)| move |_| small.len());
    assert_eq!((lengths.collect().unwrap(), kept(directory.path()).len()), (vec![5, 5], 0), "it needs no file");
}

/// Lets one executor fetch a text; who that was.
fn first_holder(ctx: &DparkContext, shared: &Broadcast<String>, fetched: &Fetched) -> ExecutorId {
    assert_eq!(ends(ctx, shared, 1).count().unwrap(), 1);
    let fetched = fetched.lock().unwrap();
    assert_eq!((fetched.len(), fetched[0].2), (1, 0), "all came from the driver");
    fetched[0].0
}

fn large_broadcasts_survive_damage_at_a_peer() {
    let directory = tempfile::tempdir().unwrap();
    let (ctx, _) = complete(2, directory.path());
    let (fetched, text) = (fetched(&ctx), large_text());
    let shared = ctx.broadcast(text.clone());
    let holder = first_holder(&ctx, &shared, &fetched);
    let mut damaged = 0;
    for path in kept(directory.path()).iter().filter(|path| path.to_string_lossy().contains("executor-")) {
        let mut bytes = std::fs::read(path).unwrap();
        bytes.chunks_mut(1 << 20).for_each(|chunk| chunk[chunk.len() / 2] ^= 0x10);
        std::fs::write(path, bytes).unwrap();
        damaged += 1;
    }
    assert_eq!(damaged, 1);
    assert_eq!(ends(&ctx, &shared, 2).collect().unwrap(), vec![end_of(&text); 2]);
    let fetched = fetched.lock().unwrap().clone();
    assert!(fetched.len() == 2 && fetched[1].0 != holder, "{fetched:?}");
    assert_eq!((fetched[1].1, fetched[1].2), (fetched[0].1, 0), "the driver was asked: {fetched:?}");
}

fn large_broadcasts_survive_the_death_of_a_peer() {
    let directory = tempfile::tempdir().unwrap();
    let (ctx, pids) = complete(2, directory.path());
    let (fetched, text) = (fetched(&ctx), large_text());
    let shared = ctx.broadcast(text.clone());
    let holder = first_holder(&ctx, &shared, &fetched);
    let pid = pids[&holder];
    // It hangs, and everybody else believes that it serves. (Where its files can be read from the disk, that does no harm.)
    assert!(signal(pid, libc::SIGSTOP));
    let started = collected(&ctx, move |event| match event {
        Event::TaskStarted { executor, .. } if *executor != holder => Some(()),
        _ => None,
    });
    let rows = ends(&ctx, &shared, 2);
    let job = std::thread::spawn(move || rows.collect());
    wait_for("a task has started on the other one", || !started.lock().unwrap().is_empty());
    std::thread::sleep(Duration::from_millis(300));
    assert!(signal(pid, libc::SIGKILL));
    assert_eq!(job.join().unwrap().unwrap(), vec![end_of(&text); 2]);
    let fetched = fetched.lock().unwrap().clone();
    let bytes = fetched[0].1;
    assert!(fetched.iter().all(|row| row.1 + row.2 == bytes), "{fetched:?}");
    if std::env::var_os("DPARK_LOCAL_READS").is_some_and(|value| value == "0") {
        // The executor that takes the place of the dead one may have helped with the rest.
        assert!(fetched[1].1 >= 4 << 20, "what it waited for came from the driver: {fetched:?}");
    }
}

/// A value that does not come back.
#[derive(serde::Serialize)]
struct OneWay(String);

impl<'de> serde::Deserialize<'de> for OneWay {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<OneWay, D::Error> {
        String::deserialize(deserializer)?;
        Err(serde::de::Error::custom("there is no way back"))
    }
}

fn large_broadcasts_say_what_is_wrong_with_them() {
    let directory = tempfile::tempdir().unwrap();
    let (ctx, _) = complete(2, directory.path());
    let shared = ctx.broadcast(OneWay(large_text()));
    let rows = ctx.range(0, 2).with_env((&shared,)).map(|(shared,)| move |_| shared.0.len());
    let error = rows.collect().unwrap_err().to_string();
    assert!(error.contains("the value of broadcast") && error.contains("there is no way back"), "{error}");
    drop((shared, rows));
    wait_for("its files are removed", || kept(directory.path()).is_empty());
    let shared = ctx.broadcast(large_text());
    assert_eq!(ends(&ctx, &shared, 1).count().unwrap(), 1);
    // What the driver has is damaged, and the other executor hears of nobody else who has it.
    for path in kept(directory.path()) {
        std::fs::write(path, vec![0; SIZE + 16]).unwrap();
    }
    let error = ends(&ctx, &shared, 2).collect().unwrap_err().to_string();
    assert!(error.contains("the driver: part ") && error.contains("is damaged"), "{error}");
    let again = ctx.broadcast(shared.clone().value().clone());
    assert_eq!(ends(&ctx, &again, 2).count().unwrap(), 2, "it can be broadcast again");
}

/// The most memory that this process has had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    1024 * line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
}

fn parallelized_rows_go_where_they_are_needed() {
    let directory = tempfile::tempdir().unwrap();
    let (ctx, _) = complete(2, directory.path());
    let input = Arc::new(Mutex::new(HashMap::<ExecutorId, u64>::new()));
    let (seen, mut at) = (Arc::clone(&input), HashMap::new());
    ctx.events().subscribe(Box::new(move |event| match event {
        Event::TaskStarted { task, executor, .. } => drop(at.insert(*task, *executor)),
        Event::TaskFinished { task, end: dpark::event::TaskEnd::Succeeded(metrics), .. } => {
            *seen.lock().unwrap().entry(at[task]).or_default() += metrics.input_bytes;
        }
        _ => {}
    }));
    let peaks = ctx.range_with(0, 8, 1, 8).map_partitions(|_| std::iter::once(peak()));
    let before = peaks.max().unwrap();
    const ROWS: usize = 20;
    const ROW: usize = 10 << 20;
    let rows = ctx.parallelize_with((0..ROWS).map(|row| "0".repeat(ROW - 2) + &format!("{row:02}")), ROWS);
    let ends = rows.map(|row| (row.len(), row[row.len() - 2..].parse::<usize>().unwrap()));
    assert_eq!(ends.collect().unwrap(), (0..ROWS).map(|row| (ROW, row)).collect::<Vec<_>>());
    let after = peaks.max().unwrap();
    let total = (ROWS * ROW) as u64;
    assert!(after - before < total / 2, "no executor had all rows: {} MB", (after - before) >> 20);
    let bytes: u64 = input.lock().unwrap().values().sum();
    assert!((total..total + 1000).contains(&bytes), "each row was fetched once: {input:?}");
    let named = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("rows-"));
    assert_eq!(files(directory.path()).iter().filter(|path| named(path)).count(), 1);
    drop((rows, ends));
    assert_eq!(files(directory.path()).iter().filter(|path| named(path)).count(), 0, "the file goes with the RDD");
    // Where rows meet what was shuffled, and in an RDD that is kept.
    let wide = ctx.parallelize_with((0..50_000i64).map(|x| (x % 100, x)), 4);
    let sums = wide.reduce_by_key(|a, b| a + b).collect_as_map().unwrap();
    let product = wide.coalesce(2).cartesian(&ctx.parallelize([1, 2])).cache();
    assert_eq!((sums.len(), product.count().unwrap(), product.count().unwrap()), (100, 100_000, 100_000));
}
