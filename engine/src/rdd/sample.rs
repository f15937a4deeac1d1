//! `sample` and `sample_with_replacement`: rows chosen at random, the same ones in every run.

use super::Rdd;
use super::flat_map_with::emit_rows;
use super::index::parameters;
use crate::batch::{Batch, Elem, filter_rows};
use crate::node::RddHandle;
use crate::pipeline::{OpVt, StateVt, Step};
use crate::random::Random;
use std::alloc::Layout;
use std::marker::PhantomData;
use std::ops::Range;

struct Sample<T>(PhantomData<T>);

impl<T: 'static> Sample<T> {
    const OP: &'static OpVt = &OpVt { name: "sample", out: Elem::<T>::VT, state: Some(Draws::STATE), run: choose::<T> };
}

impl<T: Clone + 'static> Sample<T> {
    const REPEAT: &'static OpVt =
        &OpVt { name: "sample_with_replacement", out: Elem::<T>::VT, state: Some(Draws::STATE), run: repeat::<T> };
}

/// The numbers drawn in one partition: its index, and the generator once the seed is known.
pub(super) struct Draws {
    partition: u64,
    random: Option<Random>,
}

impl Draws {
    pub(super) const STATE: &'static StateVt =
        &StateVt { layout: Layout::new::<Draws>(), init: init_draws, drop: forget_draws };

    /// Lets `f` use the generator, which begins with `seed`. It gets a copy, which can be kept in registers.
    #[inline]
    pub(super) fn with_random<R>(&mut self, seed: u64, f: impl FnOnce(&mut Random) -> R) -> R {
        let mut random = self.random.take().unwrap_or_else(|| Random::new(seed, self.partition));
        let result = f(&mut random);
        self.random = Some(random);
        result
    }
}

unsafe fn init_draws(state: *mut u8, partition: u64) {
    // SAFETY: the memory is laid out for the state.
    unsafe { (state as *mut Draws).write(Draws { partition, random: None }) }
}

unsafe fn forget_draws(_: *mut u8) {
    const { assert!(!std::mem::needs_drop::<Draws>()) }
}

/// Which rows are chosen: those for which one of these numbers is drawn.
pub(super) struct Part {
    numbers: Range<u64>,
    seed: u64,
}

/// How many numbers are drawn from.
const NUMBERS: f64 = (1u64 << 53) as f64;

pub(super) unsafe fn choose<T>(part: *const u8, state: *mut u8, input: &mut Batch, out: &mut Batch) -> Step {
    // SAFETY: the table's types are those of parameters, state and batches.
    unsafe {
        let Part { numbers, seed } = &*(part as *const Part);
        let (start, n) = (numbers.start, numbers.end - numbers.start);
        (*(state as *mut Draws)).with_random(*seed, |random| {
            filter_rows::<T>(input, out, |_| (random.next_u64() >> 11).wrapping_sub(start) < n);
        });
    }
    Step::Done
}

/// How often each row is taken, on average.
struct Repeat {
    mean: f64,
    seed: u64,
}

unsafe fn repeat<T: Clone>(parameters: *const u8, state: *mut u8, input: &mut Batch, out: &mut Batch) -> Step {
    // SAFETY: the table's types are those of parameters, state and batches.
    unsafe {
        let Repeat { mean, seed } = &*(parameters as *const Repeat);
        (*(state as *mut Draws)).with_random(*seed, |random| {
            emit_rows::<T, T>(input, out, |row, emitter| {
                let times = random.poisson(*mean);
                for _ in 1..times {
                    emitter.emit(row.clone());
                }
                if times > 0 {
                    emitter.emit(row);
                }
            })
        })
    }
}

impl RddHandle {
    /// The rows for which a number of the part from `low` up to `high` of the interval from 0 to 1 is drawn.
    #[inline(never)]
    #[track_caller]
    pub(super) fn part(&self, op: &'static OpVt, low: f64, high: f64, seed: u64) -> RddHandle {
        let (low, high) = ((low * NUMBERS) as u64, (high * NUMBERS) as u64);
        self.narrow_keeping_keys(
            op,
            parameters((&low, &high, &seed), |(low, high, seed)| Part { numbers: low..high, seed }),
        )
    }

    #[inline(never)]
    #[track_caller]
    fn sample(&self, op: &'static OpVt, fraction: f64, seed: u64) -> RddHandle {
        if !(0.0..=1.0).contains(&fraction) {
            let problem = format!("{fraction} is no fraction; give one from 0 to 1, or use `sample_with_replacement`");
            return self.failed(op.name, op.out, &problem);
        }
        self.part(op, 0.0, fraction, seed)
    }

    #[inline(never)]
    #[track_caller]
    fn sample_with_replacement(&self, op: &'static OpVt, mean: f64, seed: u64) -> RddHandle {
        if !(mean >= 0.0 && mean.is_finite()) {
            let problem =
                format!("rows cannot be taken {mean} times on average; give a finite number that is not negative");
            return self.failed(op.name, op.out, &problem);
        }
        self.narrow_keeping_keys(op, parameters((&mean, &seed), |(mean, seed)| Repeat { mean, seed }))
    }
}

impl<T: 'static> Rdd<T> {
    /// Keeps each row with probability `fraction` (Bernoulli). Seed and partition decide which: the same rows in every run.
    /// The partitioner is kept. (DPark's default seed is 12345; here it is always given.)
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 1000);
    /// let some = rdd.sample(0.1, 42);
    /// assert!((60..140).contains(&some.count()?));
    /// assert_eq!(some.collect()?, rdd.sample(0.1, 42).collect()?);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn sample(&self, fraction: f64, seed: u64) -> Rdd<T> {
        Rdd::from_handle(self.handle.sample(Sample::<T>::OP, fraction, seed))
    }

    /// Takes each row any number of times, `fraction` times on average (Poisson). Seed and partition decide how
    /// often. The partitioner is kept.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 1000);
    /// assert!((1800..2200).contains(&rdd.sample_with_replacement(2.0, 42).count()?));
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn sample_with_replacement(&self, fraction: f64, seed: u64) -> Rdd<T>
    where
        T: Clone,
    {
        Rdd::from_handle(self.handle.sample_with_replacement(Sample::<T>::REPEAT, fraction, seed))
    }
}
