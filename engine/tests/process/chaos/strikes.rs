//! Faults, aimed at a map task, a reduce task or a fetch, and how many have hit.
//!
//! What counts as a hit is seen afterwards, not hoped for: a killed executor hits the attempts that the scheduler reports lost
//! with it; a stopped one those that have not come to an end though it has been standing still for a while; a damaged file
//! the tasks that run on after the damage, and the fetches that fail because of it.

use super::world::{Running, World};
use crate::support::{files, signal};
use dpark::ids::{ExecutorId, ShuffleId, TaskId};
use dpark::random::Random;
use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    Killed,
    Stopped,
    DataDeleted,
    IndexDeleted,
    DataTruncated,
    IndexTruncated,
    DataCorrupted,
    IndexCorrupted,
}

/// What it is aimed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Victim {
    /// A task that writes a shuffle.
    Map,
    /// A task that reads one.
    Reduce,
    /// A task that is about to bring what it reads.
    Fetch,
}

pub(super) const FAULTS: [Fault; 8] = [
    Fault::Killed,
    Fault::Stopped,
    Fault::DataDeleted,
    Fault::IndexDeleted,
    Fault::DataTruncated,
    Fault::IndexTruncated,
    Fault::DataCorrupted,
    Fault::IndexCorrupted,
];

pub(super) const VICTIMS: [Victim; 3] = [Victim::Map, Victim::Reduce, Victim::Fetch];

/// How long a strike waits for a task to hit.
const PATIENCE: Duration = Duration::from_secs(2);

/// So long after an executor was stopped, all that it had sent before has arrived.
const IN_FLIGHT: Duration = Duration::from_millis(50);

/// An executor is noticed to be dead, or ends a task, in this time.
const SOON: Duration = Duration::from_secs(30);

impl Victim {
    fn is(self, task: &Running) -> bool {
        match self {
            Victim::Map => task.stage.writes.is_some(),
            Victim::Reduce | Victim::Fetch => !task.stage.reads.is_empty(),
        }
    }

    /// The shuffles whose files the task has to do with.
    fn shuffles(self, task: &Running) -> Vec<ShuffleId> {
        match self {
            Victim::Map => task.stage.writes.into_iter().collect(),
            Victim::Reduce | Victim::Fetch => task.stage.reads.clone(),
        }
    }
}

/// Does what a round asks for, and counts.
pub(super) struct Striker<'a> {
    world: &'a World,
    /// Where the executors' directories are.
    directory: &'a Path,
    random: Random,
    /// How many tasks and fetches each kind of fault has hit.
    hits: BTreeMap<(Fault, Victim), usize>,
}

