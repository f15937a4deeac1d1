//! The memory of an executor's process, and of the programs that its tasks have started. What the engine holds is in the budget;
//! what user code holds is in none, so the process is watched, and kept from taking the machine with it.
//!
//! Over the limit the cache gives way first; then the tasks that run are told to stop; then the process gives up, and the
//! driver replaces it. Memory that grows too fast for that ends it at once.

use super::tasks::Tasks;
use crate::context::{Context, ContextHandle};
use crate::error::Failure;
use crate::ids::ExecutorId;
use crate::process_memory::{limit, of_this_process, too_much};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// So long tasks may take to stop once they are told to.
const TIME_TO_STOP: Duration = Duration::from_millis(250);

/// The driver ends the process, or after so long the process itself does.
const TIME_TO_BE_ENDED: Duration = Duration::from_millis(500);

/// Bytes of a nanosecond: user code does not take memory faster than that.
const FASTEST_GROWTH: u64 = 8;

/// How often it is looked: the more often the less is left.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// What is done about the memory of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Nothing,
    /// Drop so many bytes of the cache.
    MakeRoom(u64),
    StopTasks,
    GiveUp,
}

/// How far things have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Calm,
    MakingRoom,
    Stopping { since: Duration },
}

/// Decides, step by step.
#[derive(Debug)]
struct Policy {
    limit: u64,
    stage: Stage,
}

impl Policy {
    fn new(limit: u64) -> Policy {
        Policy { limit, stage: Stage::Calm }
    }

    /// So many bytes are `used`; `busy` while the cache is giving way.
    fn judge(&mut self, used: u64, now: Duration, busy: bool) -> Step {
        if used <= self.limit {
            self.stage = Stage::Calm;
            return Step::Nothing;
        }
        if used > self.limit + self.limit / 4 {
            return Step::GiveUp;
        }
        match self.stage {
            Stage::Calm => {
                self.stage = Stage::MakingRoom;
                Step::MakeRoom(used - self.limit)
            }
            Stage::MakingRoom if busy => Step::Nothing,
            Stage::MakingRoom => {
                self.stage = Stage::Stopping { since: now };
                Step::StopTasks
            }
            Stage::Stopping { since } if now - since < TIME_TO_STOP => Step::Nothing,
            Stage::Stopping { .. } => Step::GiveUp,
        }
    }

    /// How long nothing can happen.
    fn pause(&self, used: u64) -> Duration {
        let left = self.limit.saturating_sub(used);
        Duration::from_nanos(left / FASTEST_GROWTH).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
    }
}

/// Watches the process on a thread of its own.
pub(super) struct Watcher {
    pub(super) executor: ExecutorId,
    pub(super) context: ContextHandle,
    pub(super) tasks: Arc<Tasks>,
    /// Where it is told how much is in use.
    pub(super) used: Arc<AtomicU64>,
    /// Tells the driver that the process cannot go on.
    pub(super) give_up: Box<dyn Fn(String) + Send>,
}

impl Watcher {
    /// Starts the thread.
    pub(super) fn start(self) -> std::io::Result<()> {
        std::thread::Builder::new()
            .name("dpark-memory".to_owned())
            .stack_size(256 << 10)
            .spawn(move || self.watch())?;
        Ok(())
    }

    fn watch(self) {
        let budget = self.context.arc().budget.limit();
        let mut policy = Policy::new(limit(budget));
        let (began, busy) = (Instant::now(), Arc::new(AtomicBool::new(false)));
        // Where the system does not tell, nothing is watched.
        while let Some(here) = of_this_process() {
            let by_programs = self.context.arc().programs.memory();
            let used = here + by_programs;
            self.used.store(used, Ordering::Relaxed);
            match policy.judge(used, began.elapsed(), busy.load(Ordering::Acquire)) {
                Step::Nothing => {}
                Step::MakeRoom(bytes) => make_room(&self.context, bytes, &busy),
                Step::StopTasks => {
                    let why = format!("executor {} takes {}", self.executor, too_much(used, by_programs, budget));
                    self.tasks.fail(&Failure::Memory(why));
                }
                Step::GiveUp => {
                    let why = format!("it took {}", too_much(used, by_programs, budget));
                    (self.give_up)(why.clone());
                    std::thread::sleep(TIME_TO_BE_ENDED);
                    eprintln!("dpark executor {}: {why}", self.executor);
                    std::process::exit(1);
                }
            }
            std::thread::sleep(policy.pause(used));
        }
    }
}

/// Lets the cache give way, on a thread of its own: blocks may go to disk.
fn make_room(context: &ContextHandle, bytes: u64, busy: &Arc<AtomicBool>) {
    let (context, flag) = (context.clone(), Arc::clone(busy));
    busy.store(true, Ordering::Release);
    let give_way = move || {
        let context: &Context = context.arc();
        context.cache.evict(bytes, None);
        give_back();
        flag.store(false, Ordering::Release);
    };
    if std::thread::Builder::new().name("dpark-make-room".to_owned()).spawn(give_way).is_err() {
        busy.store(false, Ordering::Release);
    }
}

/// Gives memory that was freed back to the system.
fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it may be called at any time, on any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Should the machine run out of memory, the kernel is to end an executor before the driver: the driver replaces it.
pub(super) fn volunteer() {
    // Where that is not possible nothing is lost.
    let _ = std::fs::write("/proc/self/oom_score_adj", "500");
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn the_cache_gives_way_then_tasks_stop_then_the_process_ends() {
        let mut policy = Policy::new(100);
        assert_eq!(policy.judge(100, MS(0), false), Step::Nothing);
        assert_eq!(policy.judge(110, MS(10), false), Step::MakeRoom(10));
        assert_eq!(policy.judge(115, MS(20), true), Step::Nothing, "the cache is giving way");
        assert_eq!(policy.judge(115, MS(900), false), Step::StopTasks);
        assert_eq!(policy.judge(115, MS(1100), false), Step::Nothing, "tasks are stopping");
        assert_eq!(policy.judge(115, MS(1150), false), Step::GiveUp);
    }

    #[test]
    fn it_begins_anew_when_memory_is_free_again() {
        let mut policy = Policy::new(100);
        assert_eq!(policy.judge(110, MS(0), false), Step::MakeRoom(10));
        assert_eq!(policy.judge(90, MS(10), false), Step::Nothing);
        assert_eq!(policy.judge(105, MS(20), false), Step::MakeRoom(5));
        assert_eq!(policy.judge(105, MS(30), false), Step::StopTasks);
        assert_eq!(policy.judge(100, MS(40), false), Step::Nothing);
        assert_eq!(policy.judge(101, MS(9000), false), Step::MakeRoom(1));
    }

    #[test]
    fn what_grows_too_fast_ends_at_once() {
        let mut policy = Policy::new(100);
        assert_eq!(policy.judge(125, MS(0), false), Step::MakeRoom(25));
        assert_eq!(policy.judge(126, MS(1), true), Step::GiveUp);
    }

    #[test]
    fn it_is_looked_the_more_often_the_less_is_left() {
        let policy = Policy::new(limit(2 << 30));
        assert_eq!(policy.pause(0), LONGEST_PAUSE);
        assert!((MS(60)..MS(70)).contains(&policy.pause(policy.limit - (512 << 20))));
        assert_eq!(policy.pause(policy.limit + 5), SHORTEST_PAUSE);
    }
}
