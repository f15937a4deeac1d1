//! The processes of the executors, and who is who.

mod vacancies;

use super::holders::Holders;
use super::hub::{End, Hub, Line};
use super::launcher::Launcher;
use super::parts::Offers;
use super::process::Process;
use super::protocol::{Hello, Peer, ToExecutor};
use crate::ids::ExecutorId;
use crate::net::handshake::Refusals;
use crate::net::secret::Secret;
use crate::scheduler::{Cause, Message};
use crate::storage::{Disks, create_private};
use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};
use vacancies::Vacancies;

/// In how many seconds executors have to join, from the environment, and if that does not say: a loaded machine may be slow.
const TIME_TO_JOIN: &str = "DPARK_EXECUTOR_START_SECONDS";
const DEFAULT_TIME_TO_JOIN: Duration = Duration::from_secs(30);

/// How long `stop` waits for executors to end by themselves.
const PATIENCE: Duration = Duration::from_secs(2);

/// Starts executors, starts others for those that end, and ends them all.
pub(crate) struct Executors {
    launcher: Launcher,
    /// The directories below which each executor has one of its own.
    disks: Arc<Disks>,
    next_directory: u32,
    /// By process id.
    processes: BTreeMap<u32, Started>,
    vacancies: Vacancies,
    joined: BTreeMap<ExecutorId, Peer>,
    pids: BTreeMap<ExecutorId, u32>,
    /// Processes that were killed, and why.
    killed: BTreeMap<u32, Reason>,
    /// Executors whose connection has ended and whose process has not, by process.
    leaving: BTreeMap<u32, Leaving>,
    /// How processes have ended whose connection has not.
    ends: BTreeMap<u32, String>,
    /// So long an executor may take to join.
    time_to_join: Duration,
    memory: u64,
    err: f64,
    reports: Sender<Message>,
    /// Nobody can join when it is gone.
    hub: Hub,
    /// Where files for executors go.
    pub(crate) offers: Offers,
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

/// A process that was started.
struct Started {
    process: Process,
    disks: Disks,
    /// When it was first looked whether it is late.
    seen: Option<Duration>,
    joined: bool,
}

/// Why a process was killed.
struct Reason {
    why: String,
    cause: Cause,
}

/// An executor whose connection has ended.
struct Leaving {
    lost: Lost,
    /// Whether its process is killed for a reason of ours.
    killed: bool,
}

/// An executor that is gone.
pub(crate) struct Lost {
    pub(crate) executor: ExecutorId,
    pub(crate) why: String,
    pub(crate) cause: Cause,
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
        let own = disks.each(|directory| {
            let path = directory.join("driver");
            create_private(&path).map(|()| path)
        })?;
        let hub = Hub::start(secret.clone(), refusals, &own, reports.clone())?;
        let exported = own.each(|directory| {
            let mut served = hub.peer.disks.iter().map(|served| &served.directory);
            served.find(|path| path.starts_with(directory)).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
        })?;
        let offers = Offers::new(exported, secret.clone());
        let launcher = Launcher::new(hub.address, slots, secret)?;
        let mut started = Executors {
            launcher,
            disks,
            next_directory: 0,
            processes: BTreeMap::new(),
            vacancies: Vacancies::default(),
            joined: BTreeMap::new(),
            pids: BTreeMap::new(),
            killed: BTreeMap::new(),
            leaving: BTreeMap::new(),
            ends: BTreeMap::new(),
            time_to_join: time_to_join()?,
            memory,
            err,
            reports,
            hub,
            offers,
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
        let (pid, reports) = (child.id(), self.reports.clone());
        let process = Process::watch(child, move |status| {
            // The scheduler is gone only if the context was stopped.
            let _ = reports.send(Message::ProcessEnded { pid, status });
        })?;
        self.processes.insert(pid, Started { process, disks, seen: None, joined: false });
        Ok(())
    }

    /// An executor has joined.
    pub(crate) fn joined(&mut self, executor: ExecutorId, hello: &Hello, line: &Line) {
        self.vacancies.joined();
        line.send(&ToExecutor::Welcome { executor, memory: self.memory, err: self.err });
        self.pids.insert(executor, hello.pid);
        if let Some(process) = self.processes.get_mut(&hello.pid) {
            process.joined = true;
        }
        self.joined.insert(executor, Peer::of(executor, hello));
    }

    /// The connection to an executor has ended: so does its process. Until that is seen it is not known how.
    pub(crate) fn left(&mut self, executor: ExecutorId, how: End) -> Option<Lost> {
        self.joined.remove(&executor);
        let pid = self.pids.remove(&executor)?;
        let Some(Started { process, .. }) = self.processes.get(&pid) else {
            let how = self.ends.remove(&pid).unwrap_or_default();
            let how = format!("its process {pid} has ended ({how})");
            return Some(match self.killed.remove(&pid) {
                Some(Reason { why, cause }) => Lost { executor, why: format!("{why}; {how}"), cause },
                None => Lost { executor, why: how, cause: Cause::Tasks },
            });
        };
        process.kill();
        let reason = self.killed.remove(&pid);
        let killed = reason.is_some() || how != End::Closed;
        let Reason { why, cause } = reason.unwrap_or_else(|| Reason { why: how.to_string(), cause: Cause::Tasks });
        self.leaving.insert(pid, Leaving { lost: Lost { executor, why, cause }, killed });
        None
    }

