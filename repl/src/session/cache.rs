//! Compiled cells that outlive their session, so that a script that runs again does not compile again.

use super::engine::{Engine, cache_folder};
use super::program::Program;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

/// A place for the library of a program, named by all that goes into it.
pub(super) fn place(engine: &Engine, program: &Program, opt_level: &str) -> Option<PathBuf> {
    let mut hasher = std::hash::DefaultHasher::new();
    engine.folder.hash(&mut hasher);
    opt_level.hash(&mut hasher);
    super::compiler::FLAGS.hash(&mut hasher);
    for (name, file) in &program.files {
        (name, file.edits.text()).hash(&mut hasher);
    }
    Some(cache_folder().ok()?.join("cells").join(format!("{:016x}.so", hasher.finish())))
}

/// Keeps a compiled library. What cannot be kept is compiled again next time.
pub(super) fn keep(library: &Path, place: &Path) {
    let Some(folder) = place.parent() else { return };
    let beside = place.with_extension(format!("{}.tmp", std::process::id()));
    let kept = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::copy(library, &beside))
        .and_then(|_| std::fs::rename(&beside, place));
    if kept.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
}
