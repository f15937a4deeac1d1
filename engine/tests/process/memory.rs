//! Tasks that take more memory than their executor may have.

use crate::support::{Collected, collected, processes, wait_for};
use crate::tests;
use dpark::event::{Event, TaskEnd};
use dpark::{Conf, DparkContext};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::{Arc, Mutex};

tests!(
    a_task_that_takes_all_memory_fails_with_stage_limit_and_setting,
    tasks_that_stop_in_time_leave_their_executor_alone,
    programs_of_pipes_count,
    the_cache_gives_way_to_what_no_budget_has_counted,
    an_executor_that_the_kernel_ends_says_so,
    events_tell_how_much_memory_executors_take,
);

/// Executors with a budget of 64 MB: they may take 352.
fn small(master: &str) -> DparkContext {
    with_memory(master, 64 << 20)
}

fn with_memory(master: &str, memory: u64) -> DparkContext {
    DparkContext::new(Conf { master: master.to_owned(), memory, ..Conf::default() }).unwrap()
}

/// Bytes that are really there.
fn touched(megabytes: usize) -> Vec<u8> {
    std::hint::black_box(vec![1; megabytes << 20])
}

/// Takes up to four gigabytes and asks nobody.
fn devour(x: i64) -> i64 {
    let taken: Vec<Vec<u8>> = (0..256).map(|_| touched(16)).collect();
    x + std::hint::black_box(taken).len() as i64
}

/// The ends of executors and the failures of tasks, as they come.
fn troubles(ctx: &DparkContext) -> Collected<String> {
    collected(ctx, |event| match event {
        Event::ExecutorLost { why, .. } => Some(format!("lost: {why}")),
        Event::TaskFinished { end: TaskEnd::Failed(why), .. } => Some(format!("failed: {why}")),
        _ => None,
    })
}

fn a_task_that_takes_all_memory_fails_with_stage_limit_and_setting() {
    let ctx = small("process[2]");
    let other = {
        let ctx = ctx.clone();
        std::thread::spawn(move || {
            let slow = ctx.range_with(0, 400, 1, 400).map(|x| {
                std::thread::sleep(std::time::Duration::from_millis(5));
                x
            });
            slow.map(|x| (x % 10, x)).reduce_by_key(|a, b| a + b).values().sum()
        })
    };
    let hungry = ctx.range_with(0, 2, 1, 2).map(|x| if x == 1 { devour(x) } else { x });
    let text = hungry.map(|x| (x, 1)).reduce_by_key(|a, b| a + b).count().unwrap_err().to_string();
    for part in [
        "(reduce_by_key at engine/tests/process/memory.rs:",
        "partition 1: executor ",
        " MB of memory, over the limit of 352 MB (half as much again as the budget of 64 MB, and 256 MB)",
        "raise the memory setting (`-M`, `mem` in dpark.toml)",
        "(tried 4 times)",
    ] {
        assert!(text.contains(part), "no {part:?} in: {text}");
    }
    assert_eq!(other.join().unwrap().unwrap(), 400 * 399 / 2, "other jobs go on");
    assert_eq!(ctx.range(0, 10).sum().unwrap(), 45, "and so does the session");
}

fn tasks_that_stop_in_time_leave_their_executor_alone() {
    let ctx = small("process[1]");
    let troubles = troubles(&ctx);
    // Slow enough that the process is not ended at once; between rows it is asked whether to go on.
    let hoard = ctx.range_with(0, 4000, 1, 1).map_partitions(|rows| {
        let kept: Vec<Vec<u8>> = rows
            .map(|_| {
                std::thread::sleep(std::time::Duration::from_millis(2));
                touched(1)
            })
            .collect();
        kept.into_iter().map(|row| row.len())
    });
    let text = hoard.count().unwrap_err().to_string();
    assert!(text.contains("partition 0: executor 1 takes ") && text.contains("(tried 4 times)"), "{text}");
    assert_eq!(ctx.range(0, 10).sum().unwrap(), 45);
    let troubles = troubles.lock().unwrap();
    assert!(troubles.iter().all(|trouble| trouble.starts_with("failed: ")), "{troubles:?}");
}

