//! Files of executors: read from the disk where this process can read it, else over HTTP.

use super::protocol::{Address, LargeReply, Peer};
use crate::ids::TaskId;
use crate::net::fetch::Fetcher;
use crate::net::secret::Secret;
use crate::storage::{Disks, order};
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

    /// Bytes of a file that an executor has on one of its disks.
    pub(crate) async fn bytes(
        &self,
        of: &Peer,
        disk: usize,
        name: &str,
        range: Option<Range<u64>>,
    ) -> Result<Vec<u8>, String> {
        let served = of.disks.get(disk).ok_or_else(|| format!("executor {} has no disk {disk}", of.executor))?;
        if self.local_reads && of.host == self.host {
            let (path, wanted) = (served.directory.join(name), range.clone());
            let read = tokio::task::spawn_blocking(move || read_file(&path, wanted)).await;
            // An executor may have a root or a user of its own: then a server is asked.
            if let Ok(Ok(bytes)) = read {
                return Ok(bytes);
            }
        }
        let mut problem = format!("executor {} serves no files", of.executor);
        for Address { server, path } in &served.addresses {
            match self.fetcher.get(server, &format!("{path}/{name}"), range.clone()).await {
                Ok(bytes) => return Ok(bytes),
                Err(error) => problem = error.to_string(),
            }
        }
        Err(problem)
    }

    /// Bytes of a file that was written with this key, and on which disk it is.
    pub(crate) async fn find(
        &self,
        of: &Peer,
        key: u64,
        name: &str,
        range: Option<Range<u64>>,
    ) -> Result<(Vec<u8>, usize), String> {
        let mut problem = None;
        for disk in order(key, of.disks.len()) {
            match self.bytes(of, disk, name, range.clone()).await {
                Ok(bytes) => return Ok((bytes, disk)),
                Err(error) => drop(problem.get_or_insert(error)),
            }
        }
        Err(problem.unwrap_or_else(|| format!("executor {} has no disk", of.executor)))
    }

    /// The reply of a task that is in a file.
    pub(crate) async fn reply(
        &self,
        of: &Peer,
        task: TaskId,
        reply: &LargeReply,
        secret: &Secret,
    ) -> Result<Vec<u8>, String> {
        let (bytes, _) = self.find(of, task.0, &reply.name, None).await?;
        let intact = bytes.len() as u64 == reply.bytes && secret.verifies(&[PURPOSE, &bytes], &reply.mac);
        if intact { Ok(bytes) } else { Err(format!("the file {} with a result is damaged", reply.name)) }
    }
}

/// What the codes of replies are for.
const PURPOSE: &[u8] = b"dpark reply";

/// Writes the reply of a task to a file on one of the disks.
pub(crate) fn write_reply(disks: &Disks, task: TaskId, bytes: &[u8], secret: &Secret) -> io::Result<LargeReply> {
    let name = format!("reply-{task}");
    disks.write(task.0, |directory| {
        let path = directory.join(&name);
        std::fs::write(&path, bytes).inspect_err(|_| drop(std::fs::remove_file(&path)))
    })?;
    Ok(LargeReply { name, bytes: bytes.len() as u64, mac: secret.mac(&[PURPOSE, bytes]) })
}

fn read_file(path: &Path, range: Option<Range<u64>>) -> io::Result<Vec<u8>> {
    let Some(range) = range else { return std::fs::read(path) };
    let mut bytes = vec![0; usize::try_from(range.end - range.start).map_err(io::Error::other)?];
    File::open(path)?.read_exact_at(&mut bytes, range.start)?;
    Ok(bytes)
}
