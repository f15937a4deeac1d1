//! Executors of `-m process`: children of the driver.

use super::executor;
use crate::net::secret::Secret;
use std::ffi::OsString;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// How an executor is started.
#[derive(Clone, Debug)]
pub(crate) struct Launcher {
    program: PathBuf,
    environment: Vec<(OsString, OsString)>,
    driver: SocketAddr,
    slots: usize,
    secret: Secret,
}

impl Launcher {
    /// Starts the program that runs, again: it becomes an executor (see `DparkContext::from_args`), or, in a session, the stub
    /// that enters the engine by another door.
    pub(crate) fn of_this_program(driver: SocketAddr, slots: usize, secret: Secret) -> io::Result<Launcher> {
        let environment = crate::session::stub_libraries().map_or(Vec::new(), |libraries| {
            vec![("DPARK_STUB_LIBRARIES".into(), libraries), ("DPARK_STUB_ENTRY".into(), "dpark_executor_main".into())]
        });
        // Also right if the file was replaced or removed meanwhile.
        Ok(Launcher { program: "/proc/self/exe".into(), environment, driver, slots, secret })
    }

    /// Starts an executor whose files are in `directory`.
    pub(crate) fn start(&self, directory: &Path) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        command
            .arg0("dpark-executor")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env(executor::DRIVER, self.driver.to_string())
            .env(executor::SLOTS, self.slots.to_string())
            .env(executor::DIRECTORY, directory)
            // Where the loader looks for libraries that others need.
            .env("LD_LIBRARY_PATH", library_path(directory))
            .stdin(Stdio::piped());
        // SAFETY: between fork and exec only one system call is made.
        unsafe { command.pre_exec(die_with_the_driver) };
        let mut child = command.spawn()?;
        // A child that ends at once does not read it; that is noticed by other means.
        if let Some(mut pipe) = child.stdin.take() {
            let _ = writeln!(pipe, "{}", self.secret.to_hex());
        }
        Ok(child)
    }
}

fn library_path(directory: &Path) -> OsString {
    let mut paths = vec![directory.join("lib")];
    paths.extend(std::env::var_os("LD_LIBRARY_PATH").iter().flat_map(std::env::split_paths));
    std::env::join_paths(paths).unwrap_or_default()
}

/// Should the driver be killed, its executors go with it.
fn die_with_the_driver() -> io::Result<()> {
    // SAFETY: the call only sets an attribute of this process.
    match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
