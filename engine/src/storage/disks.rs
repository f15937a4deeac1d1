//! Directories on several disks, over which files are spread. A disk that is full, or cannot be written to, is skipped, which
//! is told once; only when no disk takes a file it is an error.

use crate::event::Event;
use crate::event_bus::EventBus;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// A disk that could not take a file gets none of so many others, as long as another one takes them.
const SHUNNED: u32 = 100;

/// See the module.
pub(crate) struct Disks {
    disks: Vec<Disk>,
    bus: EventBus,
}

struct Disk {
    /// What the settings name, for messages.
    root: PathBuf,
    directory: PathBuf,
    /// How many more files go elsewhere.
    shunned: AtomicU32,
    told: AtomicBool,
}

impl Disk {
    fn new(root: PathBuf, directory: PathBuf) -> Disk {
        Disk { root, directory, shunned: AtomicU32::new(0), told: AtomicBool::new(false) }
    }

    /// Whether the next file shall go elsewhere, and one less of those after it.
    fn is_shunned(&self) -> bool {
        self.shunned.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |files| files.checked_sub(1)).is_ok()
    }
}

/// The numbers of the disks in the order in which a file with this key may be on them: a reader looks where the writer has tried
/// first.
pub(crate) fn order(key: u64, disks: usize) -> impl Iterator<Item = usize> {
    let hash = key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    let first = hash as usize % disks.max(1);
    (0..disks).map(move |n| (first + n) % disks)
}

impl Disks {
    /// What the settings name: of no directories, the system's for temporary files.
    pub(crate) fn of_settings(directories: &[PathBuf], bus: EventBus) -> Disks {
        let directories = if directories.is_empty() { vec![std::env::temp_dir()] } else { directories.to_vec() };
        Disks::new(directories, bus)
    }

    /// Directories that exist, or are about to.
    pub(crate) fn new(directories: Vec<PathBuf>, bus: EventBus) -> Disks {
        let disks = directories.into_iter().map(|directory| Disk::new(directory.clone(), directory)).collect();
        Disks { disks, bus }
    }

    /// The same directories, called by other names in messages.
    pub(crate) fn named(mut self, name: impl Fn(&Path) -> PathBuf) -> Disks {
        self.disks.iter_mut().for_each(|disk| disk.root = name(&disk.directory));
        self
    }

    /// The directories.
    pub(crate) fn directories(&self) -> impl Iterator<Item = &Path> {
        self.disks.iter().map(|disk| disk.directory.as_path())
    }

    /// Removes the directories with all that is in them.
    pub(crate) fn remove(&self) {
        // What cannot be removed goes with the directory above.
        self.directories().for_each(|directory| drop(std::fs::remove_dir_all(directory)));
    }

    /// Makes a directory on each disk. Those where that fails are skipped, if it succeeds on any.
    pub(crate) fn each(&self, mut make: impl FnMut(&Path) -> io::Result<PathBuf>) -> io::Result<Disks> {
        let (mut disks, mut problems) = (Vec::new(), Vec::new());
        for disk in &self.disks {
            match make(&disk.directory) {
                Ok(directory) => disks.push(Disk::new(disk.root.clone(), directory)),
                Err(error) => problems.push((disk, error)),
            }
        }
        if disks.is_empty() {
            return Err(problems.into_iter().next().map_or_else(none, |(_, error)| error));
        }
        problems.iter().for_each(|(disk, error)| self.tell(disk, error));
        Ok(Disks { disks, bus: self.bus.clone() })
    }

    /// Writes something into the directory of one disk: of the one that comes first for this key, else of the next. What fails has
    /// to leave nothing.
    pub(crate) fn write<T>(&self, key: u64, mut write: impl FnMut(&Path) -> io::Result<T>) -> io::Result<T> {
        let mut problem = None;
        for number in self.tries(key) {
            match write(&self.disks[number].directory) {
                Ok(written) => return Ok(written),
                Err(error) => {
                    self.failed(number, &error);
                    problem.get_or_insert(error);
                }
            }
        }
        Err(problem.unwrap_or_else(none))
    }

    /// The disks for a file, in the order in which they are tried.
    pub(super) fn tries(&self, key: u64) -> std::vec::IntoIter<usize> {
        let mut order: Vec<usize> = order(key, self.disks.len()).collect();
        if order.len() > 1 {
            order.sort_by_cached_key(|number| self.disks[*number].is_shunned());
        }
        order.into_iter()
    }

    /// The directory of a disk.
    pub(super) fn directory(&self, number: usize) -> &Path {
        &self.disks[number].directory
    }

    /// A disk could not take a file.
    pub(super) fn failed(&self, number: usize, error: &io::Error) {
        let disk = &self.disks[number];
        disk.shunned.store(SHUNNED, Ordering::Relaxed);
        if self.disks.len() > 1 {
            self.tell(disk, error);
        }
    }

    fn tell(&self, disk: &Disk, error: &io::Error) {
        if !disk.told.swap(true, Ordering::Relaxed) {
            self.bus.emit(Event::DiskSkipped { directory: disk.root.display().to_string(), why: error.to_string() });
        }
    }
}

impl std::fmt::Display for Disks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let roots: Vec<String> = self.disks.iter().map(|disk| disk.root.display().to_string()).collect();
        f.write_str(&roots.join(", "))
    }
}

impl std::fmt::Debug for Disks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.directories()).finish()
    }
}

fn none() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "there is no directory to write to")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn a_disk_that_fails_is_skipped_told_of_once_and_tried_again_later() {
        let bus = EventBus::new();
        let told = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&told);
        bus.subscribe(Box::new(move |event| seen.lock().unwrap().push(event.clone())));
        let disks = Disks::new(vec!["/a".into(), "/b".into()], bus);
        let mut attempts = 0;
        let mut full = |directory: &Path| {
            attempts += usize::from(directory == Path::new("/a"));
            if directory == Path::new("/a") { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        };
        for key in 0..500 {
            disks.write(key, &mut full).unwrap();
        }
        assert!((4..=6).contains(&attempts), "{attempts} attempts");
        let (directory, why) = ("/a".to_owned(), io::Error::from(io::ErrorKind::StorageFull).to_string());
        assert_eq!(*told.lock().unwrap(), [Event::DiskSkipped { directory, why }]);
        let error = disks.write(0, |_| -> io::Result<()> { Err(io::ErrorKind::ReadOnlyFilesystem.into()) });
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::ReadOnlyFilesystem);
    }

    #[test]
    fn readers_look_on_every_disk() {
        for key in 0..100 {
            let mut order: Vec<usize> = order(key, 3).collect();
            order.sort_unstable();
            assert_eq!(order, [0, 1, 2]);
        }
        assert_eq!(order(7, 0).count(), 0);
    }
}
