//! A process that enters the engine without being linked to it.
//!
//! It loads libstd and the engine by path, in that order, and calls one `extern "C"` function, so there is no Rust ABI
//! between this program and the engine: it can be older, and it runs where no toolchain is.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Colon-separated paths of the libraries, to be loaded from left to right; the last one has the entry point.
const LIBRARIES: &str = "DPARK_STUB_LIBRARIES";
/// The name of the entry point.
const ENTRY: &str = "DPARK_STUB_ENTRY";

fn main() {
    match enter() {
        Ok(code) => std::process::exit(code),
        Err(message) => {
            eprintln!("dpark-executor: {message}");
            std::process::exit(3);
        }
    }
}

fn enter() -> Result<c_int, String> {
    let missing = |name| format!("{name} is not set: this program is started by dpark");
    let libraries = std::env::var_os(LIBRARIES).ok_or_else(|| missing(LIBRARIES))?;
    let entry = std::env::var_os(ENTRY).ok_or_else(|| missing(ENTRY))?;
    let mut last = std::ptr::null_mut();
    for library in std::env::split_paths(&libraries) {
        last = load(&library)?;
    }
    let entry = CString::new(entry.as_bytes()).map_err(|_| format!("{ENTRY} has a zero byte"))?;
    // SAFETY: the handle is live (or null, which means the whole program), the name ends in zero.
    let address = unsafe { libc::dlsym(last, entry.as_ptr()) };
    if address.is_null() {
        return Err(last_error());
    }
    // SAFETY: every entry point of the engine has this type.
    let entry = unsafe { std::mem::transmute::<*mut c_void, extern "C" fn() -> c_int>(address) };
    Ok(entry())
}

fn load(library: &Path) -> Result<*mut c_void, String> {
    let path = CString::new(library.as_os_str().as_bytes()).map_err(|_| "a path with a zero byte".to_owned())?;
    // SAFETY: the path ends in zero; the initialisers that run are those of libstd and the engine. The libraries are
    // global so that the libraries of cells find them by their SONAME.
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
    if handle.is_null() { Err(last_error()) } else { Ok(handle) }
}

fn last_error() -> String {
    // SAFETY: dlerror returns null or a string that lives until this thread's next dl call.
    unsafe {
        let text: *const c_char = libc::dlerror();
        if text.is_null() {
            "unknown loader error".to_owned()
        } else {
            CStr::from_ptr(text).to_string_lossy().into_owned()
        }
    }
}
