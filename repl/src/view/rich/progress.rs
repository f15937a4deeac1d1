//! Live progress of the jobs of a cell: one frame of a display that is updated until the cell ends.

use super::{Bundle, facts, headline};
use crate::view::{Names, html, progress as text, units};
use dpark::ids::JobId;
use dpark::status::{JobState, JobStatus, Snapshot, StageState, StageStatus};
use std::time::Duration;

/// Columns of the text form.
const WIDTH: usize = 80;
/// Stages of a job that are shown: of more the first that have not ended, and what is before and behind them is counted.
const MOST_STAGES: usize = 20;
/// Jobs that run at once and are shown.
const MOST_RUNNING: usize = 8;
/// Jobs that have ended and are shown: the last ones.
const MOST_ENDED: usize = 3;

/// One frame: what the jobs are at, `elapsed` after their cell began. Every frame has all forms, as updates of one
/// display must.
pub fn progress(snapshot: &Snapshot, jobs: &[JobId], names: &Names, elapsed: Duration) -> Bundle {
    let json = facts::progress(snapshot, jobs);
    let jobs = headline::known(snapshot, jobs);
    let (running, ended): (Vec<&JobStatus>, Vec<&JobStatus>) =
        jobs.iter().partition(|job| job.state == JobState::Running);
    let mut plain = Vec::new();
    let mut html = String::new();
    let mut line = |text: String| {
        html.push_str(&html::small(&text));
        plain.push(text);
    };
    let time = units::time(elapsed);
    match jobs.as_slice() {
        [] => line(time.clone()),
        [_] => {}
        _ => line(format!("{} · {time}", headline::all(snapshot, &jobs))),
    }
    ended.iter().skip(ended.len().saturating_sub(MOST_ENDED)).for_each(|job| line(headline::job(snapshot, job)));
    for job in running.iter().take(MOST_RUNNING) {
        let mut head = headline::job(snapshot, job);
        if jobs.len() == 1 {
            head = format!("{head} · {time}");
        }
        html.push_str(&format!("<div style=\"margin-top:4px\">{}</div>\n", html::escape(&head)));
        plain.push(head);
        html.push_str(&table(snapshot, job, names));
    }
    plain.extend(text::lines(snapshot, WIDTH, MOST_STAGES));
    Bundle { plain: plain.join("\n"), html: Some(html), json: Some(json) }
}

/// The stages of a job, parents first.
fn table(snapshot: &Snapshot, job: &JobStatus, names: &Names) -> String {
    let stages: Vec<&StageStatus> =
        snapshot.stages_of(job.id).filter(|stage| stage.state != StageState::Skipped).collect();
    let has_ended = |stage: &&&StageStatus| matches!(stage.state, StageState::Finished { .. });
    let before = match stages.len() > MOST_STAGES {
        true => stages.iter().take_while(has_ended).count().min(stages.len() - MOST_STAGES),
        false => 0,
    };
    let behind = stages.len().saturating_sub(before + MOST_STAGES);
    let mut html = String::from("<table style=\"border-collapse:collapse;margin:2px 0\"><tbody>\n");
    html.push_str(&left_out(before, "finished"));
    stages.iter().skip(before).take(MOST_STAGES).for_each(|stage| html.push_str(&row(stage, names)));
    html.push_str(&left_out(behind, "more"));
    html.push_str("</tbody></table>\n");
    html
}

fn left_out(stages: usize, which: &str) -> String {
    match stages {
        0 => String::new(),
        _ => format!(
            "<tr style=\"background:transparent\">{}</tr>\n",
            cell("left", &format!("… {} {which}", units::plural(stages as u64, "stage")))
        ),
    }
}

fn row(stage: &StageStatus, names: &Names) -> String {
    let info = &stage.info;
    let variable = names.get(&info.rdd).map_or_else(String::new, |name| format!("{name} → "));
    let running = if stage.running > 0 { format!(" + {}", stage.running) } else { String::new() };
    let failed = if stage.failed > 0 { format!("{} failed", stage.failed) } else { String::new() };
    let shuffle = [("read", stage.totals.shuffle_read_bytes), ("written", stage.totals.shuffle_write_bytes)]
        .into_iter()
        .filter(|(_, bytes)| *bytes > 0)
        .map(|(what, bytes)| format!("{} {what}", units::bytes(bytes)))
        .collect::<Vec<_>>()
        .join(", ");
    format!(
        "<tr style=\"background:transparent\">{}<td style=\"padding:2px 8px\">{}</td>{}{}{}</tr>\n",
        cell("left", &format!("stage {} · {variable}{}", info.id, info.name)),
        bar(stage),
        cell("right", &format!("{}{running} / {}", stage.done, info.tasks)),
        cell("left;color:#d1242f", &failed),
        cell("left", &shuffle),
    )
}

/// A cell with a text; `align` may bring more of a style.
fn cell(align: &str, text: &str) -> String {
    format!("<td style=\"padding:2px 8px;white-space:nowrap;text-align:{align}\">{}</td>", html::escape(text))
}

/// What is done, what runs, and the rest.
fn bar(stage: &StageStatus) -> String {
    let part = |tasks: usize| 100.0 * tasks as f64 / stage.info.tasks.max(1) as f64;
    let done = part(stage.done).min(100.0);
    let running = part(stage.running).min(100.0 - done);
    let piece =
        |width: f64, colour: &str| format!("<div style=\"width:{width:.1}%;height:10px;background:{colour}\"></div>");
    format!(
        "<div style=\"display:flex;width:200px;height:10px;border-radius:5px;overflow:hidden;background:rgba(128,128,128,0.25)\">{}{}</div>",
        piece(done, "#3d8bd4"),
        piece(running, "#9ecbf5"),
    )
}
