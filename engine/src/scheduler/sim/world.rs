//! Everything around the state machine, in virtual time: executors, running tasks, stored outputs, users.

use super::checks::{Key, Life};
use super::placement::Health;
use super::plan::{Plan, Rng};
use crate::error::Error;
use crate::event::Event;
use crate::ids::{ExecutorId, JobId, RddId, ShuffleId, TaskId};
use crate::scheduler::command::{Cause, Command, Input, Launch};
use crate::scheduler::dag::Machine;
use crate::scheduler::planted::Bug;
use crate::status::StatusStore;
use std::collections::{BTreeMap, BTreeSet};

/// Something due at a time.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Submit(usize),
    Cancel(usize),
    CancelAll,
    Finish(TaskId),
    /// A map output goes, and the scheduler is told.
    Announce,
    /// A map output goes, and only its readers will notice.
    Corrupt,
    /// A map output goes whenever it is computed from now on, the next few times or for ever.
    Curse,
    Forget(ShuffleId),
    LoseExecutor,
    /// An executor that was leaving is gone.
    Gone(ExecutorId),
    AddExecutor,
    /// An executor has no room for a persisted partition any more.
    Evict,
    Tick,
}

/// Microseconds in a unit of the simulation's time.
const UNIT: u64 = 500_000;

/// A running attempt.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) launch: Launch,
    pub(super) key: Key,
    pub(super) launched_at: u64,
    /// The time of the last tick before.
    pub(super) began: u64,
    pub(super) killed: bool,
    /// Its executor was lost; it may report nevertheless.
    pub(super) zombie: bool,
    /// Map outputs that it missed while reading.
    pub(super) missed: BTreeSet<(ShuffleId, usize)>,
    pub(super) value: Option<u64>,
}

impl Run {
    /// Whether anybody waits for it.
    pub(super) fn is_wanted(&self) -> bool {
        !self.killed && !self.zombie
    }
}

/// How often readers have missed a map output since a job uses it.
#[derive(Debug, Default)]
pub(super) struct Missed {
    pub(super) in_all: u32,
    /// Since somebody has read it.
    pub(super) in_a_row: u32,
}

/// What a job is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Planned,
    Running,
    Ended,
}

/// A job and what came of it.
#[derive(Debug)]
pub(super) struct JobState {
    pub(super) status: Status,
    pub(super) cancelled: bool,
    pub(super) results: BTreeMap<usize, u64>,
}

/// How often the interesting things happened.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) succeeded: usize,
    pub(super) failed: usize,
    pub(super) cancelled: usize,
    pub(super) losses: usize,
    pub(super) executors_lost: usize,
    /// Executors that were known to leave before they were lost.
    pub(super) left: usize,
    /// Attempts that went with an executor through no fault of theirs.
    pub(super) spared: usize,
    pub(super) shared: usize,
    pub(super) skipped: usize,
    /// Tasks that began where what they begin with is persisted…
    pub(super) local: usize,
    /// …or where their rows were kept.
    pub(super) at_keeper: usize,
    pub(super) copies: usize,
    pub(super) excluded: usize,
    pub(super) steps: usize,
}

impl Seen {
    pub(super) fn add(&mut self, other: &Seen) {
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.cancelled += other.cancelled;
        self.losses += other.losses;
        self.executors_lost += other.executors_lost;
        self.left += other.left;
        self.spared += other.spared;
        self.shared += other.shared;
        self.skipped += other.skipped;
        self.local += other.local;
        self.at_keeper += other.at_keeper;
        self.copies += other.copies;
        self.excluded += other.excluded;
        self.steps += other.steps;
    }
}

