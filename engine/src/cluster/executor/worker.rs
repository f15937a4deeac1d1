//! The thread that works off what the driver says, in order. Here libraries are loaded and jobs made of what has arrived, which
//! runs code of the user's and may take its time, while the main loop goes on hearing and being heard.

use super::attempt::{Attempt, Desk};
use crate::broadcast::{BroadcastHandle, ShippedBroadcast, ShippedValue};
use crate::cluster::broadcasts::Broadcasts;
use crate::cluster::held::Held;
use crate::cluster::libraries;
use crate::cluster::protocol::{AnswerEnd, ToExecutor};
use crate::error::Failure;
use crate::event::TaskMetrics;
use crate::ids::{JobId, TaskId};
use crate::job::JobWork;
use crate::scheduler::edge;
use crate::ship::{Landing, ShipError};
use crate::storage::Disks;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

/// The stack of the thread: as much as a program's first one has.
const STACK: usize = 8 << 20;

/// What the worker is told.
pub(super) enum Heard {
    /// By the driver.
    Message(ToExecutor),
    /// The value of a broadcast has arrived, or cannot be had.
    Landed(u64, Result<BroadcastHandle, ShipError>),
}

/// See the module.
pub(super) struct Worker {
    landing: Arc<Landing>,
    /// Where libraries go.
    libraries: Disks,
    /// The jobs that have arrived, or why they cannot be run.
    jobs: HashMap<JobId, Result<Arc<JobWork>, String>>,
    desk: Arc<Desk>,
    broadcasts: Arc<Broadcasts>,
    /// What waits for them.
    held: Held,
    heard: UnboundedSender<Heard>,
}

impl Worker {
    pub(super) fn new(
        landing: Landing,
        libraries: Disks,
        desk: Arc<Desk>,
        broadcasts: Arc<Broadcasts>,
        heard: UnboundedSender<Heard>,
    ) -> Worker {
        let (landing, jobs, held) = (Arc::new(landing), HashMap::new(), Held::default());
        Worker { landing, libraries, jobs, desk, broadcasts, held, heard }
    }

    /// Starts the thread.
    pub(super) fn start(mut self, mut inbox: UnboundedReceiver<Heard>) -> io::Result<()> {
        std::thread::Builder::new().name("dpark-worker".to_owned()).stack_size(STACK).spawn(move || {
            edge::enter_thread();
            let runtime = self.desk.runtime.clone();
            let _entered = runtime.enter();
            while let Some(heard) = inbox.blocking_recv() {
                // Code of the user's that is not expected to panic: a drop, for one.
                if let Err(panic) = edge::guard(|| self.hear(heard)) {
                    eprintln!("dpark executor: {panic}");
                }
            }
        })?;
        Ok(())
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Message(message) => {
                if let Some(message) = self.held.pass(message, |job| self.jobs.contains_key(&job)) {
                    self.take(message);
                }
            }
            Heard::Landed(id, value) => {
                // Nobody may need it any more.
                if self.held.arrived(id) {
                    self.landing.keep_broadcast(id, value);
                }
            }
        }
        while let Some(message) = self.held.next() {
            self.take(message);
        }
    }

    fn take(&mut self, message: ToExecutor) {
        match message {
            // The main loop has seen to them.
            ToExecutor::Welcome { .. }
            | ToExecutor::Refused(_)
            | ToExecutor::Stop
            | ToExecutor::Kill(_)
            | ToExecutor::ChunkAt { .. } => {}
            ToExecutor::Library(library) => {
                let number = library.number;
                // What is sent again after something has failed may be here.
                if !self.landing.has_library(number) {
                    let arrived = libraries::arrive(library, &self.libraries, &self.landing.bases);
                    self.landing.note_library(number, arrived);
                }
            }
            ToExecutor::Broadcast(broadcast) => self.expect(broadcast),
            ToExecutor::Job { job, work } => {
                let landed = edge::guard(|| JobWork::land(&work, &self.landing));
                let landed = landed.map_err(|panic| panic.to_string());
                let landed = landed.and_then(|landed| landed.map_err(|error| error.to_string()));
                self.jobs.insert(job, landed.map(Arc::new));
            }
            ToExecutor::Task { task, job, stage, partition } => self.begin(task, job, stage, partition),
            ToExecutor::EndJob(job) => self.desk.discard(self.jobs.remove(&job)),
            ToExecutor::ForgetRdd(rdd) => self.desk.discard(self.landing.forget(rdd)),
            ToExecutor::Uncache(rdd) => {
                if let Ok(node) = self.landing.node(rdd) {
                    node.set_cached(None);
                    self.landing.context.arc().cache.remove_rdd(rdd);
                }
            }
            ToExecutor::ForgetShuffle(shuffle) => {
                self.desk.fetcher.forget(shuffle);
                if let Some(files) = &self.landing.context.arc().map_files {
                    files.remove(shuffle);
                }
            }
            ToExecutor::ForgetBroadcast(id) => {
                self.held.arrived(id);
                self.broadcasts.forget(id);
                self.desk.discard(self.landing.forget_broadcast(id));
            }
            ToExecutor::Taken(name) => {
                // It is on one of the disks. What cannot be removed goes with the directory.
                let paths = self.desk.replies.files.directories().map(|directory| directory.join(&name));
                paths.for_each(|path| drop(std::fs::remove_file(path)));
            }
            ToExecutor::Outputs { shuffle, at } => self.desk.fetcher.outputs(shuffle, at),
            ToExecutor::Peers(peers) => self.desk.fetcher.peers(peers),
        }
    }

    /// Makes the value of a broadcast, once its bytes are here.
    fn expect(&mut self, broadcast: ShippedBroadcast) {
        let id = broadcast.id;
        let parts = match &broadcast.value {
            ShippedValue::Bytes(bytes) => {
                return self.landing.keep_broadcast(id, land(&broadcast, bytes, &self.landing));
            }
            ShippedValue::Chunks(parts) => Arc::clone(parts),
        };
        self.held.wait_for(id);
        let mut memory = self.landing.context.arc().budget.reserve();
        memory.grow(parts.bytes());
        let (landing, pool, heard) = (Arc::clone(&self.landing), Arc::clone(&self.desk.pool), self.heard.clone());
        self.broadcasts.fetch(id, parts, move |fetched| {
            // Decoding runs code of the user's and takes its time.
            pool.spawn(move || {
                let landed = fetched.map_err(ShipError::new).and_then(|bytes| land(&broadcast, &bytes, &landing));
                drop(memory);
                // The worker ends with the process.
                let _ = heard.send(Heard::Landed(id, landed));
            });
        });
    }

    fn begin(&self, task: TaskId, job: JobId, stage: usize, partition: usize) {
        match self.jobs.get(&job) {
            Some(Ok(work)) => {
                let work = Arc::clone(work);
                Attempt { task, stage, partition, work, desk: Arc::clone(&self.desk) }.begin();
            }
            Some(Err(problem)) => self.desk.end(task, TaskMetrics::default(), AnswerEnd::Unusable(problem.clone())),
            None => {
                let problem = Failure::Other(format!("job {job} has not arrived"));
                self.desk.end(task, TaskMetrics::default(), AnswerEnd::Failed(problem));
            }
        }
    }
}

fn land(broadcast: &ShippedBroadcast, bytes: &[u8], landing: &Landing) -> Result<BroadcastHandle, ShipError> {
    let landed = edge::guard(|| BroadcastHandle::land(broadcast, bytes, landing));
    landed.unwrap_or_else(|panic| Err(ShipError::new(panic.to_string())))
}
