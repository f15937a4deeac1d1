//! What the launcher tells an executor, in its environment and through a pipe; and how programs that tasks start are kept from
//! that.

use crate::net::secret::Secret;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

/// Where the driver listens; set in the environment of executors only.
pub(crate) const DRIVER: &str = "DPARK_EXECUTOR_DRIVER";
/// How many tasks the executor runs at once.
pub(crate) const SLOTS: &str = "DPARK_EXECUTOR_SLOTS";
/// The directories that the launcher has made for the executor, one on each disk; each is a line.
pub(crate) const DIRECTORIES: &str = "DPARK_EXECUTOR_DIRECTORIES";
/// What the driver has as [`LIBRARY_PATH`], if it has any: executors have directories of theirs before that.
pub(crate) const USERS_LIBRARY_PATH: &str = "DPARK_EXECUTOR_LIBRARY_PATH";

/// Where the loader looks for libraries. It reads this when a process starts.
pub(crate) const LIBRARY_PATH: &str = "LD_LIBRARY_PATH";

/// All that an executor is told in its environment. It is removed there when the executor begins; where it is one of a program
/// that had started threads before, that cannot be done, and it is kept from the programs that pipes start.
const VARIABLES: [&str; 6] =
    [DRIVER, SLOTS, DIRECTORIES, USERS_LIBRARY_PATH, "DPARK_STUB_LIBRARIES", "DPARK_STUB_ENTRY"];

/// What the launcher has told.
pub(super) struct Orders {
    pub(super) driver: String,
    pub(super) slots: usize,
    pub(super) directories: Vec<PathBuf>,
    pub(super) secret: Secret,
}

impl Orders {
    pub(super) fn read() -> Result<Orders, String> {
        let get =
            |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set: executors are started by dpark"));
        let (driver, slots, directories) = (get(DRIVER)?, get(SLOTS)?, get(DIRECTORIES)?);
        let slots = slots.parse().map_err(|_| format!("{SLOTS}={slots} is not a number"))?;
        // Programs that tasks start are no executors.
        if is_the_only_thread() {
            for (name, value) in users_environment() {
                // SAFETY: nobody else can read the environment meanwhile.
                unsafe {
                    match value {
                        Some(value) => std::env::set_var(name, value),
                        None => std::env::remove_var(name),
                    }
                }
            }
        }
        // The secret comes through a pipe that nobody else can read.
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map_err(|error| format!("the secret cannot be read: {error}"))?;
        let secret = Secret::from_hex(line.trim()).ok_or("what came through the pipe is not a secret")?;
        let directories = directories.lines().map(PathBuf::from).collect();
        Ok(Orders { driver, slots, directories, secret })
    }
}

/// Lets a program that an executor starts have the environment that it would have on the driver.
pub(crate) fn as_on_the_driver(command: &mut Command) {
    for (name, value) in users_environment() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

/// What is different in the environment of the user; nothing, once this process has it.
fn users_environment() -> Vec<(&'static str, Option<OsString>)> {
    if std::env::var_os(DRIVER).is_none() {
        return Vec::new();
    }
    let told = VARIABLES.iter().map(|name| (*name, None));
    told.chain([(LIBRARY_PATH, std::env::var_os(USERS_LIBRARY_PATH))]).collect()
}

/// Whether this thread is the only one of the process.
fn is_the_only_thread() -> bool {
    std::fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() == 1)
}
