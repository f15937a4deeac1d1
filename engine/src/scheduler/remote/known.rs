//! What an executor knows, and what it is sent before a task: its job, and where the map outputs are that the task reads.

use super::outputs::{MapOutputs, Places};
use super::packing::{Basis, Contents, PackedBroadcast};
use crate::cluster::holders::Holders;
use crate::cluster::hub::Line;
use crate::cluster::protocol::ToExecutor;
use crate::id_map::{IdMap, IdSet};
use crate::ids::{JobId, RddId, ShuffleId, TaskId};
use crate::scheduler::local::Assignment;
use std::collections::HashSet;

/// See the module.
pub(super) struct Known {
    pub(super) line: Line,
    jobs: IdMap<JobId, Delivery>,
    /// The RDDs that it was sent.
    rdds: HashSet<RddId>,
    /// Those of them that it can use, as far as is known.
    usable: HashSet<RddId>,
    libraries: IdSet<u32>,
    broadcasts: IdSet<u64>,
    /// The state of each shuffle's outputs that it was told.
    outputs: IdMap<ShuffleId, u64>,
}

/// How far a job has come.
enum Delivery {
    /// It is being packed, or was and nobody needs it yet.
    Packed(Box<Waiting>),
    Sent,
}

/// What is to be done once a job was sent.
#[derive(Default)]
struct Waiting {
    /// What is to be sent, once it is packed.
    contents: Option<Contents>,
    /// Tasks that begin then.
    tasks: Vec<TaskId>,
    /// What has gone since the packing began.
    rdds: HashSet<RddId>,
    broadcasts: IdSet<u64>,
    /// RDDs that are persisted no more.
    uncached: HashSet<RddId>,
}

/// What a task has to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Nothing: its job is there.
    No,
    /// Its job has to be sent.
    ForDelivery,
    /// Its job is being packed.
    ForParcel,
    /// Its job has to be packed: that begins now.
    ForPacking,
}

impl Known {
    pub(super) fn new(line: Line) -> Known {
        Known {
            line,
            jobs: IdMap::new(),
            rdds: HashSet::new(),
            usable: HashSet::new(),
            libraries: IdSet::new(),
            broadcasts: IdSet::new(),
            outputs: IdMap::new(),
        }
    }

    /// A task of a job is to begin.
    pub(super) fn expect(&mut self, job: JobId, task: TaskId) -> Wait {
        match self.jobs.get_mut(&job) {
            Some(Delivery::Sent) => Wait::No,
            Some(Delivery::Packed(waiting)) => {
                waiting.tasks.push(task);
                if waiting.contents.is_some() { Wait::ForDelivery } else { Wait::ForParcel }
            }
            None => {
                self.await_parcel(job, vec![task]);
                Wait::ForPacking
            }
        }
    }

    /// A job is being packed for the tasks that are to begin with it.
    pub(super) fn await_parcel(&mut self, job: JobId, tasks: Vec<TaskId>) {
        self.jobs.insert(job, Delivery::Packed(Box::new(Waiting { tasks, ..Waiting::default() })));
    }

    /// A job was packed. Unless it has ended meanwhile, the contents of the parcel are kept until they are sent.
    pub(super) fn keep(&mut self, job: JobId, contents: Contents) {
        if let Some(Delivery::Packed(waiting)) = self.jobs.get_mut(&job) {
            waiting.contents = Some(contents);
        }
    }

    /// What a job may be packed upon.
    pub(super) fn basis(&self) -> Basis {
        Basis { rdds: self.usable.clone(), libraries: self.libraries.clone(), broadcasts: self.broadcasts.clone() }
    }

    /// Whether it knows what a job was packed upon. Some of that may have gone since.
    pub(super) fn can_use(&self, job: JobId) -> bool {
        let Some(Delivery::Packed(waiting)) = self.jobs.get(&job) else { return false };
        let Some(contents) = &waiting.contents else { return false };
        let assumed = &contents.assumed;
        assumed.rdds.iter().all(|rdd| self.usable.contains(rdd))
            && assumed.broadcasts.iter().all(|id| self.broadcasts.contains(id))
    }

    /// The tasks that wait for a job that is being packed.
    pub(super) fn waiting(&self, job: JobId) -> &[TaskId] {
        match self.jobs.get(&job) {
            Some(Delivery::Packed(waiting)) => &waiting.tasks,
            Some(Delivery::Sent) | None => &[],
        }
    }

