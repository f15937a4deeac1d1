//! A directory that is written to. Tasks write into a hidden directory in it; the driver moves the files to their
//! places when all are complete. On failure it goes, with all that was written.

use super::encoder::{Encoder, Encoding};
use crate::error::{Error, Failure, Result};
use crate::task::Stop;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

static NEXT: AtomicU64 = AtomicU64::new(0);

/// Where one action writes.
pub(super) struct Staging {
    /// The directory as the user gave it.
    directory: PathBuf,
    /// The hidden directory in it.
    hidden: PathBuf,
    /// Whether this process is the driver, which moves the files in the end and removes what is left.
    owned: bool,
    /// Whether the directory was made for this action.
    created: bool,
    overwrite: bool,
    /// Once it is closed, a task that goes on for a while makes no more files.
    state: Mutex<State>,
}

#[derive(PartialEq)]
enum State {
    Open,
    Closed,
}

/// A directory that is written to, as it travels.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ShippedStaging {
    directory: PathBuf,
    hidden: PathBuf,
}

/// A complete file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Saved {
    temporary: PathBuf,
    /// Its name in the directory.
    name: PathBuf,
}

impl Staging {
    /// Makes the directory, or checks that it may be used.
    pub(super) fn begin(directory: &Path, overwrite: bool) -> Result<Staging> {
        let io_error = |error: std::io::Error| {
            Error::io(directory, format!("{error}; rows are saved to a new or empty directory"))
        };
        let created = match std::fs::read_dir(directory) {
            Ok(_) if overwrite => {
                check_replaceable(directory)?;
                false
            }
            Ok(mut entries) => match entries.next() {
                None => false,
                Some(_) => return Err(not_empty(directory)),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => {
                std::fs::create_dir_all(directory).map_err(io_error)?;
                true
            }
            Err(error) => return Err(io_error(error)),
        };
        let unique = NEXT.fetch_add(1, Ordering::Relaxed);
        let hidden = directory.join(format!(".saving-{}-{unique}", std::process::id()));
        if let Err(error) = std::fs::create_dir(&hidden) {
            if created {
                let _ = std::fs::remove_dir(directory);
            }
            return Err(io_error(error));
        }
        let directory = directory.to_owned();
        Ok(Staging { directory, hidden, owned: true, created, overwrite, state: Mutex::new(State::Open) })
    }

    /// What tasks in other processes are told.
    pub(super) fn ship(&self) -> ShippedStaging {
        ShippedStaging { directory: self.directory.clone(), hidden: self.hidden.clone() }
    }

    /// The directory for tasks of this process; the driver is another one.
    pub(super) fn land(shipped: ShippedStaging) -> Staging {
        let ShippedStaging { directory, hidden } = shipped;
        let state = Mutex::new(State::Open);
        Staging { directory, hidden, owned: false, created: false, overwrite: false, state }
    }

    /// A new file, to be found under a name in the end.
    pub(super) fn create(self: &Arc<Self>, name: &Path, encoding: Encoding) -> Result<StagedFile, Stop> {
        let unique = NEXT.fetch_add(1, Ordering::Relaxed);
        let temporary = self.hidden.join(format!("new-{}-{unique}", std::process::id()));
        let path = self.directory.join(name);
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if *state == State::Closed {
            return Err(Stop::Cancelled);
        }
        let file = File::create_new(&temporary).map_err(|error| failed(&path, &error))?;
        let unfinished = Unfinished { temporary: Temporary(Some(temporary)), name: name.to_owned(), path, encoding };
        Ok(StagedFile { encoder: Encoder::new(file, encoding), unfinished })
    }

    /// Moves the files to their places.
    pub(super) fn commit(&self, files: Vec<Saved>) -> Result<Vec<PathBuf>> {
        self.close();
        let moved = self.replace(&files);
        if moved.is_err() && self.created {
            self.abort();
        }
        let _ = std::fs::remove_dir_all(&self.hidden);
        moved
    }

    /// All or nothing: what was moved comes back if something cannot be.
    fn replace(&self, files: &[Saved]) -> Result<Vec<PathBuf>> {
        let io_error = |path: &Path, error: std::io::Error| Error::io(path, format!("{error}; save again"));
        let old = self.hidden.join("old");
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(&self.directory).map_err(|error| io_error(&self.directory, error))? {
            let path = entry.map_err(|error| io_error(&self.directory, error))?.path();
            if path != self.hidden {
                entries.push(path);
            }
        }
        if !entries.is_empty() && !self.overwrite {
            return Err(not_empty(&self.directory));
        }
        let mut moves = Moves::default();
        std::fs::create_dir(&old).map_err(|error| io_error(&self.directory, error))?;
        for (i, entry) in entries.iter().enumerate() {
            moves.rename(entry, &old.join(i.to_string())).map_err(|error| io_error(entry, error))?;
        }
        let mut paths = Vec::with_capacity(files.len());
        for Saved { temporary, name } in files {
            let path = self.directory.join(name);
            if let Some(parent) = path.parent().filter(|parent| *parent != self.directory) {
                moves.create_dir(parent).map_err(|error| io_error(parent, error))?;
            }
            moves.rename(temporary, &path).map_err(|error| io_error(&path, error))?;
            paths.push(path);
        }
        moves.keep();
        Ok(paths)
    }

    /// Removes what was written.
    pub(super) fn abort(&self) {
        self.close();
        let _ = std::fs::remove_dir_all(&self.hidden);
        if self.created {
            let _ = std::fs::remove_dir(&self.directory);
        }
    }

    fn close(&self) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::Closed;
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // There is nothing any more after `commit` and `abort`.
        if self.owned {
            let _ = std::fs::remove_dir_all(&self.hidden);
        }
    }
}

