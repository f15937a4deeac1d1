//! Commands that look at the engine or speak to it from outside.

use crate::shell::Live;
use crate::view::{self, rich, rich::Bundle};
use dpark::ids::{ExecutorId, JobId, RddId};
use dpark::status::JobState;

/// `:jobs`.
pub(super) fn jobs(live: &Live, _args: &str) -> Result<Bundle, String> {
    Ok(rich::jobs(&live.snapshot(), live.width))
}

/// `:stages [JOB]`.
pub(super) fn stages(live: &Live, args: &str) -> Result<Bundle, String> {
    let snapshot = live.snapshot();
    let job = if args.is_empty() { None } else { Some(job(live, args)?) };
    Ok(rich::stages(&snapshot, job, live.width))
}

/// `:dag [RDD]`.
pub(super) fn dag(live: &Live, args: &str) -> Result<Bundle, String> {
    let snapshot = live.snapshot();
    let job = if args.is_empty() {
        snapshot.jobs.last().ok_or("no jobs yet")?.id
    } else {
        let rdd = live.find_rdd(args)?;
        let computes = |job: JobId| snapshot.stages_of(job).any(|stage| stage.info.rdds.contains(&rdd));
        let job = snapshot.jobs.iter().rfind(|job| computes(job.id));
        job.ok_or_else(|| format!("no job has computed {args} yet; `:lineage {args}` shows how it would be"))?.id
    };
    Ok(rich::job(&snapshot, job, &live.names()))
}

/// `:lineage RDD`.
pub(super) fn lineage(live: &Live, args: &str) -> Result<Bundle, String> {
    let rdd = rdd(live, args, ":lineage")?;
    Ok(rich::lineage(&live.snapshot(), rdd, &live.names()))
}

/// `:cache`.
pub(super) fn cache(live: &Live, _args: &str) -> Result<Bundle, String> {
    Ok(rich::cache(&live.snapshot(), &live.names(), live.width))
}

/// `:uncache RDD`.
pub(super) fn uncache(live: &Live, args: &str) -> Result<Bundle, String> {
    let rdd = rdd(live, args, ":uncache")?;
    let snapshot = live.snapshot();
    let found = snapshot.rdd(rdd);
    let Some(cached) = found.filter(|rdd| rdd.level.is_some() || !rdd.cached.is_empty()) else {
        return Ok(Bundle::text(format!("{args} is not cached")));
    };
    live.control.uncache(rdd);
    let partitions = view::units::plural(cached.cached.len() as u64, "cached partition");
    Ok(Bundle::text(format!(
        "dropped {partitions} of {args} ({})",
        view::units::bytes(cached.memory() + cached.disk())
    )))
}

/// `:cancel JOB`.
pub(super) fn cancel(live: &Live, args: &str) -> Result<Bundle, String> {
    if args.is_empty() {
        return Err("which job? `:jobs` lists them".to_owned());
    }
    let job = job(live, args)?;
    let snapshot = live.snapshot();
    match snapshot.job(job) {
        Some(found) if found.state != JobState::Running => {
            Ok(Bundle::text(format!("job {job} has ended already ({})", view::jobs::state(found))))
        }
        _ => {
            live.control.cancel_job(job);
            Ok(Bundle::text(format!("job {job} is being cancelled")))
        }
    }
}

/// `:executors`.
pub(super) fn executors(live: &Live, _args: &str) -> Result<Bundle, String> {
    Ok(rich::executors(&live.snapshot(), live.width))
}

/// `:kill-executor ID`.
pub(super) fn kill_executor(live: &Live, args: &str) -> Result<Bundle, String> {
    let id = args.parse().map(ExecutorId).map_err(|_| "which executor? `:executors` lists them".to_owned())?;
    match live.snapshot().executors.iter().find(|executor| executor.id == id) {
        None => Err(format!("there is no executor {id}; `:executors` lists them")),
        Some(executor) if executor.lost.is_some() => Ok(Bundle::text(format!("executor {id} is gone already"))),
        Some(executor) => {
            live.control.kill_executor(id);
            Ok(Bundle::text(format!("executor {id} (process {}) is killed; another one takes its place", executor.pid)))
        }
    }
}

fn job(live: &Live, text: &str) -> Result<JobId, String> {
    let id = text.parse().map(JobId).map_err(|_| format!("`{text}` is no job's number; `:jobs` lists them"))?;
    let known = live.snapshot().job(id).is_some();
    if known { Ok(id) } else { Err(format!("there is no job {id}; `:jobs` lists them")) }
}

fn rdd(live: &Live, text: &str, command: &str) -> Result<RddId, String> {
    if text.is_empty() {
        return Err(format!("which RDD? `{command} NAME` takes a variable or an RDD's number"));
    }
    live.find_rdd(text)
}
