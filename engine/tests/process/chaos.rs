//! A hundred jobs while executors are killed and stopped and map outputs deleted, truncated and corrupted: every result is
//! that of the same job in local mode.
//!
//! The faults come in an order that a seed decides (`DPARK_CHAOS_SEED`) and are aimed: at a map task, at a reduce task, at a
//! fetch. What has not hit is aimed once more; the test fails if a kind of fault and a kind of victim have never met.

mod jobs;
mod strikes;
mod world;

use crate::support::{files_ending, in_directory, wait_for};
use crate::tests;
use dpark::random::Random;
use dpark::{DparkContext, Error};
use jobs::{Gate, JOBS, Lab, has_gate, name};
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;
use strikes::{FAULTS, Fault, Striker, VICTIMS, Victim};
use world::World;

tests!(a_hundred_jobs_survive_chaos);

/// Microseconds that tasks rest at every tenth row.
const PAUSE: u64 = 1500;

/// So many jobs are left for the end, in which many faults come together.
const IN_THE_STORM: usize = 32;

/// How many of those run at a time.
const LANES: usize = 4;

/// A job that fails of the faults is run again so many times.
const MAX_REPEATS: usize = 3;

/// So many jobs may fail of the faults, with a cause that names one.
const MAX_FAILED_JOBS: usize = 8;

fn a_hundred_jobs_survive_chaos() {
    let seed = std::env::var("DPARK_CHAOS_SEED").map_or(4, |seed| seed.parse().expect("DPARK_CHAOS_SEED is a number"));
    println!("chaos: seed {seed}");
    let (right, seen) = in_local_mode();
    let directory = tempfile::tempdir().unwrap();
    let ctx = in_directory("process[3*2]", directory.path());
    let world = World::of(&ctx);
    world.watch();
    let chaos = Chaos { lab: Lab::new(ctx.clone(), PAUSE), right, failed: AtomicUsize::new(0) };
    let mut striker = Striker::new(&world, directory.path(), Random::new(seed, 1));
    let mut random = Random::new(seed, 2);
    let mut jobs: VecDeque<usize> = shuffled(0..JOBS, &mut random).into();
    let aims = FAULTS.iter().flat_map(|fault| VICTIMS.map(|victim| (*fault, victim)));
    let mut aims: VecDeque<(Fault, Victim)> = shuffled(aims, &mut random).into();
    let mut one_falls_silent = true;
    while jobs.len() > IN_THE_STORM {
        let aim =
            aims.pop_front().unwrap_or_else(|| (FAULTS[random.below(8) as usize], VICTIMS[random.below(3) as usize]));
        let before = striker.hits_of(aim);
        if aim.1 == Victim::Fetch {
            let gated = jobs.iter().position(|job| has_gate(*job)).unwrap_or(0);
            chaos.strike_fetch_of(jobs.remove(gated).unwrap(), aim.0, &mut striker);
        } else {
            let together: Vec<Vec<usize>> = jobs.drain(..1 + random.below(2) as usize).map(|job| vec![job]).collect();
            let silence = jobs.len() < JOBS / 2 && std::mem::take(&mut one_falls_silent);
            chaos.strike_during(&together, &mut striker, |striker, ended| {
                if silence { striker.stop_for_ever(ended) } else { striker.strike(aim, ended) }
            });
        }
        if striker.hits_of(aim) == before {
            aims.push_back(aim);
        }
    }
    // Several jobs at a time, and one fault after the other.
    let rest: Vec<usize> = jobs.into();
    let lanes: Vec<Vec<usize>> = rest.chunks(rest.len().div_ceil(LANES)).map(<[usize]>::to_vec).collect();
    chaos.strike_during(&lanes, &mut striker, |striker, ended| {
        while !ended() {
            std::thread::sleep(Duration::from_millis(random.below(100)));
            striker.strike((FAULTS[random.below(8) as usize], VICTIMS[random.below(2) as usize]), ended);
        }
    });
    assert_eq!(chaos.lab.seen(), seen, "rows are counted once");
    chaos.report(&striker);
    drop(chaos);
    wait_for("the map outputs of dropped RDDs are removed", || files_ending(directory.path(), "data").is_empty());
    ctx.stop();
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is left behind");
}

