//! Which files a path names.

use super::glob;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What `text_file` and the other sources accept: a path (file, directory, pattern), or a list of paths.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name files: give a path or a list of paths",
    label = "not a path"
)]
pub trait TextPaths {
    /// The paths.
    fn into_paths(self) -> Vec<PathBuf>;
}

macro_rules! single_paths {
    ($($path:ty),*) => {
        $(
            impl TextPaths for $path {
                fn into_paths(self) -> Vec<PathBuf> {
                    vec![AsRef::<Path>::as_ref(&self).to_owned()]
                }
            }
        )*
    };
}

single_paths!(&str, String, &String, &Path, PathBuf, &PathBuf);

impl<P: AsRef<Path>> TextPaths for Vec<P> {
    fn into_paths(self) -> Vec<PathBuf> {
        self.iter().map(|path| path.as_ref().to_owned()).collect()
    }
}

impl<P: AsRef<Path>> TextPaths for &[P] {
    fn into_paths(self) -> Vec<PathBuf> {
        self.iter().map(|path| path.as_ref().to_owned()).collect()
    }
}

impl<P: AsRef<Path>> TextPaths for &Vec<P> {
    fn into_paths(self) -> Vec<PathBuf> {
        self.as_slice().into_paths()
    }
}

impl<P: AsRef<Path>, const N: usize> TextPaths for [P; N] {
    fn into_paths(self) -> Vec<PathBuf> {
        self.as_slice().into_paths()
    }
}

/// What is taken of directories.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Walk {
    /// How the names of files end.
    pub(super) ending: String,
    /// 0 for no limit.
    pub(super) max_depth: usize,
    pub(super) skip_links: bool,
}

/// The files that a path, directory or pattern stands for, sorted, with their sizes.
pub(super) fn files(path: &Path, walk: &Walk) -> Result<Vec<(PathBuf, u64)>> {
    let mut files = Vec::new();
    match std::fs::metadata(path) {
        Ok(_) => walk.add(path, &mut Vec::new(), &mut files)?,
        Err(error) if error.kind() == ErrorKind::NotFound && glob::is_pattern(path) => {
            let matches = glob::expand(path)?;
            if matches.is_empty() {
                return Err(problem(path, "no file matches this pattern; check it with `ls`"));
            }
            for path in &matches {
                walk.add(path, &mut Vec::new(), &mut files)?;
            }
        }
        Err(error) => return Err(failed(path, &error)),
    }
    Ok(files)
}

impl Walk {
    /// Adds a file, or all files below a directory; names that start with a dot are left out. `above` are the
    /// directories on the way: a link back to one of them is not entered.
    fn add(&self, path: &Path, above: &mut Vec<(u64, u64)>, files: &mut Vec<(PathBuf, u64)>) -> Result<()> {
        let metadata = std::fs::metadata(path).map_err(|error| failed(path, &error))?;
        if !metadata.is_dir() {
            let named = above.is_empty();
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            if !named && !name.ends_with(self.ending.as_bytes()) {
                return Ok(());
            }
            if !metadata.is_file() {
                return Err(problem(path, "it is not a regular file; copy what it yields to one"));
            }
            // Files that cannot be opened are reported now, not by each of their tasks.
            std::fs::File::open(path).map_err(|error| failed(path, &error))?;
            files.push((path.to_owned(), metadata.len()));
            return Ok(());
        }
        let identity = (metadata.dev(), metadata.ino());
        if above.contains(&identity) || (self.max_depth > 0 && above.len() >= self.max_depth) {
            return Ok(());
        }
        let mut children = Vec::new();
        for entry in std::fs::read_dir(path).map_err(|error| failed(path, &error))? {
            let entry = entry.map_err(|error| failed(path, &error))?;
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            let left_out = hidden || (self.skip_links && entry.path().is_symlink());
            if !left_out {
                children.push(entry.path());
            }
        }
        children.sort();
        above.push(identity);
        children.iter().try_for_each(|child| self.add(child, above, files))?;
        above.pop();
        Ok(())
    }
}

pub(super) fn failed(path: &Path, error: &std::io::Error) -> Error {
    let next_step = match error.kind() {
        ErrorKind::NotFound => "give an existing file or directory, a pattern such as logs/*.txt, or a list of them",
        ErrorKind::PermissionDenied => "make it readable for this user, or leave it out",
        _ => "it cannot be read",
    };
    problem(path, &format!("{error}; {next_step}"))
}

fn problem(path: &Path, message: &str) -> Error {
    Error::Io { path: path.display().to_string(), message: message.to_owned() }
}
