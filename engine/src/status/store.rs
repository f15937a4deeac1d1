//! Applying events to the read model.

use super::attempts::Remembered;
use super::{
    AttemptEnd, AttemptStatus, Attempts, CachedBlock, ExecutorStatus, JobState, JobStatus, RddLife, RddStatus,
    Snapshot, StageState, StageStatus, Stopped, Totals,
};
use crate::event::{Event, JobEnd, StageInfo, TaskEnd, TaskMetrics};
use crate::ids::{ExecutorId, JobId, RddId, StageId, TaskId};
use std::collections::{BTreeMap, BTreeSet};

/// How many jobs that have ended are remembered…
const REMEMBERED_JOBS: usize = 1_000;

/// …as long as their stages don't list more RDDs than this together: a job over a chain of 10,000 maps lists as many.
const REMEMBERED_RDDS: usize = 50_000;

/// How many executors that are gone are remembered.
const REMEMBERED_EXECUTORS: usize = 20;

/// See the module [`crate::status`].
#[derive(Debug)]
pub struct StatusStore {
    jobs: BTreeMap<JobId, JobStatus>,
    ended: BTreeSet<(u64, JobId)>,
    stages: BTreeMap<StageId, StageStatus>,
    rdds: BTreeMap<RddId, Listed>,
    /// Attempts that run now.
    attempts: BTreeMap<TaskId, AttemptStatus>,
    /// The jobs whose attempts are remembered.
    remembered: Remembered,
    executors: BTreeMap<ExecutorId, ExecutorStatus>,
    skipped_disks: BTreeMap<String, String>,
    remember: usize,
    /// How many RDDs the remembered stages list.
    listed: usize,
}

/// An RDD and how many remembered stages refer to it.
#[derive(Debug)]
struct Listed {
    status: RddStatus,
    stages: usize,
}

impl StatusStore {
    /// An empty store that remembers the last 1,000 jobs.
    pub fn new() -> StatusStore {
        StatusStore::remembering(REMEMBERED_JOBS)
    }

    /// An empty store that remembers the last `jobs` jobs which have ended.
    pub fn remembering(jobs: usize) -> StatusStore {
        StatusStore {
            jobs: BTreeMap::new(),
            ended: BTreeSet::new(),
            stages: BTreeMap::new(),
            rdds: BTreeMap::new(),
            attempts: BTreeMap::new(),
            remembered: Remembered::default(),
            executors: BTreeMap::new(),
            skipped_disks: BTreeMap::new(),
            remember: jobs,
            listed: 0,
        }
    }

