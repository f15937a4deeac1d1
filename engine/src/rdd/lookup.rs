//! `lookup`: the values of one key.

use super::Rdd;
use crate::data::{Data, Key};
use crate::error::Result;

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// All values of `key`, in the order of the rows. DPark returns the first one only.
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
        let values = self.with_env((key,)).filter_map(|(key,)| move |row| (row.0 == key).then_some(row.1));
        // SAFETY: the operator makes rows of type `V`.
        values.handle.collect("lookup").map(|rows| unsafe { rows.into_vec() })
    }
}
