//! `Largest`: the largest values, the largest first.

use super::aggregator::Aggregator;
use crate::data::Data;
use serde::{Deserialize, Serialize};

/// Gathers the largest values, at most this many; of equal values the earlier ones come first, and stay.
///
/// What it gathers are candidates: fewer than twice as many, of which the first ones are sorted as soon as there are enough.
/// So most values are compared with one that is known to be good enough, and forgotten.
#[derive(Serialize, Deserialize)]
pub(crate) struct Largest(pub(crate) usize);

impl Largest {
    /// The largest values of the candidates.
    pub(crate) fn of<V: Ord>(&self, mut candidates: Vec<V>) -> Vec<V> {
        candidates.sort_by(|a, b| b.cmp(a));
        candidates.truncate(self.0);
        candidates
    }
}

impl<V: Data + Ord> Aggregator<V> for Largest {
    type Sketch = Vec<V>;

    fn zero(&self) -> Vec<V> {
        Vec::new()
    }

    #[inline]
    fn add(&self, candidates: &mut Vec<V>, value: V) {
        let n = self.0;
        let worst = n.checked_sub(1).and_then(|last| candidates.get(last));
        if n == 0 || worst.is_some_and(|worst| value <= *worst) {
            return;
        }
        candidates.push(value);
        if candidates.len() == n || candidates.len() == n.saturating_mul(2) {
            *candidates = self.of(std::mem::take(candidates));
        }
    }

    fn merge(&self, candidates: &mut Vec<V>, other: Vec<V>) {
        other.into_iter().for_each(|value| self.add(candidates, value));
    }
}
