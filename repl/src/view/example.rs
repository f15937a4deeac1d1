//! The session that the golden tests draw: one finished job, a running one that skips a stage, a checkpoint.

use super::Names;

use dpark::event::{CallSite, Event, JobEnd, ParentLink, RddInfo, StageInfo, TaskEnd, TaskMetrics};
use dpark::ids::{ExecutorId, JobId, RddId, ShuffleId, StageId, TaskId};
use dpark::status::{Snapshot, StatusStore};

/// Variables of the example session.
pub(crate) fn names() -> Names {
    [(RddId(1), "lines".to_owned()), (RddId(4), "counts".to_owned())].into()
}

/// Word count, then a join of its result with another RDD.
pub(crate) fn snapshot() -> Snapshot {
    let mut store = StatusStore::default();
    events().iter().for_each(|event| store.apply(event));
    store.snapshot()
}

/// A chain of maps, one RDD each.
pub(crate) fn chain(length: u64) -> Snapshot {
    let mut store = StatusStore::default();
    for id in 1..=length {
        let parents: Vec<(u64, Option<u64>)> = if id == 1 { vec![] } else { vec![(id - 1, None)] };
        store.apply(&rdd(id, "map", "i64", 1, &parents));
    }
    store.snapshot()
}

fn events() -> Vec<Event> {
    let mut events = vec![
        rdd(1, "text_file", "String", 4, &[]),
        rdd(2, "flat_map", "String", 4, &[(1, None)]),
        rdd(3, "map", "(String, i64)", 4, &[(2, None)]),
        rdd(4, "reduce_by_key", "(String, i64)", 2, &[(3, Some(1))]),
        Event::CacheMarked { rdd: RddId(4), level: Some("memory".to_owned()) },
        Event::JobStarted {
            job: JobId(1),
            name: "count".to_owned(),
            call_site: site(2),
            stages: vec![
                stage(1, 1, 3, Some(1), &[], "reduce_by_key", 4, &[1, 2, 3]),
                stage(2, 1, 4, None, &[1], "count", 2, &[4]),
            ],
            skipped: vec![],
            at: 1_000_000,
        },
    ];
    events.extend(run(
        1,
        4,
        1_000_000,
        TaskMetrics {
            rows: 1201,
            shuffle_write_bytes: 70_000,
            input_bytes: 1 << 20,
            bad_records: 3,
            ..Default::default()
        },
    ));
    events.push(Event::RowsSkipped {
        rdd: RddId(3),
        partition: 1,
        operator: "flat_map".to_owned(),
        rows: 3,
        example: "panicked at cell 4, line 1: no number".to_owned(),
    });
    events.extend(run(2, 2, 1_900_000, TaskMetrics { rows: 2156, shuffle_read_bytes: 140_000, ..Default::default() }));
    events.extend([
        stored(4, 0, 1, (300_000, 0)),
        stored(4, 1, 2, (310_000, 0)),
        stored(4, 1, 1, (310_000, 0)),
        Event::JobFinished { job: JobId(1), end: JobEnd::Succeeded, at: 2_240_000 },
        rdd(5, "parallelize", "(String, <b>)", 2, &[]),
        rdd(6, "map", "(String, f64)", 2, &[(5, None)]),
        rdd(7, "join", "(String, (i64, f64))", 2, &[(4, Some(2)), (6, Some(3))]),
        Event::JobStarted {
            job: JobId(2),
            name: "collect".to_owned(),
            call_site: site(5),
            stages: vec![
                stage(3, 2, 4, Some(2), &[], "join", 2, &[4]),
                stage(4, 2, 6, Some(3), &[], "join", 2, &[5, 6]),
                stage(5, 2, 7, None, &[3, 4], "collect", 2, &[7]),
            ],
            skipped: vec![StageId(3)],
            at: 3_000_000,
        },
        Event::StageStarted { stage: StageId(4), at: 3_000_100 },
        started(4, 0, 3_000_200),
        started(4, 1, 3_000_200),
        finished(4, 0, TaskEnd::Failed("panicked".to_owned()), 3_090_000),
        started(4, 0, 3_091_000),
        copied(4, 0),
        finished(4, 1, TaskEnd::Succeeded(TaskMetrics { rows: 10, ..Default::default() }), 3_400_000),
        rdd(8, "map", "f64", 2, &[(7, None)]),
        Event::Checkpointed { rdd: RddId(8), directory: "/data/ranks".to_owned() },
        rdd(9, "filter", "f64", 2, &[(8, None)]),
        Event::CacheMarked { rdd: RddId(9), level: Some("disk".to_owned()) },
        stored(9, 0, 2, (0, 16_384)),
        Event::BlockNotStored { rdd: RddId(9), partition: 1, why: "No space left on device".to_owned() },
    ]);
    events
}

