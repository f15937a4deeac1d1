//! The facts of jobs for programs: `application/vnd.dpark.job.v1+json`. Whoever reads it ignores keys that it does not
//! know; a key that is there keeps its meaning as long as the type is `v1`. Times are in microseconds since the context was
//! made, sizes in bytes.

use crate::view::{self, Names};
use dpark::event::JobEnd;
use dpark::ids::{JobId, RddId};
use dpark::status::{JobState, JobStatus, RddStatus, Snapshot, StageState, StageStatus};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Of more than so many the last ones are told: the facts are part of a notebook's file.
const MOST_JOBS: usize = 100;
const MOST_STAGES: usize = 400;
const MOST_RDDS: usize = 1_000;

/// The jobs with their stages, and the RDDs that these compute.
pub(super) fn facts(snapshot: &Snapshot, jobs: &[JobId], names: &Names) -> Value {
    let mut facts = progress(snapshot, jobs);
    let stages = jobs.iter().flat_map(|job| snapshot.stages_of(*job));
    let rdds: BTreeSet<RddId> = stages.flat_map(|stage| stage.info.rdds.iter().copied()).collect();
    let rdds: Vec<&RddStatus> = rdds.into_iter().filter_map(|id| snapshot.rdd(id)).collect();
    facts["rdds"] = last(&rdds, MOST_RDDS).iter().map(|status| rdd(status, names)).collect();
    facts["left_out"]["rdds"] = rdds.len().saturating_sub(MOST_RDDS).into();
    facts
}

/// The jobs and their stages only: what changes while they run.
pub(super) fn progress(snapshot: &Snapshot, jobs: &[JobId]) -> Value {
    let jobs: Vec<&JobStatus> = jobs.iter().filter_map(|job| snapshot.job(*job)).collect();
    let stages: Vec<&StageStatus> = jobs.iter().flat_map(|job| snapshot.stages_of(job.id)).collect();
    json!({
        "jobs": last(&jobs, MOST_JOBS).iter().map(|status| job(status)).collect::<Vec<_>>(),
        "stages": last(&stages, MOST_STAGES).iter().map(|status| stage(status)).collect::<Vec<_>>(),
        "left_out": {
            "jobs": jobs.len().saturating_sub(MOST_JOBS),
            "stages": stages.len().saturating_sub(MOST_STAGES),
        },
    })
}

fn last<T>(all: &[T], most: usize) -> &[T] {
    &all[all.len().saturating_sub(most)..]
}

fn job(job: &JobStatus) -> Value {
    let (ended, error) = match &job.state {
        JobState::Running => (None, None),
        JobState::Ended { end: JobEnd::Failed(why), at } => (Some(*at), Some(why)),
        JobState::Ended { at, .. } => (Some(*at), None),
    };
    json!({
        "id": job.id.0,
        "action": job.name,
        "call_site": job.call_site.to_string(),
        "state": view::jobs::state(job),
        "error": error,
        "started": job.started,
        "ended": ended,
        "stages": job.stages.iter().map(|stage| stage.0).collect::<Vec<_>>(),
    })
}

fn stage(stage: &StageStatus) -> Value {
    let ended = match stage.state {
        StageState::Finished { at, .. } | StageState::Stopped { at, .. } => Some(at),
        StageState::Waiting | StageState::Running { .. } | StageState::Skipped => None,
    };
    json!({
        "id": stage.info.id.0,
        "job": stage.info.job.0,
        "name": stage.info.name,
        "call_site": stage.info.call_site.to_string(),
        "state": view::stages::state(stage.state),
        "parents": stage.info.parents.iter().map(|parent| parent.0).collect::<Vec<_>>(),
        "rdds": stage.info.rdds.iter().map(|rdd| rdd.0).collect::<Vec<_>>(),
        "started": stage.state.started(),
        "ended": ended,
        "tasks": {
            "all": stage.info.tasks,
            "done": stage.done,
            "running": stage.running,
            "failed": stage.failed,
            "copies": stage.copies,
        },
        "rows": stage.totals.rows,
        "bad_records": stage.totals.bad_records,
        "input": stage.totals.input_bytes,
        "shuffle_read": stage.totals.shuffle_read_bytes,
        "shuffle_write": stage.totals.shuffle_write_bytes,
        "last_failure": stage.last_failure,
    })
}

fn rdd(rdd: &RddStatus, names: &Names) -> Value {
    let parent =
        |link: &dpark::event::ParentLink| json!({ "rdd": link.parent.0, "shuffle": link.shuffle.map(|id| id.0) });
    json!({
        "id": rdd.info.id.0,
        "variable": names.get(&rdd.info.id),
        "operator": rdd.info.operator,
        "element": rdd.info.element,
        "partitions": rdd.info.partitions,
        "call_site": rdd.info.call_site.to_string(),
        "parents": rdd.info.parents.iter().map(parent).collect::<Vec<_>>(),
        "level": rdd.level,
        "cached_partitions": rdd.cached.len(),
        "checkpoint": rdd.checkpoint,
    })
}
