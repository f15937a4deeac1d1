//! Live progress: one line for each running stage.

use super::units;
use dpark::ids::RddId;
use dpark::status::{Snapshot, StageState, StageStatus};
use std::collections::BTreeSet;
use unicode_width::UnicodeWidthStr;

/// Cells of the bar.
const BAR: usize = 24;

/// The lines for the running stages, parents before children, each at most `width` columns wide and `most` of them.
pub fn lines(snapshot: &Snapshot, width: usize, most: usize) -> Vec<String> {
    let running = topological(snapshot);
    let hidden = running.len().saturating_sub(most);
    let mut lines: Vec<String> = running.into_iter().take(most).map(|stage| line(stage, width)).collect();
    if hidden > 0 {
        lines.push(format!("… {} more", units::plural(hidden as u64, "running stage")));
    }
    lines
}

fn topological(snapshot: &Snapshot) -> Vec<&StageStatus> {
    let is_running = |stage: &&StageStatus| matches!(stage.state, StageState::Running { .. });
    let running: Vec<&StageStatus> = snapshot.stages.values().filter(is_running).collect();
    let mut order: Vec<&StageStatus> = Vec::new();
    let mut placed = BTreeSet::new();
    let mut left = running;
    while !left.is_empty() {
        let waiting: BTreeSet<_> = left.iter().map(|stage| stage.info.id).collect();
        let (ready, rest): (Vec<&StageStatus>, Vec<&StageStatus>) = left.into_iter().partition(|stage| {
            stage.info.parents.iter().all(|parent| !waiting.contains(parent) || placed.contains(parent))
        });
        let stuck = ready.is_empty();
        placed.extend(ready.iter().map(|stage| stage.info.id));
        order.extend(ready);
        if stuck {
            order.extend(rest);
            break;
        }
        left = rest;
    }
    order
}

fn line(stage: &StageStatus, width: usize) -> String {
    let bar = bar(stage.done, stage.running, stage.info.tasks);
    let failed = match stage.failed {
        0 => String::new(),
        failed => format!(" · {failed} failed"),
    };
    let head = format!("stage {} {} ", stage.info.id, stage.info.name);
    let tail = format!(" {}+{}/{}{failed}", stage.done, stage.running, stage.info.tasks);
    let full = format!("{head}[{bar}]{tail}");
    if full.width() <= width { full } else { cut(&format!("{head}{}", tail.trim_start()), width) }
}

fn bar(done: usize, running: usize, tasks: usize) -> String {
    let cells = |tasks_done: usize| (tasks_done * BAR).checked_div(tasks).unwrap_or(0).min(BAR);
    let full = cells(done);
    let started = cells(done + running).max(full);
    format!("{}{}{}", "█".repeat(full), "▒".repeat(started - full), "·".repeat(BAR - started))
}

fn cut(text: &str, width: usize) -> String {
    let mut cut = String::new();
    for c in text.chars() {
        if cut.width() + 2 > width {
            break;
        }
        cut.push(c);
    }
    cut
}

/// The quiet line after a cell with a job: `2 stages · 16 tasks`, and ` · 3 bad records skipped` if there were any.
pub fn summary(ran: &[&StageStatus]) -> String {
    let tasks: usize = ran.iter().map(|stage| stage.done).sum();
    let mut text = format!("{} · {}", units::plural(ran.len() as u64, "stage"), units::plural(tasks as u64, "task"));
    if let Some(skipped) = skipped(ran) {
        text.push_str(&format!(" · {skipped}"));
    }
    text
}

/// `3 bad records skipped`, if any were.
pub fn skipped(ran: &[&StageStatus]) -> Option<String> {
    let bad: u64 = ran.iter().map(|stage| stage.totals.bad_records).sum();
    (bad > 0).then(|| format!("{} skipped", units::plural(bad, "bad record")))
}

/// What was wrong with one of the bad records of each operator: `skipped in map, for example: …`.
pub fn examples(snapshot: &Snapshot, ran: &[&StageStatus]) -> Vec<String> {
    let tolerant = ran.iter().filter(|stage| stage.totals.bad_records > 0);
    let rdds: BTreeSet<RddId> = tolerant.map(|stage| stage.info.rdd).collect();
    let skipped = rdds.into_iter().filter_map(|rdd| snapshot.rdd(rdd)).flat_map(|rdd| &rdd.skipped);
    skipped.map(|(operator, example)| format!("skipped in {operator}, for example: {example}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::example;
    use dpark::ids::JobId;

    #[test]
    fn golden() {
        insta::assert_snapshot!(lines(&example::snapshot(), 80, 8).join("\n"));
        assert_eq!(lines(&example::snapshot(), 80, 0), ["… 1 running stage more"]);
        assert!(lines(&example::snapshot(), 20, 8)[0].width() < 20);
    }

    #[test]
    fn the_quiet_line_tells_of_bad_records() {
        let snapshot = example::snapshot();
        let ran = |job| snapshot.stages_of(JobId(job)).collect::<Vec<_>>();
        assert_eq!(summary(&ran(1)), "2 stages · 6 tasks · 12 bad records skipped");
        assert_eq!(
            examples(&snapshot, &ran(1)),
            ["skipped in flat_map, for example: panicked at cell 4, line 1: no number"]
        );
        assert_eq!((skipped(&ran(2)), examples(&snapshot, &ran(2)).len()), (None, 0));
    }

    #[test]
    fn parents_come_first() {
        let mut snapshot = example::snapshot();
        for stage in snapshot.stages.values_mut() {
            stage.state = StageState::Running { started: 0 };
        }
        let order: Vec<u64> = topological(&snapshot).iter().map(|stage| stage.info.id.0).collect();
        assert_eq!(order, [1, 3, 4, 2, 5]);
    }
}
