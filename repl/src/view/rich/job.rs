//! Jobs as pictures: their stages, call sites and tasks.

use super::{Bundle, facts, headline};
use crate::view::{Names, dag, html, jobs as text, stages, svg, units};
use dpark::ids::JobId;
use dpark::status::{JobStatus, Snapshot, StageState};

/// Jobs of a cell that have pictures: those with the most tasks, which are the same in each run.
const PICTURED: usize = 3;
/// What the marks in the picture of the stages mean.
const MARKS: &str = " · ● cached · ■ checkpoint · grey: skipped";
/// Jobs of a cell that are in a table.
const TABLED: usize = 50;
/// Jobs of a cell that the text form lists.
const LISTED: usize = 10;

/// One job: `:dag`.
pub fn job(snapshot: &Snapshot, job: JobId, names: &Names) -> Bundle {
    let plain = dag::text(snapshot, job, names);
    let Some(status) = snapshot.job(job) else { return Bundle::text(plain) };
    let head = format!("<div>{}</div>\n", html::escape(&headline::job(snapshot, status)));
    let html = head + &pictures(snapshot, status, names);
    Bundle { plain, html: Some(html), json: Some(facts::facts(snapshot, &[job], names)) }
}

/// The jobs of a cell that has ended, in few lines that open: the last frame of its progress.
pub fn after(snapshot: &Snapshot, jobs: &[JobId], names: &Names) -> Bundle {
    let json = facts::facts(snapshot, jobs, names);
    let jobs = headline::known(snapshot, jobs);
    let mut lines: Vec<String> = jobs.iter().take(LISTED).map(|job| headline::job(snapshot, job)).collect();
    if jobs.len() > LISTED {
        lines.push(headline::all(snapshot, &jobs));
    }
    let one = |job: &JobStatus| html::details(&headline::job(snapshot, job), &pictures(snapshot, job, names));
    let html = match jobs.as_slice() {
        [job] => one(job),
        _ => {
            let mut table = html::table(&text::sheet_of(snapshot, jobs.iter().take(TABLED).copied()));
            if jobs.len() > TABLED {
                table += &html::small(&format!("… {} more", units::plural((jobs.len() - TABLED) as u64, "job")));
            }
            let pictured: String = largest(snapshot, &jobs).into_iter().map(one).collect();
            html::details(&headline::all(snapshot, &jobs), &(table + &pictured))
        }
    };
    Bundle { plain: lines.join("\n"), html: Some(html), json: Some(json) }
}

/// The jobs with the most tasks that ran, in their own order.
fn largest<'a>(snapshot: &Snapshot, jobs: &[&'a JobStatus]) -> Vec<&'a JobStatus> {
    let tasks = |job: &JobStatus| -> usize {
        let ran = snapshot.stages_of(job.id).filter(|stage| stage.state != StageState::Skipped);
        ran.map(|stage| stage.info.tasks).sum()
    };
    let mut largest = jobs.to_vec();
    largest.sort_by_key(|job| std::cmp::Reverse(tasks(job)));
    largest.truncate(PICTURED);
    largest.sort_by_key(|job| job.id);
    largest
}

/// Stages and call sites side by side, the timeline and the numbers below.
fn pictures(snapshot: &Snapshot, job: &JobStatus, names: &Names) -> String {
    let id = job.id;
    let mut html = String::new();
    if let Some(why) = headline::why_failed(job) {
        html.push_str(&format!("<pre style=\"color:#d1242f\">{}</pre>\n", html::escape(why)));
    }
    html.push_str("<div style=\"display:flex;flex-wrap:wrap;gap:8px 28px;align-items:flex-start\">\n");
    html.push_str(&picture(&format!("stages of job {id}"), MARKS, &svg::dag(snapshot, id, names)));
    if let Some(calls) = svg::call_sites(snapshot, id) {
        html.push_str(&picture(&format!("call sites of job {id}"), "", &calls));
    }
    html.push_str("</div>\n");
    if let Some(timeline) = svg::timeline(snapshot, id) {
        html.push_str(&picture(&format!("tasks of job {id} over time"), "", &timeline));
    }
    if let Ok(sheet) = stages::sheet(snapshot, Some(id)) {
        html.push_str(&html::details("numbers", &html::table(&sheet)));
    }
    html
}

fn picture(name: &str, more: &str, svg: &str) -> String {
    let (caption, image) = (html::small(&format!("{name}{more}")), html::image(name, svg));
    format!("<div style=\"max-width:100%;margin:4px 0\">{caption}{image}</div>\n")
}
