//! `cache`, `persist` and `unpersist`.

use super::Rdd;
use crate::data::Data;
use crate::event::Event;
use crate::node::RddHandle;
use crate::storage::{Cache, CacheVt, Persisted, StorageLevel};
use std::sync::{Arc, PoisonError};

impl RddHandle {
    #[inline(never)]
    fn persist(&self, vt: &'static CacheVt, level: StorageLevel) {
        let node = self.arc();
        let context = node.context.arc();
        let before = node.set_cached(Some(Persisted { vt, level }));
        if before.is_some_and(|before| before.level == level) {
            return;
        }
        if before.is_some() {
            context.cache.remove_rdd(node.id);
        }
        let mut marked = context.marked.lock().unwrap_or_else(PoisonError::into_inner);
        marked.retain(|_, node| node.strong_count() > 0);
        marked.insert(node.id, Arc::downgrade(node));
        drop(marked);
        context.bus.emit(Event::CacheMarked { rdd: node.id, level: Some(level.to_string()) });
    }

    /// Unmarks the RDD and frees its blocks.
    #[inline(never)]
    pub fn unpersist(&self) {
        let node = self.arc();
        let context = node.context.arc();
        if node.set_cached(None).is_some() {
            let mut marked = context.marked.lock().unwrap_or_else(PoisonError::into_inner);
            marked.remove(&node.id);
            drop(marked);
            context.cache.remove_rdd(node.id);
            context.scheduler.uncache(node.id);
            context.bus.emit(Event::CacheMarked { rdd: node.id, level: None });
        }
    }

    #[inline(never)]
    fn storage_level(&self) -> Option<StorageLevel> {
        self.arc().cached().map(|persisted| persisted.level)
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
        self.persist(StorageLevel::Memory)
    }

    /// Keeps the partitions once they are computed, where `level` says. A block that is lost or corrupt is computed again; one
    /// that does not fit on the disk is not kept, and the job goes on. If the RDD is persisted at another level already, what is
    /// kept is freed and the partitions are computed once more at their next use (Spark refuses that).
    ///
    /// ```
    /// use dpark::StorageLevel;
    /// let words = dpark::DparkContext::local(2).parallelize(["a", "b", "a"].map(String::from));
    /// let pairs = words.map(|word| (word, 1)).persist(StorageLevel::MemoryAndDisk);
    /// assert_eq!(pairs.reduce_by_key(|a, b| a + b).collect_as_map()?["a"], 2);
    /// assert_eq!(pairs.count()?, 3); // computed once
    /// # Ok::<(), dpark::Error>(())
    /// ```
    pub fn persist(&self, level: StorageLevel) -> Rdd<T>
    where
        T: Data + Clone,
    {
        self.handle.persist(Cache::<T>::VT, level);
        self.clone()
    }

    /// Frees the kept partitions, files included, and keeps no more.
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

    /// Where the partitions are kept, if `cache` or `persist` was called.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 4);
    /// assert_eq!(rdd.storage_level(), None);
    /// assert_eq!(rdd.cache().storage_level(), Some(dpark::StorageLevel::Memory));
    /// ```
    pub fn storage_level(&self) -> Option<StorageLevel> {
        self.handle.storage_level()
    }
}
