//! The rules, each checked when it could be broken.

use super::world::{Run, Status, World};
use crate::error::Error;
use crate::event::JobEnd;
use crate::ids::{ExecutorId, ShuffleId, TaskId};
use crate::scheduler::command::{Count, Launch};
use crate::status::{ExecutorStatus, JobState, StageState};

/// The stage that a partition belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Map(ShuffleId),
    Result(usize),
}

/// The attempts on a partition since it was last there.
#[derive(Debug, Default)]
pub(super) struct Life {
    failures: u32,
    losses: u32,
    spared: u32,
    /// Whether counting may start over.
    over: bool,
    /// Where it was stored, if it is a map output that is there.
    stored: Option<ExecutorId>,
}

impl World {
    pub(super) fn check_launch(&mut self, launch: &Launch) -> Result<Key, String> {
        let job = launch.job.0 as usize;
        if self.jobs[job].status != Status::Running {
            return Err(format!("{launch:?}: the job has ended"));
        }
        let stage = self.plan.jobs[job].spec.stages[launch.stage].clone();
        let key = stage.shuffle.map_or(Key::Result(job), Key::Map);
        for input in &stage.inputs {
            for map in 0..self.plan.shuffles[input.0 as usize].values.len() {
                if !self.believed.contains_key(&(*input, map)) {
                    return Err(format!("{launch:?} starts before output {map} of shuffle {input} is there"));
                }
            }
        }
        if self.load(launch.executor) >= self.executors.get(&launch.executor).copied().unwrap_or(0) {
            return Err(format!("{launch:?}: no free slot there"));
        }
        if self.is_excluded(launch.executor) {
            return Err(format!("{launch:?}: too much has failed there"));
        }
        if self.is_there(key, launch.partition) {
            return Err(format!("{launch:?}: the partition is there"));
        }
        match self.attempts(key, launch.partition)[..] {
            [] => self.check_place(launch, key, &stage)?,
            [first] if first.launch.executor != launch.executor => self.check_copy(launch, first.began, key, &stage)?,
            _ => return Err(format!("{launch:?}: the partition is being computed")),
        }
        let life = self.lives.entry((key, launch.partition)).or_default();
        if launch.attempt == 0 && life.over {
            *life = Life::default();
        }
        if launch.attempt != life.failures + life.losses + life.spared || life.failures >= 4 {
            return Err(format!("{launch:?} after {life:?}"));
        }
        life.over = false;
        Ok(key)
    }

    /// What the machine says the end of `run` would count as.
    pub(super) fn check_count(&self, run: &Run, count: Option<Count>) -> Result<(), String> {
        let right = match self.counted.contains(&(run.key, run.launch.partition)) {
            _ if run.killed || run.zombie => None,
            true => Some(Count::Again),
            false => Some(Count::First),
        };
        if count == right { Ok(()) } else { Err(format!("{:?} counts as {count:?}, not {right:?}", run.launch)) }
    }

    pub(super) fn check_accept(&mut self, task: TaskId, partition: usize) -> Result<(), String> {
        let run = self.reported.take().filter(|run| run.launch.task == task);
        let run = run.ok_or_else(|| format!("{task} counts, but was not reported now"))?;
        if run.killed || run.zombie {
            return Err(format!("{task} counts, though it was killed or its executor lost"));
        }
        let value = run.value.ok_or_else(|| format!("{task} counts, though it failed"))?;
        if let Key::Result(job) = run.key
            && let Some(shuffle) = self.plan.jobs[job].spec.keeps_rows_for
            && self.executors.contains_key(&run.launch.executor)
        {
            self.kept_rows.insert((shuffle, partition), run.launch.executor);
        }
        self.counted.insert((run.key, partition));
        match run.key {
            Key::Map(shuffle) => {
                self.kept_rows.remove(&(shuffle, partition));
                self.kept.insert(shuffle);
                let right = self.plan.shuffles[shuffle.0 as usize].values[partition];
                if value == right { Ok(()) } else { Err(format!("wrong map output {partition} of shuffle {shuffle}")) }
            }
            Key::Result(job) if self.jobs[job].results.insert(partition, value).is_some() => {
                Err(format!("partition {partition} of job {job} counts twice"))
            }
            Key::Result(_) => Ok(()),
        }
    }

