//! The process of an executor, a child of this one. Its number is never used once it may be another's: the child is reaped and
//! killed under one lock.

use crate::storage::lock;
use std::io;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex};

/// See the module.
pub(crate) struct Process(Arc<Mutex<Option<Child>>>);

impl Process {
    /// Watches a child on a thread of its own, which calls `ended` at its end.
    pub(crate) fn watch(
        child: Child,
        ended: impl FnOnce(io::Result<ExitStatus>) + Send + 'static,
    ) -> io::Result<Process> {
        let pid = child.id();
        let child = Arc::new(Mutex::new(Some(child)));
        let process = Process(Arc::clone(&child));
        let watching = move || {
            let waited = wait_for_end(pid);
            let reaped = lock(&child).take().map(|mut child| child.wait());
            ended(waited.and_then(|()| reaped.unwrap_or_else(|| Err(io::ErrorKind::NotFound.into()))));
        };
        let thread = std::thread::Builder::new().name("dpark-watch".to_owned()).stack_size(64 << 10).spawn(watching);
        thread.inspect_err(|_| process.kill())?;
        Ok(process)
    }

    /// Kills it, if it has not ended.
    pub(crate) fn kill(&self) {
        if let Some(child) = lock(&self.0).as_mut() {
            // What cannot be killed has ended.
            let _ = child.kill();
        }
    }

    /// Whether it was not seen to end yet.
    pub(crate) fn is_alive(&self) -> bool {
        lock(&self.0).is_some()
    }
}

/// Waits until a child has ended, and leaves it to be reaped.
fn wait_for_end(pid: u32) -> io::Result<()> {
    loop {
        // SAFETY: zeroes are a `siginfo_t`, and the call only writes to it.
        let result = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            libc::waitid(libc::P_PID, pid, &raw mut info, libc::WEXITED | libc::WNOWAIT)
        };
        match io::Error::last_os_error() {
            _ if result == 0 => return Ok(()),
            error if error.kind() == io::ErrorKind::Interrupted => {}
            error => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;
    use std::sync::mpsc::channel;

    #[test]
    fn the_end_is_told_once_and_killing_after_it_does_nothing() {
        let (sender, ends) = channel();
        let child = Command::new("sleep").arg("3600").spawn().unwrap();
        let process = Process::watch(child, move |status| sender.send(status.unwrap()).unwrap()).unwrap();
        assert!(process.is_alive());
        process.kill();
        assert_eq!(ends.recv().unwrap().signal(), Some(libc::SIGKILL));
        assert!(!process.is_alive() && ends.recv().is_err());
        process.kill();
    }
}
