//! The scheduler with real threads. Nothing here is timed: each test waits for what must happen, up to a deadline.

use super::Scheduler;
use crate::error::{Error, Failure, Result};
use crate::event::{CallSite, Event, JobEnd, StageInfo, TaskEnd};
use crate::event_bus::EventBus;
use crate::ids::{JobId, RddId, ShuffleId, StageId};
use crate::task::{Stop, TaskContext};
use crate::work::{JobSpec, StageSpec, TaskOutput, Work};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(30);

type Ran = std::result::Result<TaskOutput, Stop>;

/// Work from a closure.
struct Do<F>(F, AtomicUsize);

impl<F: Fn(usize, usize, &TaskContext) -> Ran + Send + Sync> Work for Do<F> {
    fn run(&self, stage: usize, partition: usize, task: &TaskContext) -> Ran {
        self.0(stage, partition, task)
    }

    fn committed(&self, _stage: usize, _partition: usize, _task: &TaskContext) {
        self.1.fetch_add(1, Ordering::Relaxed);
    }
}

fn work<F: Fn(usize, usize, &TaskContext) -> Ran + Send + Sync>(run: F) -> Arc<Do<F>> {
    Arc::new(Do(run, AtomicUsize::new(0)))
}

fn value(value: usize) -> Ran {
    Ok(TaskOutput::Value(Box::new(value)))
}

/// A job of map stages one after the other, then a result stage, each with so many partitions.
fn chain(scheduler: &Scheduler, shuffles: &[u64], partitions: usize) -> JobSpec {
    let job = scheduler.next_job_id();
    let mut stages: Vec<StageSpec> = Vec::new();
    for shuffle in shuffles.iter().copied().map(ShuffleId).map(Some).chain([None]) {
        let (id, rdd) = (scheduler.next_stage_id(), RddId(1 + stages.len() as u64));
        let inputs: Vec<ShuffleId> = stages.last().and_then(|stage| stage.shuffle).into_iter().collect();
        let info = StageInfo {
            id,
            job,
            rdd,
            shuffle,
            parents: stages.last().map(|stage| stage.id).into_iter().collect(),
            name: "map".to_owned(),
            call_site: CallSite { file: "cell 1".to_owned(), line: 2, column: 3 },
            tasks: partitions,
            rdds: vec![rdd],
        };
        stages.push(StageSpec {
            id,
            rdd,
            shuffle,
            partitions: (0..partitions).collect(),
            inputs,
            cached: vec![],
            info,
        });
    }
    JobSpec { id: job, name: "collect".to_owned(), call_site: CallSite::default(), stages, keeps_rows_for: None }
}

fn collect(scheduler: &Scheduler, spec: JobSpec, work: Arc<dyn Work>) -> Result<BTreeMap<usize, usize>> {
    let mut results = BTreeMap::new();
    scheduler.run_job(spec, work, &mut |partition, value| {
        let before = results.insert(partition, *value.downcast::<usize>().unwrap());
        assert_eq!(before, None, "partition {partition} came twice");
    })?;
    Ok(results)
}

fn recorded(bus: &EventBus) -> Arc<Mutex<Vec<Event>>> {
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&events);
    bus.subscribe(Box::new(move |event| seen.lock().unwrap().push(event.clone())));
    events
}

/// Waits until `done`, which must happen before the deadline.
fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::yield_now();
    }
}

