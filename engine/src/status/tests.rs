//! The read model, event by event.

use super::{AttemptEnd, AttemptStatus, JobState, RddLife, Snapshot, StageState, StatusStore, Stopped};
use crate::event::{CallSite, Event, JobEnd, RddInfo, StageInfo, TaskEnd, TaskMetrics};
use crate::ids::{ExecutorId, JobId, RddId, StageId, TaskId};

fn rdd(id: u64) -> Event {
    Event::RddCreated(RddInfo {
        id: RddId(id),
        operator: "map".to_owned(),
        element: "i64".to_owned(),
        partitions: 2,
        call_site: CallSite::default(),
        parents: Vec::new(),
    })
}

fn stage(id: u64, job: u64, rdds: &[u64]) -> StageInfo {
    StageInfo {
        id: StageId(id),
        job: JobId(job),
        rdd: RddId(rdds[0]),
        shuffle: None,
        parents: Vec::new(),
        name: "collect".to_owned(),
        call_site: CallSite::default(),
        tasks: 2,
        rdds: rdds.iter().copied().map(RddId).collect(),
    }
}

fn job(id: u64, stages: Vec<StageInfo>, skipped: &[u64], at: u64) -> Event {
    let skipped = skipped.iter().copied().map(StageId).collect();
    Event::JobStarted {
        job: JobId(id),
        name: "collect".to_owned(),
        call_site: CallSite::default(),
        stages,
        skipped,
        at,
    }
}

fn job_finished(id: u64, end: JobEnd, at: u64) -> Event {
    Event::JobFinished { job: JobId(id), end, at }
}

fn task_started(task: u64, stage: u64) -> Event {
    Event::TaskStarted {
        task: TaskId(task),
        stage: StageId(stage),
        partition: 0,
        attempt: 0,
        executor: ExecutorId(1),
        is_copy: false,
        at: 0,
    }
}

fn task_finished(task: u64, stage: u64, end: TaskEnd) -> Event {
    Event::TaskFinished { task: TaskId(task), stage: StageId(stage), partition: 0, end, at: 0 }
}

fn stored(partition: usize, executor: u64, memory: u64, disk: u64) -> Event {
    Event::BlockStored { rdd: RddId(1), partition, executor: ExecutorId(executor), memory, disk }
}

fn removed(partition: usize, executor: u64) -> Event {
    Event::BlockRemoved { rdd: RddId(1), partition, executor: ExecutorId(executor) }
}

fn joined(executor: u64) -> Event {
    Event::ExecutorJoined { executor: ExecutorId(executor), pid: 7, slots: 1, at: 0 }
}

fn after(events: impl IntoIterator<Item = Event>) -> Snapshot {
    let mut store = StatusStore::new();
    events.into_iter().for_each(|event| store.apply(&event));
    store.snapshot()
}

#[test]
fn a_job_from_start_to_end() {
    let metrics = |rows| TaskMetrics {
        rows,
        shuffle_write_bytes: 1,
        shuffle_read_bytes: 2,
        input_bytes: 3,
        run_micros: 4,
        bad_records: 5,
    };
    let mut events = vec![
        rdd(1),
        job(1, vec![stage(1, 1, &[1]), stage(2, 1, &[1]), stage(3, 1, &[1])], &[1], 10),
        Event::StageStarted { stage: StageId(2), at: 11 },
        task_started(1, 2),
        task_started(2, 2),
        task_finished(1, 2, TaskEnd::Succeeded(metrics(5))),
        task_finished(2, 2, TaskEnd::Failed("oh".to_owned())),
        task_started(3, 2),
    ];
    let during = after(events.clone());
    assert_eq!(during.job(JobId(1)).unwrap().state, JobState::Running);
    let states: Vec<StageState> = during.stages_of(JobId(1)).map(|stage| stage.state).collect();
    assert_eq!(states, [StageState::Skipped, StageState::Running { started: 11 }, StageState::Waiting]);
    let running = &during.stages[&StageId(2)];
    assert_eq!((running.done, running.running, running.failed), (1, 1, 1));
    assert_eq!(running.last_failure.as_deref(), Some("oh"));
    assert_eq!(running.duration(20), Some(9));
    events.extend([
        task_finished(3, 2, TaskEnd::Succeeded(metrics(6))),
        Event::StageFinished { stage: StageId(2), at: 15 },
        Event::StageStarted { stage: StageId(3), at: 15 },
        Event::StageFinished { stage: StageId(3), at: 17 },
        job_finished(1, JobEnd::Succeeded, 18),
    ]);
    let end = after(events);
    let stage = &end.stages[&StageId(2)];
    assert_eq!((stage.done, stage.running, stage.totals.rows, stage.totals.run_micros), (2, 0, 11, 8));
    assert_eq!(stage.state, StageState::Finished { started: 11, at: 15 });
    assert_eq!(end.jobs[0].state, JobState::Ended { end: JobEnd::Succeeded, at: 18 });
    assert_eq!(end.jobs[0].duration(99), 8);
}