/// What each job comes to, and how many rows the kept sums are made of.
fn in_local_mode() -> (Vec<String>, u64) {
    let lab = Lab::new(DparkContext::local(6), 0);
    let result = |job| lab.run(job, None).unwrap_or_else(|error| panic!("{} in local mode: {error}", name(job)));
    ((0..JOBS).map(result).collect(), lab.seen())
}

/// In an order that the seed decides.
fn shuffled<T>(items: impl Iterator<Item = T>, random: &mut Random) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    for i in (1..items.len()).rev() {
        items.swap(i, random.below(i as u64 + 1) as usize);
    }
    items
}

struct Chaos {
    lab: Lab,
    /// What each job has to come to.
    right: Vec<String>,
    /// The jobs that have failed of the faults.
    failed: AtomicUsize,
}

impl Chaos {
    /// Runs a job until it succeeds: then its result is right. It may fail, if it says of which fault.
    fn check(&self, job: usize, gate: Gate) {
        let mut gate = gate;
        for _ in 0..=MAX_REPEATS {
            match self.lab.run(job, gate.take()) {
                Ok(result) => {
                    let right = &self.right[job];
                    return assert!(result == *right, "{} is wrong:\n{result}\nright is\n{right}", name(job));
                }
                Err(error) => {
                    println!("chaos: {} failed: {error}", name(job));
                    assert!(names_a_fault(&error), "{}: {error}", name(job));
                    self.failed.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        panic!("{} has failed again and again", name(job));
    }

    /// Runs several lists of jobs at the same time, and does something to the executors meanwhile.
    fn strike_during(
        &self,
        lanes: &[Vec<usize>],
        striker: &mut Striker,
        strike: impl FnOnce(&mut Striker, &dyn Fn() -> bool),
    ) {
        std::thread::scope(|scope| {
            let run = |lane: &Vec<usize>| lane.iter().for_each(|job| self.check(*job, None));
            let running: Vec<_> = lanes.iter().map(|lane| scope.spawn(move || run(lane))).collect();
            strike(striker, &|| running.iter().all(|lane| lane.is_finished()));
        });
    }

    /// Runs a job whose map side is done before an executor is held, and strikes before that one has fetched anything.
    fn strike_fetch_of(&self, job: usize, fault: Fault, striker: &mut Striker) {
        let (reached, at_gate) = channel();
        let (go, gone) = channel();
        let (reached, gone) = (Mutex::new(reached), Mutex::new(gone));
        let gate = move || {
            reached.lock().unwrap().send(()).unwrap();
            // When nobody holds an executor it goes on, too.
            let _ = gone.lock().unwrap().recv();
        };
        std::thread::scope(|scope| {
            let running = scope.spawn(|| {
                let gate = gate;
                self.check(job, Some(&gate));
            });
            // A job without a gate ends without having come to one.
            let held = at_gate.recv().ok().and_then(|()| striker.hold());
            // It waits only if it has come there.
            let _ = go.send(());
            if let Some(held) = held {
                striker.strike_fetch(fault, held, &|| running.is_finished());
            }
        });
    }

    fn report(&self, striker: &Striker) {
        let failed = self.failed.load(Ordering::Relaxed);
        println!("chaos: {JOBS} jobs, {failed} failed of faults and were repeated");
        println!("chaos: {:16} {:>9} {:>9} {:>9}", "tasks hit by", "map", "reduce", "fetch");
        for fault in FAULTS {
            let [map, reduce, fetch] = VICTIMS.map(|victim| striker.hits_of((fault, victim)));
            println!("chaos: {:16} {map:>9} {reduce:>9} {fetch:>9}", format!("{fault:?}"));
        }
        for aim in FAULTS.iter().flat_map(|fault| VICTIMS.map(|victim| (*fault, victim))) {
            assert!(striker.hits_of(aim) > 0, "{aim:?} has never hit");
        }
        assert!(failed <= MAX_FAILED_JOBS, "{failed} jobs have failed");
    }
}

/// Whether an error says which fault the job has failed of.
fn names_a_fault(error: &Error) -> bool {
    let Error::Task(failure) = error else { return false };
    let cause = failure.cause.to_string();
    cause.contains(" was lost: ") || strikes::tells_of_lost_outputs(&cause)
}
