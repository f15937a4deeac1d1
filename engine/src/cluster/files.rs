//! Files of executors: read from the disk where this process can read it, else over HTTP.

use super::protocol::{LargeReply, Peer};
use crate::net::fetch::Fetcher;
use crate::net::secret::Secret;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Requests at once.
const AT_ONCE: usize = 8;

/// Set to 0, files come over HTTP also where they could be read from the disk.
const LOCAL_READS: &str = "DPARK_LOCAL_READS";

/// The files of other processes.
pub(crate) struct Files {
    host: String,
    /// Whether the disk is tried first.
    local_reads: bool,
    fetcher: Fetcher,
}

impl Files {
    pub(crate) fn new() -> Files {
        let local_reads = std::env::var_os(LOCAL_READS).is_none_or(|value| value != "0");
        Files { host: super::identity::host(), local_reads, fetcher: Fetcher::new(AT_ONCE) }
    }

    /// Bytes of a file that an executor has.
    pub(crate) async fn bytes(&self, of: &Peer, name: &str, range: Option<Range<u64>>) -> Result<Vec<u8>, String> {
        if self.local_reads && of.host == self.host {
            let (path, wanted) = (of.directory.join(name), range.clone());
            let read = tokio::task::spawn_blocking(move || read_file(&path, wanted)).await;
            // An executor may have a root or a user of its own: then its server is asked.
            if let Ok(Ok(bytes)) = read {
                return Ok(bytes);
            }
        }
        let path = format!("/{}/{name}", of.path);
        self.fetcher.get(&of.server, &path, range).await.map_err(|error| error.to_string())
    }

    /// The reply of a task that is in a file.
    pub(crate) async fn reply(&self, of: &Peer, reply: &LargeReply, secret: &Secret) -> Result<Vec<u8>, String> {
        let bytes = self.bytes(of, &reply.name, None).await?;
        let intact = bytes.len() as u64 == reply.bytes && secret.verifies(&[PURPOSE, &bytes], &reply.mac);
        if intact { Ok(bytes) } else { Err(format!("the file {} with a result is damaged", reply.name)) }
    }
}

/// What the codes of replies are for.
const PURPOSE: &[u8] = b"dpark reply";

/// Writes a reply to a file in `directory`.
pub(crate) fn write_reply(directory: &Path, name: String, bytes: &[u8], secret: &Secret) -> io::Result<LargeReply> {
    std::fs::write(directory.join(&name), bytes)?;
    Ok(LargeReply { name, bytes: bytes.len() as u64, mac: secret.mac(&[PURPOSE, bytes]) })
}

fn read_file(path: &Path, range: Option<Range<u64>>) -> io::Result<Vec<u8>> {
    let Some(range) = range else { return std::fs::read(path) };
    let mut bytes = vec![0; usize::try_from(range.end - range.start).map_err(io::Error::other)?];
    File::open(path)?.read_exact_at(&mut bytes, range.start)?;
    Ok(bytes)
}
