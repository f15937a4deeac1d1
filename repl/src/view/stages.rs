//! `:stages`.

use super::table::{Align, Sheet};
use super::units;
use dpark::ids::JobId;
use dpark::status::{Snapshot, StageState, StageStatus, Stopped};

/// The stages of one job, or of all; else what there is to say.
pub fn sheet(snapshot: &Snapshot, job: Option<JobId>) -> Result<Sheet, &'static str> {
    let is_chosen = |stage: &&StageStatus| job.is_none_or(|job| stage.info.job == job);
    let chosen: Vec<&StageStatus> = snapshot.stages.values().filter(is_chosen).collect();
    if chosen.is_empty() {
        return Err("no stages yet");
    }
    let header = [
        ("stage", Align::Right),
        ("job", Align::Right),
        ("ends with", Align::Left),
        ("state", Align::Left),
        ("tasks", Align::Right),
        ("rows", Align::Right),
        ("bad records", Align::Right),
        ("input", Align::Right),
        ("shuffle read", Align::Right),
        ("shuffle write", Align::Right),
        ("time", Align::Right),
        ("after", Align::Left),
    ];
    Ok(Sheet::of_used_columns(&header, chosen.into_iter().map(row).collect()))
}

fn row(stage: &StageStatus) -> Vec<String> {
    let ran = stage.state != StageState::Skipped;
    let measured = |text: String| if ran { text } else { String::new() };
    vec![
        stage.info.id.to_string(),
        stage.info.job.to_string(),
        format!("{} at {}", stage.info.name, stage.info.call_site),
        state(stage.state).to_owned(),
        measured(tasks(stage)),
        measured(units::count(stage.totals.rows)),
        if stage.totals.bad_records == 0 { String::new() } else { units::count(stage.totals.bad_records) },
        units::bytes_or_blank(stage.totals.input_bytes),
        units::bytes_or_blank(stage.totals.shuffle_read_bytes),
        units::bytes_or_blank(stage.totals.shuffle_write_bytes),
        ended(stage),
        stage.info.parents.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    ]
}

fn tasks(stage: &StageStatus) -> String {
    let mut text = format!("{}/{}", stage.done, stage.info.tasks);
    let failed = (stage.failed > 0).then(|| format!("{} failed", stage.failed));
    let copies = match stage.copies {
        0 => None,
        1 => Some("1 copy".to_owned()),
        copies => Some(format!("{copies} copies")),
    };
    let more: Vec<String> = failed.into_iter().chain(copies).collect();
    if !more.is_empty() {
        text.push_str(&format!(" ({})", more.join(", ")));
    }
    text
}

/// How long a stage ran, once it has ended.
fn ended(stage: &StageStatus) -> String {
    match stage.state {
        StageState::Finished { at, .. } | StageState::Stopped { at, .. } => {
            stage.duration(at).map_or_else(String::new, units::micros)
        }
        StageState::Waiting | StageState::Running { .. } | StageState::Skipped => String::new(),
    }
}

/// A stage's state in one word.
pub fn state(state: StageState) -> &'static str {
    match state {
        StageState::Waiting => "waiting",
        StageState::Running { .. } => "running",
        StageState::Finished { .. } => "finished",
        StageState::Stopped { why: Stopped::Failed, .. } => "failed",
        StageState::Stopped { why: Stopped::Cancelled, .. } => "cancelled",
        StageState::Skipped => "skipped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::example;

    #[test]
    fn golden() {
        let snapshot = example::snapshot();
        insta::assert_snapshot!(sheet(&snapshot, None).expect("there are stages").text(None));
        assert_eq!(sheet(&Snapshot::default(), None), Err("no stages yet"));
        assert_eq!(sheet(&snapshot, Some(JobId(1))).map(|sheet| sheet.rows.len()), Ok(2));
    }
}
