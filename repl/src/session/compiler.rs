//! From a cell's program to a library: rustc for the object file, the linker by our own hand.

use super::dependencies::Dependencies;
use super::toolchain::Toolchain;
use serde::Deserialize;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// What rustc is told of every cell. Name and metadata are always the same, so that a type of the user's has the same
/// `TypeId` in every cell that mentions it.
pub(super) const FLAGS: &[&str] = &[
    "--crate-name=ctx",
    "--crate-type=cdylib",
    "--edition=2024",
    "-Cmetadata=dpark",
    "-Ccodegen-units=1",
    "-Cprefer-dynamic",
    "-Coverflow-checks=on",
    "-Cdebug-assertions=off",
    "-Cpanic=unwind",
    "-Cembed-bitcode=no",
    "-Awarnings",
    "--error-format=json",
];

/// A compiled cell.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The library.
    pub library: PathBuf,
    /// rustc's share of the time.
    pub rustc: Duration,
    /// The linker's.
    pub link: Duration,
}

/// Why there is no library.
#[derive(Debug)]
pub enum Refused {
    /// rustc's messages.
    Errors(Vec<Message>),
    /// rustc could not be run, or said nothing that we understand.
    Broken(String),
    /// It was interrupted.
    Interrupted,
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Refused {
        Refused::Broken(format!("cannot run the compiler: {error}"))
    }
}

/// A message in rustc's JSON.
#[derive(Clone, Debug, Deserialize)]
pub struct Message {
    /// The headline.
    pub message: String,
    /// `error`, `warning`, `note`, `help`, `failure-note`.
    pub level: String,
    /// The error code.
    pub code: Option<Code>,
    /// The marked places.
    pub spans: Vec<Span>,
    /// Notes and helps.
    pub children: Vec<Message>,
}

/// `E0308`.
#[derive(Clone, Debug, Deserialize)]
pub struct Code {
    /// The code itself.
    pub code: String,
}

/// A place that rustc marks.
#[derive(Clone, Debug, Deserialize)]
pub struct Span {
    /// The file, as it was named on the command line or in `include!`.
    pub file_name: String,
    /// First byte.
    pub byte_start: usize,
    /// Byte after the last.
    pub byte_end: usize,
    /// Whether this is what the message is about.
    pub is_primary: bool,
    /// What is said there.
    pub label: Option<String>,
    /// What rustc would write there.
    pub suggested_replacement: Option<String>,
    /// The macro call that the place comes from.
    pub expansion: Option<Box<Expansion>>,
}

/// Where a macro was called.
#[derive(Clone, Debug, Deserialize)]
pub struct Expansion {
    /// The call.
    pub span: Span,
}

/// Compiles the program `file` in `folder`.
pub fn compile(
    toolchain: &Toolchain,
    dependencies: &Dependencies,
    folder: &Path,
    file: &str,
    opt_level: &str,
    started_as: &dyn Fn(u32),
) -> Result<Compiled, Refused> {
    let started = Instant::now();
    let library = folder.join(format!("{}.so", file.replace(' ', "-")));
    let object = library.with_extension("o");
    let mut rustc = Command::new(&toolchain.rustc);
    rustc.current_dir(folder).args(FLAGS).arg(format!("-Copt-level={opt_level}")).arg(file);
    rustc.arg("-L").arg(prefixed("dependency=", &dependencies.search));
    for (name, path) in &dependencies.externs {
        rustc.arg("--extern").arg(prefixed(&format!("{name}="), path));
    }
    if dependencies.extra {
        rustc.arg(prefixed("--emit=link=", &library));
        // Where the loader finds crates that are shared libraries themselves, and what those need.
        rustc.arg("-Clink-arg=-Wl,--disable-new-dtags").arg(prefixed("-Clink-arg=-Wl,-rpath,", &dependencies.search));
    } else {
        rustc.arg(prefixed("--emit=obj=", &object));
    }
    let process = rustc.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    started_as(process.id());
    let output = process.wait_with_output()?;
    if !output.status.success() {
        return Err(refused(&output));
    }
    let compiled = started.elapsed();
    if !dependencies.extra {
        link(toolchain, dependencies, &object, &library)?;
    }
    Ok(Compiled { library, rustc: compiled, link: started.elapsed() - compiled })
}

fn prefixed(prefix: &str, path: &Path) -> std::ffi::OsString {
    let mut text = std::ffi::OsString::from(prefix);
    text.push(path);
    text
}

/// Links an object that needs the engine and libstd only: a fifth of the time that rustc takes over cc.
fn link(toolchain: &Toolchain, dependencies: &Dependencies, object: &Path, library: &Path) -> Result<(), Refused> {
    let output = Command::new(&toolchain.linker)
        .args(["-flavor", "gnu", "-shared", "--eh-frame-hdr", "--gc-sections", "-o"])
        .arg(library)
        .arg(object)
        .arg(&dependencies.engine)
        .arg(&toolchain.std)
        .output()?;
    let _ = std::fs::remove_file(object);
    if output.status.success() {
        return Ok(());
    }
    Err(Refused::Broken(format!("cannot link the cell: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

fn refused(output: &Output) -> Refused {
    use std::os::unix::process::ExitStatusExt;
    if output.status.signal() == Some(nix::libc::SIGINT) {
        return Refused::Interrupted;
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let messages: Vec<Message> = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok())
        .filter(|message| message.level == "error" && !message.message.starts_with("aborting due to"))
        .collect();
    if messages.is_empty() {
        return Refused::Broken(format!("the compiler failed ({}):\n{}", output.status, text.trim()));
    }
    Refused::Errors(messages)
}
