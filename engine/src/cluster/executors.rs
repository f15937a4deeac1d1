//! The processes of the executors, and who is who.

use super::hub::{Hub, Line};
use super::launcher::Launcher;
use super::protocol::{Hello, Peer, ToExecutor};
use crate::ids::ExecutorId;
use crate::net::handshake::Refusals;
use crate::net::secret::Secret;
use crate::scheduler::Message;
use crate::storage::{Disks, create_private};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::Child;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// So many times in a row an executor may end before it has joined.
const MAX_STILLBORN: u32 = 3;

/// How long `stop` waits for executors to end by themselves.
const PATIENCE: Duration = Duration::from_secs(2);

/// Starts executors, starts others for those that end, and ends them all.
pub(crate) struct Executors {
    launcher: Launcher,
    /// The directories below which each executor has one of its own.
    disks: Arc<Disks>,
    next_directory: u32,
    /// By process id.
    processes: BTreeMap<u32, Disks>,
    joined: BTreeMap<ExecutorId, Peer>,
    pids: BTreeMap<ExecutorId, u32>,
    /// Processes that were killed, and why.
    killed: BTreeMap<u32, String>,
    /// Executors whose connection has ended and whose process has not, by process.
    leaving: BTreeMap<u32, Lost>,
    /// How processes have ended whose connection has not.
    ends: BTreeMap<u32, String>,
    /// Executors that ended before they joined, since the last one that joined.
    stillborn: u32,
    memory: u64,
    err: f64,
    reports: Sender<Message>,
    /// Nobody can join when it is gone.
    _hub: Hub,
}

/// What is asked for.
pub(crate) struct Wanted {
    /// How many.
    pub(crate) executors: usize,
    /// How many tasks each runs at once.
    pub(crate) slots: usize,
    /// Bytes of memory for each.
    pub(crate) memory: u64,
    pub(crate) err: f64,
    /// Where their directories are made.
    pub(crate) disks: Arc<Disks>,
    /// Counts connections that are turned away.
    pub(crate) refusals: Arc<Refusals>,
}

/// An executor that is gone.
pub(crate) struct Lost {
    pub(crate) executor: ExecutorId,
    pub(crate) why: String,
}

/// What follows from the end of a process.
#[derive(Default)]
pub(crate) struct Ended {
    /// The executor that it was, if its connection has ended, too.
    pub(crate) lost: Option<Lost>,
    /// What is wrong, if no other can be started.
    pub(crate) problem: Option<String>,
}

impl Executors {
    /// Starts the processes. It must be called on a thread that lives as long as they shall: with the thread that has started
    /// them, they end.
    pub(crate) fn start(wanted: Wanted, reports: Sender<Message>) -> io::Result<Executors> {
        let Wanted { executors, slots, memory, err, disks, refusals } = wanted;
        let secret = Secret::generate()?;
        let hub = Hub::start(secret.clone(), refusals, reports.clone())?;
        let launcher = Launcher::new(hub.address, slots, secret)?;
        let mut started = Executors {
            launcher,
            disks,
            next_directory: 0,
            processes: BTreeMap::new(),
            joined: BTreeMap::new(),
            pids: BTreeMap::new(),
            killed: BTreeMap::new(),
            leaving: BTreeMap::new(),
            ends: BTreeMap::new(),
            stillborn: 0,
            memory,
            err,
            reports,
            _hub: hub,
        };
        for _ in 0..executors {
            started.start_one()?;
        }
        Ok(started)
    }

    fn start_one(&mut self) -> io::Result<()> {
        self.next_directory += 1;
        let name = format!("executor-{}", self.next_directory);
        let disks = self.disks.each(|directory| {
            let path = directory.join(&name);
            create_private(&path).map(|()| path)
        })?;
        let child = self.launcher.start(&disks)?;
        self.processes.insert(child.id(), disks);
        watch(child, self.reports.clone())
    }

