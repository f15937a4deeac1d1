//! How often the bytes of a shuffle are written and read: what executors say, what the system has counted of their calls to
//! read and write anything, and the sizes of the files.

use dpark::event::{Event, TaskEnd};
use dpark::{Conf, DparkContext, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Map and reduce partitions.
const PARTITIONS: usize = 16;

/// Bytes written and read.
#[derive(Clone, Copy, Default)]
pub(crate) struct Bytes {
    pub(crate) written: u64,
    pub(crate) read: u64,
}

/// What became of the bytes of a shuffle.
pub(crate) struct Moved {
    /// Map outputs, in files.
    pub(crate) data: u64,
    pub(crate) indices: u64,
    /// What tasks say that they have written and read.
    pub(crate) by_tasks: Bytes,
    /// All that executors have written and read, to files, pipes and sockets.
    pub(crate) by_executors: Bytes,
}

/// Shuffles so many pairs between two executors.
pub(crate) fn shuffle(pairs: i64) -> Result<Moved> {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let work_dirs = vec![directory.path().to_owned()];
    let ctx = DparkContext::new(Conf { master: "process[2]".to_owned(), work_dirs, ..Conf::default() })?;
    let (executors, told) = observe(&ctx);
    let run = |pairs| {
        let rows = ctx.range_with(0, pairs, 1, PARTITIONS).map(|x| (x.wrapping_mul(0x5851_F42D_4C95_7F2D), x));
        let moved = rows.partition_by(PARTITIONS);
        moved.count().map(|count| (count, moved))
    };
    // On a small scale first: both executors are there then, with the code.
    while executors.lock().expect("nobody panics").len() < 2 {
        run(1000)?;
    }
    let executors = executors.lock().expect("nobody panics").clone();
    let before = counted(&executors);
    *told.lock().expect("nobody panics") = Bytes::default();
    let (count, _files_stay) = run(pairs)?;
    assert_eq!(count, pairs as u64);
    let after = counted(&executors);
    let by_executors = Bytes { written: after.written - before.written, read: after.read - before.read };
    let (data, indices) = (size_of(directory.path(), "data"), size_of(directory.path(), "index"));
    let by_tasks = *told.lock().expect("nobody panics");
    Ok(Moved { data, indices, by_tasks, by_executors })
}

type Shared<T> = Arc<Mutex<T>>;

/// The processes of the executors on which tasks have run, and what tasks say that they have written and read.
fn observe(ctx: &DparkContext) -> (Shared<BTreeSet<u32>>, Shared<Bytes>) {
    let (executors, told) = (Shared::<BTreeSet<u32>>::default(), Shared::<Bytes>::default());
    let (busy, bytes) = (Arc::clone(&executors), Arc::clone(&told));
    let mut pids = BTreeMap::new();
    ctx.events().subscribe(Box::new(move |event| match event {
        Event::ExecutorJoined { executor, pid, .. } => drop(pids.insert(*executor, *pid)),
        Event::TaskStarted { executor, .. } => busy.lock().expect("nobody panics").extend(pids.get(executor)),
        Event::TaskFinished { end: TaskEnd::Succeeded(metrics), .. } => {
            let mut bytes = bytes.lock().expect("nobody panics");
            bytes.written += metrics.shuffle_write_bytes;
            bytes.read += metrics.shuffle_read_bytes;
        }
        _ => {}
    }));
    (executors, told)
}

/// What the system has counted of processes until now: all that they have written and read, to files, pipes and sockets.
fn counted(processes: &BTreeSet<u32>) -> Bytes {
    let of = |pid: &u32| {
        let io = std::fs::read_to_string(format!("/proc/{pid}/io")).expect("executors are children of this process");
        let value = |name: &str| {
            let line = io.lines().find_map(|line| line.strip_prefix(name)).expect("the system counts it");
            line.trim().parse::<u64>().expect("it is a number")
        };
        Bytes { written: value("wchar:"), read: value("rchar:") }
    };
    processes
        .iter()
        .map(of)
        .fold(Bytes::default(), |sum, of| Bytes { written: sum.written + of.written, read: sum.read + of.read })
}

/// The bytes of the files below a directory whose names end so.
fn size_of(directory: &Path, ending: &str) -> u64 {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let size = |path: &Path| match path.metadata() {
        Ok(data) if data.is_dir() => size_of(path, ending),
        Ok(data) if path.extension().is_some_and(|it| it == ending) => data.len(),
        _ => 0,
    };
    entries.map(|entry| size(&entry.path())).sum()
}
