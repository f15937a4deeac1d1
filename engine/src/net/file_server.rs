//! Serves files over HTTP/1.1, where no nginx does: map outputs and the like, whole or a range of one.
//!
//! A directory is served under a prefix that cannot be guessed, and only regular files that are really below it are; names are
//! of letters, digits, `.`, `_` and `-`. There are no listings. What a file says is the business of its readers.

#[cfg(test)]
mod tests;

use super::http::{self, Request};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};

/// Bytes of a file read and sent at a time.
const CHUNK: u64 = 256 << 10;
/// Connections at a time; more wait to be accepted.
const MOST_CONNECTIONS: usize = 1024;

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// Until its next request is there.
    request: Duration,
    /// Until it has taken a chunk.
    chunk: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience { request: Duration::from_secs(60), chunk: Duration::from_secs(30) }
    }
}

/// A running server; dropping it closes its connections.
#[derive(Debug)]
pub(crate) struct FileServer {
    address: SocketAddr,
    served: Arc<Served>,
    accepting: JoinHandle<()>,
}

/// The directories that are served, by prefix.
#[derive(Debug, Default)]
struct Served(RwLock<HashMap<String, PathBuf>>);

impl FileServer {
    /// Starts a server on the current runtime, at a free port of the loopback interface unless an address is given.
    pub(crate) async fn start(address: Option<SocketAddr>) -> io::Result<FileServer> {
        FileServer::start_with(address, Patience::default()).await
    }

    async fn start_with(address: Option<SocketAddr>, patience: Patience) -> io::Result<FileServer> {
        let address = address.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 0).into());
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let served = Arc::new(Served::default());
        let accepting = super::spawn(accept(listener, Arc::clone(&served), patience));
        Ok(FileServer { address, served, accepting })
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves the files below a directory as `/prefix/…` from now on. Whoever knows the prefix may read them, so it has to be
    /// one of [`unguessable`](super::secret::unguessable).
    pub(crate) fn serve(&self, prefix: String, dir: &Path) -> io::Result<()> {
        if !is_name(&prefix) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{prefix:?} is no prefix of a path")));
        }
        let dir = dir.canonicalize()?;
        self.served.0.write().unwrap_or_else(PoisonError::into_inner).insert(prefix, dir);
        Ok(())
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Served {
    /// The directory and the path below it that a request means.
    fn find(&self, path: &str) -> Option<(PathBuf, PathBuf)> {
        let (prefix, rest) = path.strip_prefix('/')?.split_once('/')?;
        if !rest.split('/').all(is_name) {
            return None;
        }
        let dir = self.0.read().unwrap_or_else(PoisonError::into_inner).get(prefix)?.clone();
        let path = dir.join(rest);
        Some((dir, path))
    }
}

/// Whether a text is one plain component of a path.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !matches!(text, "" | "." | "..") && text.bytes().all(plain)
}

async fn accept(listener: TcpListener, served: Arc<Served>, patience: Patience) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MOST_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    let conversation = converse(stream, Arc::clone(&served), patience);
                    // How it ended concerns the client.
                    connections.spawn(super::task(async move { drop(conversation.await) }));
                }
                // Descriptors are short: some connection will end.
                Err(_) => sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Answers the requests of one client, one after the other.
async fn converse(stream: TcpStream, served: Arc<Served>, patience: Patience) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    loop {
        let request = match timeout(patience.request, http::read_head(&mut stream)).await? {
            Ok(None) => return Ok(()),
            Ok(Some(head)) => http::parse_request(&head),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err("the head of the request is too long"),
            Err(error) => return Err(error),
        };
        let keep_alive = match request {
            Ok(request) => {
                answer(&mut stream, &request, &served, patience).await?;
                request.keep_alive
            }
            Err(problem) => {
                let text = format!("{problem}\n");
                let answer = head("400 Bad Request", text.len() as u64, "", false) + &text;
                timeout(patience.chunk, stream.write_all(answer.as_bytes())).await??;
                false
            }
        };
        if !keep_alive {
            return super::part(&mut stream).await;
        }
    }
}

/// The head of an answer. Further headers have their line ends.
fn head(status: &str, length: u64, further: &str, keep_alive: bool) -> String {
    let connection = if keep_alive { "" } else { "Connection: close\r\n" };
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{further}{connection}\r\n")
}

async fn answer(
    stream: &mut BufReader<TcpStream>,
    request: &Request,
    served: &Served,
    patience: Patience,
) -> io::Result<()> {
    let Some((file, length)) = open(served.find(&request.path)).await? else {
        return send(stream, head("404 Not Found", 0, "", request.keep_alive), patience).await;
    };
    const ABOUT: &str = "Content-Type: application/octet-stream\r\nAccept-Ranges: bytes\r\n";
    let (range, head) = match request.range.map(|asked| asked.within(length)) {
        None => (0..length, head("200 OK", length, ABOUT, request.keep_alive)),
        Some(Some(range)) => {
            let about = format!("{ABOUT}Content-Range: bytes {}-{}/{length}\r\n", range.start, range.end - 1);
            let head = head("206 Partial Content", range.end - range.start, &about, request.keep_alive);
            (range, head)
        }
        Some(None) => {
            let about = format!("Content-Range: bytes */{length}\r\n");
            (0..0, head("416 Range Not Satisfiable", 0, &about, request.keep_alive))
        }
    };
    if !request.with_body || range.is_empty() {
        return send(stream, head, patience).await;
    }
    send_file(stream, head, file, range, patience).await
}

async fn send(stream: &mut BufReader<TcpStream>, head: String, patience: Patience) -> io::Result<()> {
    timeout(patience.chunk, stream.write_all(head.as_bytes())).await?
}

/// Sends a head and a range of a file behind it. If the file has become shorter the connection ends before the range does.
async fn send_file(
    stream: &mut BufReader<TcpStream>,
    head: String,
    file: File,
    range: Range<u64>,
    patience: Patience,
) -> io::Result<()> {
    let file = Arc::new(file);
    let mut buffer = head.into_bytes();
    let mut at = range.start;
    while at < range.end {
        let length = CHUNK.min(range.end - at);
        let source = Arc::clone(&file);
        let read = move || -> io::Result<Vec<u8>> {
            let start = buffer.len();
            buffer.resize(start + length as usize, 0);
            source.read_exact_at(&mut buffer[start..], at)?;
            Ok(buffer)
        };
        buffer = spawn_blocking(read).await??;
        timeout(patience.chunk, stream.write_all(&buffer)).await??;
        buffer.clear();
        at += length;
    }
    Ok(())
}

/// Opens a file that was found, with its length; none if it is no regular file, or not really in the directory.
async fn open(found: Option<(PathBuf, PathBuf)>) -> io::Result<Option<(File, u64)>> {
    let Some((dir, path)) = found else { return Ok(None) };
    let open = move || {
        let real = path.canonicalize().ok().filter(|real| real.starts_with(dir))?;
        // A link that has just taken the file's place is not followed, and a pipe not waited for.
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(real).ok()?;
        let metadata = file.metadata().ok()?;
        metadata.is_file().then_some((file, metadata.len()))
    };
    Ok(spawn_blocking(open).await?)
}
