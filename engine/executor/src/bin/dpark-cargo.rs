//! Stands in for cargo where evcxr compiles a cell.
//!
//! `cargo build` costs 20 ms before rustc starts, and the session compiles the cell better by itself. So this program
//! tells the session over a Unix socket that evcxr wants a build (or a check), waits for the answer and passes it on.
//! Everything else goes to the real cargo, whose path stands on the command line: `mold -run CARGO ARGUMENTS…`.
//!
//! It also stands in for evcxr's child process: the session runs cells in a child of its own.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The session's socket.
const SOCKET: &str = "DPARK_CARGO_SOCKET";
/// The lock file that pins what the engine was built with.
const LOCK_FILE: &str = "DPARK_LOCK_FILE";
/// The first argument of the process that evcxr takes for its child.
const CHILD: &str = "--evcxr-child";
/// The file in which evcxr looks for the path of the library.
const LIBRARY_FILE: &str = "EVCXR_EXECUTION_SO_PATH";

fn main() {
    match run() {
        Ok(code) => std::process::exit(code),
        Err(error) => {
            eprintln!("dpark-cargo: {error}");
            std::process::exit(1);
        }
    }
}

fn run() -> io::Result<i32> {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == CHILD) {
        return agree();
    }
    let mut arguments = std::env::args_os().skip(1).skip_while(|argument| argument == "-run");
    let cargo = arguments.next().ok_or_else(|| io::Error::other("no cargo to stand in for"))?;
    let arguments: Vec<OsString> = arguments.collect();
    let verb = arguments.iter().find(|argument| !argument.to_string_lossy().starts_with('-'));
    let ours = verb.is_some_and(|verb| verb == "build" || verb == "check");
    match std::env::var_os(SOCKET).filter(|_| ours) {
        Some(socket) => {
            ask(UnixStream::connect(socket)?, if verb.is_some_and(|verb| verb == "build") { "build" } else { "check" })
        }
        None => {
            pin_dependencies()?;
            Err(Command::new(cargo).args(arguments).exec())
        }
    }
}

/// Every request to load and run a cell has been fulfilled already when evcxr makes it.
fn agree() -> io::Result<i32> {
    for _request in io::stdin().lines().map_while(Result::ok) {
        println!("EVCXR_EXECUTION_COMPLETE");
    }
    Ok(0)
}

/// Puts the engine's lock file into evcxr's project, so that a new dependency changes no version of the engine's.
fn pin_dependencies() -> io::Result<()> {
    let Some(pinned) = std::env::var_os(LOCK_FILE) else { return Ok(()) };
    let has_engine = std::fs::read_to_string("Cargo.lock").is_ok_and(|lock| lock.contains("name = \"dpark\""));
    if !has_engine {
        std::fs::copy(pinned, "Cargo.lock")?;
    }
    Ok(())
}

/// The answer is any number of lines `+ TEXT` for stderr, and then `ok PATH` or `failed`.
fn ask(mut session: UnixStream, question: &str) -> io::Result<i32> {
    writeln!(session, "{question} {}", std::env::current_dir()?.display())?;
    for line in BufReader::new(session).lines() {
        let line = line?;
        if let Some(text) = line.strip_prefix("+ ") {
            eprintln!("{text}");
        } else if let Some(library) = line.strip_prefix("ok ") {
            if let Some(file) = std::env::var_os(LIBRARY_FILE) {
                std::fs::write(file, library)?;
            }
            return Ok(0);
        } else {
            return Ok(101);
        }
    }
    Err(io::Error::other("the session is gone"))
}
