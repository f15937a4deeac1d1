//! How the tasks of the simulation end.

use super::checks::Key;
use super::placement::blocks_of;
use super::plan::compute;
use super::world::{Run, Status, World};
use crate::error::Failure;
use crate::event::TaskMetrics;
use crate::ids::{RddId, TaskId};
use crate::scheduler::command::{Input, Launch, Outcome};

impl World {
    /// An attempt comes to its end, if it is there still.
    pub(super) fn finish(&mut self, task: TaskId) -> Result<(), String> {
        let Some(mut run) = self.runs.remove(&task) else { return Ok(()) };
        let outcome = self.outcome(&mut run);
        if matches!(outcome, Outcome::Succeeded(_)) && !run.zombie {
            run = self.persist(run)?;
        }
        let life = (run.key, run.launch.partition);
        let mut hopeless = false;
        if run.is_wanted() {
            self.note_health(run.launch.executor, &outcome);
            match &outcome {
                Outcome::Succeeded(_) => self.note_success(&run),
                Outcome::Failed(Failure::Lost { outputs, .. }) => {
                    hopeless |=
                        outputs.iter().fold(false, |hopeless, output| self.note_missed(*output, &run) | hopeless);
                    self.note_loss(life);
                }
                Outcome::Failed(failure) if failure.may_pass_on_retry() => self.note_failure(life),
                Outcome::Failed(_) => (self.excuse, hopeless) = (true, true),
                Outcome::Cancelled => self.note_failure(life),
            }
        }
        let job = run.launch.job;
        self.check_count(&run, self.machine.counts(task))?;
        self.reported = Some(run);
        self.feed(Input::TaskFinished { task, outcome })?;
        if hopeless && self.jobs[job.0 as usize].status == Status::Running {
            return Err(format!("job {job} goes on after a failure that cannot pass"));
        }
        Ok(())
    }

    /// Keeps what a task has persisted on its way, while it still runs.
    fn persist(&mut self, run: Run) -> Result<Run, String> {
        let Launch { task, job, stage, partition, executor, .. } = run.launch;
        self.runs.insert(task, run);
        let cached = &self.plan.jobs[job.0 as usize].spec.stages[stage].cached;
        let blocks: Vec<(RddId, usize)> = blocks_of(cached, partition).collect();
        for (rdd, partition) in blocks {
            if self.rng.chance(60) {
                // One that is leaving counts no more.
                if self.executors.contains_key(&executor) {
                    self.blocks.entry((rdd, partition)).or_default().insert(executor);
                }
                self.feed(Input::BlockStored { rdd, partition, executor })?;
            }
        }
        self.runs.remove(&task).ok_or_else(|| format!("{task} has gone"))
    }

    fn outcome(&mut self, run: &mut Run) -> Outcome {
        let (job, stage) = (run.launch.job.0 as usize, run.launch.stage);
        let panic = Failure::Panic { message: "oh".to_owned(), location: None };
        let lost = |outputs| Outcome::Failed(Failure::Lost { outputs, message: "gone".to_owned() });
        if run.killed && self.rng.chance(50) {
            return Outcome::Cancelled;
        }
        if !run.missed.is_empty() {
            return lost(run.missed.iter().copied().collect());
        }
        let bad = self.health.get(&run.launch.executor).is_some_and(|health| health.bad);
        if self.rng.chance(if bad { 90 } else { self.panics }) {
            return Outcome::Failed(panic);
        }
        if self.rng.chance(self.hopeless) {
            return Outcome::Failed(Failure::Other("bad input".to_owned()));
        }
        if self.rng.chance(2) {
            return Outcome::Failed(Failure::Memory("it took too much".to_owned()));
        }
        if self.rng.chance(1) {
            return Outcome::Cancelled;
        }
        let (mut values, mut gone) = (Vec::new(), Vec::new());
        for input in self.plan.inputs(job, stage) {
            for map in 0..self.plan.shuffles[input.0 as usize].values.len() {
                match self.stored.get(&(*input, map)) {
                    Some((_, value)) => values.push(*value),
                    None => gone.push((*input, map)),
                }
            }
        }
        if !gone.is_empty() {
            // Not every reader looks at all of them.
            gone.truncate(if self.rng.chance(50) { 1 } else { gone.len() });
            return lost(gone);
        }
        let of = match run.key {
            Key::Map(shuffle) => shuffle.0,
            Key::Result(job) => 1_000 + job as u64,
        };
        run.value = Some(compute(of, run.launch.partition, values));
        Outcome::Succeeded(TaskMetrics::default())
    }
}
