//! `sample_by_key`: pairs chosen at random, each key's with a probability of its own.

use super::Rdd;
use super::index::parameters;
use super::sample::Draws;
use crate::batch::{Batch, Elem, filter_rows};
use crate::data::Key;
use crate::pipeline::{OpVt, Step};
use std::collections::HashMap;
use std::hash::Hash;
use std::marker::PhantomData;

struct SampleByKey<K, V>(PhantomData<(K, V)>);

impl<K: Key, V: 'static> SampleByKey<K, V> {
    const OP: &'static OpVt =
        &OpVt { name: "sample_by_key", out: Elem::<(K, V)>::VT, state: Some(Draws::STATE), run: run::<K, V> };
}

struct Fractions<K> {
    fractions: HashMap<K, f64>,
    seed: u64,
}

unsafe fn run<K: Hash + Eq, V>(parameters: *const u8, state: *mut u8, input: &mut Batch, out: &mut Batch) -> Step {
    // SAFETY: the table's types are those of parameters, state and batches.
    unsafe {
        let Fractions { fractions, seed } = &*(parameters as *const Fractions<K>);
        (*(state as *mut Draws)).with_random(*seed, |random| {
            filter_rows::<(K, V)>(input, out, |row| {
                // A number for each row, so that the fraction of one key does not change which rows of another are chosen.
                let drawn = random.next_f64();
                fractions.get(&row.0).is_some_and(|fraction| drawn < *fraction)
            });
        });
    }
    Step::Done
}

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// Keeps each pair with the probability that `fractions` has for its key; none of a key that is not in it. Seed and
    /// partition decide which. The partitioner is kept.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 2000).key_by(|x| x % 2);
    /// let some = pairs.sample_by_key(&[(0, 1.0), (1, 0.1)].into(), 42).count_by_key()?;
    /// assert_eq!(some[&0], 1000);
    /// assert!((60..140).contains(&some[&1]));
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn sample_by_key(&self, fractions: &HashMap<K, f64>, seed: u64) -> Rdd<(K, V)>
    where
        K: Key,
    {
        let op = SampleByKey::<K, V>::OP;
        if let Some(fraction) = fractions.values().find(|fraction| !(0.0..=1.0).contains(*fraction)) {
            let problem = format!("{fraction} is no fraction; give one from 0 to 1 for each key");
            return Rdd::from_handle(self.handle.failed(op.name, op.out, &problem));
        }
        let fractions = parameters((fractions, &seed), |(fractions, seed)| Fractions { fractions, seed });
        Rdd::from_handle(self.handle.narrow_keeping_keys(op, fractions))
    }
}