    /// Ends the process of an executor; its connection ends, too.
    pub(crate) fn kill(&mut self, executor: ExecutorId, why: &str, cause: Cause) {
        let Some(pid) = self.pids.get(&executor) else { return };
        if let Some(Started { process, .. }) = self.processes.get(pid) {
            self.killed.insert(*pid, Reason { why: why.to_owned(), cause });
            process.kill();
        }
    }

    /// Whether somebody is expected to join.
    pub(crate) fn are_expected(&self) -> bool {
        self.vacancies.are_there() || self.processes.values().any(|started| !started.joined)
    }

    /// Ends the processes that take too long to join.
    pub(crate) fn end_the_late(&mut self, now: Duration) {
        for (pid, Started { process, seen, joined, .. }) in &mut self.processes {
            let late = !*joined && now - *seen.get_or_insert(now) > self.time_to_join;
            if late && !self.killed.contains_key(pid) {
                let why = format!("it had not joined after {} s", self.time_to_join.as_secs());
                self.killed.insert(*pid, Reason { why, cause: Cause::Others });
                process.kill();
            }
        }
    }

    /// A process has ended: another one takes its place.
    pub(crate) fn ended(&mut self, pid: u32, status: &io::Result<ExitStatus>) -> Ended {
        let Some(started) = self.processes.remove(&pid) else { return Ended::default() };
        // What it has left there is of no use any more.
        started.disks.remove();
        let leaving = self.leaving.remove(&pid);
        let killed = leaving.as_ref().map_or(self.killed.contains_key(&pid), |leaving| leaving.killed);
        let mut how = describe(status, killed);
        let lost = leaving.map(|Leaving { lost: Lost { executor, why, cause }, .. }| {
            let why = format!("{why}; its process {pid} has ended ({how})");
            Lost { executor, why, cause }
        });
        let was_known = lost.is_some() || self.pids.values().any(|known| *known == pid);
        if let Some(Reason { why, .. }) = if was_known { None } else { self.killed.remove(&pid) } {
            how = format!("{why}; {how}");
        }
        if lost.is_none() && was_known {
            // Its connection ends, too, and then it is lost.
            self.ends.insert(pid, how.clone());
        }
        if was_known {
            self.vacancies.add(Instant::now());
        } else {
            let trouble = "executors end before they have joined";
            let trouble = format!("{trouble} ({how}); their messages are on standard error");
            self.vacancies.failed(trouble, Instant::now());
        }
        Ended { lost, problem: self.fill_vacancies() }
    }

    /// Starts the executors whose time has come. What is wrong, if there is no executor and none can be had.
    pub(crate) fn fill_vacancies(&mut self) -> Option<String> {
        let now = Instant::now();
        for _ in 0..self.vacancies.take_due(now) {
            if let Err(error) = self.start_one() {
                self.vacancies.failed(format!("no executor can be started: {error}"), now);
            }
        }
        if self.joined.is_empty() { self.vacancies.despair() } else { None }
    }

    /// The driver, and the executors that have joined.
    pub(crate) fn peers(&self) -> Vec<Peer> {
        std::iter::once(&self.hub.peer).chain(self.joined.values()).cloned().collect()
    }

    /// Who has which chunks of broadcasts.
    pub(crate) fn holders(&self) -> &Holders {
        &self.hub.holders
    }

    /// Waits a little for the processes to end, then ends them.
    pub(crate) fn stop(&mut self) {
        // Nobody has told those to stop that have not joined.
        self.processes.values().filter(|started| !started.joined).for_each(|started| started.process.kill());
        let deadline = Instant::now() + PATIENCE;
        while self.processes.values().any(|started| started.process.is_alive()) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        for Started { process, disks, .. } in std::mem::take(&mut self.processes).into_values() {
            process.kill();
            disks.remove();
        }
    }
}

/// How long an executor may take to join.
fn time_to_join() -> io::Result<Duration> {
    let Some(set) = std::env::var_os(TIME_TO_JOIN) else { return Ok(DEFAULT_TIME_TO_JOIN) };
    let seconds = set.to_str().and_then(|text| text.parse().ok()).filter(|seconds| *seconds > 0);
    seconds.map(Duration::from_secs).ok_or_else(|| {
        let problem = format!("{TIME_TO_JOIN}={} is not a number of seconds", set.display());
        io::Error::new(io::ErrorKind::InvalidInput, problem)
    })
}

/// How a process has ended, `killed` by us or not.
fn describe(status: &io::Result<ExitStatus>, killed: bool) -> String {
    match status {
        Ok(status) if status.signal() == Some(libc::SIGKILL) && !killed => format!(
            "{status}, not sent by dpark: the kernel sends it when the machine runs out of memory; then lower the memory \
             setting (`-M`, `mem` in dpark.toml), or start fewer executors"
        ),
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    }
}