pub(super) struct World {
    pub(super) rng: Rng,
    pub(super) plan: Plan,
    pub(super) machine: Machine,
    agenda: BTreeMap<(u64, u64), Happening>,
    now: u64,
    /// The time that the machine was told last.
    pub(super) ticked: u64,
    planned: u64,
    pub(super) step: u64,
    /// Map outputs that exist, and where.
    pub(super) stored: BTreeMap<(ShuffleId, usize), (ExecutorId, u64)>,
    /// Map outputs that the scheduler has reason to believe in, and since which step.
    pub(super) believed: BTreeMap<(ShuffleId, usize), u64>,
    /// How often map outputs will still be gone as soon as they are computed.
    pub(super) cursed: BTreeMap<(ShuffleId, usize), u32>,
    /// How often map outputs were missed.
    pub(super) missed: BTreeMap<(ShuffleId, usize), Missed>,
    pub(super) counted: BTreeSet<(Key, usize)>,
    pub(super) forgotten: BTreeSet<ShuffleId>,
    /// Shuffles with map outputs that were not removed.
    pub(super) kept: BTreeSet<ShuffleId>,
    pub(super) runs: BTreeMap<TaskId, Run>,
    pub(super) executors: BTreeMap<ExecutorId, usize>,
    pub(super) health: BTreeMap<ExecutorId, Health>,
    /// Who holds which persisted partitions.
    pub(super) blocks: BTreeMap<(RddId, usize), BTreeSet<ExecutorId>>,
    /// Who has kept the rows of which map partitions.
    pub(super) kept_rows: BTreeMap<(ShuffleId, usize), ExecutorId>,
    /// How long the attempts took that succeeded.
    pub(super) durations: BTreeMap<Key, Vec<u64>>,
    last_executor: u64,
    pub(super) jobs: Vec<JobState>,
    pub(super) lives: BTreeMap<(Key, usize), Life>,
    /// The attempt whose end was just reported.
    pub(super) reported: Option<Run>,
    /// Why a job may fail in this step.
    pub(super) excuse: bool,
    pub(super) panics: u64,
    pub(super) hopeless: u64,
    /// What views would show.
    pub(super) status: StatusStore,
    pub(super) trace: Vec<String>,
    pub(super) seen: Seen,
}

impl World {
    pub(super) fn new(seed: u64, bug: Option<Bug>) -> World {
        let mut rng = Rng(seed);
        let plan = Plan::new(&mut rng);
        let jobs =
            plan.jobs.iter().map(|_| JobState { status: Status::Planned, cancelled: false, results: BTreeMap::new() });
        let mut world = World {
            jobs: jobs.collect(),
            machine: Machine::default(),
            agenda: BTreeMap::new(),
            now: 0,
            ticked: 0,
            planned: 0,
            step: 0,
            stored: BTreeMap::new(),
            believed: BTreeMap::new(),
            cursed: BTreeMap::new(),
            missed: BTreeMap::new(),
            counted: BTreeSet::new(),
            forgotten: BTreeSet::new(),
            kept: BTreeSet::new(),
            runs: BTreeMap::new(),
            executors: BTreeMap::new(),
            health: BTreeMap::new(),
            blocks: BTreeMap::new(),
            kept_rows: BTreeMap::new(),
            durations: BTreeMap::new(),
            last_executor: 0,
            lives: BTreeMap::new(),
            reported: None,
            excuse: false,
            panics: [0, 3, 25][rng.below(3) as usize],
            hopeless: [0, 0, 2][rng.below(3) as usize],
            status: StatusStore::new(),
            trace: Vec::new(),
            seen: Seen::default(),
            plan,
            rng,
        };
        world.machine.bug = bug;
        world.fill_agenda();
        world
    }

    fn fill_agenda(&mut self) {
        self.at(0, Happening::Tick);
        for _ in 0..1 + self.rng.below(3) {
            self.at(0, Happening::AddExecutor);
        }
        for job in 0..self.jobs.len() {
            let start = self.rng.below(60 * job as u64);
            self.at(start, Happening::Submit(job));
            if self.rng.chance(15) {
                let wait = self.rng.below(80);
                self.at(start + wait, Happening::Cancel(job));
            }
        }
        let troubles = [0, 2, 8][self.rng.below(3) as usize];
        for _ in 0..troubles {
            let when = self.rng.below(200);
            let trouble = match self.rng.below(13) {
                0 => Happening::CancelAll,
                1 | 2 => Happening::LoseExecutor,
                3 | 4 => Happening::Announce,
                5 => Happening::Forget(ShuffleId(self.rng.below(7))),
                6 => Happening::Curse,
                7 | 8 => Happening::Evict,
                _ => Happening::Corrupt,
            };
            self.at(when, trouble);
        }
    }

    fn at(&mut self, time: u64, happening: Happening) {
        self.planned += 1;
        self.agenda.insert((time, self.planned), happening);
    }

    fn soon(&mut self, within: u64, happening: Happening) {
        let delay = 1 + self.rng.below(within);
        self.at(self.now + delay, happening);
    }

    /// Runs until nothing is due; the rule that was broken, if one was.
    pub(super) fn run(&mut self) -> Result<(), String> {
        while let Some(((time, _), happening)) = self.agenda.pop_first() {
            self.now = time;
            self.happen(happening)?;
            if self.step > 20_000 {
                return Err("it does not come to an end".to_owned());
            }
        }
        self.check_all_ended()?;
        self.check_status()?;
        for shuffle in 0..self.plan.shuffles.len() {
            self.feed(Input::ForgetShuffle(ShuffleId(shuffle as u64)))?;
        }
        if !self.kept.is_empty() {
            return Err(format!("the map outputs of {:?} are never removed", self.kept));
        }
        if self.machine.is_empty() { Ok(()) } else { Err(format!("left behind: {:?}", self.machine)) }
    }

