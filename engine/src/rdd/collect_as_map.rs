//! `collect_as_map`: all pairs on the driver, as a map.

use super::Rdd;
use crate::batch::drain_rows;
use crate::codec::Codec;
use crate::data::{Data, Key};
use crate::error::Result;
use std::collections::HashMap;

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// Brings all pairs to the driver as a map; of several values of a key the last one stays.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 4).key_by(|x| x % 2);
    /// assert_eq!(pairs.collect_as_map()?[&1], 3);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn collect_as_map(&self) -> Result<HashMap<K, V>>
    where
        K: Key,
        V: Data,
    {
        let mut pairs = self.handle.collect("collect_as_map", Codec::<(K, V)>::VT)?;
        let mut map = HashMap::with_capacity(pairs.rows());
        // SAFETY: the node has rows `(K, V)`.
        unsafe {
            drain_rows::<(K, V)>(&mut pairs, |(key, value)| {
                map.insert(key, value);
            })
        }
        Ok(map)
    }
}
