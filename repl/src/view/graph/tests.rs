//! What is drawn as one, and where chains are broken.

use super::*;
use crate::view::example::{self, rdd, rdd_at, site, stage};
use dpark::event::{Event, StageInfo};
use dpark::status::StatusStore;

fn after(rdds: Vec<Event>, stages: Vec<StageInfo>) -> Snapshot {
    let mut store = StatusStore::new();
    rdds.iter().for_each(|event| store.apply(event));
    let (name, call_site) = ("collect".to_owned(), site(9));
    store.apply(&Event::JobStarted { job: JobId(1), name, call_site, stages, skipped: vec![], at: 0 });
    store.snapshot()
}

/// A line for each stage: its members, its pipelines with their parents, the shuffles it reads.
fn describe(snapshot: &Snapshot) -> Vec<String> {
    let row = |row: &Row| match row {
        Row::Rdd { operator, count: 1, .. } => operator.clone(),
        Row::Rdd { operator, count, .. } => format!("{operator}×{count}"),
        Row::Folded(count) => format!("…{count}"),
    };
    let pipeline = |pipeline: &Pipeline| {
        let rows: Vec<String> = pipeline.rows.iter().map(row).collect();
        let parents: Vec<String> =
            pipeline.parents.iter().map(|(parent, count)| format!("{parent}×{count} → ")).collect();
        format!("[{}{}]", parents.join(""), rows.join(" "))
    };
    let stage = |stage: &Stage<'_>| {
        let members: Vec<String> = stage.members.iter().map(|member| member.info.id.to_string()).collect();
        let pipelines: Vec<String> = stage.pipelines.iter().map(pipeline).collect();
        let inputs: Vec<String> =
            stage.inputs.iter().map(|input| format!(" ⇐ {} at {}", input.stage, input.pipeline)).collect();
        format!("{}: {}{}", members.join(" "), pipelines.join(" "), inputs.join(""))
    };
    graph(snapshot, JobId(1), &Names::new()).stages.iter().map(stage).collect()
}

/// The union of three word counts, made in a loop or by three lines.
fn union_of_counts(line: impl Fn(u64) -> u32) -> Snapshot {
    let mut rdds = Vec::new();
    let mut stages = Vec::new();
    for turn in 0..3 {
        let first = 3 * turn + 1;
        let at = || site(line(turn));
        rdds.push(rdd_at(at(), first, "text_file", "String", 2, &[]));
        rdds.push(rdd_at(at(), first + 1, "map", "(String, i64)", 2, &[(first, None)]));
        rdds.push(rdd_at(at(), first + 2, "reduce_by_key", "(String, i64)", 2, &[(first + 1, Some(turn))]));
        stages.push(stage(turn + 1, 1, first + 1, Some(turn), &[], "reduce_by_key", 2, &[first, first + 1]));
    }
    rdds.push(rdd(10, "union", "(String, i64)", 6, &[(3, None), (6, None), (9, None)]));
    stages.push(stage(4, 1, 10, None, &[1, 2, 3], "collect", 6, &[3, 6, 9, 10]));
    after(rdds, stages)
}

#[test]
fn inputs_that_a_loop_makes_are_drawn_once() {
    assert_eq!(
        describe(&union_of_counts(|_| 1)),
        ["1 2 3: [text_file map]", "4: [reduce_by_key×3] [0×3 → union] ⇐ 0 at 0"]
    );
}

#[test]
fn inputs_from_several_lines_are_drawn_each() {
    assert_eq!(
        describe(&union_of_counts(|turn| turn as u32)),
        [
            "1: [text_file map]",
            "2: [text_file map]",
            "3: [text_file map]",
            "4: [reduce_by_key] [reduce_by_key] [reduce_by_key] [0×1 → 1×1 → 2×1 → union] ⇐ 0 at 0 ⇐ 1 at 1 ⇐ 2 at 2"
        ]
    );
}

#[test]
fn variables_keep_rdds_apart() {
    let names = [(RddId(3), "first".to_owned())].into();
    let snapshot = union_of_counts(|_| 1);
    let members: Vec<usize> =
        graph(&snapshot, JobId(1), &names).stages.iter().map(|stage| stage.members.len()).collect();
    assert_eq!(members, [1, 2, 1]);
}

#[test]
fn chains_break_where_rows_part_or_meet() {
    let rdds = vec![
        rdd(1, "parallelize", "i64", 2, &[]),
        rdd(2, "map", "i64", 2, &[(1, None)]),
        rdd(3, "filter", "i64", 2, &[(1, None)]),
        rdd(4, "map", "i64", 2, &[(3, None)]),
        rdd(5, "zip", "(i64, i64)", 2, &[(2, None), (4, None)]),
        rdd(6, "map", "i64", 2, &[(5, None)]),
    ];
    let snapshot = after(rdds, vec![stage(1, 1, 6, None, &[], "collect", 2, &[1, 2, 3, 4, 5, 6])]);
    assert_eq!(describe(&snapshot), ["1: [parallelize] [0×1 → map] [0×1 → filter map] [1×1 → 2×1 → zip map]"]);
}

#[test]
fn a_long_chain_is_folded() {
    let ids: Vec<u64> = (1..=10_000).collect();
    let mut rdds: Vec<Event> = vec![rdd(1, "parallelize", "i64", 1, &[])];
    rdds.extend(ids[1..].iter().map(|id| rdd(*id, "map", "i64", 1, &[(id - 1, None)])));
    let snapshot = after(rdds, vec![stage(1, 1, 10_000, None, &[], "collect", 1, &ids)]);
    let right = format!("1: [parallelize{} …9987{}]", " map".repeat(6), " map".repeat(6));
    assert_eq!(describe(&snapshot), [right]);
}

#[test]
fn of_many_stages_the_last_are_drawn() {
    let mut rdds = vec![rdd(1, "parallelize", "(i64, i64)", 1, &[])];
    let mut stages = Vec::new();
    for turn in 1..=100 {
        rdds.push(rdd(turn + 1, "reduce_by_key", "(i64, i64)", 1, &[(turn, Some(turn))]));
        let parents: Vec<u64> = (1..turn).last().into_iter().collect();
        stages.push(stage(turn, 1, turn, Some(turn), &parents, "reduce_by_key", 1, &[turn]));
    }
    stages.push(stage(101, 1, 101, None, &[100], "collect", 1, &[101]));
    let snapshot = after(rdds, stages);
    let names = Names::new();
    let graph = graph(&snapshot, JobId(1), &names);
    assert_eq!((graph.stages.len(), graph.left_out), (40, 61));
    assert_eq!(describe(&snapshot)[..2], ["62: [reduce_by_key]", "63: [reduce_by_key] ⇐ 0 at 0"]);
}

#[test]
fn there_is_nothing_of_an_unknown_job() {
    assert!(graph(&example::snapshot(), JobId(77), &Names::new()).stages.is_empty());
}
