//! `:jobs`.

use super::table::{Align, table};
use super::units;
use dpark::event::JobEnd;
use dpark::status::{JobState, JobStatus, Snapshot, StageState};

/// Every job, oldest first.
pub fn jobs(snapshot: &Snapshot, width: Option<usize>) -> String {
    if snapshot.jobs.is_empty() {
        return "no jobs yet".to_owned();
    }
    let header = [
        ("job", Align::Right),
        ("action", Align::Left),
        ("state", Align::Left),
        ("stages", Align::Right),
        ("tasks", Align::Right),
        ("time", Align::Right),
    ];
    let rows: Vec<Vec<String>> = snapshot.jobs.iter().map(|job| row(snapshot, job)).collect();
    table(&header, &rows, width)
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
        insta::assert_snapshot!(jobs(&example::snapshot(), None));
        assert_eq!(jobs(&Snapshot::default(), None), "no jobs yet");
    }
}