    fn happen(&mut self, happening: Happening) -> Result<(), String> {
        match happening {
            Happening::Submit(job) => {
                self.jobs[job].status = Status::Running;
                let spec = self.plan.jobs[job].spec.clone();
                spec.stages.iter().filter_map(|stage| stage.shuffle).for_each(|shuffle| {
                    self.forgotten.remove(&shuffle);
                });
                self.feed(Input::Submit(spec))
            }
            Happening::Cancel(job) => {
                if self.jobs[job].status == Status::Running {
                    self.jobs[job].cancelled = true;
                }
                self.feed(Input::Cancel(JobId(job as u64)))
            }
            Happening::CancelAll => {
                let running = self.jobs.iter_mut().filter(|job| job.status == Status::Running);
                running.for_each(|job| job.cancelled = true);
                self.feed(Input::CancelAll)
            }
            Happening::Finish(task) => self.finish(task),
            Happening::Announce => match self.lose_output() {
                Some((shuffle, map)) => {
                    self.believed.remove(&(shuffle, map));
                    self.feed(Input::OutputLost { shuffle, map })
                }
                None => Ok(()),
            },
            Happening::Corrupt => {
                self.lose_output();
                Ok(())
            }
            Happening::Curse => {
                let shuffle = self.rng.below(self.plan.shuffles.len() as u64);
                let maps = self.plan.shuffles.get(shuffle as usize).map_or(0, |planned| planned.values.len());
                let times = [1, 2, 3, u32::MAX][self.rng.below(4) as usize];
                self.cursed.insert((ShuffleId(shuffle), self.rng.below(maps as u64) as usize), times);
                self.lose_output();
                Ok(())
            }
            Happening::Forget(shuffle) => {
                if self.users(shuffle) == 0 {
                    self.drop_shuffle(shuffle);
                } else {
                    self.forgotten.insert(shuffle);
                }
                self.feed(Input::ForgetShuffle(shuffle))
            }
            Happening::LoseExecutor => self.lose_executor(),
            Happening::Gone(id) => self.gone(id),
            Happening::AddExecutor => {
                self.last_executor += 1;
                let (id, slots) = (ExecutorId(self.last_executor), 1 + self.rng.below(3) as usize);
                self.executors.insert(id, slots);
                self.health.insert(id, Health::new(self.rng.chance(10)));
                self.status.apply(&Event::ExecutorJoined { executor: id, pid: 1, slots, at: self.now });
                self.feed(Input::ExecutorAdded { id, slots })
            }
            Happening::Evict => {
                let held = self.blocks.iter().flat_map(|(block, on)| on.iter().map(|executor| (*block, *executor)));
                let held: Vec<_> = held.collect();
                let Some(((rdd, partition), executor)) = self.rng.pick(&held) else { return Ok(()) };
                self.blocks.get_mut(&(rdd, partition)).map(|on| on.remove(&executor));
                self.feed(Input::BlockRemoved { rdd, partition, executor })
            }
            Happening::Tick => {
                if self.jobs.iter().any(|job| job.status != Status::Ended) {
                    self.at(self.now + 3, Happening::Tick);
                }
                self.ticked = self.now * UNIT;
                self.readmit();
                self.feed(Input::Tick { now: self.ticked })
            }
        }
    }

    /// A stored map output goes; some of the tasks that read it right now miss it.
    fn lose_output(&mut self) -> Option<(ShuffleId, usize)> {
        let stored: Vec<(ShuffleId, usize)> = self.stored.keys().copied().collect();
        let lost = self.rng.pick(&stored)?;
        self.stored.remove(&lost);
        self.seen.losses += 1;
        self.trace.push(format!("{:>4} {lost:?} goes", self.now));
        for run in self.runs.values_mut() {
            let reads = self.plan.inputs(run.launch.job.0 as usize, run.launch.stage).contains(&lost.0);
            if reads && self.rng.chance(60) {
                run.missed.insert(lost);
            }
        }
        Some(lost)
    }

