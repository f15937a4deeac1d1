//! Where the partitions of a persisted RDD are kept.

use super::CacheVt;

/// Where `persist` keeps partitions.
///
/// ```
/// use dpark::StorageLevel;
/// let squares = dpark::DparkContext::local(2).range(0, 4).map(|x| x * x).persist(StorageLevel::Disk);
/// assert_eq!(squares.sum()?, 14);
/// assert_eq!(squares.storage_level(), Some(StorageLevel::Disk));
/// # Ok::<(), dpark::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum StorageLevel {
    /// As rows in memory; what does not fit is computed again when it is needed. This is what `cache` does, and Spark's
    /// `MEMORY_ONLY`.
    Memory,
    /// As rows in memory; what does not fit, or has to make room, goes to files in the work directory. Spark's
    /// `MEMORY_AND_DISK`.
    MemoryAndDisk,
    /// Serialised, in files in the work directory. Spark's `DISK_ONLY`.
    Disk,
    /// Serialised, in memory: smaller than rows that own text or vectors, but deserialised at each use. Spark's
    /// `MEMORY_ONLY_SER`.
    MemorySerialized,
}

impl std::fmt::Display for StorageLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            StorageLevel::Memory => "memory",
            StorageLevel::MemoryAndDisk => "memory and disk",
            StorageLevel::Disk => "disk",
            StorageLevel::MemorySerialized => "memory, serialized",
        })
    }
}

/// How a node's partitions are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Persisted {
    pub(crate) vt: &'static CacheVt,
    pub(crate) level: StorageLevel,
}