#[test]
fn stages_of_a_job_that_fails_or_is_cancelled_do_not_stay_open() {
    for (end, why) in [(JobEnd::Failed("oh".to_owned()), Stopped::Failed), (JobEnd::Cancelled, Stopped::Cancelled)] {
        let snapshot = after([
            job(1, vec![stage(1, 1, &[1]), stage(2, 1, &[1])], &[], 0),
            Event::StageStarted { stage: StageId(1), at: 1 },
            task_started(1, 1),
            job_finished(1, end, 5),
            // Killed tasks report later.
            task_finished(1, 1, TaskEnd::Cancelled),
        ]);
        assert_eq!(snapshot.stages[&StageId(1)].state, StageState::Stopped { started: 1, at: 5, why });
        assert_eq!(snapshot.stages[&StageId(1)].running, 0);
        assert_eq!(snapshot.stages[&StageId(2)].state, StageState::Skipped);
    }
}

#[test]
fn a_stage_that_starts_again_after_a_loss_keeps_its_beginning() {
    let snapshot = after([
        job(1, vec![stage(1, 1, &[1])], &[], 0),
        Event::StageStarted { stage: StageId(1), at: 1 },
        Event::StageFinished { stage: StageId(1), at: 2 },
        Event::StageStarted { stage: StageId(1), at: 3 },
        task_started(1, 1),
        task_finished(1, 1, TaskEnd::Succeeded(TaskMetrics::default())),
    ]);
    let stage = &snapshot.stages[&StageId(1)];
    assert_eq!((stage.state, stage.done), (StageState::Running { started: 1 }, 2));
}

#[test]
fn the_cache_is_followed_block_by_block() {
    let stored = |partition, memory| stored(partition, 1, memory, 1);
    let mut events = vec![
        rdd(1),
        Event::CacheMarked { rdd: RddId(1), level: Some("memory".to_owned()) },
        stored(0, 10),
        stored(1, 20),
        stored(1, 25),
    ];
    let snapshot = after(events.clone());
    let cached = snapshot.rdd(RddId(1)).unwrap();
    assert_eq!(
        (cached.level.as_deref(), cached.cached.len(), cached.memory(), cached.disk()),
        (Some("memory"), 2, 35, 2)
    );
    events.push(removed(0, 1));
    assert_eq!(after(events.clone()).rdd(RddId(1)).unwrap().memory(), 25);
    events.push(Event::CacheMarked { rdd: RddId(1), level: None });
    assert_eq!(after(events).rdd(RddId(1)).unwrap().level, None);
}

#[test]
fn blocks_of_a_partition_are_told_apart_by_executor() {
    let executors = |pairs: &[(u64, usize)]| pairs.iter().map(|(id, n)| (ExecutorId(*id), *n)).collect();
    let mut events = vec![rdd(1), joined(1), joined(2), stored(0, 1, 10, 0), stored(1, 1, 20, 0), stored(0, 2, 10, 0)];
    let shown = |events: &[Event]| {
        let snapshot = after(events.to_vec());
        let status = snapshot.rdd(RddId(1)).unwrap();
        (status.cached.len(), status.memory(), status.holders())
    };
    assert_eq!(shown(&events), (2, 40, executors(&[(1, 2), (2, 1)])));
    events.push(removed(0, 1));
    assert_eq!(shown(&events), (2, 30, executors(&[(1, 1), (2, 1)])), "the other one is still there");
    events.push(Event::ExecutorLost { executor: ExecutorId(2), why: "killed".to_owned(), at: 1 });
    assert_eq!(shown(&events), (1, 20, executors(&[(1, 1)])));
    // News that come late.
    events.push(stored(0, 2, 10, 0));
    assert_eq!(shown(&events), (1, 20, executors(&[(1, 1)])));
    events.push(removed(1, 1));
    assert_eq!(shown(&events), (0, 0, executors(&[])));
}

