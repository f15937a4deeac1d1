//! `take_sample`: a given number of rows, chosen at random.
//!
//! Without replacement: every row draws a number, and the rows with the largest ones are the sample. A partition passes on
//! only rows that are among its own best so far, which are few. With replacement: the rows are counted, indices are drawn,
//! and a second job brings their rows.

use super::Rdd;
use super::flat_map_with::emit_rows;
use super::index::parameters;
use super::sort_by::compare;
use crate::batch::{Batch, Elem};
use crate::closure::Closure;
use crate::codec::{Codec, CodecVt};
use crate::data::Data;
use crate::error::Result;
use crate::job::{Action, Output, Sink, run};
use crate::node::{RddHandle, call_site};
use crate::pipeline::{OpVt, Rows, StateVt, Step};
use crate::random::Random;
use crate::sort::SortVt;
use std::alloc::Layout;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::marker::PhantomData;
use std::panic::Location;

struct TakeSample<T>(PhantomData<T>);

impl<T: 'static> TakeSample<T> {
    const OP: &'static OpVt =
        &OpVt { name: "take_sample", out: Elem::<(u64, T)>::VT, state: Some(Candidates::STATE), run: candidates::<T> };
    const SORT: &'static SortVt =
        &SortVt { key: Elem::<u64>::VT, codec: None, extract: drawn::<T>, compare: compare::<u64> };
}

/// What is known of one partition.
struct Candidates {
    partition: u64,
    random: Option<Random>,
    /// The largest numbers so far, at most as many as rows are wanted; the smallest of them on top.
    best: BinaryHeap<Reverse<u64>>,
    /// A row that draws a number below cannot be in the sample.
    least: u64,
}

impl Candidates {
    const STATE: &'static StateVt =
        &StateVt { layout: Layout::new::<Candidates>(), init: init_candidates, drop: drop_candidates };

    /// Takes a number among the best; whether it is one.
    #[inline(never)]
    fn add(&mut self, drawn: u64, wanted: usize) -> bool {
        self.best.push(Reverse(drawn));
        if self.best.len() > wanted {
            let out = self.best.pop();
            self.least = self.best.peek().map_or(u64::MAX, |least| least.0);
            return out != Some(Reverse(drawn));
        }
        true
    }
}

unsafe fn init_candidates(state: *mut u8, partition: u64) {
    let candidates = Candidates { partition, random: None, best: BinaryHeap::new(), least: 0 };
    // SAFETY: the memory is laid out for the state.
    unsafe { (state as *mut Candidates).write(candidates) }
}

unsafe fn drop_candidates(state: *mut u8) {
    // SAFETY: the state was written by `init_candidates`.
    unsafe { std::ptr::drop_in_place(state as *mut Candidates) }
}

struct Wanted {
    rows: usize,
    seed: u64,
}

unsafe fn candidates<T>(wanted: *const u8, state: *mut u8, input: &mut Batch, out: &mut Batch) -> Step {
    // SAFETY: the table's types are those of parameters, state and batches.
    unsafe {
        let (wanted, state) = (&*(wanted as *const Wanted), &mut *(state as *mut Candidates));
        let mut random = state.random.take().unwrap_or_else(|| Random::new(wanted.seed, state.partition));
        let step = emit_rows::<T, (u64, T)>(input, out, |row, emitter| {
            let drawn = random.next_u64();
            if drawn >= state.least && state.add(drawn, wanted.rows) {
                emitter.emit((drawn, row));
            }
        });
        state.random = Some(random);
        step
    }
}

unsafe fn drawn<T>(_: *const u8, rows: *const u8, n: usize, keys: &mut Batch) {
    for i in 0..n {
        // SAFETY: the rows are of this type, the keys numbers; row `i` exists.
        unsafe { keys.push::<u64>((*(rows as *const (u64, T)).add(i)).0) }
    }
}

impl RddHandle {
    #[inline(never)]
    #[track_caller]
    fn take_sample(
        &self,
        op: &'static OpVt,
        sort: &'static SortVt,
        codec: &'static CodecVt,
        rows: usize,
        seed: u64,
    ) -> Result<Batch> {
        let wanted = parameters((&rows, &seed), |(rows, seed)| Wanted { rows, seed });
        self.narrow(op, wanted).top(op.name, sort, codec, Closure::none(), rows)
    }