#[test]
fn every_partition_comes_once_and_finished_map_stages_are_reused() {
    let bus = EventBus::new();
    let events = recorded(&bus);
    let scheduler = Scheduler::start(2, bus);
    let run = work(|stage, partition, _: &TaskContext| match stage {
        0 => Ok(TaskOutput::MapOutput),
        _ => value(partition * 10),
    });
    let right: BTreeMap<usize, usize> = (0..50).map(|partition| (partition, partition * 10)).collect();
    assert_eq!(collect(&scheduler, chain(&scheduler, &[7], 50), Arc::clone(&run) as _).unwrap(), right);
    assert!(scheduler.outputs_complete(ShuffleId(7)));
    assert_eq!(run.1.load(Ordering::Relaxed), 100);
    assert_eq!(collect(&scheduler, chain(&scheduler, &[7], 50), Arc::clone(&run) as _).unwrap(), right);
    assert_eq!(run.1.load(Ordering::Relaxed), 150);
    scheduler.forget_shuffle(ShuffleId(7));
    assert!(!scheduler.outputs_complete(ShuffleId(7)));
    scheduler.stop();
    let events = events.lock().unwrap();
    let skipped = events.iter().filter_map(|event| match event {
        Event::JobStarted { skipped, .. } => Some(skipped.clone()),
        _ => None,
    });
    assert_eq!(skipped.collect::<Vec<_>>(), [vec![], vec![StageId(3)]]);
    assert!(matches!(events.last(), Some(Event::JobFinished { end: JobEnd::Succeeded, .. })));
}

#[test]
fn a_panic_is_tried_four_times_and_names_text_and_line() {
    let scheduler = Scheduler::start(2, EventBus::new());
    let (runs, line) = (AtomicUsize::new(0), line!() + 4);
    let run = work(move |_, partition, _: &TaskContext| {
        if partition == 3 {
            runs.fetch_add(1, Ordering::Relaxed);
            panic!("no luck, run {}", runs.load(Ordering::Relaxed));
        }
        value(partition)
    });
    let Err(Error::Task(failure)) = collect(&scheduler, chain(&scheduler, &[], 5), run) else { panic!("no failure") };
    assert_eq!((failure.partition, failure.attempts), (3, 4));
    let Failure::Panic { message, location: Some(location) } = &failure.cause else { panic!("{failure:?}") };
    assert_eq!((message.as_str(), location.file.as_str(), location.line), ("no luck, run 4", file!(), line));
    // The scheduler lives.
    assert_eq!(
        collect(&scheduler, chain(&scheduler, &[], 2), work(|_, p, _: &TaskContext| value(p))).unwrap().len(),
        2
    );
}

#[test]
fn a_panic_in_a_nested_par_iter_names_its_line_too() {
    let scheduler = Scheduler::start(2, EventBus::new());
    let line = line!() + 2;
    let run = work(|_, _, _: &TaskContext| {
        (0..10_000).into_par_iter().for_each(|row: u32| assert!(row != 7_777, "row {row} is bad"));
        value(0)
    });
    let Err(Error::Task(failure)) = collect(&scheduler, chain(&scheduler, &[], 1), run) else { panic!("no failure") };
    let Failure::Panic { message, location: Some(location) } = &failure.cause else { panic!("{failure:?}") };
    assert_eq!((message.as_str(), location.line), ("row 7777 is bad", line));
}

#[test]
fn what_cannot_pass_is_not_tried_again() {
    let scheduler = Scheduler::start(2, EventBus::new());
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&runs);
    let run = work(move |_, _, _: &TaskContext| {
        counter.fetch_add(1, Ordering::Relaxed);
        Err(Stop::Failed(Failure::Io { path: "x.txt".to_owned(), message: "no such file".to_owned() }))
    });
    let error = collect(&scheduler, chain(&scheduler, &[], 1), run).unwrap_err();
    assert_eq!(error.to_string(), "stage 1 (map at cell 1, line 2), partition 0: x.txt: no such file");
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

#[test]
fn a_lost_output_is_computed_again_and_its_reader_repeated() {
    let scheduler = Scheduler::start(2, EventBus::new());
    let maps = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&maps);
    let run = work(move |stage, partition, _: &TaskContext| match (stage, partition) {
        (0, _) => {
            counter.fetch_add(1, Ordering::Relaxed);
            Ok(TaskOutput::MapOutput)
        }
        (_, 1) if counter.load(Ordering::Relaxed) < 5 => {
            Err(Stop::Failed(Failure::Lost { outputs: vec![(ShuffleId(1), 2)], message: "checksum".to_owned() }))
        }
        _ => value(partition),
    });
    assert_eq!(collect(&scheduler, chain(&scheduler, &[1], 4), Arc::clone(&run) as _).unwrap().len(), 4);
    assert_eq!((maps.load(Ordering::Relaxed), run.1.load(Ordering::Relaxed)), (5, 8));
}

