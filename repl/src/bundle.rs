//! `dpark-repl bundle DIR`: what an executor needs, as a directory for machines without a Rust toolchain.

use crate::session::engine::Engine;
use crate::session::toolchain::Toolchain;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// What is told of the directory in it.
const README: &str = include_str!("bundle/README.txt");

/// The library of gcc's that unwinds stacks: libstd and the engine need it, and it is not part of the C library.
const UNWINDER: &str = "libgcc_s.so.1";

/// Writes the bundle into a directory that is new or empty; the files in it. Builds the engine if this machine has none yet.
pub fn write(directory: &Path, progress: &mut dyn FnMut(&str)) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    if fs::read_dir(directory)?.next().is_some() {
        bail!("{} is not empty: a bundle wants a directory of its own", directory.display());
    }
    let toolchain = Toolchain::find()?;
    let engine = Engine::ensure(&toolchain, progress)?;
    let parts = [engine.stub(), toolchain.std, engine.dependencies.engine, unwinder()?];
    let mut files = Vec::new();
    for from in parts {
        let to = directory.join(from.file_name().unwrap_or_default());
        fs::copy(&from, &to).with_context(|| format!("{} to {}", from.display(), to.display()))?;
        files.push(to);
    }
    let readme = directory.join("README");
    fs::write(&readme, README).with_context(|| readme.display().to_string())?;
    files.push(readme);
    Ok(files)
}

/// Where this machine has the unwinder: this program uses it, too.
fn unwinder() -> Result<PathBuf> {
    let maps = fs::read_to_string("/proc/self/maps").context("/proc/self/maps")?;
    let paths = maps.lines().filter_map(|line| line.find('/').map(|at| Path::new(&line[at..])));
    let found = paths.into_iter().find(|path| path.ends_with(UNWINDER));
    Ok(found.with_context(|| format!("this program runs without {UNWINDER}"))?.to_owned())
}
