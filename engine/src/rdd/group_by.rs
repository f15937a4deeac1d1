//! `group_by`: all rows with the same key in one vector.

use super::{Rdd, WithEnv};
use crate::data::{Data, Key};

impl<T: 'static> Rdd<T> {
    /// Gathers all rows for which `f` gives the same key, in the order of partitions and rows.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 5);
    /// assert_eq!(rdd.group_by(|x| x % 2).collect_as_map()?[&1], [1, 3]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn group_by<K, F>(&self, f: F) -> Rdd<(K, Vec<T>)>
    where
        K: Key,
        T: Data,
        F: Fn(&T) -> K + Send + Sync + 'static,
    {
        self.key_by(f).group_by_key()
    }
}

impl<T: 'static, O: 'static> WithEnv<T, O> {
    /// [`Rdd::group_by`] with captured variables.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 5);
    /// assert_eq!(rdd.with_env((&3i64,)).group_by(|(n,)| move |x| x % n).collect_as_map()?[&1], [1, 4]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn group_by<K, G, F>(self, factory: G) -> Rdd<(K, Vec<T>)>
    where
        K: Key,
        T: Data,
        G: Fn(O) -> F,
        F: Fn(&T) -> K + Send + Sync + 'static,
    {
        self.key_by(factory).group_by_key()
    }
}
