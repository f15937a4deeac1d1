//! `take_sample_by_key`: some values of each key, chosen at random.

use super::Rdd;
use crate::data::{Data, Key};
use crate::random::Random;

fn values<V>(chosen: Vec<(u64, V)>) -> Vec<V> {
    chosen.into_iter().map(|(_, value)| value).collect()
}

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// `n` values of each key (all if it has fewer), each as likely as the others: the same in every run with the same seed and
    /// partitions. [`Rdd::take_sample`] for the values of each key.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 100).key_by(|x| x % 2);
    /// let samples = pairs.take_sample_by_key(3, 7).collect_as_map()?;
    /// assert!(samples[&1].len() == 3 && samples[&1].iter().all(|x| x % 2 == 1));
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn take_sample_by_key(&self, n: usize, seed: u64) -> Rdd<(K, Vec<V>)>
    where
        K: Key,
        V: Data,
    {
        // Those with the largest of random numbers, one for each pair, are a fair sample.
        let numbered = self.with_env((&seed,)).map_partitions_with_index(|(seed,)| {
            move |partition, pairs| {
                let mut random = Random::new(seed, partition as u64);
                pairs.map(move |(key, value)| (key, (random.next_u64(), value)))
            }
        });
        numbered.top_by_key_by(n, |value: &(u64, V)| value.0).map_values(values::<V>)
    }
}
