//! A hundred jobs of twenty kinds, several of them over RDDs that stay alive between the jobs.

use dpark::{Accumulator, Broadcast, Data, DparkContext, Rdd, Result};
use std::collections::HashMap;
use std::fmt::Debug;
use std::time::Duration;

/// How many jobs there are.
pub(super) const JOBS: usize = 5 * SHAPES.len();

/// Called between the map side of a job and what reads it.
pub(super) type Gate<'a> = Option<&'a (dyn Fn() + Sync)>;

type Shape = fn(&Lab, i64, Gate) -> Result<String>;

const SHAPES: [(&str, Shape); 20] = [
    ("map and filter", map_and_filter),
    ("reduce_by_key", reduce_by_key),
    ("group_by_key", group_by_key),
    ("join", join),
    ("cogroup", cogroup),
    ("sort_by", sort_by),
    ("distinct", distinct),
    ("repartition", repartition),
    ("zip_with_index of kept sums", zip_with_index_of_kept),
    ("sample of kept rows", sample_of_kept),
    ("cached rows", cached_rows),
    ("coalesce", coalesce),
    ("union", union),
    ("accumulator in foreach", accumulator_in_foreach),
    ("broadcast", broadcast),
    ("two shuffles in a row", two_shuffles),
    ("repartition of kept sums", repartition_of_kept),
    ("join with kept sums", join_with_kept),
    ("accumulator on the map side", accumulator_on_the_map_side),
    ("kept rows in their order", kept_in_order),
];

/// What the name of a job is, in words.
pub(super) fn name(job: usize) -> String {
    format!("job {job} ({})", SHAPES[job % SHAPES.len()].0)
}

/// Whether a job stops at a gate between a map side and its readers.
pub(super) fn has_gate(job: usize) -> bool {
    (1..=7).contains(&(job % SHAPES.len()))
}

/// A context, and what stays alive in it from job to job.
pub(super) struct Lab {
    ctx: DparkContext,
    /// Microseconds for which a task rests at every tenth row.
    pause: u64,
    sums: Rdd<(i64, i64)>,
    spread: Rdd<(i64, i64)>,
    sorted: Rdd<i64>,
    cached: Rdd<(i64, i64)>,
    names: Broadcast<HashMap<i64, String>>,
    /// The rows that the map side of the kept sums has seen.
    seen: Accumulator<u64>,
}

impl Lab {
    /// In `ctx`, with tasks that last.
    pub(super) fn new(ctx: DparkContext, pause: u64) -> Lab {
        let rows = slow(&ctx.range_with(0, 1500, 1, 6), pause);
        let seen = ctx.accumulator(0);
        let pairs = rows.with_env((&seen,)).map(|(seen,)| {
            move |x| {
                seen.add(1);
                (x * 7 % 300, x)
            }
        });
        let sums = slow(&pairs.reduce_by_key(|a, b| a + b), pause);
        let spread = slow(&sums.repartition(5), pause);
        let sorted = slow(&rows.map(|x| x * 7919 % 1511).sort_by(|x| *x), pause);
        let cached = slow(&rows.map(|x| (x % 41, x)).reduce_by_key(|a, b| a.max(b)), pause).cache();
        let names = ctx.broadcast((0..50).map(|x| (x, format!("name {x}"))).collect());
        Lab { ctx, pause, sums, spread, sorted, cached, names, seen }
    }

    /// Runs a job; what came out of it, as a text.
    pub(super) fn run(&self, job: usize, gate: Gate) -> Result<String> {
        let (_, shape) = SHAPES[job % SHAPES.len()];
        shape(self, (job / SHAPES.len()) as i64, gate)
    }

    /// How many rows the kept sums are made of: the same, however often map outputs were lost and made again.
    pub(super) fn seen(&self) -> u64 {
        self.seen.value()
    }

    /// Numbers in eight partitions, slowly.
    fn rows(&self, variant: i64) -> Rdd<i64> {
        slow(&self.ctx.range_with(variant, 1600 + 100 * variant, 1, 8), self.pause)
    }

    fn pairs(&self, variant: i64) -> Rdd<(i64, i64)> {
        self.rows(variant).map(|x| (x * 31 % 211, x))
    }

    /// All rows, in their order; first the map side alone, if there is a gate.
    fn collected<T: Data + Debug>(&self, rdd: &Rdd<T>, gate: Gate) -> Result<String> {
        if let Some(gate) = gate {
            rdd.slice(0..1).count()?;
            gate();
        }
        Ok(format!("{:?}", slow(rdd, self.pause).collect()?))
    }
}

/// The same rows, slowly.
fn slow<T: Data>(rdd: &Rdd<T>, pause: u64) -> Rdd<T> {
    rdd.with_env((&pause,)).map_partitions(|(pause,)| {
        move |rows| {
            rows.enumerate().map(move |(number, row)| {
                if pause > 0 && number % 10 == 0 {
                    std::thread::sleep(Duration::from_micros(pause));
                }
                row
            })
        }
    })
}

fn map_and_filter(lab: &Lab, i: i64, gate: Gate) -> Result<String> {
    lab.collected(&lab.rows(i).map(|x| x * x).filter(|x| x % 3 != 0), gate)
}

