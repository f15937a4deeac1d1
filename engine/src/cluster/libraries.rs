//! Libraries on both sides: the driver announces those that it refers to, executors load those that they do not have.

use super::identity;
use super::protocol::{Content, Library, Origin};
use crate::ship::ShipError;
use crate::ship::code::{Bases, Catalog, Loaded, loaded};
use crate::ship::needed::needed;
use crate::storage::Disks;
use std::ffi::CString;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What an executor is told of a library: the libraries that it needs and that executors do not begin with (those of `:dep`
/// crates, say), each after those that it needs itself, then the library. `new` says whether the executor has not been told of
/// one yet, and notes that it is.
pub(crate) fn announce_all(
    catalog: &Catalog,
    number: u32,
    new: &mut impl FnMut(u32) -> bool,
) -> Result<Vec<Library>, ShipError> {
    let mut announced = Vec::new();
    let mut waiting = if new(number) { vec![announce(catalog, number)?] } else { Vec::new() };
    // Where two need each other, the one that was met first comes last; the loader minds no circles.
    while let Some(library) = waiting.last() {
        let names = match &library.origin {
            Origin::Sent(content) => needed(&content.bytes),
            Origin::Program | Origin::Base => Vec::new(),
        };
        let found = loaded().into_iter().filter(|other| !catalog.is_base(other) && asked_for(&names, other));
        let first = found.map(|other| catalog.number(&other)).find(|number| new(*number));
        match first {
            Some(number) => waiting.push(announce(catalog, number)?),
            None => announced.extend(waiting.pop()),
        }
    }
    Ok(announced)
}

fn asked_for(names: &[String], library: &Loaded) -> bool {
    names.iter().any(|name| library.name() == name.as_str())
}

fn announce(catalog: &Catalog, number: u32) -> Result<Library, ShipError> {
    let library = catalog.library(number).ok_or_else(|| ShipError::new(format!("no library {number}")))?;
    let name = library.name().to_string_lossy().into_owned();
    let origin = if library.is_program {
        Origin::Program
    } else if catalog.is_base(&library) {
        Origin::Base
    } else {
        let bytes = std::fs::read(&library.path)
            .map_err(|error| ShipError::new(format!("{}: {error}; run the cell again", library.path.display())))?;
        Origin::Sent(Content { hash: identity::hash(&bytes), bytes })
    };
    Ok(Library { number, name, origin })
}

/// Where in an executor's directories the loader looks for what other libraries need.
pub(crate) const LIBRARIES: &str = "lib";

/// Loads a library that was announced, or finds it, and notes where it is. Sent ones are kept on one of the disks.
pub(crate) fn arrive(library: Library, disks: &Disks, bases: &Bases) -> Result<(), ShipError> {
    let Library { number, name, origin } = library;
    let found = match origin {
        Origin::Program => loaded().into_iter().find(|known| known.is_program),
        Origin::Base => loaded().into_iter().find(|known| known.name() == name.as_str()),
        Origin::Sent(content) => Some(load(number, &name, &content, disks)?),
    };
    let found = found.ok_or_else(|| ShipError::new(format!("this executor has no {name}")))?;
    bases.put(number, found.base);
    Ok(())
}

fn load(number: u32, name: &str, content: &Content, disks: &Disks) -> Result<Loaded, ShipError> {
    let Content { hash, bytes } = content;
    if identity::hash(bytes) != *hash {
        return Err(ShipError::new(format!("{name} is not what the driver has announced, so it is not loaded")));
    }
    if name.is_empty() || name.contains('/') {
        return Err(ShipError::new(format!("{name:?} is not the name of a library")));
    }
    let path = disks.write(u64::from(number), |directory| write(&directory.join(LIBRARIES), number, name, bytes));
    let path = path.map_err(|error| ShipError::new(format!("{disks}: {name} cannot be written: {error}")))?;
    open(&path)?;
    // The loader may know it by another way to the same file.
    let canonical = path.canonicalize().unwrap_or_else(|_| path.clone());
    let same = |known: &Loaded| known.path == path || known.path == canonical;
    loaded().into_iter().find(same).ok_or_else(|| ShipError::new(format!("{} was not loaded", path.display())))
}

/// Writes the file of a library; where.
fn write(directory: &Path, number: u32, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    // Libraries that ask for others find them by name; one of the same name as another is asked for by nobody.
    let mut path = directory.join(name);
    if path.exists() {
        path = directory.join(number.to_string()).join(name);
    }
    std::fs::create_dir_all(path.parent().unwrap_or(directory))?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o700).open(&path)?;
    file.write_all(bytes).inspect_err(|_| drop(std::fs::remove_file(&path)))?;
    Ok(path)
}

fn open(path: &Path) -> Result<(), ShipError> {
    let name = CString::new(path.as_os_str().as_bytes())
        .map_err(|_| ShipError::new(format!("{}: a path with a zero byte", path.display())))?;
    // SAFETY: the string ends in zero. Loading runs the library's initialisers, which are those of code that the driver's
    // user asked to run; the driver has proved who it is, and the file is what it announced.
    let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    if handle.is_null() { Err(ShipError::new(crate::session::loader::last_error())) } else { Ok(()) }
}