impl<'a> Striker<'a> {
    pub(super) fn new(world: &'a World, directory: &'a Path, random: Random) -> Striker<'a> {
        Striker { world, directory, random, hits: BTreeMap::new() }
    }

    pub(super) fn hits_of(&self, aim: (Fault, Victim)) -> usize {
        self.hits.get(&aim).copied().unwrap_or_default()
    }

    /// Waits for a task of the wanted side and strikes while it runs. Nothing happens if the jobs end before.
    pub(super) fn strike(&mut self, (fault, victim): (Fault, Victim), jobs_ended: &dyn Fn() -> bool) {
        let world = self.world;
        let (age, directory) = (Duration::from_millis(self.random.below(12)), self.directory);
        let lasting = |task: &Running| victim.is(task) && task.since.elapsed() >= age;
        let found = world.find(PATIENCE, jobs_ended, |state| {
            let (_, task) = state.running.iter().find(|(_, task)| lasting(task))?;
            let shuffles = victim.shuffles(task);
            let ready = fault.ending().is_none_or(|ending| !files_of(directory, &shuffles, ending).is_empty());
            ready.then_some((task.executor, shuffles))
        });
        let Some((executor, shuffles)) = found else { return };
        match fault {
            Fault::Killed => self.kill(executor),
            Fault::Stopped => self.stop_for_a_while(executor),
            _ => {
                self.damage(fault, &shuffles);
                let concerned = |task: &&Running| {
                    victim.is(task) && victim.shuffles(task).iter().any(|shuffle| shuffles.contains(shuffle))
                };
                let still_running = world.lock().running.values().filter(concerned).count();
                *self.hits.entry((fault, victim)).or_default() += still_running;
            }
        }
    }

    /// Kills an executor: hits are the tasks that are lost with it.
    fn kill(&mut self, executor: ExecutorId) {
        let Some(pid) = self.world.lock().executors.get(&executor).copied() else { return };
        if !signal(pid, libc::SIGKILL) {
            return;
        }
        self.await_loss(executor);
        let lost = format!("executor {executor} was lost");
        let state = self.world.lock();
        for (_, task, _) in state.failed.iter().filter(|(_, _, why)| why.starts_with(&lost)) {
            for victim in [Victim::Map, Victim::Reduce].into_iter().filter(|victim| victim.is(task)) {
                *self.hits.entry((Fault::Killed, victim)).or_default() += 1;
            }
        }
    }

    fn await_loss(&self, executor: ExecutorId) {
        let lost = self.world.find(
            SOON,
            || false,
            |state| (!state.executors.contains_key(&executor) && state.on(executor).is_empty()).then_some(()),
        );
        assert!(lost.is_some(), "executor {executor} was killed and is not reported lost");
    }

    /// Stops an executor, and lets it go on later, or not: hits are the tasks that do not come to an end meanwhile.
    fn stop_for_a_while(&mut self, executor: ExecutorId) {
        let (pid, before) = {
            let state = self.world.lock();
            let Some(pid) = state.executors.get(&executor).copied() else { return };
            (pid, state.on(executor))
        };
        if !signal(pid, libc::SIGSTOP) {
            return;
        }
        std::thread::sleep(IN_FLIGHT);
        let standing = self.world.lock().on(executor);
        for task in standing.iter().filter(|(task, _)| before.contains_key(task)).map(|(_, task)| task) {
            for victim in [Victim::Map, Victim::Reduce].into_iter().filter(|victim| victim.is(task)) {
                *self.hits.entry((Fault::Stopped, victim)).or_default() += 1;
            }
        }
        std::thread::sleep(Duration::from_millis(self.random.below(300)));
        match self.random.below(4) {
            0 => self.kill(executor),
            _ => go_on(pid),
        }
    }

    /// Stops an executor and never lets it go on: it is found out by its silence.
    pub(super) fn stop_for_ever(&mut self, jobs_ended: &dyn Fn() -> bool) {
        let busy = self.world.find(PATIENCE, jobs_ended, |state| Some(state.running.values().next()?.executor));
        let Some(executor) = busy else { return };
        let Some(pid) = self.world.lock().executors.get(&executor).copied() else { return };
        if signal(pid, libc::SIGSTOP) {
            self.await_loss(executor);
        }
    }

    /// An executor that has not read anything of the shuffle which was just written; it stands still from now on, so that
    /// the next tasks which it is given have still to fetch.
    pub(super) fn hold(&self) -> Option<(ExecutorId, u32)> {
        let (held, pid) = {
            let state = self.world.lock();
            let idle = |executor: &ExecutorId| Some(*executor) != state.reader && state.on(*executor).is_empty();
            state.executors.iter().map(|(executor, pid)| (*executor, *pid)).find(|(executor, _)| idle(executor))?
        };
        signal(pid, libc::SIGSTOP).then_some((held, pid))
    }

    /// Strikes while a held executor has been given tasks that read a shuffle and has fetched nothing for them, then lets it
    /// go on.
    pub(super) fn strike_fetch(&mut self, fault: Fault, (held, pid): (ExecutorId, u32), jobs_ended: &dyn Fn() -> bool) {
        let given = self.world.find(PATIENCE, jobs_ended, |state| {
            let tasks: BTreeMap<TaskId, Running> = state.on(held);
            tasks.values().any(|task| Victim::Fetch.is(task)).then_some(tasks)
        });
        let Some(given) = given else { return go_on(pid) };
        let mut shuffles: Vec<ShuffleId> = given.values().flat_map(|task| task.stage.reads.clone()).collect();
        shuffles.sort();
        shuffles.dedup();
        match fault {
            Fault::Stopped => std::thread::sleep(IN_FLIGHT + Duration::from_millis(self.random.below(200))),
            Fault::Killed => {
                let other = self.world.lock().executors.keys().copied().find(|executor| *executor != held);
                if let Some(other) = other {
                    self.kill(other);
                }
            }
            _ => self.damage(fault, &shuffles),
        }
        let standing = self.world.lock().on(held);
        go_on(pid);
        let ended = self.world.find(
            SOON,
            || false,
            |state| given.keys().all(|task| !state.running.contains_key(task)).then(|| state.failed.clone()),
        );
        let failed = ended.unwrap_or_else(|| panic!("tasks {:?} do not end", given.keys()));
        let lost = |task: &TaskId| failed.iter().any(|(of, _, why)| of == task && tells_of_lost_outputs(why));
        let hit = given.keys().filter(|task| match fault {
            Fault::Stopped => standing.contains_key(task),
            _ => lost(task),
        });
        *self.hits.entry((fault, Victim::Fetch)).or_default() += hit.count();
    }

    /// Damages files of shuffles: of some map outputs, or of all.
    fn damage(&mut self, fault: Fault, shuffles: &[ShuffleId]) {
        let Some(ending) = fault.ending() else { return };
        let all = self.random.below(2) == 0;
        for path in files_of(self.directory, shuffles, ending) {
            if all || self.random.below(2) == 0 {
                // A file that is gone by itself was not needed any more.
                let _ = self.damage_file(fault, &path);
            }
        }
    }

    fn damage_file(&mut self, fault: Fault, path: &Path) -> std::io::Result<()> {
        if matches!(fault, Fault::DataDeleted | Fault::IndexDeleted) {
            return std::fs::remove_file(path);
        }
        let file = std::fs::OpenOptions::new().read(true).write(true).open(path)?;
        let length = file.metadata()?.len();
        if matches!(fault, Fault::DataTruncated | Fault::IndexTruncated) {
            return file.set_len(self.random.below(length / 8 + 1));
        }
        // Bits all over the file, so that every reader comes across one.
        for at in (self.random.below(32)..length).step_by(32) {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at)?;
            byte[0] ^= 1 << self.random.below(8);
            file.write_all_at(&byte, at)?;
        }
        Ok(())
    }
}

/// Lets a stopped executor go on, if it is still there.
fn go_on(pid: u32) {
    signal(pid, libc::SIGCONT);
}

impl Fault {
    /// The kind of files that it damages.
    fn ending(self) -> Option<&'static str> {
        match self {
            Fault::Killed | Fault::Stopped => None,
            Fault::DataDeleted | Fault::DataTruncated | Fault::DataCorrupted => Some("data"),
            Fault::IndexDeleted | Fault::IndexTruncated | Fault::IndexCorrupted => Some("index"),
        }
    }
}

/// Whether a task has failed since it could not bring what it reads.
pub(super) fn tells_of_lost_outputs(why: &str) -> bool {
    why.starts_with("map output") && (why.contains(" is lost: ") || why.contains(" are lost: "))
}

fn files_of(directory: &Path, shuffles: &[ShuffleId], ending: &str) -> Vec<PathBuf> {
    let of = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(ending) && shuffles.iter().any(|shuffle| name.starts_with(&format!("shuffle-{shuffle}-")))
    };
    let mut found: Vec<PathBuf> = files(directory).into_iter().filter(of).collect();
    found.sort();
    found
}
