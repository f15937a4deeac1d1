//! Files of which each part is fetched and checked by itself: the chunks of a broadcast, the rows of each partition of
//! `parallelize`. The driver offers them; the bytes are drawn in `docs/formats.md`.

use crate::net::secret::{Mac, Secret};
use crate::ship::ShipError;
use crate::storage::Disks;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What has no more bytes than this goes to executors in a message; a file would take longer.
pub(crate) const MAX_INLINE: usize = 64 << 10;

/// What the codes of parts are for.
const PURPOSE: &[u8] = b"dpark part";

/// Where the driver puts files for executors.
#[derive(Clone, Debug)]
pub(crate) struct Offers {
    disks: Arc<Disks>,
    secret: Secret,
    next: Arc<AtomicU64>,
}

/// A file that is offered; it is removed when this goes.
#[derive(Debug)]
pub(crate) struct Offered {
    pub(crate) parts: Arc<Parts>,
    path: PathBuf,
}

impl Drop for Offered {
    fn drop(&mut self) {
        // What cannot be removed goes with the directory.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// What executors are told of a file in parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parts {
    /// The name of the file, which no other file of the application has.
    pub(crate) name: String,
    /// It tells on which disk the file is likely to be.
    pub(crate) key: u64,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    /// Where it ends in the file; it begins where the one before ends.
    end: u64,
    mac: Mac,
}

impl Offers {
    pub(crate) fn new(disks: Disks, secret: Secret) -> Offers {
        Offers { disks: Arc::new(disks), secret, next: Arc::default() }
    }

    /// Writes the parts to a new file. `what` begins its name.
    pub(crate) fn write<'a>(
        &self,
        what: &str,
        parts: impl Iterator<Item = &'a [u8]> + Clone,
    ) -> Result<Offered, ShipError> {
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        let name = format!("{what}-{key}");
        let written = self.disks.write(key, |directory| {
            let path = directory.join(&name);
            let mut file = File::create(&path)?;
            // Made first, so that after an error the file goes.
            let mut offered = Offered { parts: Arc::default(), path };
            let mut told = Parts { name: name.clone(), key, parts: Vec::new() };
            told.append_all(&mut file, parts.clone(), &self.secret)?;
            offered.parts = Arc::new(told);
            Ok(offered)
        });
        written.map_err(|error| {
            ShipError::new(format!("{}: {error}; free some space, or name another `work_dir`", self.disks))
        })
    }
}

impl Parts {
    fn append_all<'a>(
        &mut self,
        file: &mut File,
        parts: impl Iterator<Item = &'a [u8]>,
        secret: &Secret,
    ) -> io::Result<()> {
        for bytes in parts {
            file.write_all(bytes)?;
            let mac = secret.mac(&[PURPOSE, self.name.as_bytes(), &number(self.len()), bytes]);
            let end = self.bytes() + bytes.len() as u64;
            self.parts.push(Part { end, mac });
        }
        Ok(())
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.parts.len()
    }

    /// The bytes of all.
    pub(crate) fn bytes(&self) -> u64 {
        self.parts.last().map_or(0, |part| part.end)
    }

    /// Where a part is in the file; it must be one of them.
    pub(crate) fn range(&self, part: usize) -> Range<u64> {
        let start = part.checked_sub(1).map_or(0, |before| self.parts[before].end);
        start..self.parts[part].end
    }

    /// Whether bytes are those that were written as this part. They are not looked into before that is certain.
    pub(crate) fn are(&self, part: usize, bytes: &[u8], secret: &Secret) -> bool {
        secret.verifies(&[PURPOSE, self.name.as_bytes(), &number(part), bytes], &self.parts[part].mac)
    }
}

/// The number of a part, for its code.
fn number(part: usize) -> [u8; 8] {
    (part as u64).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_bus::EventBus;

    fn offers(directory: &std::path::Path) -> Offers {
        Offers::new(Disks::new(vec![directory.to_owned()], EventBus::new()), Secret::generate().unwrap())
    }

    #[test]
    fn a_part_is_where_it_says_and_only_its_own_bytes_are_taken() {
        let directory = tempfile::tempdir().unwrap();
        let offers = offers(directory.path());
        let wanted: [&[u8]; 4] = [b"one", b"", b"three", b"one"];
        let offered = offers.write("rows", wanted.into_iter()).unwrap();
        let parts = &offered.parts;
        assert_eq!((parts.len(), parts.bytes()), (4, 11));
        let file = std::fs::read(directory.path().join(&parts.name)).unwrap();
        for (part, bytes) in wanted.into_iter().enumerate() {
            let range = parts.range(part);
            assert_eq!(&file[range.start as usize..range.end as usize], bytes);
            assert!(parts.are(part, bytes, &offers.secret) && !parts.are(part, b"ome", &offers.secret));
        }
        assert!(!parts.are(3, b"", &offers.secret) && !parts.are(0, b"three", &offers.secret));
        assert!(!parts.are(1, b"one", &offers.secret), "the number counts");
        let other = offers.write("rows", wanted.into_iter()).unwrap();
        assert!(other.parts.parts[0].mac != parts.parts[0].mac, "so does the file");
    }

    #[test]
    fn a_file_goes_with_its_offer() {
        let directory = tempfile::tempdir().unwrap();
        let count = || std::fs::read_dir(directory.path()).unwrap().count();
        let offered = offers(directory.path()).write("rows", [b"x".as_slice()].into_iter()).unwrap();
        assert_eq!(count(), 1);
        drop(offered);
        assert_eq!(count(), 0);
        let refused = offers(&directory.path().join("none")).write("rows", std::iter::empty()).unwrap_err();
        assert!(refused.to_string().contains("work_dir"), "{refused}");
    }
}