    /// Everything, as plain data.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            jobs: self.jobs.values().cloned().collect(),
            stages: self.stages.clone(),
            rdds: self.rdds.values().map(|listed| listed.status.clone()).collect(),
            executors: self.executors.values().cloned().collect(),
            skipped_disks: self.skipped_disks.clone(),
        }
    }

    /// Takes in one event. What it says of things that are not known (any more) is ignored.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::RddCreated(info) => {
                let status = RddStatus {
                    info: info.clone(),
                    life: RddLife::Alive,
                    level: None,
                    cached: BTreeMap::new(),
                    not_stored: BTreeMap::new(),
                    checkpoint: None,
                    skipped: BTreeMap::new(),
                };
                self.rdds.insert(status.info.id, Listed { status, stages: 0 });
            }
            Event::RddDropped { rdd } => {
                self.with_rdd(*rdd, |status| {
                    status.life = RddLife::Dropped;
                    status.level = None;
                    status.cached.clear();
                    status.not_stored.clear();
                });
                self.forget_rdd(*rdd);
            }
            Event::CacheMarked { rdd, level } => self.with_rdd(*rdd, |status| {
                status.level = level.clone();
                status.not_stored.clear();
            }),
            Event::BlockStored { rdd, partition, executor, memory, disk } => {
                let block = CachedBlock { memory: *memory, disk: *disk };
                // News of an executor may come after its end.
                let is_lost = self.executors.get(executor).is_some_and(|status| status.lost.is_some());
                self.with_rdd(*rdd, |status| {
                    if !is_lost {
                        status.cached.entry(*partition).or_default().insert(*executor, block);
                    }
                    status.not_stored.remove(partition);
                });
            }
            Event::BlockRemoved { rdd, partition, executor } => {
                self.with_rdd(*rdd, |status| status.block_removed(*partition, *executor));
            }
            Event::BlockNotStored { rdd, partition, why } => self.with_rdd(*rdd, |status| {
                status.not_stored.insert(*partition, why.clone());
            }),
            Event::DiskSkipped { directory, why } => {
                self.skipped_disks.entry(directory.clone()).or_insert_with(|| why.clone());
            }
            Event::RowsSkipped { rdd, operator, example, .. } => self.with_rdd(*rdd, |status| {
                status.skipped.insert(operator.clone(), example.clone());
            }),
            Event::Checkpointed { rdd, directory } => {
                self.with_rdd(*rdd, |status| status.checkpoint = Some(directory.clone()));
            }
            Event::JobStarted { job, name, call_site, stages, skipped, at } => {
                let status = JobStatus {
                    id: *job,
                    name: name.clone(),
                    call_site: call_site.clone(),
                    state: JobState::Running,
                    stages: stages.iter().map(|stage| stage.id).collect(),
                    started: *at,
                };
                self.jobs.insert(*job, status);
                stages.iter().for_each(|stage| self.add_stage(stage, skipped.contains(&stage.id)));
            }
            Event::StageStarted { stage, at } => self.with_stage(*stage, |status| status.start(*at)),
            Event::StageFinished { stage, at } => self.with_stage(*stage, |status| status.finish(*at)),
            Event::ExecutorJoined { executor, pid, slots, .. } => self.executor_joined(*executor, *pid, *slots),
            Event::ExecutorMemory { executor, memory, .. } => {
                self.with_executor(*executor, |status| status.memory = *memory);
            }
            Event::ExecutorExcluded { executor, .. } => self.with_executor(*executor, |status| status.excluded = true),
            Event::ExecutorReadmitted { executor, .. } => {
                self.with_executor(*executor, |status| status.excluded = false)
            }
            Event::ExecutorLost { executor, why, .. } => {
                self.with_executor(*executor, |status| {
                    status.excluded = false;
                    status.lost = Some(why.clone());
                    status.running = 0;
                    status.memory = 0;
                });
                self.rdds.values_mut().for_each(|listed| listed.status.executor_lost(*executor));
            }
            Event::BroadcastFetched { .. } => {}
            Event::TaskStarted { task, stage, partition, executor, is_copy, at, .. } => {
                let attempt = AttemptStatus {
                    partition: *partition,
                    executor: *executor,
                    is_copy: *is_copy,
                    started: *at,
                    ended: *at,
                    end: AttemptEnd::Cancelled,
                };
                self.attempts.insert(*task, attempt);
                self.with_stage(*stage, |status| {
                    status.running += 1;
                    status.copies += usize::from(*is_copy);
                });
                self.with_executor(*executor, |status| status.running += 1);
            }
            Event::TaskFinished { task, stage, end, at, .. } => {
                if let Some(attempt) = self.attempts.remove(task) {
                    let attempt = AttemptStatus { ended: *at, end: AttemptEnd::of(end), ..attempt };
                    self.with_stage(*stage, |status| status.task_finished(end, attempt));
                    self.with_executor(attempt.executor, |status| status.task_finished(end));
                }
            }
            Event::JobFinished { job, end, at } => self.job_finished(*job, end, *at),
        }
    }

    fn executor_joined(&mut self, id: ExecutorId, pid: u32, slots: usize) {
        let totals = Totals::default();
        let status = ExecutorStatus {
            id,
            pid,
            slots,
            memory: 0,
            excluded: false,
            lost: None,
            running: 0,
            done: 0,
            failed: 0,
            totals,
        };
        self.executors.insert(id, status);
        let lost = self.executors.values().filter(|status| status.lost.is_some());
        let lost: Vec<ExecutorId> = lost.map(|status| status.id).collect();
        for oldest in lost.iter().take(lost.len().saturating_sub(REMEMBERED_EXECUTORS)) {
            self.executors.remove(oldest);
        }
    }

    fn add_stage(&mut self, info: &StageInfo, skipped: bool) {
        self.listed += info.rdds.len();
        for rdd in &info.rdds {
            if let Some(listed) = self.rdds.get_mut(rdd) {
                listed.stages += 1;
            }
        }
        let status = StageStatus {
            info: info.clone(),
            state: if skipped { StageState::Skipped } else { StageState::Waiting },
            done: 0,
            running: 0,
            failed: 0,
            copies: 0,
            last_failure: None,
            totals: Totals::default(),
            attempts: Attempts::default(),
        };
        self.stages.insert(info.id, status);
    }

    fn job_finished(&mut self, job: JobId, end: &JobEnd, at: u64) {
        let Some(status) = self.jobs.get_mut(&job) else { return };
        status.state = JobState::Ended { end: end.clone(), at };
        for stage in self.stages_of(job) {
            self.with_stage(stage, |status| status.job_finished(end, at));
        }
        self.ended.insert((at, job));
        self.forget_attempts(job);
        // The job that just ended stays, however big.
        while (self.ended.len() > self.remember || (self.listed > REMEMBERED_RDDS && self.ended.len() > 1))
            && let Some((_, oldest)) = self.ended.pop_first()
        {
            self.forget_job(oldest);
        }
    }

    /// Forgets the attempts of older jobs, if with those of this one there are too many.
    fn forget_attempts(&mut self, job: JobId) {
        let own = self.stages_of(job).into_iter().filter_map(|stage| self.stages.get(&stage));
        let own = own.map(|stage| stage.attempts.kept().len()).sum();
        for oldest in self.remembered.job_ended(job, own) {
            for stage in self.stages_of(oldest) {
                self.with_stage(stage, |status| status.attempts = Attempts::default());
            }
        }
    }

    fn stages_of(&self, job: JobId) -> Vec<StageId> {
        self.jobs.get(&job).map(|status| status.stages.clone()).unwrap_or_default()
    }

    fn forget_job(&mut self, job: JobId) {
        self.remembered.job_forgotten(job);
        let stages = self.jobs.remove(&job).map(|status| status.stages).unwrap_or_default();
        for stage in stages {
            let Some(status) = self.stages.remove(&stage) else { continue };
            self.listed = self.listed.saturating_sub(status.info.rdds.len());
            for rdd in status.info.rdds {
                if let Some(listed) = self.rdds.get_mut(&rdd) {
                    listed.stages = listed.stages.saturating_sub(1);
                }
                self.forget_rdd(rdd);
            }
        }
    }

    /// Forgets an RDD that is dropped and that no remembered stage refers to.
    fn forget_rdd(&mut self, rdd: RddId) {
        let unused = |listed: &Listed| listed.stages == 0 && listed.status.life == RddLife::Dropped;
        if self.rdds.get(&rdd).is_some_and(unused) {
            self.rdds.remove(&rdd);
        }
    }

    fn with_rdd(&mut self, rdd: RddId, change: impl FnOnce(&mut RddStatus)) {
        if let Some(listed) = self.rdds.get_mut(&rdd) {
            change(&mut listed.status);
        }
    }

    fn with_executor(&mut self, executor: ExecutorId, change: impl FnOnce(&mut ExecutorStatus)) {
        if let Some(status) = self.executors.get_mut(&executor) {
            change(status);
        }
    }

    fn with_stage(&mut self, stage: StageId, change: impl FnOnce(&mut StageStatus)) {
        if let Some(status) = self.stages.get_mut(&stage) {
            change(status);
        }
    }
}