#[test]
fn copies_and_exclusions_are_shown() {
    let copy = Event::TaskStarted {
        task: TaskId(2),
        stage: StageId(1),
        partition: 0,
        attempt: 0,
        executor: ExecutorId(2),
        is_copy: true,
        at: 0,
    };
    let excluded = |executor| Event::ExecutorExcluded { executor: ExecutorId(executor), at: 1 };
    let mut events = vec![joined(1), joined(2), rdd(1), job(1, vec![stage(1, 1, &[1])], &[], 1), task_started(1, 1)];
    events.extend([copy, excluded(1), excluded(2)]);
    let shown = |events: &[Event]| {
        let snapshot = after(events.to_vec());
        let excluded = snapshot.executors.iter().map(|executor| executor.excluded).collect::<Vec<_>>();
        (snapshot.stages[&StageId(1)].copies, excluded)
    };
    assert_eq!(shown(&events), (1, vec![true, true]));
    events.push(Event::ExecutorReadmitted { executor: ExecutorId(1), at: 2 });
    events.push(Event::ExecutorLost { executor: ExecutorId(2), why: "killed".to_owned(), at: 3 });
    assert_eq!(shown(&events), (1, vec![false, false]));
}

#[test]
fn what_could_not_be_stored_and_what_was_skipped_is_remembered() {
    let not_stored = |partition| Event::BlockNotStored { rdd: RddId(1), partition, why: "no space".to_owned() };
    let skipped = |example: &str| Event::RowsSkipped {
        rdd: RddId(1),
        partition: 0,
        operator: "map".to_owned(),
        rows: 2,
        example: example.to_owned(),
    };
    let disk = |why: &str| Event::DiskSkipped { directory: "/a".to_owned(), why: why.to_owned() };
    let mut events = vec![rdd(1), not_stored(0), not_stored(1), skipped("first"), skipped("last")];
    events.extend([disk("no space"), disk("read-only")]);
    events.push(stored(0, 1, 0, 9));
    let snapshot = after(events.clone());
    let status = snapshot.rdd(RddId(1)).unwrap();
    assert_eq!(status.not_stored, [(1, "no space".to_owned())].into());
    assert_eq!(status.skipped, [("map".to_owned(), "last".to_owned())].into());
    assert_eq!(snapshot.skipped_disks, [("/a".to_owned(), "no space".to_owned())].into());
    events.push(Event::CacheMarked { rdd: RddId(1), level: None });
    assert!(after(events).rdd(RddId(1)).unwrap().not_stored.is_empty());
}

#[test]
fn old_jobs_and_dropped_rdds_are_forgotten() {
    let mut store = StatusStore::remembering(2);
    for cell in 1..=500 {
        store.apply(&rdd(cell));
        store.apply(&job(cell, vec![stage(cell, cell, &[cell])], &[], cell));
        store.apply(&Event::RddDropped { rdd: RddId(cell) });
        assert_eq!(store.snapshot().rdd(RddId(cell)).map(|rdd| rdd.life), Some(RddLife::Dropped));
        store.apply(&job_finished(cell, JobEnd::Succeeded, cell));
    }
    let snapshot = store.snapshot();
    assert_eq!((snapshot.jobs.len(), snapshot.stages.len(), snapshot.rdds.len()), (2, 2, 2));
    assert_eq!(snapshot.jobs[0].id, JobId(499));
    // One that no job refers to goes at once, and a running job stays, however old.
    store.apply(&rdd(900));
    store.apply(&Event::RddDropped { rdd: RddId(900) });
    assert!(store.snapshot().rdd(RddId(900)).is_none());
}

