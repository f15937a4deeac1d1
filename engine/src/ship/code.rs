//! Addresses of code and tables, as library and offset.

use super::ShipError;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::ffi::{CStr, OsStr, c_int, c_void};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// A place in a library; the libraries are numbered by the process that sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct CodeRef {
    pub(crate) library: u32,
    pub(crate) offset: u64,
}

/// Something the dynamic loader has loaded into this process: the program itself, or a library.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    /// Where its file is, or was: that of the program may have been replaced since it was started.
    pub(crate) path: PathBuf,
    /// Whether it is the program itself.
    pub(crate) is_program: bool,
    /// What its offsets count from.
    pub(crate) base: usize,
    /// The addresses it occupies.
    segments: Vec<Range<usize>>,
}

impl Loaded {
    pub(crate) fn contains(&self, address: usize) -> bool {
        self.segments.iter().any(|segment| segment.contains(&address))
    }

    /// The name of the file, by which other libraries ask for it.
    pub(crate) fn name(&self) -> &OsStr {
        self.path.file_name().unwrap_or_default()
    }
}

/// All that is loaded now.
pub(crate) fn loaded() -> Vec<Loaded> {
    let mut found: Vec<Loaded> = Vec::new();
    // SAFETY: the callback gets the address of `found`, which outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(note), (&raw mut found).cast()) };
    found
}

unsafe extern "C" fn note(info: *mut libc::dl_phdr_info, _: usize, found: *mut c_void) -> c_int {
    // SAFETY: the loader passes a description that is valid during the call, with `dlpi_phnum` headers and a name that
    // ends in zero; `found` is what `loaded` passed.
    let (info, headers, name, found) = unsafe {
        let info = &*info;
        let headers = std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum));
        (info, headers, CStr::from_ptr(info.dlpi_name), &mut *found.cast::<Vec<Loaded>>())
    };
    let base = info.dlpi_addr as usize;
    let segment = |header: &libc::Elf64_Phdr| {
        let start = base.wrapping_add(header.p_vaddr as usize);
        start..start.wrapping_add(header.p_memsz as usize)
    };
    let segments = headers.iter().filter(|header| header.p_type == libc::PT_LOAD).map(segment).collect();
    // The program comes first and has no name here.
    let is_program = found.is_empty() && name.is_empty();
    let path = match is_program {
        true => std::env::current_exe().unwrap_or_default(),
        false => PathBuf::from(OsStr::from_bytes(name.to_bytes())),
    };
    found.push(Loaded { path, is_program, base, segments });
    0
}

/// The libraries that something was sent from, by their numbers.
#[derive(Clone)]
pub(crate) struct Catalog {
    used: Arc<Mutex<Vec<Loaded>>>,
}

/// What executors begin with: what was loaded when this was asked for first, before any code was that came later.
pub(crate) fn base() -> &'static HashSet<PathBuf> {
    static BASE: OnceLock<HashSet<PathBuf>> = OnceLock::new();
    BASE.get_or_init(|| loaded().into_iter().map(|library| library.path).collect())
}

impl Catalog {
    /// Made with the context, before code is loaded that executors do not begin with.
    pub(crate) fn new() -> Catalog {
        base();
        Catalog { used: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Loaded>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether every executor has a library from its start: it is the same program, or has loaded the same as this one.
    pub(crate) fn is_base(&self, library: &Loaded) -> bool {
        library.is_program || base().contains(&library.path)
    }

    /// Where an address is.
    pub(crate) fn locate(&self, address: usize) -> Result<CodeRef, ShipError> {
        let mut known = self.lock();
        let library = match known.iter().position(|library| library.contains(address)) {
            Some(library) => library,
            None => {
                let found = loaded().into_iter().find(|library| library.contains(address));
                known.push(found.ok_or_else(|| {
                    ShipError::new(format!("the code at {address:#x} is in no library, so it cannot be sent"))
                })?);
                known.len() - 1
            }
        };
        Ok(CodeRef { library: library as u32, offset: (address - known[library].base) as u64 })
    }

    /// The number of a library that something else needs.
    pub(crate) fn number(&self, library: &Loaded) -> u32 {
        let mut known = self.lock();
        let number = known.iter().position(|known| known.path == library.path).unwrap_or_else(|| {
            known.push(library.clone());
            known.len() - 1
        });
        number as u32
    }

    /// A library by its number.
    pub(crate) fn library(&self, number: u32) -> Option<Loaded> {
        self.lock().get(number as usize).cloned()
    }
}

/// The libraries of a sender, where this process has them.
#[derive(Debug, Default)]
pub(crate) struct Bases(Mutex<Vec<Option<usize>>>);

impl Bases {
    /// Tells where a library of the sender's is loaded here.
    pub(crate) fn put(&self, number: u32, base: usize) {
        let mut bases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = number as usize;
        if bases.len() <= number {
            bases.resize(number + 1, None);
        }
        bases[number] = Some(base);
    }

    /// The address of a place.
    pub(crate) fn address(&self, code: CodeRef) -> Result<usize, ShipError> {
        let bases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let base = bases.get(code.library as usize).copied().flatten();
        let base = base.ok_or_else(|| ShipError::new(format!("library {} was not announced", code.library)))?;
        Ok(base + code.offset as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static TABLE: [u32; 2] = [7, 8];

    #[test]
    fn a_static_and_a_function_are_found_again() {
        let (catalog, bases) = (Catalog::new(), Bases::default());
        for address in [(&raw const TABLE).addr(), loaded as fn() -> Vec<Loaded> as usize] {
            let code = catalog.locate(address).unwrap();
            let library = catalog.library(code.library).unwrap();
            assert_eq!(library.path, std::env::current_exe().unwrap());
            bases.put(code.library, library.base);
            assert_eq!(bases.address(code), Ok(address));
        }
    }

    #[test]
    fn what_is_on_the_heap_is_in_no_library() {
        let heap = Box::new(3u64);
        let error = Catalog::new().locate((&raw const *heap).addr()).unwrap_err();
        assert!(error.to_string().contains("is in no library"), "{error}");
    }
}