/// What was moved and made; undone, the latest first, unless it is kept.
#[derive(Default)]
struct Moves(Vec<Move>);

enum Move {
    Renamed { from: PathBuf, to: PathBuf },
    Created(PathBuf),
}

impl Moves {
    fn rename(&mut self, from: &Path, to: &Path) -> std::io::Result<()> {
        std::fs::rename(from, to)?;
        self.0.push(Move::Renamed { from: from.to_owned(), to: to.to_owned() });
        Ok(())
    }

    fn create_dir(&mut self, path: &Path) -> std::io::Result<()> {
        match std::fs::create_dir(path) {
            Ok(()) => self.0.push(Move::Created(path.to_owned())),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for Moves {
    fn drop(&mut self) {
        for done in self.0.drain(..).rev() {
            let _ = match done {
                Move::Renamed { from, to } => std::fs::rename(to, from),
                Move::Created(directory) => std::fs::remove_dir(directory),
            };
        }
    }
}

/// A file that a task writes.
pub(super) struct StagedFile {
    encoder: Encoder,
    unfinished: Unfinished,
}

impl StagedFile {
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.encoder.write(bytes).map_err(|error| failed(&self.unfinished.path, &error))
    }

    pub(super) fn finish(self) -> Result<Saved, Stop> {
        let StagedFile { encoder, unfinished } = self;
        let done = encoder.finish().and_then(|file| file.sync_all());
        done.map_err(|error| failed(&unfinished.path, &error))?;
        Ok(unfinished.into_saved())
    }

    /// Closes it for a while.
    pub(super) fn pause(self) -> Unfinished {
        self.unfinished
    }
}

/// A file that is not open and not complete.
pub(super) struct Unfinished {
    temporary: Temporary,
    name: PathBuf,
    /// Where it will be.
    path: PathBuf,
    encoding: Encoding,
}

/// The path of a file that is removed unless it is taken out.
struct Temporary(Option<PathBuf>);

impl Unfinished {
    /// Adds a stream of its own at the end.
    pub(super) fn append(&self, bytes: &[u8]) -> Result<(), Stop> {
        let write = || {
            let mut encoder = Encoder::new(self.open()?, self.encoding);
            encoder.write(bytes)?;
            encoder.finish().map(drop)
        };
        write().map_err(|error| failed(&self.path, &error))
    }

    pub(super) fn finish(self) -> Result<Saved, Stop> {
        self.open().and_then(|file| file.sync_all()).map_err(|error| failed(&self.path, &error))?;
        Ok(self.into_saved())
    }

    fn open(&self) -> std::io::Result<File> {
        let path = self.temporary.0.as_deref().unwrap_or(&self.path);
        File::options().append(true).open(path)
    }

    fn into_saved(mut self) -> Saved {
        let temporary = self.temporary.0.take().unwrap_or_default();
        Saved { temporary, name: std::mem::take(&mut self.name) }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn not_empty(directory: &Path) -> Error {
    Error::io(
        directory,
        "the directory is not empty; remove it first, save to another one, or replace it with `SaveOptions::new().overwrite()`",
    )
}

/// Replacing removes everything in a directory, so some are refused.
fn check_replaceable(directory: &Path) -> Result<()> {
    let canonical = directory.canonicalize().map_err(|error| Error::io(directory, error))?;
    let working = std::env::current_dir().and_then(|path| path.canonicalize()).unwrap_or_default();
    if working.starts_with(&canonical) {
        return Err(Error::io(directory, "the working directory is in it, so it is not replaced; save to another one"));
    }
    Ok(())
}

fn failed(path: &Path, error: &std::io::Error) -> Stop {
    let next_step = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "the disk is full; free some space or save elsewhere",
        ErrorKind::NotFound => "the output directory is gone",
        _ => "it cannot be written",
    };
    Failure::Io { path: path.display().to_string(), message: format!("{next_step} ({error})") }.into()
}