fn reduce_by_key(lab: &Lab, i: i64, gate: Gate) -> Result<String> {
    lab.collected(&lab.pairs(i).reduce_by_key(|a, b| a + b), gate)
}

fn group_by_key(lab: &Lab, i: i64, gate: Gate) -> Result<String> {
    lab.collected(&lab.pairs(i).group_by_key(), gate)
}

fn join(lab: &Lab, i: i64, gate: Gate) -> Result<String> {
    let names = lab.ctx.range_with(0, 150, 1, 3).map(|x| (x, format!("name {x}")));
    lab.collected(&lab.pairs(i).join(&names), gate)
}

fn cogroup(lab: &Lab, i: i64, gate: Gate) -> Result<String> {
    lab.collected(&lab.pairs(i).cogroup(&lab.rows(i + 1).map(|x| (x % 97, x))), gate)
}

fn sort_by(lab: &Lab, i: i64, gate: Gate) -> Result<String> {
    lab.collected(&lab.rows(i).map(|x| x * 7919 % 2003).sort_by(|x| *x), gate)
}

fn distinct(lab: &Lab, i: i64, gate: Gate) -> Result<String> {
    lab.collected(&lab.rows(i).map(|x| x % 333).distinct(), gate)
}

fn repartition(lab: &Lab, i: i64, gate: Gate) -> Result<String> {
    lab.collected(&lab.pairs(i).repartition(5 + i as usize), gate)
}

fn zip_with_index_of_kept(lab: &Lab, i: i64, gate: Gate) -> Result<String> {
    let rdd = if i % 2 == 0 { &lab.sums } else { &lab.spread };
    lab.collected(&rdd.zip_with_index(), gate)
}

fn sample_of_kept(lab: &Lab, i: i64, gate: Gate) -> Result<String> {
    let rdd = if i % 2 == 0 { &lab.spread } else { &lab.sums };
    lab.collected(&rdd.sample(0.5, 17 + i as u64), gate)
}

fn cached_rows(lab: &Lab, i: i64, gate: Gate) -> Result<String> {
    lab.collected(&lab.cached.with_env((&i,)).map(|(i,)| move |(key, most)| (key, most + i)), gate)
}

fn coalesce(lab: &Lab, i: i64, gate: Gate) -> Result<String> {
    lab.collected(&lab.pairs(i).reduce_by_key(|a, b| a.min(b)).coalesce(3), gate)
}

fn union(lab: &Lab, i: i64, gate: Gate) -> Result<String> {
    let (left, right) = (lab.pairs(i).reduce_by_key(|a, b| a ^ b), lab.rows(i).map(|x| (x, x)));
    lab.collected(&left.union(&right).union(&lab.sums), gate)
}

fn accumulator_in_foreach(lab: &Lab, i: i64, _: Gate) -> Result<String> {
    let (sum, rows) = (lab.ctx.accumulator(0i64), lab.ctx.accumulator(0u64));
    let add = lab.pairs(i).reduce_by_key(|a, b| a + b).union(&lab.sums);
    slow(&add, lab.pause).with_env((&sum, &rows)).foreach(|(sum, rows)| {
        move |(_, x)| {
            sum.add(x);
            rows.add(1);
        }
    })?;
    Ok(format!("{} of {} rows", sum.value(), rows.value()))
}

fn broadcast(lab: &Lab, i: i64, gate: Gate) -> Result<String> {
    // Large enough to go in chunks.
    let more = lab.ctx.broadcast((0..1_000_000).map(|x| x * i).collect::<Vec<i64>>());
    let named = lab.pairs(i).with_env((&lab.names, &more)).flat_map(|(names, more)| {
        move |(key, x)| names.get(&key).map(|name| (name.clone(), x + more[(key % 20 * 49_999) as usize]))
    });
    lab.collected(&named.reduce_by_key(|a, b| a + b), gate)
}

fn two_shuffles(lab: &Lab, i: i64, gate: Gate) -> Result<String> {
    let sums = slow(&lab.pairs(i).reduce_by_key(|a, b| a + b), lab.pause);
    lab.collected(&sums.map(|(key, sum)| (sum % 13, key)).group_by_key(), gate)
}

fn repartition_of_kept(lab: &Lab, i: i64, gate: Gate) -> Result<String> {
    lab.collected(&lab.sums.repartition(3 + i as usize), gate)
}

fn join_with_kept(lab: &Lab, i: i64, gate: Gate) -> Result<String> {
    lab.collected(&lab.pairs(i).join(&lab.sums), gate)
}

fn accumulator_on_the_map_side(lab: &Lab, i: i64, _: Gate) -> Result<String> {
    let mapped = lab.ctx.accumulator(0u64);
    let counted = lab.pairs(i).with_env((&mapped,)).map(|(mapped,)| {
        move |pair| {
            mapped.add(1);
            pair
        }
    });
    let sums = counted.reduce_by_key(|a, b| a + b);
    let rows = (slow(&sums, lab.pause).count()?, sums.count()?);
    Ok(format!("{rows:?} rows of {} mapped", mapped.value()))
}

fn kept_in_order(lab: &Lab, i: i64, gate: Gate) -> Result<String> {
    lab.collected(&lab.sorted.zip_with_index().with_env((&i,)).filter(|(i,)| move |(_, at)| *at as i64 % 5 == i), gate)
}