    /// An executor has joined.
    pub(crate) fn joined(&mut self, executor: ExecutorId, hello: &Hello, line: &Line) {
        self.stillborn = 0;
        line.send(&ToExecutor::Welcome { executor, memory: self.memory, err: self.err });
        self.pids.insert(executor, hello.pid);
        self.joined.insert(executor, Peer::of(executor, hello));
    }

    /// The connection to an executor has ended: so does its process. Until that is seen it is not known how.
    pub(crate) fn left(&mut self, executor: ExecutorId, why: String) -> Option<Lost> {
        self.joined.remove(&executor);
        let pid = self.pids.remove(&executor)?;
        if !self.processes.contains_key(&pid) {
            let how = self.ends.remove(&pid).unwrap_or_default();
            let why = self.killed.remove(&pid).map(|why| why + "; ").unwrap_or_default();
            return Some(Lost { executor, why: format!("{why}its process {pid} has ended ({how})") });
        }
        let why = self.killed.remove(&pid).unwrap_or(why);
        kill(pid);
        self.leaving.insert(pid, Lost { executor, why });
        None
    }

    /// Ends the process of an executor; its connection ends, too.
    pub(crate) fn kill(&mut self, executor: ExecutorId, why: &str) {
        if let Some(pid) = self.pids.get(&executor).filter(|pid| self.processes.contains_key(pid)) {
            self.killed.insert(*pid, why.to_owned());
            kill(*pid);
        }
    }

    /// A process has ended: another one takes its place.
    pub(crate) fn ended(&mut self, pid: u32, how: String) -> Ended {
        let Some(disks) = self.processes.remove(&pid) else { return Ended::default() };
        // What it has left there is of no use any more.
        disks.remove();
        let lost = self.leaving.remove(&pid).map(|Lost { executor, why }| {
            let why = format!("{why}; its process {pid} has ended ({how})");
            Lost { executor, why }
        });
        let was_known = lost.is_some() || self.pids.values().any(|known| *known == pid);
        if lost.is_none() && was_known {
            // Its connection ends, too, and then it is lost.
            self.ends.insert(pid, how.clone());
        }
        self.stillborn += u32::from(!was_known && self.joined.is_empty());
        if self.stillborn > MAX_STILLBORN {
            let problem =
                format!("executors end before they have joined ({how}); their messages are on standard error");
            return Ended { lost, problem: Some(problem) };
        }
        let problem = self.start_one().err().map(|error| format!("no executor can be started: {error}"));
        Ended { lost, problem }
    }

    /// The executors that have joined.
    pub(crate) fn peers(&self) -> Vec<Peer> {
        self.joined.values().cloned().collect()
    }

    /// Waits a little for the processes to end, then ends them.
    pub(crate) fn stop(&mut self) {
        // Nobody has told those to stop that have not joined.
        self.processes.keys().filter(|pid| !self.pids.values().any(|joined| joined == *pid)).for_each(|pid| kill(*pid));
        let deadline = Instant::now() + PATIENCE;
        let alive = |pid: &u32| PathBuf::from(format!("/proc/{pid}")).exists();
        while self.processes.keys().any(alive) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        for (pid, disks) in std::mem::take(&mut self.processes) {
            if alive(&pid) {
                kill(pid);
            }
            disks.remove();
        }
    }
}

/// Reports the end of a process.
fn watch(mut child: Child, reports: Sender<Message>) -> io::Result<()> {
    std::thread::Builder::new().name("dpark-watch".to_owned()).stack_size(64 << 10).spawn(move || {
        let how = match child.wait() {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        // The scheduler is gone only if the context was stopped.
        let _ = reports.send(Message::ProcessEnded { pid: child.id(), how });
    })?;
    Ok(())
}

fn kill(pid: u32) {
    if let Ok(pid) = libc::pid_t::try_from(pid) {
        // SAFETY: the process is a child that `watch` has not reported yet.
        unsafe { libc::kill(pid, libc::SIGKILL) };
    }
}
