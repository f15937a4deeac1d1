//! Scheduler time per task: jobs of 10,000 tasks that do nothing, on a running scheduler, with and without a status store
//! that listens. It is the whole way: state machine, driver, events, pool, result.

use dpark::event::{CallSite, StageInfo};
use dpark::event_bus::EventBus;
use dpark::ids::{RddId, ShuffleId};
use dpark::scheduler::Scheduler;
use dpark::status::StatusStore;
use dpark::task::{Stop, TaskContext};
use dpark::work::{JobSpec, StageSpec, TaskOutput, Work};
use std::sync::{Arc, Mutex};
use std::time::Instant;

const TASKS: usize = 10_000;
const RUNS: usize = 15;

struct Nothing;

impl Work for Nothing {
    fn run(&self, stage: usize, partition: usize, _: &TaskContext) -> Result<TaskOutput, Stop> {
        if stage == 0 { Ok(TaskOutput::MapOutput) } else { Ok(TaskOutput::Value(Box::new(partition))) }
    }
}

fn main() {
    for slots in [1, 2] {
        let scheduler = Scheduler::start(slots, EventBus::new());
        report(&format!("local[{slots}]"), &scheduler);
        let bus = EventBus::new();
        let store = Arc::new(Mutex::new(StatusStore::new()));
        bus.subscribe(Box::new(move |event| {
            if let Ok(mut store) = store.lock() {
                store.apply(event);
            }
        }));
        report(&format!("local[{slots}] with a status store"), &Scheduler::start(slots, bus));
    }
}

/// Prints the median over `RUNS` jobs of two stages with `TASKS` tasks each, and the processor time of all threads.
fn report(what: &str, scheduler: &Scheduler) {
    let before = processor_micros();
    let mut micros: Vec<f64> = (0..RUNS as u64).map(|run| once(scheduler, ShuffleId(run))).collect();
    let processor = (processor_micros() - before) / (RUNS * 2 * TASKS) as f64;
    micros.sort_by(f64::total_cmp);
    let wall = micros[RUNS / 2];
    println!(
        "{what}: {wall:.1} µs per empty task (median of {RUNS} jobs, 2 stages of {TASKS} tasks), {processor:.1} µs of processor"
    );
}

/// Processor time of this process so far, from Linux's `/proc` in ticks of 10 ms; 0 elsewhere.
fn processor_micros() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The command's name, in parentheses, may hold blanks: count from behind it. utime and stime are fields 14 and 15.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() * 10_000.0
}

fn once(scheduler: &Scheduler, shuffle: ShuffleId) -> f64 {
    let job = scheduler.next_job_id();
    let stage = |shuffle: Option<ShuffleId>, inputs: Vec<ShuffleId>| {
        let (id, rdd) = (scheduler.next_stage_id(), RddId(1));
        let (name, call_site) = ("map".to_owned(), CallSite::default());
        let info = StageInfo { id, job, rdd, shuffle, parents: vec![], name, call_site, tasks: TASKS, rdds: vec![rdd] };
        StageSpec { id, rdd, shuffle, partitions: (0..TASKS).collect(), inputs, cached: vec![], info }
    };
    let stages = vec![stage(Some(shuffle), vec![]), stage(None, vec![shuffle])];
    let spec =
        JobSpec { id: job, name: "count".to_owned(), call_site: CallSite::default(), stages, keeps_rows_for: None };
    let mut results = 0;
    let began = Instant::now();
    scheduler.run_job(spec, Arc::new(Nothing), &mut |_, _| results += 1).expect("an empty job succeeds");
    let micros = began.elapsed().as_secs_f64() * 1e6;
    assert_eq!(results, TASKS);
    scheduler.forget_shuffle(shuffle);
    micros / (2 * TASKS) as f64
}
