//! Which engine a process runs: executors and driver must have the same one, since tables are found by offsets.

use crate::ship::code::{Loaded, loaded};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::OnceLock;

/// The library with the engine's code: `libdpark.so` in a session, else the program.
pub(crate) fn engine() -> Option<Loaded> {
    let here = engine as fn() -> Option<Loaded> as usize;
    loaded().into_iter().find(|library| library.contains(here))
}

/// BLAKE3 hash of the file with the engine's code.
pub(crate) fn engine_hash() -> io::Result<[u8; 32]> {
    static HASH: OnceLock<[u8; 32]> = OnceLock::new();
    if let Some(known) = HASH.get() {
        return Ok(*known);
    }
    let engine = engine().ok_or_else(|| io::Error::other("the engine's library is not found"))?;
    // The program itself is opened as it runs, should its file have been replaced meanwhile.
    let running = Path::new("/proc/self/exe");
    let hash = file_hash(if engine.is_program { running } else { &engine.path })?;
    Ok(*HASH.get_or_init(|| hash))
}

/// BLAKE3 hash of a file.
fn file_hash(path: &Path) -> io::Result<[u8; 32]> {
    let (mut file, mut hasher) = (File::open(path)?, blake3::Hasher::new());
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finalize().into()),
            read => {
                hasher.update(&buffer[..read]);
            }
        }
    }
}

/// BLAKE3 hash of bytes.
pub(crate) fn hash(bytes: &[u8]) -> [u8; 32] {
    blake3::hash(bytes).into()
}

/// A name of this machine, the same in all its processes.
pub(crate) fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
}