#[test]
fn jobs_over_very_long_lineages_are_forgotten_sooner() {
    let mut store = StatusStore::new();
    let chain: Vec<u64> = (1..=10_000).collect();
    for id in 1..=20 {
        store.apply(&job(id, vec![stage(id, id, &chain)], &[], id));
        store.apply(&job_finished(id, JobEnd::Succeeded, id));
    }
    assert_eq!(store.snapshot().jobs.len(), 5);
}

#[test]
fn a_snapshot_can_cross_a_process_border() {
    fn crosses<T: serde::Serialize + serde::de::DeserializeOwned + Send + 'static>() {}
    crosses::<Snapshot>();
}

#[test]
fn executors_come_work_and_go() {
    let mut store = StatusStore::new();
    store.apply(&Event::ExecutorJoined { executor: ExecutorId(1), pid: 77, slots: 2, at: 0 });
    for task in [1, 2, 3] {
        store.apply(&task_started(task, 1));
    }
    let end = |task, end| Event::TaskFinished { task: TaskId(task), stage: StageId(1), partition: 0, end, at: 0 };
    let metrics = TaskMetrics { shuffle_write_bytes: 5, ..TaskMetrics::default() };
    store.apply(&end(1, TaskEnd::Succeeded(metrics)));
    store.apply(&end(2, TaskEnd::Failed("bad".to_owned())));
    let status = store.snapshot().executors[0].clone();
    assert_eq!((status.pid, status.slots, status.running, status.done, status.failed), (77, 2, 1, 1, 1));
    assert_eq!(status.totals.shuffle_write_bytes, 5);
    store.apply(&Event::ExecutorLost { executor: ExecutorId(1), why: "killed".to_owned(), at: 0 });
    let status = store.snapshot().executors[0].clone();
    assert_eq!((status.lost.as_deref(), status.running), (Some("killed"), 0));
    for id in 2..100 {
        store.apply(&Event::ExecutorJoined { executor: ExecutorId(id), pid: 1, slots: 1, at: 0 });
        store.apply(&Event::ExecutorLost { executor: ExecutorId(id), why: String::new(), at: 0 });
    }
    assert!(store.snapshot().executors.len() < 30, "old ones are forgotten");
}

#[test]
fn attempts_keep_their_time_and_place() {
    let started = |task: u64, at: u64| task_started(task, 1).stamped(at);
    let ended = |task: u64, end: TaskEnd, at: u64| task_finished(task, 1, end).stamped(at);
    let snapshot = after([
        job(1, vec![stage(1, 1, &[1])], &[], 0),
        started(1, 5),
        started(2, 6),
        ended(1, TaskEnd::Failed("no".to_owned()), 9),
        ended(2, TaskEnd::Succeeded(TaskMetrics::default()), 11),
        started(3, 12),
    ]);
    let (executor, is_copy) = (ExecutorId(1), false);
    let attempt = |started, ended, end| AttemptStatus { partition: 0, executor, is_copy, started, ended, end };
    let right = [attempt(5, 9, AttemptEnd::Failed), attempt(6, 11, AttemptEnd::Succeeded)];
    assert_eq!(snapshot.stages[&StageId(1)].attempts.kept(), right);
}

#[test]
fn attempts_of_old_jobs_are_forgotten_before_the_jobs() {
    let mut events = Vec::new();
    for number in 1..=30 {
        events.push(job(number, vec![stage(number, number, &[1])], &[], number));
        for task in 0..1_000 {
            events.push(task_started(1_000 * number + task, number));
            let end = TaskEnd::Succeeded(TaskMetrics::default());
            events.push(task_finished(1_000 * number + task, number, end));
        }
        events.push(job_finished(number, JobEnd::Succeeded, number));
    }
    let snapshot = after(events);
    let kept: Vec<usize> = snapshot.stages.values().map(|stage| stage.attempts.kept().len()).collect();
    let right: Vec<usize> = (1..=30).map(|number| if number > 10 { 1_000 } else { 0 }).collect();
    assert_eq!(kept, right);
}
