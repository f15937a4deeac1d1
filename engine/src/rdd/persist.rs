//! `cache` and `unpersist`.

use super::Rdd;
use crate::data::Data;
use crate::event::Event;
use crate::node::RddHandle;
use crate::storage::{Cache, CacheVt};
use std::sync::{Arc, PoisonError};

impl RddHandle {
    #[inline(never)]
    fn cache(&self, vt: &'static CacheVt) {
        if self.arc().set_cached(Some(vt)) {
            let mut marked = self.arc().context.arc().marked.lock().unwrap_or_else(PoisonError::into_inner);
            marked.retain(|_, node| node.strong_count() > 0);
            marked.insert(self.arc().id, Arc::downgrade(self.arc()));
            drop(marked);
            let event = Event::CacheMarked { rdd: self.arc().id, level: Some("memory".to_owned()) };
            self.arc().context.arc().bus.emit(event);
        }
    }

    /// Unmarks the RDD and frees its blocks.
    #[inline(never)]
    pub fn unpersist(&self) {
        if self.arc().set_cached(None) {
            let mut marked = self.arc().context.arc().marked.lock().unwrap_or_else(PoisonError::into_inner);
            marked.remove(&self.arc().id);
            drop(marked);
            self.arc().context.arc().cache.remove_rdd(self.arc().id);
            self.arc().context.arc().bus.emit(Event::CacheMarked { rdd: self.arc().id, level: None });
        }
    }
}

impl<T: 'static> Rdd<T> {
    /// Keeps the partitions in memory once they are computed. What does not fit is computed again when it is needed.
    ///
    /// ```
    /// let squares = dpark::DparkContext::local(2).range(0, 4).map(|x| x * x).cache();
    /// assert_eq!((squares.count()?, squares.sum()?), (4, 14)); // computed once
    /// # Ok::<(), dpark::Error>(())
    /// ```
    pub fn cache(&self) -> Rdd<T>
    where
        T: Data + Clone,
    {
        self.handle.cache(Cache::<T>::VT);
        self.clone()
    }

    /// Frees the cached partitions and caches no more.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 4).cache();
    /// assert_eq!(rdd.unpersist().count()?, 4);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    pub fn unpersist(&self) -> Rdd<T> {
        self.handle.unpersist();
        self.clone()
    }
}
