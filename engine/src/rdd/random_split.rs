//! `random_split`: the rows dealt out to several RDDs at random.

use super::Rdd;
use super::sample::{Draws, choose};
use crate::batch::Elem;
use crate::node::RddHandle;
use crate::pipeline::OpVt;
use std::marker::PhantomData;

struct RandomSplit<T>(PhantomData<T>);

impl<T: 'static> RandomSplit<T> {
    const OP: &'static OpVt =
        &OpVt { name: "random_split", out: Elem::<T>::VT, state: Some(Draws::STATE), run: choose::<T> };
}

impl RddHandle {
    /// One RDD for each weight. All draw the same number for a row; each keeps the rows whose number is in its part.
    #[inline(never)]
    #[track_caller]
    fn random_split(&self, op: &'static OpVt, weights: &[f64], seed: u64) -> Vec<RddHandle> {
        let total: f64 = weights.iter().sum();
        if weights.iter().any(|weight| *weight < 0.0) || !(total > 0.0 && total.is_finite()) {
            let problem =
                format!("{weights:?} are no weights; give finite numbers that are not negative, and not all 0");
            return weights.iter().map(|_| self.failed(op.name, op.out, &problem)).collect();
        }
        let mut parts = Vec::with_capacity(weights.len());
        let mut below = 0.0;
        for (i, weight) in weights.iter().enumerate() {
            let low = below / total;
            below += weight;
            // Whatever the rounding, the last part ends at 1.
            let high = if i + 1 == weights.len() { 1.0 } else { below / total };
            parts.push(self.part(op, low, high, seed));
        }
        parts
    }
}

impl<T: 'static> Rdd<T> {
    /// Deals the rows out at random: one RDD for each weight, with about that share of the rows. Each row is in exactly one
    /// of them; seed and partition decide in which. The partitioner is kept. Weights that are negative, not finite or all 0 are
    /// the error of the first action on any of the parts, which names them.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 1000);
    /// let parts = rdd.random_split([3.0, 1.0], 42);
    /// let (train, test) = (parts[0].count()?, parts[1].count()?);
    /// assert!((700..800).contains(&train) && train + test == 1000);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn random_split(&self, weights: impl AsRef<[f64]>, seed: u64) -> Vec<Rdd<T>> {
        let parts = self.handle.random_split(RandomSplit::<T>::OP, weights.as_ref(), seed);
        parts.into_iter().map(Rdd::from_handle).collect()
    }
}
