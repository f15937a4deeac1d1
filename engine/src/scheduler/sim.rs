//! The scheduler in virtual time: random jobs, failures, losses and cancellations from a seed, every rule checked after
//! every event.
//!
//! A failure prints its seed; `DPARK_SIM_SEED=<seed> cargo test -p dpark simulation -- --nocapture` runs that one alone
//! and prints what happened.

mod checks;
mod placement;
mod plan;
mod tasks;
mod world;

use super::planted::Bug;
use world::World;

/// More of them: `DPARK_SIM_SEEDS=100000`.
const SEEDS: u64 = 5_000;

#[test]
fn simulation_breaks_no_rule() {
    if let Some(seed) = std::env::var("DPARK_SIM_SEED").ok().and_then(|seed| seed.parse().ok()) {
        let mut world = World::new(seed, None);
        let end = world.run();
        println!("{}", world.trace.join("\n"));
        return end.unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
    }
    let seeds = std::env::var("DPARK_SIM_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    let mut seen = world::Seen::default();
    for seed in 0..seeds.unwrap_or(SEEDS) {
        let mut world = World::new(seed, None);
        if let Err(broken) = world.run() {
            panic!("{broken}\n(run it alone with DPARK_SIM_SEED={seed})\n{}", world.trace.join("\n"));
        }
        seen.add(&world.seen);
    }
    // The seeds reach what they are meant to reach.
    println!("{seen:?}");
    let jobs = [seen.succeeded, seen.failed, seen.cancelled, seen.shared, seen.skipped];
    let least = [
        &jobs[..],
        &[seen.losses, seen.executors_lost, seen.left, seen.spared, seen.copies, seen.excluded],
        &[seen.local, seen.at_keeper],
    ]
    .concat();
    assert!(least.iter().all(|count| *count > 100), "the simulation has become too tame: {seen:?}");
}

#[test]
fn simulation_repeats_itself() {
    for seed in 0..20 {
        let (mut once, mut again) = (World::new(seed, None), World::new(seed, None));
        assert_eq!(once.run(), again.run());
        assert_eq!(once.trace, again.trace);
    }
}

#[test]
fn simulation_catches_every_planted_bug() {
    for bug in Bug::ALL {
        let caught = (0..SEEDS).find_map(|seed| Some((seed, broken(seed, bug)?)));
        println!("{bug:?}: {caught:?}");
        assert!(caught.is_some(), "{bug:?} was not noticed in {SEEDS} seeds");
    }
}

/// The rule that `bug` breaks under `seed`; a machine that stumbles over its own state counts as noticed.
fn broken(seed: u64, bug: Bug) -> Option<String> {
    let run = std::panic::catch_unwind(|| World::new(seed, Some(bug)).run());
    run.unwrap_or_else(|_| Err("the machine panicked".to_owned())).err()
}
