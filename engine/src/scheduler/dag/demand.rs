//! Which shuffles a job needs computed, and which stages may start.
//!
//! Kept at all times: if a job demands a shuffle, it also demands those inputs of it that are incomplete; a stage is
//! queued exactly if somebody wants it, it has tasks that wait, and its inputs are complete.

use super::{Machine, Owner, Shuffle, planted};
use crate::event::Event;
use crate::id_map::IdSet;
use crate::ids::ShuffleId;
use crate::scheduler::job::{Phase, Turn};

impl Machine {
    /// Whether readers may count on a shuffle.
    pub(super) fn is_complete(&self, shuffle: &Shuffle) -> bool {
        shuffle.tasks.is_complete() || (planted!(self, OneOutputShort) && shuffle.tasks.undone() <= 1)
    }

    /// Demands every incomplete shuffle on the way to the result of a job; those shuffles.
    pub(super) fn demand_inputs(&mut self, turn: Turn) -> Vec<ShuffleId> {
        let Some(job) = self.jobs.get(&turn) else { return Vec::new() };
        let mut walk = vec![job.result_stage()];
        let mut seen = IdSet::new();
        let mut demanded = Vec::new();
        while let Some(stage) = walk.pop() {
            for input in &self.jobs[&turn].stages[stage].inputs {
                let writer = self.jobs[&turn].writers[input];
                if self.outputs_complete(*input) || !seen.insert(writer) {
                    continue;
                }
                walk.push(writer);
                demanded.push((*input, writer));
            }
        }
        for (input, writer) in &demanded {
            if let Some(shuffle) = self.shuffles.get_mut(input)
                && shuffle.demand.insert(turn)
            {
                self.set_phase(turn, *writer, Phase::Waiting);
            }
        }
        demanded.into_iter().map(|(input, _)| input).collect()
    }

    /// The last missing output of a shuffle is there.
    pub(super) fn completed(&mut self, shuffle_id: ShuffleId) {
        let Some(shuffle) = self.shuffles.get_mut(&shuffle_id) else { return };
        let demand = std::mem::take(&mut shuffle.demand);
        let users = shuffle.users.clone();
        for turn in demand {
            let Some(stage) = users.get(&turn) else { continue };
            if let Some(id) = self.set_phase(turn, *stage, Phase::Finished) {
                self.emit(Event::StageFinished { stage: id, at: 0 });
            }
        }
        self.refresh_map(shuffle_id);
        self.refresh_readers(shuffle_id);
    }

    /// Outputs of a shuffle that had been complete are missing.
    pub(super) fn disturbed(&mut self, shuffle_id: ShuffleId) {
        let Some(shuffle) = self.shuffles.get(&shuffle_id) else { return };
        let users: Vec<Turn> = shuffle.users.keys().copied().collect();
        for turn in users {
            let stage = self.shuffles[&shuffle_id].users[&turn];
            let phase = self.jobs.get(&turn).map(|job| job.stages[stage].phase);
            if planted!(self, SkippedStaysSkipped) && phase == Some(Phase::Skipped) {
                continue;
            }
            for demanded in self.demand_inputs(turn) {
                self.refresh_map(demanded);
            }
        }
        self.refresh_readers(shuffle_id);
    }

    fn refresh_readers(&mut self, shuffle_id: ShuffleId) {
        let Some(shuffle) = self.shuffles.get(&shuffle_id) else { return };
        let mut readers = IdSet::new();
        for turn in shuffle.users.keys() {
            let Some(job) = self.jobs.get(turn) else { continue };
            for stage in job.readers.get(&shuffle_id).into_iter().flatten() {
                readers.insert(match job.written_by(*stage) {
                    Some(written) => Owner::Map(written),
                    None => Owner::Result(*turn),
                });
            }
        }
        readers.into_iter().for_each(|owner| self.refresh(owner));
    }

    /// Queues a stage, or takes it from the queue, as its state asks.
    pub(super) fn refresh(&mut self, owner: Owner) {
        match owner {
            Owner::Map(shuffle) => self.refresh_map(shuffle),
            Owner::Result(turn) => self.refresh_result(turn),
        }
    }

    pub(super) fn refresh_map(&mut self, shuffle_id: ShuffleId) {
        let Some(shuffle) = self.shuffles.get(&shuffle_id) else { return };
        let before = shuffle.queued;
        let place = self.place(Owner::Map(shuffle_id));
        if place.is_some() {
            let demand = shuffle.demand.iter().map(|turn| (*turn, shuffle.users[turn]));
            let demand: Vec<(Turn, usize)> = demand.collect();
            demand.into_iter().for_each(|(turn, stage)| self.mark_running(turn, stage));
        }
        let Some(shuffle) = self.shuffles.get_mut(&shuffle_id) else { return };
        let place = place.filter(|_| shuffle.tasks.has_pending());
        shuffle.queued = place;
        if before != place {
            before.map(|place| self.queue.remove(&place));
            place.map(|place| self.queue.insert(place, Owner::Map(shuffle_id)));
        }
    }

    pub(super) fn refresh_result(&mut self, turn: Turn) {
        let Some(job) = self.jobs.get(&turn) else { return };
        let stage = job.result_stage();
        let has_pending = job.results.has_pending();
        let runnable = self.inputs_complete(turn, stage);
        if runnable {
            self.mark_running(turn, stage);
        }
        if runnable && has_pending {
            self.queue.insert((turn, stage), Owner::Result(turn));
        } else {
            self.queue.remove(&(turn, stage));
        }
    }

    /// On behalf of which job the tasks of `owner` may run, and as which stage of it.
    pub(super) fn place(&self, owner: Owner) -> Option<(Turn, usize)> {
        let (turn, stage) = match owner {
            Owner::Map(shuffle) => {
                let shuffle = self.shuffles.get(&shuffle)?;
                shuffle.demand.first().map(|turn| (*turn, shuffle.users[turn]))?
            }
            Owner::Result(turn) => (turn, self.jobs.get(&turn)?.result_stage()),
        };
        self.inputs_complete(turn, stage).then_some((turn, stage))
    }

    fn inputs_complete(&self, turn: Turn, stage: usize) -> bool {
        let Some(job) = self.jobs.get(&turn) else { return false };
        planted!(self, StartEarly) || job.stages[stage].inputs.iter().all(|input| self.outputs_complete(*input))
    }

    fn mark_running(&mut self, turn: Turn, stage: usize) {
        if let Some(id) = self.set_phase(turn, stage, Phase::Running) {
            self.emit(Event::StageStarted { stage: id, at: 0 });
        }
    }

    /// Sets the phase of a job's stage; the stage's id if that was a change.
    pub(super) fn set_phase(&mut self, turn: Turn, stage: usize, phase: Phase) -> Option<crate::ids::StageId> {
        let stage = &mut self.jobs.get_mut(&turn)?.stages[stage];
        let before = std::mem::replace(&mut stage.phase, phase);
        (before != phase).then_some(stage.id)
    }
}