/// Work that says when it runs, then goes on until it is told to stop.
fn endless(running: Sender<usize>) -> Arc<dyn Work> {
    work(move |_, partition, task: &TaskContext| {
        running.send(partition).unwrap();
        loop {
            task.check()?;
            std::thread::yield_now();
        }
    })
}

#[test]
fn cancel_reaches_running_tasks_and_starts_nothing_more() {
    let bus = EventBus::new();
    let events = recorded(&bus);
    let scheduler = Scheduler::start(2, bus);
    let (running, runs) = mpsc::channel();
    let spec = chain(&scheduler, &[], 100);
    std::thread::scope(|scope| {
        let job = scope.spawn(|| collect(&scheduler, spec, endless(running)));
        runs.recv_timeout(DEADLINE).unwrap();
        runs.recv_timeout(DEADLINE).unwrap();
        scheduler.cancel_all();
        let error = job.join().unwrap().unwrap_err();
        assert!(matches!(error, Error::Cancelled { job: JobId(1) }), "{error:?}");
    });
    let ended = |event: &Event| matches!(event, Event::TaskFinished { end: TaskEnd::Cancelled, .. });
    wait_for("both tasks to stop", || events.lock().unwrap().iter().filter(|event| ended(event)).count() == 2);
    assert!(runs.try_recv().is_err(), "a cancelled job started a task");
    assert_eq!(
        collect(&scheduler, chain(&scheduler, &[], 3), work(|_, p, _: &TaskContext| value(p))).unwrap().len(),
        3
    );
}

#[test]
fn cancel_reaches_a_nested_par_iter_on_the_engines_own_pool() {
    let scheduler = Scheduler::start(2, EventBus::new());
    let (running, runs) = mpsc::channel();
    let stopped = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&stopped);
    let run = work(move |_, _, task: &TaskContext| {
        let end: std::result::Result<(), Stop> = (0..2usize).into_par_iter().try_for_each(|_| {
            let thread = std::thread::current();
            running.send(thread.name().unwrap_or_default().to_owned()).unwrap();
            loop {
                task.check()?;
                std::thread::yield_now();
            }
        });
        counter.fetch_add(1, Ordering::Relaxed);
        end.map(|()| TaskOutput::MapOutput)
    });
    let spec = chain(&scheduler, &[], 1);
    let id = spec.id;
    std::thread::scope(|scope| {
        let job = scope.spawn(|| collect(&scheduler, spec, run));
        let thread = runs.recv_timeout(DEADLINE).unwrap();
        assert!(thread.starts_with("dpark-task-"), "it ran on {thread:?}");
        scheduler.cancel_job(id);
        assert!(matches!(job.join().unwrap(), Err(Error::Cancelled { .. })));
    });
    wait_for("the task to stop", || stopped.load(Ordering::Relaxed) == 1);
}

#[test]
fn jobs_share_free_slots_and_a_shuffle_is_computed_once() {
    let scheduler = Scheduler::start(2, EventBus::new());
    let maps = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let counter = Arc::clone(&maps);
            let run = work(move |stage, partition, _: &TaskContext| {
                if stage == 0 {
                    counter.fetch_add(1, Ordering::Relaxed);
                    return Ok(TaskOutput::MapOutput);
                }
                value(partition)
            });
            let spec = chain(&scheduler, &[1], 20);
            scope.spawn(|| assert_eq!(collect(&scheduler, spec, run).unwrap().len(), 20));
        }
    });
    assert_eq!(maps.load(Ordering::Relaxed), 20);
}

