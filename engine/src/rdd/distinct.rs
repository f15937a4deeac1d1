//! `distinct`: each row once.

use super::Rdd;
use crate::batch::{Batch, Elem};
use crate::closure::Closure;
use crate::codec::Codec;
use crate::data::Key;
use crate::hash::hash_key;
use crate::shuffle::{ReadVt, WriteVt};
use crate::table::{Buckets, upsert_rows};
use std::hash::Hash;
use std::marker::PhantomData;

struct Distinct<T>(PhantomData<T>);

impl<T: Key> Distinct<T> {
    const WRITE: &'static WriteVt = &WriteVt {
        input: Elem::<T>::VT,
        stored: Elem::<T>::VT,
        codec: Codec::<T>::VT,
        add: Some(add::<T>),
        keys: None,
    };
    const READ: &'static ReadVt = &ReadVt::merged(Elem::<T>::VT, &[add::<T>]);
}

unsafe fn add<T: Hash + Eq>(_: *const u8, input: &mut Batch, tables: &mut Buckets) {
    // SAFETY: the tables' type is that of the rows.
    unsafe {
        upsert_rows::<T, T>(
            input,
            tables,
            None,
            |row| hash_key(row),
            |row, known| row == known,
            |row| row,
            |_, _, _| (),
        )
    }
}

impl<T: 'static> Rdd<T> {
    /// The different rows, each once.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).parallelize([2, 1, 2, 1]);
    /// assert_eq!(rdd.distinct().sort_by(|x| *x).collect()?, [1, 2]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[doc(alias = "uniq")]
    #[track_caller]
    pub fn distinct(&self) -> Rdd<T>
    where
        T: Key,
    {
        let (write, read) = (Distinct::<T>::WRITE, Distinct::<T>::READ);
        Rdd::from_handle(self.handle.shuffled("distinct", write, read, Closure::none()))
    }

    /// DPark's name of [`Rdd::distinct`].
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(2).parallelize([2, 2, 2]).uniq().collect()?, [2]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn uniq(&self) -> Rdd<T>
    where
        T: Key,
    {
        self.distinct()
    }
}
