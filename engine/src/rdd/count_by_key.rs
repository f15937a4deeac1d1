//! `count_by_key`: the number of pairs of each key.

use super::Rdd;
use super::count_by_value::{CountByValue, count_rows};
use super::reduce_by_key_to_driver::into_map;
use crate::batch::{Batch, Elem};
use crate::closure::Closure;
use crate::codec::Codec;
use crate::data::Key;
use crate::error::Result;
use crate::shuffle::WriteVt;
use crate::table::Buckets;
use std::collections::HashMap;
use std::hash::Hash;
use std::marker::PhantomData;

struct CountByKey<K, V>(PhantomData<(K, V)>);

impl<K: Key, V: 'static> CountByKey<K, V> {
    const WRITE: &'static WriteVt = &WriteVt {
        input: Elem::<(K, V)>::VT,
        stored: Elem::<(K, u64)>::VT,
        codec: Codec::<(K, u64)>::VT,
        add: Some(add::<K, V>),
        keys: None,
    };
}

unsafe fn add<K: Hash + Eq, V>(_: *const u8, input: &mut Batch, tables: &mut Buckets) {
    // SAFETY: the tables' types are those of the rows.
    unsafe { count_rows::<(K, V), K>(input, tables, |row| &row.0, |row| (row.0, 1)) }
}

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// Counts the pairs of each key; the counts come to the driver as a map. There is no shuffle.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 5).key_by(|x| x % 2);
    /// let counts = pairs.count_by_key()?;
    /// assert_eq!((counts[&0], counts[&1]), (3, 2));
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn count_by_key(&self) -> Result<HashMap<K, u64>>
    where
        K: Key,
    {
        let (write, read) = (CountByKey::<K, V>::WRITE, CountByValue::<K>::READ);
        let counts = self.handle.combine_to_driver("count_by_key", write, read, Closure::none());
        // SAFETY: the tables have rows of this type.
        counts.map(|counts| unsafe { into_map(counts) })
    }
}