fn programs_of_pipes_count() {
    let ctx = small("process[1]");
    let troubles = troubles(&ctx);
    // A gigabyte in small steps; `tail` keeps all of a line that has not ended.
    let script = "for i in $(seq 200); do head -c 5000000 /dev/zero; sleep 0.01; done | tail -n 1";
    let hoard = ctx.range_with(0, 1, 1, 1).pipe(["sh", "-c", script]);
    let text = hoard.count().unwrap_err().to_string();
    assert!(text.contains("partition 0: executor 1 takes ") && text.contains("(tried 4 times)"), "{text}");
    assert!(text.contains(" MB of it in programs of `pipe`), over the limit of 352 MB"), "{text}");
    let troubles = troubles.lock().unwrap();
    assert!(troubles.iter().all(|trouble| trouble.starts_with("failed: ")), "{troubles:?}");
}

/// A row that owns more than its bytes tell.
#[derive(Clone)]
struct Deep(Vec<u8>);

impl Serialize for Deep {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0.len() as u64)
    }
}

impl<'de> Deserialize<'de> for Deep {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Deep, D::Error> {
        u64::deserialize(deserializer).map(|length| Deep(vec![1; length as usize]))
    }
}

fn the_cache_gives_way_to_what_no_budget_has_counted() {
    let ctx = small("process[1]");
    let troubles = troubles(&ctx);
    // 640 MB in all, of which the budget knows some kilobytes.
    let deep = ctx.range_with(0, 160, 1, 40).map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(3));
        Deep(touched(4))
    });
    let deep = deep.cache();
    for _ in 0..2 {
        assert_eq!(deep.map(|row| row.0.len()).sum().unwrap(), 640 << 20);
    }
    assert!(troubles.lock().unwrap().is_empty(), "{troubles:?}");
}

/// A memory group of version 1 with a limit, which a test may put processes into.
struct Group(std::path::PathBuf);

impl Group {
    fn new(bytes: u64) -> Group {
        let group = Group(Path::new("/sys/fs/cgroup/memory").join(format!("dpark-test-{}", std::process::id())));
        std::fs::create_dir(&group.0).expect("this test needs root and a memory controller of cgroup version 1");
        std::fs::write(group.0.join("memory.limit_in_bytes"), bytes.to_string()).unwrap();
        group
    }

    fn take(&self, pid: u32) {
        std::fs::write(self.0.join("cgroup.procs"), pid.to_string()).unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        wait_for("the group is empty", || std::fs::remove_dir(&self.0).is_ok());
    }
}

fn an_executor_that_the_kernel_ends_says_so() {
    let ctx = with_memory("process[1]", 8 << 30);
    let (pids, troubles) = (processes(&ctx), troubles(&ctx));
    assert_eq!(ctx.range(0, 10).count().unwrap(), 10);
    let group = Group::new(400 << 20);
    group.take(pids.lock().unwrap()[0]);
    // Once only: the next executor is in no group.
    let first = pids.lock().unwrap()[0];
    let hungry = ctx
        .range_with(0, 1, 1, 1)
        .with_env((&first,))
        .map(|(first,)| move |x| if std::process::id() == first { devour(x) } else { x });
    assert_eq!(hungry.count().unwrap(), 1);
    ctx.stop();
    let troubles = troubles.lock().unwrap();
    let hint = "(signal: 9 (SIGKILL), not sent by dpark: the kernel sends it when the machine runs out of memory";
    assert!(troubles.iter().any(|trouble| trouble.starts_with("failed: ") && trouble.contains(hint)), "{troubles:?}");
}

fn events_tell_how_much_memory_executors_take() {
    let ctx = with_memory("process[1]", 1 << 30);
    let told = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&told);
    ctx.events().subscribe(Box::new(move |event| {
        if let Event::ExecutorMemory { memory, .. } = event {
            *seen.lock().unwrap() = *memory;
        }
    }));
    wait_for("it is told at the start", || *told.lock().unwrap() > 0);
    assert!(*told.lock().unwrap() < 200 << 20);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("told").to_str().unwrap().to_owned();
    let holder = {
        let ctx = ctx.clone();
        let path = path.clone();
        std::thread::spawn(move || {
            let held = ctx.range_with(0, 1, 1, 1).with_env((&path,)).map(|(path,)| {
                move |x| {
                    let held = touched(300);
                    while !Path::new(&path).exists() {
                        std::thread::sleep(std::time::Duration::from_millis(10));
                    }
                    x + held.len() as i64
                }
            });
            held.sum()
        })
    };
    wait_for("what a task holds is told", || *told.lock().unwrap() > 300 << 20);
    std::fs::write(path, "").unwrap();
    assert_eq!(holder.join().unwrap().unwrap(), 300 << 20);
    wait_for("and that it has let go", || *told.lock().unwrap() < 200 << 20);
}
