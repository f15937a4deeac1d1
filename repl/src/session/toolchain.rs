//! The Rust toolchain that compiles cells.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where its parts are. The paths go past rustup's proxies, which cost 10 ms a call.
#[derive(Clone, Debug)]
pub struct Toolchain {
    /// The compiler.
    pub rustc: PathBuf,
    /// The package manager.
    pub cargo: PathBuf,
    /// What `rustc -vV` says: part of every cache key.
    pub version: String,
    /// The target triple of this machine.
    pub host: String,
    /// The folder of the standard library for the host.
    pub libraries: PathBuf,
    /// The shared standard library.
    pub std: PathBuf,
    /// The linker that comes with rustc.
    pub linker: PathBuf,
}

impl Toolchain {
    /// Finds the toolchain that `cargo` and `rustc` on the PATH stand for.
    pub fn find() -> Result<Toolchain> {
        let rustc = tool("rustc")?;
        let cargo = tool("cargo")?;
        let version = run(&rustc, &["-vV"])?;
        let host =
            version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc -vV names no host")?.to_owned();
        let libraries = PathBuf::from(run(&rustc, &["--print", "target-libdir"])?.trim());
        let std = shared_std(&libraries)?;
        let linker = libraries.with_file_name("bin").join("rust-lld");
        Ok(Toolchain { rustc, cargo, version, host, libraries, std, linker })
    }

    /// The release, as in the banner: `1.95`.
    pub fn release(&self) -> &str {
        let release = self.version.lines().find_map(|line| line.strip_prefix("release: ")).unwrap_or("?");
        release.rsplit_once('.').map_or(release, |(short, _)| short)
    }

    /// The sources of the standard library, which type inference needs.
    pub fn has_std_sources(&self) -> bool {
        self.libraries.ancestors().nth(2).is_some_and(|rustlib| rustlib.join("src/rust/library/std").is_dir())
    }
}

fn tool(name: &str) -> Result<PathBuf> {
    let asked = Command::new("rustup").args(["which", name]).output();
    if let Ok(output) = asked
        && output.status.success()
    {
        return Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&on_path).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.with_context(|| format!("`{name}` is not installed: get Rust with `curl https://sh.rustup.rs -sSf | sh`"))
}

fn run(program: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.with_context(|| format!("cannot run {}", program.display()))?;
    if !output.status.success() {
        bail!("{} {}: {}", program.display(), arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn shared_std(libraries: &Path) -> Result<PathBuf> {
    let entries = std::fs::read_dir(libraries).with_context(|| libraries.display().to_string())?;
    let names = entries.filter_map(|entry| entry.ok()).map(|entry| entry.path());
    let mut shared = names.filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("libstd-") && name.ends_with(".so")
    });
    shared.next().with_context(|| {
        format!("no shared libstd in {}: this toolchain has none (distribution packages often don't); use rustup's: `rustup toolchain install stable`", libraries.display())
    })
}
