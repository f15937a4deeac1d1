//! Jobs in one line.

use crate::view::{jobs, units};
use dpark::event::JobEnd;
use dpark::ids::JobId;
use dpark::status::{JobState, JobStatus, Snapshot, StageState, StageStatus};

/// `job 3 · count at cell 4, line 2 · finished · 2 stages · 16 tasks · 1.24 s · shuffle 4.1 MiB`.
pub(super) fn job(snapshot: &Snapshot, job: &JobStatus) -> String {
    let head = format!("job {} · {} at {} · {}", job.id, job.name, job.call_site, jobs::state(job));
    let mut parts = vec![head, work(snapshot, &[job])];
    if let JobState::Ended { at, .. } = job.state {
        parts.push(units::micros(job.duration(at)));
    }
    parts.extend(shuffled(snapshot, &[job]));
    parts.join(" · ")
}

/// `3 jobs · 1 failed · 6 stages · 48 tasks · shuffle 4.1 MiB`.
pub(super) fn all(snapshot: &Snapshot, jobs: &[&JobStatus]) -> String {
    let mut parts = vec![units::plural(jobs.len() as u64, "job")];
    let failed = jobs.iter().filter(|job| why_failed(job).is_some()).count();
    if failed > 0 {
        parts.push(format!("{failed} failed"));
    }
    parts.push(work(snapshot, jobs));
    parts.extend(shuffled(snapshot, jobs));
    parts.join(" · ")
}

/// The error that the action of a failed job gave.
pub(super) fn why_failed(job: &JobStatus) -> Option<&str> {
    match &job.state {
        JobState::Ended { end: JobEnd::Failed(why), .. } => Some(why),
        _ => None,
    }
}

/// The jobs of these numbers that are remembered.
pub(super) fn known<'a>(snapshot: &'a Snapshot, jobs: &[JobId]) -> Vec<&'a JobStatus> {
    jobs.iter().filter_map(|job| snapshot.job(*job)).collect()
}

/// `2 stages (1 skipped) · 16 tasks`; `5/16 tasks` as long as not all are done.
fn work(snapshot: &Snapshot, jobs: &[&JobStatus]) -> String {
    let (skipped, ran): (Vec<&StageStatus>, Vec<&StageStatus>) =
        stages(snapshot, jobs).partition(|stage| stage.state == StageState::Skipped);
    let mut text = units::plural(ran.len() as u64, "stage");
    if !skipped.is_empty() {
        text.push_str(&format!(" ({} skipped)", skipped.len()));
    }
    let done: usize = ran.iter().map(|stage| stage.done).sum();
    let tasks: usize = ran.iter().map(|stage| stage.info.tasks).sum();
    let part = if done < tasks { format!("{}/", units::count(done as u64)) } else { String::new() };
    format!("{text} · {part}{}", units::plural(tasks as u64, "task"))
}

fn shuffled(snapshot: &Snapshot, jobs: &[&JobStatus]) -> Option<String> {
    let bytes: u64 = stages(snapshot, jobs).map(|stage| stage.totals.shuffle_write_bytes).sum();
    (bytes > 0).then(|| format!("shuffle {}", units::bytes(bytes)))
}

fn stages<'a>(snapshot: &'a Snapshot, jobs: &[&JobStatus]) -> impl Iterator<Item = &'a StageStatus> {
    jobs.iter().flat_map(|job| snapshot.stages_of(job.id)).collect::<Vec<_>>().into_iter()
}
