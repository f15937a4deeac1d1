//! What the tests do to executors, and how they look at them.

use dpark::event::Event;
use dpark::{Conf, DparkContext};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A context on a master.
pub(crate) fn context(master: &str) -> DparkContext {
    DparkContext::new(Conf { master: master.to_owned(), ..Conf::default() }).unwrap()
}

/// A context whose files are below `directory`.
pub(crate) fn in_directory(master: &str, directory: &Path) -> DparkContext {
    in_directories(master, [directory])
}

/// A context whose files are spread over several directories.
pub(crate) fn in_directories<'d>(master: &str, directories: impl IntoIterator<Item = &'d Path>) -> DparkContext {
    let work_dirs = directories.into_iter().map(Path::to_owned).collect();
    DparkContext::new(Conf { master: master.to_owned(), work_dirs, ..Conf::default() }).unwrap()
}

/// A file system in memory of its own, gone with this value.
pub(crate) struct Disk(TempDir);

impl Disk {
    /// Mounts it, which only root may, with options like `size=1m`.
    pub(crate) fn mount(options: &str) -> Disk {
        let directory = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(directory.path());
        assert!(mount.status().unwrap().success(), "this test mounts small file systems: run it as root");
        Disk(directory)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Also if some process still has a file open.
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

/// What was picked from events so far.
pub(crate) type Collected<T> = Arc<Mutex<Vec<T>>>;

/// Collects what `pick` makes of the events of a context, as they come.
pub(crate) fn collected<T: Send + 'static>(
    ctx: &DparkContext,
    mut pick: impl FnMut(&Event) -> Option<T> + Send + 'static,
) -> Collected<T> {
    let collected = Collected::default();
    let seen = Arc::clone(&collected);
    ctx.events().subscribe(Box::new(move |event| seen.lock().unwrap().extend(pick(event))));
    collected
}

/// The processes of the executors that have joined, as they come.
pub(crate) fn processes(ctx: &DparkContext) -> Collected<u32> {
    collected(ctx, |event| if let Event::ExecutorJoined { pid, .. } = event { Some(*pid) } else { None })
}

/// Waits for something to become true.
pub(crate) fn wait_for(what: &str, mut is_true: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_true() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Sends a signal to an executor; whether it is still there.
pub(crate) fn signal(pid: u32, signal: i32) -> bool {
    // SAFETY: the process is an executor that this test has started.
    unsafe { libc::kill(pid as i32, signal) == 0 }
}

/// All files below a directory.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

/// Those of the files below a directory whose names end so.
pub(crate) fn files_ending(directory: &Path, ending: &str) -> Vec<PathBuf> {
    files(directory).into_iter().filter(|path| path.extension().is_some_and(|it| it == ending)).collect()
}