impl RddStatus {
    /// An executor does not hold a partition any more; others may.
    fn block_removed(&mut self, partition: usize, executor: ExecutorId) {
        if let Some(holders) = self.cached.get_mut(&partition) {
            holders.remove(&executor);
            if holders.is_empty() {
                self.cached.remove(&partition);
            }
        }
    }

    /// What an executor held went with it.
    fn executor_lost(&mut self, executor: ExecutorId) {
        self.cached.retain(|_, holders| {
            holders.remove(&executor);
            !holders.is_empty()
        });
    }
}

impl ExecutorStatus {
    fn task_finished(&mut self, end: &TaskEnd) {
        self.running = self.running.saturating_sub(1);
        match end {
            TaskEnd::Succeeded(metrics) => {
                self.done += 1;
                self.totals.add(metrics);
            }
            TaskEnd::Failed(_) => self.failed += 1,
            TaskEnd::Cancelled => {}
        }
    }
}

impl Default for StatusStore {
    fn default() -> StatusStore {
        StatusStore::new()
    }
}

impl StageStatus {
    /// Starts; for the second time, if outputs were lost. `done` stays: events don't tell how many were lost.
    fn start(&mut self, at: u64) {
        let started = self.state.started().unwrap_or(at);
        self.state = StageState::Running { started };
    }

    /// All outputs are there, those of another job's tasks on a shared stage included.
    fn finish(&mut self, at: u64) {
        let started = self.state.started().unwrap_or(at);
        self.state = StageState::Finished { started, at };
        self.done = self.info.tasks;
    }

    fn task_finished(&mut self, end: &TaskEnd, attempt: AttemptStatus) {
        self.attempts.add(attempt);
        self.running = self.running.saturating_sub(1);
        match end {
            TaskEnd::Succeeded(metrics) => {
                // A lost output computed again is no further task.
                self.done = (self.done + 1).min(self.info.tasks);
                self.totals.add(metrics);
            }
            TaskEnd::Failed(why) => {
                self.failed += 1;
                self.last_failure = Some(why.clone());
            }
            TaskEnd::Cancelled => {}
        }
    }

    fn job_finished(&mut self, end: &JobEnd, at: u64) {
        let why = match end {
            JobEnd::Cancelled => Stopped::Cancelled,
            JobEnd::Failed(_) | JobEnd::Succeeded => Stopped::Failed,
        };
        self.state = match (self.state, end) {
            (StageState::Waiting, _) => StageState::Skipped,
            // What it was computed for is there.
            (StageState::Running { started }, JobEnd::Succeeded) => StageState::Finished { started, at },
            (StageState::Running { started }, _) => StageState::Stopped { started, at, why },
            (ended, _) => ended,
        };
    }
}

impl StageState {
    /// When the stage began, if it did.
    pub fn started(self) -> Option<u64> {
        match self {
            StageState::Waiting | StageState::Skipped => None,
            StageState::Running { started }
            | StageState::Finished { started, .. }
            | StageState::Stopped { started, .. } => Some(started),
        }
    }
}

impl Totals {
    fn add(&mut self, metrics: &TaskMetrics) {
        self.rows += metrics.rows;
        self.shuffle_write_bytes += metrics.shuffle_write_bytes;
        self.shuffle_read_bytes += metrics.shuffle_read_bytes;
        self.input_bytes += metrics.input_bytes;
        self.run_micros += metrics.run_micros;
        self.bad_records += metrics.bad_records;
    }
}
