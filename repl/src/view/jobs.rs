//! `:jobs`.

use super::table::{Align, table};
use super::units;
use crate::status::{Job, Snapshot, StageState};
use dpark::event::JobEnd;

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

fn row(snapshot: &Snapshot, job: &Job) -> Vec<String> {
    let counted: Vec<_> = snapshot
        .stages
        .iter()
        .filter(|stage| stage.job == job.id && stage.state != StageState::Skipped)
        .collect();
    let skipped = job.stages.len().saturating_sub(counted.len());
    let finished = counted.iter().filter(|stage| stage.state == StageState::Finished).count();
    let (done, tasks) = counted.iter().fold((0, 0), |(done, tasks), stage| (done + stage.done, tasks + stage.tasks));
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
        units::span(Some(job.started), job.finished),
    ]
}

/// A job's state in one word.
pub fn state(job: &Job) -> &'static str {
    match &job.end {
        None => "running",
        Some(JobEnd::Succeeded) => "finished",
        Some(JobEnd::Failed(_)) => "failed",
        Some(JobEnd::Cancelled) => "cancelled",
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