#[test]
fn stop_ends_jobs_and_threads_and_so_does_the_last_handle() {
    let scheduler = Scheduler::start(2, EventBus::new());
    let (running, runs) = mpsc::channel();
    std::thread::scope(|scope| {
        let spec = chain(&scheduler, &[], 2);
        let job = scope.spawn(|| collect(&scheduler, spec, endless(running)));
        runs.recv_timeout(DEADLINE).unwrap();
        scheduler.stop();
        assert!(matches!(job.join().unwrap(), Err(Error::Stopped)));
    });
    let after = collect(&scheduler, chain(&scheduler, &[], 2), work(|_, p, _: &TaskContext| value(p)));
    assert!(matches!(after, Err(Error::Stopped)));
    assert!(!scheduler.outputs_complete(ShuffleId(1)));
    // What the threads of a scheduler hold is gone when its last handle is.
    let held = Arc::new(());
    let bus = EventBus::new();
    let listener = Arc::clone(&held);
    bus.subscribe(Box::new(move |_| drop(Arc::clone(&listener))));
    drop(Scheduler::start(2, bus));
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn a_job_inside_a_task_is_an_error_and_a_panic_while_merging_fails_the_job() {
    struct Nested(Scheduler);
    impl Work for Nested {
        fn run(&self, _: usize, partition: usize, _: &TaskContext) -> Ran {
            let spec = chain(&self.0, &[], 1);
            let inner = collect(&self.0, spec, work(|_, p, _: &TaskContext| value(p)));
            assert!(matches!(inner, Err(Error::Invalid(_))), "{inner:?}");
            value(partition)
        }
        fn committed(&self, _: usize, partition: usize, _: &TaskContext) {
            assert!(partition != 1, "cannot add");
        }
    }
    let scheduler = Scheduler::start(1, EventBus::new());
    let nested = || Arc::new(Nested(scheduler.clone()));
    assert_eq!(collect(&scheduler, chain(&scheduler, &[], 1), nested()).unwrap().len(), 1);
    let error = collect(&scheduler, chain(&scheduler, &[], 2), nested()).unwrap_err().to_string();
    assert!(error.contains("merging what the task accumulated panicked at") && error.contains("cannot add"), "{error}");
}

#[test]
fn values_whose_drop_panics_do_no_harm() {
    struct Sharp;
    impl Drop for Sharp {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("dropped");
            }
        }
    }
    let scheduler = Scheduler::start(2, EventBus::new());
    let run = work(|_, partition, _: &TaskContext| {
        if partition == 1 {
            std::panic::panic_any(Sharp)
        }
        Ok(TaskOutput::Value(Box::new(partition)))
    });
    assert!(matches!(collect(&scheduler, chain(&scheduler, &[], 2), run), Err(Error::Task(_))));
    let sharp = Sharp;
    let run = work(move |_, partition, _: &TaskContext| {
        let _ = &sharp;
        value(partition)
    });
    assert_eq!(collect(&scheduler, chain(&scheduler, &[], 2), run).map(|results| results.len()).unwrap(), 2);
    assert_eq!(
        collect(&scheduler, chain(&scheduler, &[], 2), work(|_, p, _: &TaskContext| value(p))).unwrap().len(),
        2
    );
}

#[test]
fn a_panic_of_the_caller_takes_its_job_along() {
    let bus = EventBus::new();
    let events = recorded(&bus);
    let scheduler = Scheduler::start(1, bus);
    let run = work(|_, partition, task: &TaskContext| match partition {
        0 => value(0),
        _ => loop {
            task.check()?;
            std::thread::yield_now();
        },
    });
    let spec = chain(&scheduler, &[], 2);
    let caller = || scheduler.run_job(spec, run, &mut |_, _| std::panic::resume_unwind(Box::new("the caller's")));
    let end = std::panic::catch_unwind(std::panic::AssertUnwindSafe(caller));
    assert_eq!(end.unwrap_err().downcast_ref(), Some(&"the caller's"));
    let cancelled = |event: &Event| matches!(event, Event::JobFinished { end: JobEnd::Cancelled, .. });
    wait_for("the job to end", || events.lock().unwrap().iter().any(cancelled));
}
