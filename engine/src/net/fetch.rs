//! Fetches files over HTTP/1.1 from the engine's own file server or from nginx: several at once, over connections that are
//! used again.

#[cfg(test)]
mod nginx;
#[cfg(test)]
mod tests;

use super::http::{self, Answer};
use std::collections::{HashMap, HashSet};
use std::io;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Why a file could not be fetched.
#[derive(Debug, thiserror::Error)]
#[error("{url}: {cause}")]
pub(crate) struct FetchError {
    pub(crate) url: String,
    pub(crate) cause: FetchCause,
}

/// What went wrong with a request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchCause {
    #[error("this is no URL of the form http://host:port/path")]
    Url,
    #[error("no connection: {0}")]
    Connect(io::Error),
    #[error("the server answered with status {status} where {expected} was expected")]
    Status { status: u16, expected: u16 },
    #[error("only {got} of {expected} bytes came")]
    Short { got: u64, expected: u64 },
    #[error("the server's answer is not understood: {0}")]
    Answer(&'static str),
    #[error("the server was silent for {} s", .0.as_secs())]
    Silent(Duration),
    #[error("the server closed the connection before it answered")]
    Closed,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// How long a server may take.
#[derive(Clone, Copy, Debug)]
struct Patience {
    connect: Duration,
    /// Until more bytes of an answer come, or of a request are taken.
    progress: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience { connect: Duration::from_secs(10), progress: Duration::from_secs(30) }
    }
}

/// An open connection to a server.
type Connection = BufReader<TcpStream>;

/// See the module.
#[derive(Debug)]
pub(crate) struct Fetcher {
    /// Connections that nobody uses, by host and port.
    idle: Mutex<HashMap<String, Vec<Connection>>>,
    slots: Semaphore,
    patience: Patience,
}

impl Fetcher {
    /// A fetcher with at most `at_once` requests at a time; further ones wait.
    pub(crate) fn new(at_once: usize) -> Fetcher {
        Fetcher::with_patience(at_once, Patience::default())
    }

    fn with_patience(at_once: usize, patience: Patience) -> Fetcher {
        Fetcher { idle: Mutex::default(), slots: Semaphore::new(at_once.max(1)), patience }
    }

    /// The bytes of a file, or of a range of it, from the server at `base` (`http://host:port`). Fewer bytes than the range has
    /// are an error; nothing is asked of anyone for an empty one.
    pub(crate) async fn get(&self, base: &str, path: &str, range: Option<Range<u64>>) -> Result<Vec<u8>, FetchError> {
        let failed = |cause| FetchError { url: format!("{base}{path}"), cause };
        let Some(host) = host_of(base).filter(|_| is_path(path)) else { return Err(failed(FetchCause::Url)) };
        if range.as_ref().is_some_and(Range::is_empty) {
            return Ok(Vec::new());
        }
        let request = Get { host, path, range };
        self.run(&request).await.map_err(failed)
    }

    async fn run(&self, request: &Get<'_>) -> Result<Vec<u8>, FetchCause> {
        // Nothing closes the semaphore.
        let _slot = self.slots.acquire().await.map_err(|_| FetchCause::Closed)?;
        if let Some(mut connection) = self.idle_connection(request.host) {
            match self.begin(&mut connection, request).await {
                Ok(answer) => return self.finish(connection, request, answer).await,
                // The server has closed it while nobody used it, and probably the others too.
                Err(FetchCause::Closed | FetchCause::Io(_)) => self.forget(request.host),
                Err(cause) => return Err(cause),
            }
        }
        let connecting = timeout(self.patience.connect, TcpStream::connect(request.host)).await;
        let stream = connecting.unwrap_or_else(|elapsed| Err(elapsed.into())).map_err(FetchCause::Connect)?;
        stream.set_nodelay(true)?;
        let mut connection = BufReader::new(stream);
        let answer = self.begin(&mut connection, request).await?;
        self.finish(connection, request, answer).await
    }