    pub(super) fn check_end(&mut self, job: usize, end: Result<(), Error>) -> Result<(), String> {
        if self.jobs[job].status != Status::Running {
            return Err(format!("job {job} ends twice, or before it began"));
        }
        self.jobs[job].status = Status::Ended;
        let spec = self.plan.jobs[job].spec.clone();
        let result = spec.stages.last().expect("a job has a result stage");
        match end {
            Ok(()) => {
                let right = result.partitions.iter().map(|partition| (*partition, self.plan.result(job, *partition)));
                if self.jobs[job].results != right.collect() {
                    return Err(format!("job {job} has a wrong result: {:?}", self.jobs[job].results));
                }
            }
            Err(Error::Cancelled { .. }) if self.jobs[job].cancelled => {}
            Err(Error::Task(_)) if self.excuse => {}
            Err(error) => return Err(format!("job {job} has no reason for this end: {error:?}")),
        }
        for shuffle in spec.stages.iter().filter_map(|stage| stage.shuffle) {
            for map in 0..self.plan.shuffles[shuffle.0 as usize].values.len() {
                self.allow_new_life((Key::Map(shuffle), map));
            }
            if self.users(shuffle) == 0 {
                self.missed.retain(|(of, _), _| *of != shuffle);
            }
            if self.users(shuffle) == 0 && self.forgotten.remove(&shuffle) {
                self.drop_shuffle(shuffle);
            }
        }
        Ok(())
    }

    pub(super) fn check_step(&mut self) -> Result<(), String> {
        for (index, job) in self.jobs.iter().enumerate() {
            if job.cancelled && job.status == Status::Running {
                return Err(format!("job {index} was cancelled and goes on"));
            }
        }
        for run in self.runs.values().filter(|run| run.is_wanted()) {
            let users = match run.key {
                Key::Map(shuffle) => self.users(shuffle),
                Key::Result(job) => usize::from(self.jobs[job].status == Status::Running),
            };
            if users == 0 {
                return Err(format!("{:?} goes on, for nobody", run.launch));
            }
        }
        let running = self.jobs.iter().enumerate().filter(|(_, job)| job.status == Status::Running);
        let mut running: Vec<u64> = running.map(|(index, _)| index as u64).collect();
        let mut listed: Vec<u64> = self.machine.running_jobs().iter().map(|job| job.0).collect();
        running.sort();
        listed.sort();
        if running == listed { Ok(()) } else { Err(format!("jobs {running:?} run, the machine thinks {listed:?}")) }
    }

    pub(super) fn check_all_ended(&self) -> Result<(), String> {
        let open = self.jobs.iter().position(|job| job.status != Status::Ended);
        open.map_or(Ok(()), |job| Err(format!("job {job} never ends")))
    }

    /// Views show every job and stage at its end, and no task running.
    pub(super) fn check_status(&self) -> Result<(), String> {
        let shown = self.status.snapshot();
        let open = |state: &StageState| matches!(state, StageState::Waiting | StageState::Running { .. });
        if let Some(stage) = shown.stages.values().find(|stage| open(&stage.state) || stage.running > 0) {
            return Err(format!("after all has ended, a view shows {stage:?}"));
        }
        for job in &shown.jobs {
            let results = &self.jobs[job.id.0 as usize].results;
            let result = shown.stages_of(job.id).last().map(|stage| (stage.done, stage.info.tasks));
            let right = match &job.state {
                JobState::Running => false,
                JobState::Ended { end: JobEnd::Succeeded, .. } => result == Some((results.len(), results.len())),
                JobState::Ended { .. } => result.is_some_and(|(done, _)| done == results.len()),
            };
            if !right {
                return Err(format!("a view shows {job:?} with {result:?} of {} results", results.len()));
            }
        }
        let copies: usize = shown.stages.values().map(|stage| stage.copies).sum();
        if copies != self.seen.copies {
            return Err(format!("views show {copies} copies of {}", self.seen.copies));
        }
        let wrong = |executor: &&ExecutorStatus| executor.excluded != self.is_excluded(executor.id);
        if let Some(executor) = shown.executors.iter().filter(|executor| executor.lost.is_none()).find(wrong) {
            return Err(format!("a view shows {executor:?}"));
        }
        if shown.jobs.len() == self.jobs.len() { Ok(()) } else { Err("a view misses a job".to_owned()) }
    }

