//! Standard input that cells and their code share.
//!
//! Without a terminal, cells come from standard input, and so does what their code reads. Both sides read from one
//! pipe, into which a thread puts the next line only when the one before has been taken: whoever reads gets at most
//! that line, and what follows stays for the other, however much a reader's buffer could hold.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

/// How long to sleep between looks at a pipe that is not empty yet, after a few looks without.
const NAP: Duration = Duration::from_micros(100);
const LOOKS: u32 = 50;

/// The reading end of the shared input. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SharedInput(Arc<OwnedFd>);

impl SharedInput {
    /// Starts to feed lines of `input`.
    pub fn feed(input: impl Read + Send + 'static) -> io::Result<SharedInput> {
        let (reader, mut writer) = io::pipe()?;
        let shared = SharedInput(Arc::new(reader.into()));
        let watched = shared.clone();
        std::thread::Builder::new().name("dpark-stdin".into()).spawn(move || {
            let mut lines = BufReader::new(input);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                if writer.write_all(&line).is_err() {
                    break;
                }
                line.clear();
                watched.wait_until_taken();
            }
        })?;
        Ok(shared)
    }

    /// The descriptor, for a child's standard input.
    pub fn descriptor(&self) -> io::Result<OwnedFd> {
        self.0.try_clone()
    }

    fn wait_until_taken(&self) {
        let mut looks = 0;
        while self.has_bytes() {
            looks += 1;
            if looks > LOOKS { std::thread::sleep(NAP) } else { std::thread::yield_now() }
        }
    }

    fn has_bytes(&self) -> bool {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        let mut pipe = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        poll(&mut pipe, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
    }
}

impl Read for SharedInput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        nix::unistd::read(self.0.as_fd(), buffer).map_err(io::Error::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gets_one_line_at_a_time() {
        let mut cells = SharedInput::feed(&b"one\ntwo\nthree"[..]).unwrap();
        let mut code = cells.clone();
        let mut buffer = [0; 64];
        let mut read = |input: &mut SharedInput| {
            let read = input.read(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..read]).into_owned()
        };
        assert_eq!(read(&mut cells), "one\n");
        assert_eq!(read(&mut code), "two\n");
        assert_eq!(read(&mut cells), "three");
        assert_eq!(read(&mut code), "");
    }
}