    /// Sends the request and reads the head of the answer.
    async fn begin(&self, connection: &mut Connection, request: &Get<'_>) -> Result<Answer, FetchCause> {
        self.in_time(connection.write_all(request.to_text().as_bytes())).await?;
        let head = self.in_time(http::read_head(connection)).await?.ok_or(FetchCause::Closed)?;
        http::parse_answer(&head).map_err(FetchCause::Answer)
    }

    /// Reads the body and keeps the connection.
    async fn finish(
        &self,
        mut connection: Connection,
        request: &Get<'_>,
        answer: Answer,
    ) -> Result<Vec<u8>, FetchCause> {
        // Of a whole file the length is only claimed.
        const BELIEVED: u64 = 1 << 20;
        // Bodies of errors up to this size are read for the sake of the connection.
        const WORTH_READING: u64 = 64 << 10;
        let problem = request.problem(&answer);
        if answer.length > WORTH_READING
            && let Some(problem) = problem
        {
            return Err(problem);
        }
        let reserved = if request.range.is_some() { answer.length } else { answer.length.min(BELIEVED) };
        let mut body = Vec::with_capacity(reserved as usize);
        let mut rest = (&mut connection).take(answer.length);
        while (body.len() as u64) < answer.length {
            if self.in_time(rest.read_buf(&mut body)).await? == 0 {
                return Err(FetchCause::Short { got: body.len() as u64, expected: answer.length });
            }
        }
        if answer.keep_alive {
            self.keep(request.host, connection);
        }
        problem.map_or(Ok(body), Err)
    }

    async fn in_time<T>(&self, doing: impl Future<Output = io::Result<T>>) -> Result<T, FetchCause> {
        let patience = self.patience.progress;
        Ok(timeout(patience, doing).await.map_err(|_| FetchCause::Silent(patience))??)
    }

    /// Closes connections that nobody uses and that are to none of these servers (`http://host:port`).
    pub(crate) fn keep_connections_to(&self, servers: &HashSet<&str>) {
        let hosts: HashSet<&str> = servers.iter().filter_map(|server| host_of(server)).collect();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).retain(|host, _| hosts.contains(host.as_str()));
    }

    fn idle_connection(&self, host: &str) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).get_mut(host)?.pop()
    }

    fn keep(&self, host: &str, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        match idle.get_mut(host) {
            Some(connections) => connections.push(connection),
            None => drop(idle.insert(host.to_owned(), vec![connection])),
        }
    }

    fn forget(&self, host: &str) {
        drop(self.idle.lock().unwrap_or_else(PoisonError::into_inner).remove(host));
    }
}

/// A request.
struct Get<'a> {
    host: &'a str,
    path: &'a str,
    range: Option<Range<u64>>,
}

impl Get<'_> {
    fn to_text(&self) -> String {
        let Get { host, path, range } = self;
        let range = match range {
            Some(range) => format!("Range: bytes={}-{}\r\n", range.start, range.end - 1),
            None => String::new(),
        };
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{range}\r\n")
    }

    /// What makes an answer another one than that to this request.
    fn problem(&self, answer: &Answer) -> Option<FetchCause> {
        let expected = if self.range.is_some() { 206 } else { 200 };
        if answer.status != expected {
            return Some(FetchCause::Status { status: answer.status, expected });
        }
        let range = self.range.as_ref()?;
        let wanted = range.end - range.start;
        if answer.length < wanted {
            Some(FetchCause::Short { got: answer.length, expected: wanted })
        } else if answer.length > wanted || answer.range.as_ref() != Some(range) {
            Some(FetchCause::Answer("it has another range of the file"))
        } else {
            None
        }
    }
}

/// Host and port of a base URL.
fn host_of(base: &str) -> Option<&str> {
    let host = base.strip_prefix("http://")?;
    let (name, port) = host.rsplit_once(':')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    (!name.is_empty() && name.bytes().all(plain) && port.parse::<u16>().is_ok()).then_some(host)
}

/// Whether a text may stand in the first line of a request.
fn is_path(text: &str) -> bool {
    text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic())
}
