//! `:stages`.

use super::table::{Align, table};
use super::units;
use crate::status::{Snapshot, Stage, StageState};
use dpark::ids::JobId;

/// The stages of one job, or of all.
pub fn stages(snapshot: &Snapshot, job: Option<JobId>, width: Option<usize>) -> String {
    let chosen: Vec<&Stage> = snapshot.stages.iter().filter(|stage| job.is_none_or(|job| stage.job == job)).collect();
    if chosen.is_empty() {
        return "no stages yet".to_owned();
    }
    let header = [
        ("stage", Align::Right),
        ("job", Align::Right),
        ("ends with", Align::Left),
        ("state", Align::Left),
        ("tasks", Align::Right),
        ("rows", Align::Right),
        ("input", Align::Right),
        ("shuffle read", Align::Right),
        ("shuffle write", Align::Right),
        ("time", Align::Right),
        ("after", Align::Left),
    ];
    let rows: Vec<Vec<String>> = chosen.into_iter().map(row).collect();
    table(&header, &rows, width)
}

fn row(stage: &Stage) -> Vec<String> {
    let ran = stage.state != StageState::Skipped;
    let measured = |text: String| if ran { text } else { String::new() };
    vec![
        stage.id.to_string(),
        stage.job.to_string(),
        format!("{} at {}", stage.name, stage.call_site),
        state(stage.state).to_owned(),
        measured(tasks(stage)),
        measured(units::count(stage.metrics.rows)),
        units::bytes_or_blank(stage.metrics.input_bytes),
        units::bytes_or_blank(stage.metrics.shuffle_read_bytes),
        units::bytes_or_blank(stage.metrics.shuffle_write_bytes),
        units::span(stage.started, stage.finished),
        stage.parents.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    ]
}

fn tasks(stage: &Stage) -> String {
    let mut text = format!("{}/{}", stage.done, stage.tasks);
    if stage.failed > 0 {
        text.push_str(&format!(" ({} failed)", stage.failed));
    }
    text
}

/// A stage's state in one word.
pub fn state(state: StageState) -> &'static str {
    match state {
        StageState::Waiting => "waiting",
        StageState::Running => "running",
        StageState::Finished => "finished",
        StageState::Failed => "failed",
        StageState::Skipped => "skipped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::example;

    #[test]
    fn golden() {
        insta::assert_snapshot!(stages(&example::snapshot(), None, None));
        assert_eq!(stages(&Snapshot::default(), None, None), "no stages yet");
        assert_eq!(stages(&example::snapshot(), Some(JobId(1)), None).lines().count(), 6);
    }
}
