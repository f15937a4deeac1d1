//! The read model of the event stream, as the views take it. Stands in for `dpark::status` until that is merged.

use dpark::event::{CallSite, Event, JobEnd, RddInfo, StageInfo, TaskEnd, TaskMetrics};
use dpark::ids::{JobId, RddId, ShuffleId, StageId};
use std::collections::BTreeMap;

/// What is known at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Jobs by number.
    pub jobs: Vec<Job>,
    /// Stages by number.
    pub stages: Vec<Stage>,
    /// Living RDDs by number.
    pub rdds: Vec<Rdd>,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its number.
    pub id: JobId,
    /// The action.
    pub name: String,
    /// Where it was called.
    pub call_site: CallSite,
    /// Its stages, parents first.
    pub stages: Vec<StageId>,
    /// How it ended; none while it runs.
    pub end: Option<JobEnd>,
    /// When it began.
    pub started: u64,
    /// When it ended.
    pub finished: Option<u64>,
}

/// Where a stage stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageState {
    /// Its inputs are not there yet.
    Waiting,
    /// Its tasks run.
    Running,
    /// All outputs are there.
    Finished,
    /// A task failed for good, or the job was cancelled.
    Failed,
    /// Its outputs were there before the job.
    Skipped,
}

/// A stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Its number.
    pub id: StageId,
    /// Its job.
    pub job: JobId,
    /// The operator that ended it.
    pub name: String,
    /// Where that was called.
    pub call_site: CallSite,
    /// The shuffle it writes.
    pub shuffle: Option<ShuffleId>,
    /// The stages it reads from.
    pub parents: Vec<StageId>,
    /// The RDDs pipelined in it, parents first.
    pub rdds: Vec<RddId>,
    /// Where it stands.
    pub state: StageState,
    /// Tasks in all.
    pub tasks: usize,
    /// Tasks done.
    pub done: usize,
    /// Attempts running.
    pub running: usize,
    /// Attempts failed.
    pub failed: usize,
    /// What its tasks measured, summed.
    pub metrics: TaskMetrics,
    /// When it began.
    pub started: Option<u64>,
    /// When it ended.
    pub finished: Option<u64>,
}

/// An RDD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rdd {
    /// Its static facts.
    pub info: RddInfo,
    /// The storage level it is marked with.
    pub level: Option<String>,
    /// Cached partitions.
    pub cached: usize,
    /// Bytes cached in memory.
    pub memory: u64,
    /// Bytes cached on disk.
    pub disk: u64,
}

/// Builds [`Snapshot`]s from events.
#[derive(Debug, Default)]
pub struct StatusStore {
    jobs: BTreeMap<JobId, Job>,
    stages: BTreeMap<StageId, Stage>,
    rdds: BTreeMap<RddId, Rdd>,
    blocks: BTreeMap<(RddId, usize), (u64, u64)>,
}

impl StatusStore {
    /// Takes an event in.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::RddCreated(info) => {
                let rdd = Rdd { info: info.clone(), level: None, cached: 0, memory: 0, disk: 0 };
                self.rdds.insert(info.id, rdd);
            }
            Event::RddDropped { rdd } => {
                self.rdds.remove(rdd);
                self.blocks.retain(|(id, _), _| id != rdd);
            }
            Event::CacheMarked { rdd, level } => {
                if let Some(rdd) = self.rdds.get_mut(rdd) {
                    rdd.level.clone_from(level);
                }
            }
            Event::BlockStored { rdd, partition, memory, disk } => {
                self.blocks.insert((*rdd, *partition), (*memory, *disk));
            }
            Event::BlockRemoved { rdd, partition } => {
                self.blocks.remove(&(*rdd, *partition));
            }
            Event::JobStarted { job, name, call_site, stages, skipped, at } => {
                for info in stages {
                    self.stages.insert(info.id, new_stage(info, skipped.contains(&info.id)));
                }
                let job = Job {
                    id: *job,
                    name: name.clone(),
                    call_site: call_site.clone(),
                    stages: stages.iter().map(|stage| stage.id).collect(),
                    end: None,
                    started: *at,
                    finished: None,
                };
                self.jobs.insert(job.id, job);
            }
            Event::StageStarted { stage, at } => self.stage(*stage, |stage| {
                stage.state = StageState::Running;
                stage.started.get_or_insert(*at);
            }),
            Event::StageFinished { stage, at } => self.stage(*stage, |stage| {
                stage.state = StageState::Finished;
                stage.finished = Some(*at);
            }),
            Event::TaskStarted { stage, .. } => self.stage(*stage, |stage| stage.running += 1),
            Event::TaskFinished { stage, end, .. } => self.stage(*stage, |stage| {
                stage.running = stage.running.saturating_sub(1);
                match end {
                    TaskEnd::Succeeded(metrics) => {
                        stage.done += 1;
                        add(&mut stage.metrics, metrics);
                    }
                    TaskEnd::Failed(_) => stage.failed += 1,
                    TaskEnd::Cancelled => {}
                }
            }),
            Event::JobFinished { job, end, at } => self.finish_job(*job, end, *at),
        }
    }

    fn stage(&mut self, stage: StageId, change: impl FnOnce(&mut Stage)) {
        if let Some(stage) = self.stages.get_mut(&stage) {
            change(stage);
        }
    }

    fn finish_job(&mut self, job: JobId, end: &JobEnd, at: u64) {
        let Some(job) = self.jobs.get_mut(&job) else { return };
        job.end = Some(end.clone());
        job.finished = Some(at);
        for stage in &job.stages {
            if let Some(stage) = self.stages.get_mut(stage)
                && stage.state == StageState::Running
            {
                stage.state = StageState::Failed;
                stage.finished = Some(at);
            }
        }
    }

    /// What is known now.
    pub fn snapshot(&self) -> Snapshot {
        let mut rdds = self.rdds.clone();
        for ((id, _), (memory, disk)) in &self.blocks {
            if let Some(rdd) = rdds.get_mut(id) {
                rdd.cached += 1;
                rdd.memory += memory;
                rdd.disk += disk;
            }
        }
        Snapshot {
            jobs: self.jobs.values().cloned().collect(),
            stages: self.stages.values().cloned().collect(),
            rdds: rdds.into_values().collect(),
        }
    }
}

fn new_stage(info: &StageInfo, skipped: bool) -> Stage {
    Stage {
        id: info.id,
        job: info.job,
        name: info.name.clone(),
        call_site: info.call_site.clone(),
        shuffle: info.shuffle,
        parents: info.parents.clone(),
        rdds: info.rdds.clone(),
        state: if skipped { StageState::Skipped } else { StageState::Waiting },
        tasks: info.tasks,
        done: 0,
        running: 0,
        failed: 0,
        metrics: TaskMetrics::default(),
        started: None,
        finished: None,
    }
}

fn add(sum: &mut TaskMetrics, metrics: &TaskMetrics) {
    sum.rows += metrics.rows;
    sum.shuffle_write_bytes += metrics.shuffle_write_bytes;
    sum.shuffle_read_bytes += metrics.shuffle_read_bytes;
    sum.input_bytes += metrics.input_bytes;
    sum.run_micros += metrics.run_micros;
}
