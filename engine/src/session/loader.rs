//! Loads the libraries of cells. They are never unloaded: values, vtables and closures of a cell live on in variables
//! and RDDs of later ones.

use crate::cell::Frame;
use std::ffi::{CStr, CString, c_void};

/// The entry point of a cell.
pub type EntryPoint = extern "C-unwind" fn(&Frame);

/// Loads a library and finds a cell's entry point in it.
///
/// The library must have been compiled by the session that started this process: same compiler, same engine.
pub fn load(library: &str, symbol: &str) -> Result<EntryPoint, String> {
    let address = find(library, symbol)?;
    // SAFETY: the session compiled the library against this very engine and declared the symbol with this type; it
    // is never unloaded.
    Ok(unsafe { std::mem::transmute::<*mut c_void, EntryPoint>(address) })
}

fn find(library: &str, symbol: &str) -> Result<*mut c_void, String> {
    let path = CString::new(library).map_err(|_| format!("{library}: a path with a zero byte"))?;
    let name = CString::new(symbol).map_err(|_| format!("{symbol}: a name with a zero byte"))?;
    // SAFETY: both strings end in zero. Loading runs the library's initialisers, which are those of code that the
    // user asked to run.
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    if handle.is_null() {
        return Err(last_error());
    }
    // SAFETY: the handle is live, the name ends in zero.
    let address = unsafe { libc::dlsym(handle, name.as_ptr()) };
    if address.is_null() { Err(last_error()) } else { Ok(address) }
}

/// What the dynamic loader said last.
pub(crate) fn last_error() -> String {
    // SAFETY: dlerror returns null or a string that lives until the next dl call of this thread.
    unsafe {
        let text = libc::dlerror();
        if text.is_null() {
            "unknown loader error".to_owned()
        } else {
            CStr::from_ptr(text).to_string_lossy().into_owned()
        }
    }
}