    /// How many running jobs have a stage that writes the shuffle.
    pub(super) fn users(&self, shuffle: ShuffleId) -> usize {
        let running = self.jobs.iter().zip(&self.plan.jobs).filter(|(job, _)| job.status == Status::Running);
        running.filter(|(_, plan)| plan.spec.stages.iter().any(|stage| stage.shuffle == Some(shuffle))).count()
    }

    pub(super) fn drop_shuffle(&mut self, shuffle: ShuffleId) {
        self.stored.retain(|(of, _), _| *of != shuffle);
        self.believed.retain(|(of, _), _| *of != shuffle);
        self.counted.retain(|(key, _)| *key != Key::Map(shuffle));
        self.lives.retain(|(key, _), _| *key != Key::Map(shuffle));
        self.durations.remove(&Key::Map(shuffle));
        self.kept_rows.retain(|(of, _), _| *of != shuffle);
    }

    pub(super) fn note_success(&mut self, run: &Run) {
        self.durations.entry(run.key).or_default().push(self.ticked - run.began);
        let life = self.lives.entry((run.key, run.launch.partition)).or_default();
        life.over = true;
        life.stored = Some(run.launch.executor);
        if let (Key::Map(shuffle), Some(value)) = (run.key, run.value) {
            if self.users(shuffle) > 1 {
                self.seen.shared += 1;
            }
            let output = (shuffle, run.launch.partition);
            self.believed.insert(output, self.step + 1);
            match self.cursed.get_mut(&output).filter(|times| **times > 0) {
                Some(times) => *times -= 1,
                None => drop(self.stored.insert(output, (run.launch.executor, value))),
            }
        }
        self.note_read(run);
    }

    pub(super) fn note_failure(&mut self, life: (Key, usize)) {
        let life = self.lives.entry(life).or_default();
        life.failures += 1;
        self.excuse |= life.failures >= 4;
    }

    pub(super) fn note_spared(&mut self, life: (Key, usize)) {
        self.seen.spared += 1;
        self.lives.entry(life).or_default().spared += 1;
    }

    pub(super) fn note_loss(&mut self, life: (Key, usize)) {
        let life = self.lives.entry(life).or_default();
        life.losses += 1;
    }

    /// An attempt has reported a lost output; whether that is hopeless.
    pub(super) fn note_missed(&mut self, output: (ShuffleId, usize), run: &Run) -> bool {
        // It has gone since, or was computed again.
        if self.believed.get(&output).is_none_or(|since| *since > run.launched_at) {
            return false;
        }
        self.believed.remove(&output);
        let missed = self.missed.entry(output).or_default();
        missed.in_all += 1;
        missed.in_a_row += 1;
        self.excuse |= missed.in_all >= 4;
        missed.in_a_row >= 4
    }

    /// An attempt has read its inputs.
    fn note_read(&mut self, run: &Run) {
        let inputs = self.plan.inputs(run.launch.job.0 as usize, run.launch.stage);
        let read = self.missed.iter_mut().filter(|((shuffle, _), _)| inputs.contains(shuffle));
        read.for_each(|(_, missed)| missed.in_a_row = 0);
    }

    pub(super) fn allow_new_life(&mut self, life: (Key, usize)) {
        if let Some(life) = self.lives.get_mut(&life) {
            life.over = true;
        }
    }

    /// The map outputs that were stored on an executor, found or not.
    pub(super) fn held_on(&self, executor: ExecutorId) -> Vec<(ShuffleId, usize)> {
        let held = self.lives.iter().filter(|(_, life)| life.stored == Some(executor));
        held.filter_map(|((key, map), _)| match key {
            Key::Map(shuffle) => Some((*shuffle, *map)),
            Key::Result(_) => None,
        })
        .collect()
    }
}