    /// A job cannot be packed; the tasks that have waited for it.
    pub(super) fn give_up(&mut self, job: JobId) -> Vec<TaskId> {
        let tasks = self.waiting(job).to_vec();
        self.jobs.remove(&job);
        tasks
    }

    /// Sends a job that was packed; the tasks that have waited for it.
    pub(super) fn deliver(&mut self, job: JobId, holders: &Holders) -> Vec<TaskId> {
        let Some(Delivery::Packed(waiting)) = self.jobs.get_mut(&job) else { return Vec::new() };
        let mut waiting = std::mem::take(waiting);
        let Some(contents) = waiting.contents.take() else { return waiting.tasks };
        let Contents { libraries, broadcasts, job: message, described, .. } = contents;
        // What a job that was packed at the same time has brought is here.
        for (number, library) in libraries {
            if self.libraries.insert(number) {
                self.line.send_packed(library);
            }
        }
        for PackedBroadcast { id, in_chunks, message } in broadcasts {
            if self.broadcasts.insert(id) {
                if in_chunks {
                    holders.offer(id);
                }
                self.line.send_packed(message);
            }
        }
        self.line.send_packed(message);
        self.jobs.insert(job, Delivery::Sent);
        self.rdds.extend(&described);
        self.usable.extend(described);
        waiting.uncached.into_iter().for_each(|rdd| self.uncache(rdd));
        waiting.rdds.into_iter().for_each(|rdd| self.forget_rdd(rdd));
        for id in waiting.broadcasts {
            holders.forget(id);
            self.forget_broadcast(id);
        }
        waiting.tasks
    }

    /// Begins a task whose job is there.
    pub(super) fn begin(&mut self, assignment: &Assignment, outputs: &MapOutputs) {
        let Assignment { task, job, stage, partition, .. } = *assignment;
        for shuffle in &assignment.inputs {
            let Some(Places { at, version }) = outputs.get(*shuffle) else { continue };
            if self.outputs.insert(*shuffle, *version) != Some(*version) {
                self.line.send(&ToExecutor::Outputs { shuffle: *shuffle, at: at.clone() });
            }
        }
        self.line.send(&ToExecutor::Task { task, job, stage, partition });
    }

    /// What it was sent turned out to be unusable: to other jobs it is sent again.
    pub(super) fn send_again(&mut self) {
        self.usable.clear();
        self.libraries.clear();
    }

    /// A job has ended.
    pub(super) fn end_job(&mut self, job: JobId) {
        if let Some(Delivery::Sent) = self.jobs.remove(&job) {
            self.line.send(&ToExecutor::EndJob(job));
        }
    }

    /// No handle of an RDD is left.
    pub(super) fn forget_rdd(&mut self, rdd: RddId) {
        self.usable.remove(&rdd);
        if self.rdds.remove(&rdd) {
            self.line.send(&ToExecutor::ForgetRdd(rdd));
        }
        self.being_packed().for_each(|waiting| waiting.rdds.extend([rdd]));
    }

    /// No handle of a broadcast is left.
    pub(super) fn forget_broadcast(&mut self, id: u64) {
        if self.broadcasts.remove(&id) {
            self.line.send(&ToExecutor::ForgetBroadcast(id));
        }
        self.being_packed().for_each(|waiting| waiting.broadcasts.extend([id]));
    }

    /// An RDD is persisted no more.
    pub(super) fn uncache(&mut self, rdd: RddId) {
        if self.rdds.contains(&rdd) {
            self.line.send(&ToExecutor::Uncache(rdd));
        }
        self.being_packed().for_each(|waiting| waiting.uncached.extend([rdd]));
    }

    /// Nobody reads a shuffle any more.
    pub(super) fn forget_shuffle(&mut self, shuffle: ShuffleId) {
        self.outputs.remove(&shuffle);
        self.line.send(&ToExecutor::ForgetShuffle(shuffle));
    }

    /// What waits for jobs that are being packed, or to be sent.
    fn being_packed(&mut self) -> impl Iterator<Item = &mut Waiting> {
        self.jobs.values_mut().filter_map(|delivery| match delivery {
            Delivery::Packed(waiting) => Some(&mut **waiting),
            Delivery::Sent => None,
        })
    }
}
