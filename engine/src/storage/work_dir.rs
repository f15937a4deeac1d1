//! The context's work directory: a private directory of its own on each disk that the settings name, made when the first
//! file is written and removed when the context ends.

use super::disks::Disks;
use super::private_dir::PrivateDir;
use std::io::{Error, ErrorKind, Result};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// See the module.
pub(crate) struct WorkDir {
    /// The directories that the private ones are made in.
    roots: Disks,
    state: Mutex<State>,
}

enum State {
    /// Nothing was written yet.
    Unmade,
    Made(Arc<Disks>, Vec<PrivateDir>),
    /// The context has ended; the paths are kept for what a task that ended late has left.
    Removed(Vec<PathBuf>),
}

impl WorkDir {
    /// Below these directories.
    pub(crate) fn new(roots: Disks) -> WorkDir {
        WorkDir { roots, state: Mutex::new(State::Unmade) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The directories that the private ones are made in.
    pub(crate) fn roots(&self) -> &Disks {
        &self.roots
    }

    /// The private directories; made when they are asked for first.
    pub(crate) fn disks(&self) -> Result<Arc<Disks>> {
        let mut state = self.lock();
        if let State::Unmade = *state {
            let mut made = Vec::new();
            let disks = self.roots.each(|root| {
                let directory = PrivateDir::make(root, "")?;
                let path = directory.path().to_owned();
                made.push(directory);
                Ok(path)
            })?;
            *state = State::Made(Arc::new(disks), made);
        }
        match &*state {
            State::Made(disks, _) => Ok(Arc::clone(disks)),
            _ => Err(Error::new(ErrorKind::NotFound, "the context has been stopped")),
        }
    }

    /// Removes the directories with all that is in them; no others are made.
    pub(crate) fn remove(&self) {
        let mut state = self.lock();
        let (paths, made) = match std::mem::replace(&mut *state, State::Removed(Vec::new())) {
            State::Made(_, made) => (made.iter().map(|directory| directory.path().to_owned()).collect(), made),
            State::Removed(paths) => (paths, Vec::new()),
            State::Unmade => (Vec::new(), Vec::new()),
        };
        *state = State::Removed(paths.clone());
        drop(state);
        drop(made);
        for path in paths {
            // What cannot be removed now is removed by the next context here.
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_bus::EventBus;
    use std::path::Path;

    fn entries(parent: &Path) -> usize {
        std::fs::read_dir(parent).unwrap().count()
    }

    #[test]
    fn it_is_made_late_on_each_disk_and_goes_with_the_context() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let roots = [&first, &second].map(|root| root.path().to_owned());
        let work = WorkDir::new(Disks::new(roots.into(), EventBus::new()));
        assert_eq!(entries(first.path()), 0, "nothing is made before it is needed");
        let disks = work.disks().unwrap();
        for key in 0..100 {
            disks.write(key, |directory| std::fs::write(directory.join(key.to_string()), "rows")).unwrap();
        }
        for root in [&first, &second] {
            let private = std::fs::read_dir(root.path()).unwrap().next().unwrap().unwrap().path();
            assert!(entries(&private) > 10, "files are spread");
        }
        work.remove();
        assert_eq!(entries(first.path()) + entries(second.path()), 0);
        assert!(work.disks().is_err());
    }
}
