//! Directories of one process. Each holds a lock file that its owner keeps locked: what a killed process has left behind has
//! an unlocked one and is removed by the next process that works in the same place.

use std::fs::{DirBuilder, File, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::{ErrorKind, Result};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

const PREFIX: &str = "dpark-";
const LOCK: &str = "lock";

/// A directory that only its owner may enter; it goes with this value.
#[derive(Debug)]
pub struct PrivateDir {
    path: PathBuf,
    _lock: File,
}

impl PrivateDir {
    /// Makes a directory below `parent`, which is made, too, if it is missing: `dpark-`, the kind and random digits. Those that
    /// are abandoned there go, of whatever kind.
    pub fn make(parent: &Path, kind: &str) -> Result<PrivateDir> {
        std::fs::create_dir_all(parent)?;
        // First of all: they may be what fills the disk.
        remove_abandoned(parent);
        loop {
            let random = RandomState::new().hash_one(std::process::id());
            let path = parent.join(format!("{PREFIX}{kind}{random:016x}"));
            match create_private(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            }
            let locked = File::create_new(path.join(LOCK)).inspect_err(|_| {
                // Without its lock file nobody would ever take it for abandoned.
                let _ = std::fs::remove_dir(&path);
            })?;
            match locked.try_lock() {
                // Another process has just taken the new directory for an abandoned one.
                Err(TryLockError::WouldBlock) => {}
                Ok(()) if !path.join(LOCK).exists() => {}
                // A file system without locks: an abandoned directory stays.
                Ok(()) | Err(TryLockError::Error(_)) => return Ok(PrivateDir { path, _lock: locked }),
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PrivateDir {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next process here.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Creates a directory that others may not enter. A parent with the set-group-id bit lets its group read: that is how files are
/// shown to an nginx of another user's.
pub(crate) fn create_private(path: &Path) -> Result<()> {
    const SET_GROUP_ID: u32 = 0o2000;
    let parent = path.parent().map(Path::metadata).transpose()?;
    let shared = parent.is_some_and(|parent| parent.permissions().mode() & SET_GROUP_ID != 0);
    DirBuilder::new().mode(if shared { 0o750 } else { 0o700 }).create(path)
}

/// Removes the private directories of this user's processes that have ended without doing so.
fn remove_abandoned(parent: &Path) {
    // SAFETY: the call only returns who owns what this process makes.
    let user = unsafe { libc::geteuid() };
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

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn it_is_private_and_goes_with_its_owner() {
        let parent = tempfile::tempdir().unwrap();
        let directory = PrivateDir::make(&parent.path().join("deep/work"), "").unwrap();
        let path = directory.path().to_owned();
        assert_eq!(mode(&path), 0o700);
        std::fs::write(path.join("block"), "rows").unwrap();
        drop(directory);
        assert!(!path.exists());
    }

    #[test]
    fn a_group_may_be_let_in() {
        let parent = tempfile::tempdir().unwrap();
        std::fs::set_permissions(parent.path(), std::fs::Permissions::from_mode(0o2755)).unwrap();
        let directory = PrivateDir::make(parent.path(), "").unwrap();
        let inside = directory.path().join("inside");
        create_private(&inside).unwrap();
        assert_eq!((mode(directory.path()), mode(&inside)), (0o750, 0o750));
    }

    #[test]
    fn what_was_abandoned_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let abandoned = parent.path().join("dpark-session-0123");
        std::fs::create_dir(&abandoned).unwrap();
        std::fs::write(abandoned.join(LOCK), "").unwrap();
        let other = parent.path().join("dpark-notes");
        std::fs::create_dir(&other).unwrap();
        let first = PrivateDir::make(parent.path(), "").unwrap();
        let _second = PrivateDir::make(parent.path(), "session-").unwrap();
        assert!(!abandoned.exists() && other.exists());
        assert!(first.path().exists(), "the first one is locked");
    }
}
