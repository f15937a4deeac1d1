//! `:jobs`.

use super::table::{Align, Sheet};
use super::units;
use dpark::event::JobEnd;
use dpark::status::{JobState, JobStatus, Snapshot, StageState};

/// Every job, oldest first; else what there is to say.
pub fn sheet(snapshot: &Snapshot) -> Result<Sheet, &'static str> {
    if snapshot.jobs.is_empty() {
        return Err("no jobs yet");
    }
    Ok(sheet_of(snapshot, snapshot.jobs.iter()))
}

/// These jobs.
pub(super) fn sheet_of<'a>(snapshot: &Snapshot, jobs: impl Iterator<Item = &'a JobStatus>) -> Sheet {
    let header = [
        ("job", Align::Right),
        ("action", Align::Left),
        ("state", Align::Left),
        ("stages", Align::Right),
        ("tasks", Align::Right),
        ("time", Align::Right),
    ];
    Sheet::of_used_columns(&header, jobs.map(|job| row(snapshot, job)).collect())
}

fn row(snapshot: &Snapshot, job: &JobStatus) -> Vec<String> {
    let counted: Vec<_> = snapshot.stages_of(job.id).filter(|stage| stage.state != StageState::Skipped).collect();
    let skipped = job.stages.len().saturating_sub(counted.len());
    let finished = counted.iter().filter(|stage| matches!(stage.state, StageState::Finished { .. })).count();
    let (done, tasks) =
        counted.iter().fold((0, 0), |(done, tasks), stage| (done + stage.done, tasks + stage.info.tasks));
    let stages = match skipped {
        0 => format!("{finished}/{}", counted.len()),
        skipped => format!("{finished}/{} (+{skipped} skipped)", counted.len()),
    };
    vec![
        job.id.to_string(),
        format!("{} at {}", job.name, job.call_site),
        state(job).to_owned(),
        stages,
        format!("{done}/{tasks}"),
        match job.state {
            JobState::Running => String::new(),
            JobState::Ended { at, .. } => units::micros(job.duration(at)),
        },
    ]
}

/// A job's state in one word.
pub fn state(job: &JobStatus) -> &'static str {
    match &job.state {
        JobState::Running => "running",
        JobState::Ended { end: JobEnd::Succeeded, .. } => "finished",
        JobState::Ended { end: JobEnd::Failed(_), .. } => "failed",
        JobState::Ended { end: JobEnd::Cancelled, .. } => "cancelled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::example;

    #[test]
    fn golden() {
        insta::assert_snapshot!(sheet(&example::snapshot()).expect("there are jobs").text(None));
        assert_eq!(sheet(&Snapshot::default()), Err("no jobs yet"));
    }
}