fn run(stage: u64, tasks: usize, at: u64, metrics: TaskMetrics) -> Vec<Event> {
    let mut events = vec![Event::StageStarted { stage: StageId(stage), at }];
    // Two at a time.
    for pair in (0..tasks).collect::<Vec<_>>().chunks(2) {
        let at = at + 170_000 * (pair[0] as u64 / 2);
        events.extend(pair.iter().map(|partition| started(stage, *partition, at)));
        let end = |partition: &usize| {
            finished(stage, *partition, TaskEnd::Succeeded(metrics), at + 130_000 + 40_000 * (*partition as u64 % 2))
        };
        events.extend(pair.iter().map(end));
    }
    events.push(Event::StageFinished { stage: StageId(stage), at: at + 340_000 });
    events
}

fn started(stage: u64, partition: usize, at: u64) -> Event {
    Event::TaskStarted {
        task: TaskId(stage * 100 + partition as u64),
        stage: StageId(stage),
        partition,
        attempt: 0,
        executor: ExecutorId(0),
        is_copy: false,
        at,
    }
}

/// A second attempt beside one that is slow.
fn copied(stage: u64, partition: usize) -> Event {
    Event::TaskStarted {
        task: TaskId(stage * 100 + 50 + partition as u64),
        stage: StageId(stage),
        partition,
        attempt: 0,
        executor: ExecutorId(2),
        is_copy: true,
        at: 3_250_000,
    }
}

fn finished(stage: u64, partition: usize, end: TaskEnd, at: u64) -> Event {
    Event::TaskFinished { task: TaskId(stage * 100 + partition as u64), stage: StageId(stage), partition, end, at }
}

fn stored(rdd: u64, partition: usize, executor: u64, (memory, disk): (u64, u64)) -> Event {
    Event::BlockStored { rdd: RddId(rdd), partition, executor: ExecutorId(executor), memory, disk }
}

/// The beginning of a line in cell 4.
pub(super) fn site(line: u32) -> CallSite {
    CallSite { file: "cell 4".to_owned(), line, column: 1 }
}

/// An RDD that a call of its own made.
pub(super) fn rdd(id: u64, operator: &str, element: &str, partitions: usize, parents: &[(u64, Option<u64>)]) -> Event {
    let call_site = CallSite { column: id as u32, ..site(1) };
    rdd_at(call_site, id, operator, element, partitions, parents)
}

/// An RDD that was made at this place.
pub(super) fn rdd_at(
    call_site: CallSite,
    id: u64,
    operator: &str,
    element: &str,
    partitions: usize,
    parents: &[(u64, Option<u64>)],
) -> Event {
    let parents =
        parents.iter().map(|(parent, shuffle)| ParentLink { parent: RddId(*parent), shuffle: shuffle.map(ShuffleId) });
    Event::RddCreated(RddInfo {
        id: RddId(id),
        operator: operator.to_owned(),
        element: element.to_owned(),
        partitions,
        call_site,
        parents: parents.collect(),
    })
}

#[expect(clippy::too_many_arguments, reason = "a table of stages reads best as rows of arguments")]
pub(super) fn stage(
    id: u64,
    job: u64,
    rdd: u64,
    shuffle: Option<u64>,
    parents: &[u64],
    name: &str,
    tasks: usize,
    rdds: &[u64],
) -> StageInfo {
    StageInfo {
        id: StageId(id),
        job: JobId(job),
        rdd: RddId(rdd),
        shuffle: shuffle.map(ShuffleId),
        parents: parents.iter().copied().map(StageId).collect(),
        name: name.to_owned(),
        call_site: site(2),
        tasks,
        rdds: rdds.iter().copied().map(RddId).collect(),
    }
}
