//! What a seed stands for: shuffles, jobs over them, and what every partition should come to.

use crate::event::{CallSite, StageInfo};
use crate::ids::{JobId, RddId, ShuffleId, StageId};
use crate::work::{CachedInput, JobSpec, StageSpec};
use std::collections::BTreeSet;

/// SplitMix64.
#[derive(Debug)]
pub(super) struct Rng(pub(super) u64);

impl Rng {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number in `0..bound`; 0 if that is empty.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        from.get(self.below(from.len() as u64) as usize).copied()
    }

    fn subset(&mut self, of: u64, percent: u64) -> Vec<ShuffleId> {
        (0..of).filter(|_| self.chance(percent)).map(ShuffleId).collect()
    }
}

fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// Order matters.
pub(super) fn digest(values: impl IntoIterator<Item = u64>) -> u64 {
    values.into_iter().fold(7, |digest, value| mix(digest ^ mix(value)).wrapping_mul(31))
}

/// What a partition comes to, from the values it reads.
pub(super) fn compute(of: u64, partition: usize, inputs: impl IntoIterator<Item = u64>) -> u64 {
    digest([of, partition as u64].into_iter().chain(inputs))
}

/// One shuffle.
#[derive(Debug)]
pub(super) struct PlannedShuffle {
    pub(super) inputs: Vec<ShuffleId>,
    /// The right map outputs.
    pub(super) values: Vec<u64>,
    /// What its partitions begin with, if that is persisted.
    cached: Vec<CachedInput>,
}

/// One job.
#[derive(Debug)]
pub(super) struct PlannedJob {
    pub(super) spec: JobSpec,
    /// The shuffles its result stage reads, listed in the spec or not.
    pub(super) inputs: Vec<ShuffleId>,
}

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) shuffles: Vec<PlannedShuffle>,
    pub(super) jobs: Vec<PlannedJob>,
}

impl Plan {
    pub(super) fn new(rng: &mut Rng) -> Plan {
        let mut plan = Plan { shuffles: Vec::new(), jobs: Vec::new() };
        for index in 0..rng.below(7) {
            let inputs = rng.subset(index, 45);
            let maps = if rng.chance(4) { 0 } else { 1 + rng.below(5) as usize };
            let read = plan.read(&inputs);
            let values = (0..maps).map(|map| compute(index, map, read.clone())).collect();
            plan.shuffles.push(PlannedShuffle { inputs, values, cached: cached(rng) });
        }
        for index in 0..1 + rng.below(5) {
            let job = plan.job(index, rng);
            plan.jobs.push(job);
        }
        plan
    }

    /// All right values of `shuffles`.
    pub(super) fn read(&self, shuffles: &[ShuffleId]) -> Vec<u64> {
        shuffles.iter().flat_map(|shuffle| self.shuffles[shuffle.0 as usize].values.iter().copied()).collect()
    }

    /// What a stage reads.
    pub(super) fn inputs(&self, job: usize, stage: usize) -> &[ShuffleId] {
        match self.jobs[job].spec.stages[stage].shuffle {
            Some(shuffle) => &self.shuffles[shuffle.0 as usize].inputs,
            None => &self.jobs[job].inputs,
        }
    }

    /// The right value of a partition of a job's result.
    pub(super) fn result(&self, job: usize, partition: usize) -> u64 {
        compute(1_000 + job as u64, partition, self.read(&self.jobs[job].inputs))
    }

    fn job(&self, index: u64, rng: &mut Rng) -> PlannedJob {
        let inputs = rng.subset(self.shuffles.len() as u64, 40);
        let mut needed: BTreeSet<ShuffleId> = inputs.iter().copied().collect();
        for shuffle in (0..self.shuffles.len()).rev() {
            if needed.contains(&ShuffleId(shuffle as u64)) {
                needed.extend(&self.shuffles[shuffle].inputs);
            }
        }
        let mut stages = Vec::new();
        for shuffle in needed {
            let planned = &self.shuffles[shuffle.0 as usize];
            let partitions = (0..planned.values.len()).collect();
            let cached = planned.cached.clone();
            let stage = stage(index, stages.len(), Some(shuffle), partitions, listed(&planned.inputs, rng));
            stages.push(StageSpec { cached, ..stage });
        }
        let partitions = (0..6).filter(|_| rng.chance(50)).collect();
        let stage = stage(index, stages.len(), None, partitions, listed(&inputs, rng));
        stages.push(StageSpec { cached: cached(rng), ..stage });
        let shuffle = ShuffleId(rng.below(self.shuffles.len() as u64));
        let keeps_rows_for = (!self.shuffles.is_empty() && rng.chance(40)).then_some(shuffle);
        let (id, name, call_site) = (JobId(index), "collect".to_owned(), CallSite::default());
        PlannedJob { spec: JobSpec { id, name, call_site, stages, keeps_rows_for }, inputs }
    }
}

/// Some persisted RDDs, the same ones again and again.
fn cached(rng: &mut Rng) -> Vec<CachedInput> {
    let inputs = 0..[0, 0, 1, 2][rng.below(4) as usize];
    let input = |_| {
        let (rdd, start) = (RddId(100 + rng.below(3)), rng.below(3) as usize);
        CachedInput { rdd, partitions: start..start + 1 + rng.below(6) as usize }
    };
    inputs.map(input).collect()
}

/// The inputs that a stage names. Now and then one is left out, as if what it gives were cached.
fn listed(inputs: &[ShuffleId], rng: &mut Rng) -> Vec<ShuffleId> {
    inputs.iter().copied().filter(|_| !rng.chance(8)).collect()
}

fn stage(
    job: u64,
    index: usize,
    shuffle: Option<ShuffleId>,
    partitions: Vec<usize>,
    inputs: Vec<ShuffleId>,
) -> StageSpec {
    let (id, rdd) = (StageId(job * 100 + index as u64), RddId(index as u64));
    let info = StageInfo {
        id,
        job: JobId(job),
        rdd,
        shuffle,
        parents: Vec::new(),
        name: format!("stage {index}"),
        call_site: CallSite::default(),
        tasks: partitions.len(),
        rdds: vec![rdd],
    };
    StageSpec { id, rdd, shuffle, partitions, inputs, cached: Vec::new(), info }
}
