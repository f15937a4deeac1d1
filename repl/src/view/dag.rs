//! `:dag`: the stages of a job, the operators inside of each, and the shuffles between them.

use super::{Names, stages, units};
use dpark::ids::{JobId, RddId, StageId};
use dpark::status::{Snapshot, StageState, StageStatus};
use std::collections::BTreeSet;

/// The job's stages as a text tree: the one with the result on top, the stages it reads from below it.
pub fn text(snapshot: &Snapshot, job: JobId, names: &Names) -> String {
    let Some(status) = snapshot.job(job) else { return format!("there is no job {job}") };
    let mut lines =
        vec![format!("job {job} · {} at {} · {}", status.name, status.call_site, super::jobs::state(status))];
    let is_parent: BTreeSet<StageId> =
        snapshot.stages_of(job).flat_map(|stage| stage.info.parents.iter().copied()).collect();
    let mut seen = BTreeSet::new();
    let roots = snapshot.stages_of(job).filter(|stage| !is_parent.contains(&stage.info.id));
    let mut todo: Vec<(StageId, usize)> = roots.map(|stage| (stage.info.id, 0)).collect();
    while let Some((id, depth)) = todo.pop() {
        let indent = "   ".repeat(depth);
        let arrow = if depth > 0 { "⇐ " } else { "" };
        let Some(stage) = snapshot.stages.get(&id) else {
            lines.push(format!("{indent}{arrow}stage {id} of an earlier job"));
            continue;
        };
        let again = if seen.insert(id) { "" } else { " (see above)" };
        lines.push(format!("{indent}{arrow}{}{again}", headline(stage)));
        if again.is_empty() {
            lines.push(format!("{indent}{}{}", "   ".repeat(usize::from(depth > 0)), chain(snapshot, stage, names)));
            todo.extend(stage.info.parents.iter().rev().map(|parent| (*parent, depth + 1)));
        }
    }
    lines.join("\n")
}

fn headline(stage: &StageStatus) -> String {
    let state = stages::state(stage.state);
    let tasks = match stage.state {
        StageState::Skipped => String::new(),
        _ => format!(" · {}/{}", stage.done, units::plural(stage.info.tasks as u64, "task")),
    };
    format!("stage {} · {state}{tasks}", stage.info.id)
}

fn chain(snapshot: &Snapshot, stage: &StageStatus, names: &Names) -> String {
    let operators: Vec<String> = stage.info.rdds.iter().map(|rdd| operator(snapshot, *rdd, names)).collect();
    format!("  {}", operators.join(" → "))
}

/// An operator in a stage: its name, the variable that holds it, `●` if it is marked for the cache and `■` if it has a checkpoint.
pub(super) fn operator(snapshot: &Snapshot, id: RddId, names: &Names) -> String {
    let Some(rdd) = snapshot.rdd(id) else { return format!("rdd {id}") };
    let name = names.get(&id).map_or_else(String::new, |name| format!(" ({name})"));
    let cached = if rdd.level.is_some() { " ●" } else { "" };
    let checkpoint = if rdd.checkpoint.is_some() { " ■" } else { "" };
    format!("{}{name}{cached}{checkpoint}", rdd.info.operator)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::example;

    #[test]
    fn golden() {
        insta::assert_snapshot!(text(&example::snapshot(), JobId(2), &example::names()));
        assert_eq!(text(&Snapshot::default(), JobId(1), &Names::new()), "there is no job 1");
    }
}