    /// The number of rows of each partition.
    #[inline(never)]
    #[track_caller]
    fn count_partitions(&self, name: &'static str) -> Result<Vec<u64>> {
        let call_site = call_site(Location::caller());
        let action = Action { node: self.arc(), name, call_site, partitions: None, sink: Sink::Count };
        Ok(run(action)?.iter().map(Output::count).collect())
    }
}

/// Indices drawn from all rows.
struct Indices {
    /// In each partition, ascending.
    in_partitions: Vec<Vec<u64>>,
    /// For each of them, one partition after the other, when it was drawn.
    drawn: Vec<usize>,
}

#[inline(never)]
fn draw_indices(counts: &[u64], n: usize, seed: u64) -> Indices {
    let total: u64 = counts.iter().sum();
    let mut random = Random::new(seed, u64::MAX);
    let draws = if total == 0 { 0 } else { n };
    let mut indices: Vec<(u64, usize)> = (0..draws).map(|i| (random.below(total), i)).collect();
    indices.sort_unstable();
    let mut in_partitions = vec![Vec::new(); counts.len()];
    let (mut partition, mut first) = (0, 0);
    for (index, _) in &indices {
        while *index >= first + counts[partition] {
            first += counts[partition];
            partition += 1;
        }
        in_partitions[partition].push(index - first);
    }
    Indices { in_partitions, drawn: indices.into_iter().map(|(_, i)| i).collect() }
}

/// The rows at ascending indices, which may repeat.
struct At<T> {
    rows: Rows<T>,
    indices: std::vec::IntoIter<u64>,
    current: Option<T>,
    next: u64,
}

impl<T: Clone> Iterator for At<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let index = self.indices.next()?;
        while self.next <= index {
            self.current = self.rows.next();
            self.next += 1;
        }
        self.current.clone()
    }
}

impl<T: 'static> Rdd<T> {
    /// `n` rows chosen at random, or all if there are not more, in random order. Each row is taken once at most; all choices
    /// are equally likely. Seed and partitions decide which.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 1000);
    /// let mut rows = rdd.take_sample(5, 42)?;
    /// assert_eq!(rows, rdd.take_sample(5, 42)?);
    /// rows.sort();
    /// rows.dedup();
    /// assert_eq!(rows.len(), 5);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn take_sample(&self, n: usize, seed: u64) -> Result<Vec<T>>
    where
        T: Data,
    {
        let rows =
            self.handle.take_sample(TakeSample::<T>::OP, TakeSample::<T>::SORT, Codec::<(u64, T)>::VT, n, seed)?;
        // SAFETY: the operator makes rows of this type.
        let rows = unsafe { rows.into_vec::<(u64, T)>() };
        Ok(rows.into_iter().map(|row| row.1).collect())
    }

    /// `n` rows, each chosen at random from all; none if there are none. A row can be taken several times.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 3);
    /// assert_eq!(rdd.take_sample_with_replacement(100, 42)?.len(), 100);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn take_sample_with_replacement(&self, n: usize, seed: u64) -> Result<Vec<T>>
    where
        T: Data + Clone,
    {
        let counts = self.handle.count_partitions("take_sample_with_replacement")?;
        let Indices { in_partitions, drawn } = draw_indices(&counts, n, seed);
        let chosen = self.with_env((&in_partitions,)).map_partitions_with_index(|(indices,)| {
            move |partition, rows| {
                let indices = indices.get(partition).cloned().unwrap_or_default().into_iter();
                At { rows, indices, current: None, next: 0 }
            }
        });
        let rows = chosen.handle.collect("take_sample_with_replacement", Codec::<T>::VT)?;
        // SAFETY: the operator makes rows of type `T`.
        let rows = unsafe { rows.into_vec::<T>() };
        let mut rows: Vec<(usize, T)> = drawn.into_iter().zip(rows).collect();
        rows.sort_unstable_by_key(|row| row.0);
        Ok(rows.into_iter().map(|row| row.1).collect())
    }
}