    fn lose_executor(&mut self) -> Result<(), String> {
        let alive: Vec<ExecutorId> = self.executors.keys().copied().collect();
        let Some(id) = self.rng.pick(&alive) else { return Ok(()) };
        self.executors.remove(&id);
        self.health.remove(&id);
        self.keep_one();
        for holders in self.blocks.values_mut() {
            holders.remove(&id);
        }
        self.kept_rows.retain(|_, keeper| *keeper != id);
        self.soon(30, Happening::AddExecutor);
        if self.rng.chance(50) {
            self.seen.left += 1;
            self.soon(20, Happening::Gone(id));
            return self.feed(Input::ExecutorLeaving(id));
        }
        self.gone(id)
    }

    /// An executor is lost, with what it ran and held.
    fn gone(&mut self, id: ExecutorId) -> Result<(), String> {
        self.seen.executors_lost += 1;
        let (stored, believed) = (&mut self.stored, &mut self.believed);
        stored.retain(|output, (executor, _)| {
            if *executor == id {
                believed.remove(output);
            }
            *executor != id
        });
        // What was lost silently had been there too.
        let held = &self.held_on(id);
        self.believed.retain(|output, _| !held.contains(output));
        let mut dead = Vec::new();
        for run in self.runs.values_mut().filter(|run| run.launch.executor == id) {
            run.zombie = true;
            if !run.killed {
                dead.push((run.key, run.launch.partition));
            }
        }
        let cause = if self.rng.chance(50) { Cause::Tasks } else { Cause::Others };
        for life in dead {
            match cause {
                Cause::Tasks => self.note_failure(life),
                Cause::Others => self.note_spared(life),
            }
        }
        self.status.apply(&Event::ExecutorLost { executor: id, why: "killed".to_owned(), at: self.now });
        self.feed(Input::ExecutorLost { id, why: "killed".to_owned(), cause })?;
        // News of it may come late.
        self.feed(Input::BlockStored { rdd: RddId(100), partition: 0, executor: id })
    }

    /// One step of the machine, with every check.
    pub(super) fn feed(&mut self, input: Input) -> Result<(), String> {
        self.step += 1;
        self.seen.steps += 1;
        if !matches!(input, Input::Tick { .. }) {
            self.trace.push(format!("{:>4} {}", self.now, short(&input)));
        }
        let commands = self.machine.apply(input);
        for command in commands {
            self.obey(command)?;
        }
        self.reported = None;
        self.excuse = false;
        self.check_step()
    }

    fn obey(&mut self, command: Command) -> Result<(), String> {
        match command {
            Command::Launch(launch) => {
                self.trace.push(format!("       {launch:?}"));
                let key = self.check_launch(&launch)?;
                let (launched_at, began, missed) = (self.step, self.ticked, BTreeSet::new());
                let run = Run { launch, key, launched_at, began, killed: false, zombie: false, missed, value: None };
                self.runs.insert(launch.task, run);
                let within = if self.rng.chance(8) { 150 } else { 20 };
                self.soon(within, Happening::Finish(launch.task));
            }
            Command::Kill { task, .. } => {
                self.trace.push(format!("       kill {task}"));
                let run = self.runs.get_mut(&task).ok_or_else(|| format!("{task} is killed, but does not run"))?;
                run.killed = true;
                let life = (run.key, run.launch.partition);
                self.allow_new_life(life);
            }
            Command::Accept { task, partition, .. } => self.check_accept(task, partition)?,
            Command::RemoveOutputs(shuffle) => {
                if self.users(shuffle) > 0 {
                    return Err(format!("the map outputs of shuffle {shuffle} are removed, and a job reads them"));
                }
                self.kept.remove(&shuffle);
            }
            Command::JobEnded { job, end } => {
                self.trace.push(format!("       job {job} ended: {end:?}"));
                match &end {
                    Ok(()) => self.seen.succeeded += 1,
                    Err(Error::Cancelled { .. }) => self.seen.cancelled += 1,
                    Err(_) => {
                        self.seen.failed += 1;
                        self.forgive();
                    }
                }
                self.check_end(job.0 as usize, end)?;
            }
            Command::Emit(event) => {
                if let Event::JobStarted { skipped, .. } = &event {
                    self.seen.skipped += skipped.len();
                }
                self.check_told(&event)?;
                self.status.apply(&event.stamped(self.now));
            }
        }
        Ok(())
    }
}

fn short(input: &Input) -> String {
    match input {
        Input::Submit(spec) => {
            let stages = spec.stages.iter();
            let stages = stages.map(|stage| (stage.shuffle, stage.partitions.len(), stage.inputs.as_slice()));
            format!("submit job {}: {:?}", spec.id, stages.collect::<Vec<_>>())
        }
        other => format!("{other:?}"),
    }
}
