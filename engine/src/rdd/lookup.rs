//! `lookup`: the values of one key.

use super::Rdd;
use crate::codec::Codec;
use crate::data::{Data, Key};
use crate::error::Result;

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// All values of `key`, in the order of the rows. DPark returns the first one only. Where the partitioner tells which
    /// partition the key is in, only that one is computed.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 6).key_by(|x| x % 3);
    /// assert_eq!(pairs.lookup(&2)?, [2, 5]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn lookup(&self, key: &K) -> Result<Vec<V>>
    where
        K: Key,
        V: Data,
    {
        let place = self.partitioner().and_then(|partitioner| partitioner.partition(key));
        let rdd = place.map_or_else(|| self.clone(), |partition| self.slice(partition..partition + 1));
        let values = rdd.with_env((key,)).filter_map(|(key,)| move |row| (row.0 == key).then_some(row.1));
        // SAFETY: the operator makes rows of type `V`.
        values.handle.collect("lookup", Codec::<V>::VT).map(|rows| unsafe { rows.into_vec() })
    }
}
