//! Executors of `-m process`: children of the driver. They are the program that runs, started again, unless a command is
//! given that starts them elsewhere: in another root, as another user, out of a bundle (`dpark-repl bundle`).

use super::executor;
use super::libraries::LIBRARIES;
use crate::net::secret::Secret;
use crate::piped::die_with_parent;
use crate::storage::Disks;
use std::ffi::OsString;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The command that starts an executor, in words separated by blanks. The last one is the path of the program, which in a
/// session is the stub of a bundle, with its libraries beside it. The command becomes the program (as `chroot`, `nice` and
/// `setpriv` do): an executor is known by the process that was started.
const COMMAND: &str = "DPARK_EXECUTOR_COMMAND";

/// How an executor is started.
#[derive(Clone, Debug)]
pub(crate) struct Launcher {
    program: PathBuf,
    arguments: Vec<String>,
    /// Where the loader looks for libraries, besides the executor's directory.
    libraries: Option<PathBuf>,
    environment: Vec<(OsString, OsString)>,
    driver: SocketAddr,
    slots: usize,
    secret: Secret,
}

impl Launcher {
    /// Starts what the environment names, else the program that runs.
    pub(crate) fn new(driver: SocketAddr, slots: usize, secret: Secret) -> io::Result<Launcher> {
        let command = std::env::var(COMMAND).unwrap_or_default();
        let mut words = command.split_whitespace().map(str::to_owned);
        let started = match words.next() {
            None => Started::this_program(),
            Some(program) => Started::by_command(program, words.collect())?,
        };
        let Started { program, arguments, libraries, stub } = started;
        let environment = stub.map_or(Vec::new(), |libraries| {
            vec![("DPARK_STUB_LIBRARIES".into(), libraries), ("DPARK_STUB_ENTRY".into(), "dpark_executor_main".into())]
        });
        Ok(Launcher { program, arguments, libraries, environment, driver, slots, secret })
    }

    /// Starts an executor whose files are in these directories.
    pub(crate) fn start(&self, disks: &Disks) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        // What tasks find in `std::env::args()` is what the driver finds there.
        let mut drivers = std::env::args_os();
        if let Some(name) = drivers.next().filter(|_| self.arguments.is_empty()) {
            command.arg0(name);
        }
        if let Some(path) = std::env::var_os(executor::LIBRARY_PATH) {
            command.env(executor::USERS_LIBRARY_PATH, path);
        }
        command
            .args(&self.arguments)
            .args(drivers)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env(executor::DRIVER, self.driver.to_string())
            .env(executor::SLOTS, self.slots.to_string())
            .env(executor::DIRECTORIES, lines(disks))
            // Where the loader looks for libraries that others need.
            .env(executor::LIBRARY_PATH, library_path(disks, self.libraries.as_deref()))
            .stdin(Stdio::piped());
        // SAFETY: between fork and exec only one system call is made.
        unsafe { command.pre_exec(die_with_parent) };
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", self.program.display()));
        let mut child = command.spawn().map_err(named)?;
        // A child that ends at once does not read it; that is noticed by other means.
        if let Some(mut pipe) = child.stdin.take() {
            let _ = writeln!(pipe, "{}", self.secret.to_hex());
        }
        Ok(child)
    }
}

/// What is started.
struct Started {
    program: PathBuf,
    arguments: Vec<String>,
    libraries: Option<PathBuf>,
    /// What the stub loads, in a session.
    stub: Option<OsString>,
}

impl Started {
    /// The program that runs: it becomes an executor (see `DparkContext::from_args`), or, in a session, the stub that enters the
    /// engine by another door.
    fn this_program() -> Started {
        // Also right if the file was replaced or removed meanwhile.
        let program = "/proc/self/exe".into();
        Started { program, arguments: Vec::new(), libraries: None, stub: crate::session::stub_libraries() }
    }

    fn by_command(program: String, arguments: Vec<String>) -> io::Result<Started> {
        let executor = Path::new(arguments.last().unwrap_or(&program));
        let bundle = executor.parent().map(Path::to_owned).unwrap_or_default();
        let stub = crate::session::stub_libraries().map(|libraries| {
            let beside = |library: PathBuf| bundle.join(library.file_name().unwrap_or_default());
            std::env::join_paths(std::env::split_paths(&libraries).map(beside)).map_err(io::Error::other)
        });
        Ok(Started { stub: stub.transpose()?, program: program.into(), arguments, libraries: Some(bundle) })
    }
}

/// The directories, one on each line: their names may have any other character.
fn lines(disks: &Disks) -> OsString {
    let mut lines = OsString::new();
    for directory in disks.directories() {
        lines.push(directory);
        lines.push("\n");
    }
    lines
}

fn library_path(disks: &Disks, bundle: Option<&Path>) -> OsString {
    let mut paths: Vec<PathBuf> = disks.directories().map(|directory| directory.join(LIBRARIES)).collect();
    paths.extend(bundle.map(Path::to_owned));
    paths.extend(std::env::var_os(executor::LIBRARY_PATH).iter().flat_map(std::env::split_paths));
    std::env::join_paths(paths).unwrap_or_default()
}
