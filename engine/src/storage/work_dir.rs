//! The context's work directory: a private directory of its own below the one that the settings name, made when the first
//! block is written and removed when the context ends. It holds a lock file; what a killed process left behind has an
//! unlocked one and is removed by the next context that works in the same place.

use crate::ids::RddId;
use std::fs::{DirBuilder, File, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

const PREFIX: &str = "dpark-";
const LOCK: &str = "lock";

/// See the module.
pub(crate) struct WorkDir {
    parent: PathBuf,
    state: Mutex<State>,
    next: AtomicU64,
}

enum State {
    /// Nothing was written yet.
    Unmade,
    Made(Private),
    /// The context has ended; the path is kept for what a task that ended late has left.
    Removed(Option<PathBuf>),
}

struct Private {
    path: PathBuf,
    _lock: File,
}

impl WorkDir {
    pub(crate) fn new(parent: Option<PathBuf>) -> WorkDir {
        let parent = parent.unwrap_or_else(std::env::temp_dir);
        WorkDir { parent, state: Mutex::new(State::Unmade), next: AtomicU64::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A path for a block that no other block has had.
    pub(crate) fn block_path(&self, rdd: RddId, partition: usize) -> Result<PathBuf> {
        let unique = self.next.fetch_add(1, Ordering::Relaxed);
        Ok(self.directory()?.join(format!("rdd-{rdd}-{partition}.{unique}")))
    }

    /// The directory; made when it is asked for first.
    pub(crate) fn directory(&self) -> Result<PathBuf> {
        let mut state = self.lock();
        if let State::Unmade = *state {
            *state = State::Made(make(&self.parent)?);
        }
        match &*state {
            State::Made(private) => Ok(private.path.clone()),
            _ => Err(Error::new(ErrorKind::NotFound, "the context has been stopped")),
        }
    }

    /// Removes the directory with all that is in it; no other is made.
    pub(crate) fn remove(&self) {
        let mut state = self.lock();
        let path = match std::mem::replace(&mut *state, State::Removed(None)) {
            State::Made(private) => Some(private.path),
            State::Removed(path) => path,
            State::Unmade => None,
        };
        *state = State::Removed(path.clone());
        drop(state);
        if let Some(path) = path {
            // What cannot be removed now is removed by the next context here.
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

/// Makes a private directory below `parent`.
fn make(parent: &Path) -> Result<Private> {
    std::fs::create_dir_all(parent)?;
    loop {
        let random = RandomState::new().hash_one(std::process::id());
        let path = parent.join(format!("{PREFIX}{random:016x}"));
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        }
        let lock = File::create_new(path.join(LOCK))?;
        match lock.try_lock() {
            // Another context has just taken the new directory for an abandoned one.
            Err(TryLockError::WouldBlock) => {}
            Ok(()) if !path.join(LOCK).exists() => {}
            // A file system without locks: an abandoned directory stays.
            Ok(()) | Err(TryLockError::Error(_)) => {
                remove_abandoned(parent, path.metadata()?.uid());
                return Ok(Private { path, _lock: lock });
            }
        }
    }
}

/// Removes the private directories of this user's processes that have ended without doing so.
fn remove_abandoned(parent: &Path, user: u32) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let ours = entry.metadata().is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == user);
        if !ours || !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        // One without a lock file is no such directory, or is being made.
        let Ok(lock) = File::open(entry.path().join(LOCK)) else { continue };
        if lock.try_lock().is_ok() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn names(parent: &Path) -> Vec<PathBuf> {
        std::fs::read_dir(parent).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn it_is_private_and_goes_with_its_owner() {
        let parent = tempfile::tempdir().unwrap();
        let work = WorkDir::new(Some(parent.path().join("deep/work")));
        assert!(names(parent.path()).is_empty(), "nothing is made before it is needed");
        let block = work.block_path(RddId(3), 0).unwrap();
        assert_ne!(block, work.block_path(RddId(3), 0).unwrap());
        let private = block.parent().unwrap();
        assert_eq!(private.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        std::fs::write(&block, "rows").unwrap();
        work.remove();
        assert!(names(&parent.path().join("deep/work")).is_empty());
        assert!(work.block_path(RddId(3), 1).is_err());
    }

    #[test]
    fn what_was_abandoned_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let abandoned = parent.path().join("dpark-0123");
        std::fs::create_dir(&abandoned).unwrap();
        std::fs::write(abandoned.join(LOCK), "").unwrap();
        let other = parent.path().join("dpark-notes");
        std::fs::create_dir(&other).unwrap();
        let first = WorkDir::new(Some(parent.path().to_owned()));
        let block = first.block_path(RddId(1), 0).unwrap();
        let second = WorkDir::new(Some(parent.path().to_owned()));
        second.block_path(RddId(1), 0).unwrap();
        assert!(!abandoned.exists() && other.exists());
        assert!(block.parent().unwrap().exists(), "the first one is locked");
    }
}
