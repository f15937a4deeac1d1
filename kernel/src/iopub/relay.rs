//! Stands between the IOPub socket and each front end, so that one which stops reading keeps nobody waiting: the socket
//! is always read, what a front end has not taken waits here, and one that leaves too much is cut off. (It connects
//! again by itself when it reads again.)

use anyhow::{Context, Result};
use jupyter_protocol::ConnectionInfo;
use jupyter_protocol::connection_info::Transport;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::mpsc;

/// A front end may leave so many bytes.
const MOST: usize = 64 << 20;

/// Where front ends connect.
pub enum Listener {
    /// A port.
    Tcp(TcpListener),
    /// A path.
    Ipc(UnixListener),
}

impl Listener {
    /// Opens the IOPub place of a connection file.
    pub async fn open(connection: &ConnectionInfo) -> Result<Listener> {
        let place = connection.iopub_url();
        let opened = match connection.transport {
            Transport::TCP => {
                let ip = if connection.ip == "*" { "0.0.0.0" } else { &connection.ip };
                TcpListener::bind((ip, connection.iopub_port)).await.map(Listener::Tcp)
            }
            Transport::IPC => UnixListener::bind(place.trim_start_matches("ipc://")).map(Listener::Ipc),
        };
        opened.with_context(|| format!("the IOPub socket {place}"))
    }

    /// Connects every front end with the socket at `inside`.
    pub async fn serve(self, inside: PathBuf) {
        loop {
            let accepted = match &self {
                Listener::Tcp(listener) => listener.accept().await.map(|(stream, _)| {
                    // Short messages shall not wait for more.
                    let _ = stream.set_nodelay(true);
                    tokio::spawn(connect(stream, inside.clone()))
                }),
                Listener::Ipc(listener) => {
                    listener.accept().await.map(|(stream, _)| tokio::spawn(connect(stream, inside.clone())))
                }
            };
            if let Err(error) = accepted {
                eprintln!("dpark-kernel: a front end could not be accepted: {error}");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connect(front_end: impl AsyncRead + AsyncWrite, inside: PathBuf) {
    if let Err(error) = between(front_end, &inside, MOST).await {
        eprintln!("dpark-kernel: a front end is cut off: {error}");
    }
}

/// Copies both ways until one side ends; an error if the front end leaves more than `most` bytes.
async fn between(front_end: impl AsyncRead + AsyncWrite, inside: &Path, most: usize) -> io::Result<()> {
    let (mut from_front_end, mut to_front_end) = tokio::io::split(front_end);
    let (mut from_socket, mut to_socket) = UnixStream::connect(inside).await?.into_split();
    let (chunks, mut waiting) = mpsc::unbounded_channel::<Vec<u8>>();
    let left = AtomicUsize::new(0);
    let take = async {
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let read = from_socket.read(&mut chunk).await?;
            if read == 0 || chunks.send(chunk[..read].to_vec()).is_err() {
                break;
            }
            if left.fetch_add(read, Ordering::Relaxed) + read > most {
                return Err(io::Error::other("it does not read what it has subscribed to"));
            }
        }
        drop(chunks);
        Ok(())
    };
    let give = async {
        while let Some(chunk) = waiting.recv().await {
            to_front_end.write_all(&chunk).await?;
            left.fetch_sub(chunk.len(), Ordering::Relaxed);
        }
        to_front_end.shutdown().await
    };
    let back = async {
        tokio::io::copy(&mut from_front_end, &mut to_socket).await?;
        to_socket.shutdown().await
    };
    tokio::select! {
        ended = async { tokio::try_join!(take, give) } => match ended {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe || error.kind() == io::ErrorKind::ConnectionReset => Ok(()),
            ended => ended.map(drop),
        },
        _ = back => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::DuplexStream;
    use tokio::task::JoinHandle;

    /// A front end and a publisher with a relay of a megabyte between them.
    async fn connected() -> (DuplexStream, UnixStream, JoinHandle<io::Result<()>>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let socket = UnixListener::bind(&path).unwrap();
        let (outside, front_end) = tokio::io::duplex(1024);
        let relay = tokio::spawn(async move { between(front_end, &path, 1 << 20).await });
        let (publisher, _) = socket.accept().await.unwrap();
        (outside, publisher, relay)
    }

    #[tokio::test]
    async fn a_front_end_that_does_not_read_is_cut_off_and_the_socket_never_waits() {
        let (mut outside, mut publisher, relay) = connected().await;
        let chunk = vec![7; 64 * 1024];
        // Writing ends by the cut, long before the reader has taken anything.
        while publisher.write_all(&chunk).await.is_ok() {}
        assert!(relay.await.unwrap().unwrap_err().to_string().contains("does not read"));
        let mut taken = Vec::new();
        outside.read_to_end(&mut taken).await.unwrap();
        assert!(taken.len() <= 1024, "{}", taken.len());
    }

    #[tokio::test]
    async fn a_front_end_that_reads_gets_everything_in_order() {
        let (mut outside, mut publisher, relay) = connected().await;
        outside.write_all(b"subscribe").await.unwrap();
        let mut subscription = [0; 9];
        publisher.read_exact(&mut subscription).await.unwrap();
        assert_eq!(&subscription, b"subscribe");
        let sent: Vec<u8> = (0..200_000_u32).map(|number| number as u8).collect();
        let expected = sent.clone();
        let publishing = tokio::spawn(async move {
            publisher.write_all(&sent).await.unwrap();
            publisher.shutdown().await.unwrap();
            publisher
        });
        let mut taken = Vec::new();
        outside.read_to_end(&mut taken).await.unwrap();
        assert!(taken == expected);
        drop(publishing.await.unwrap());
        relay.await.unwrap().unwrap();
    }
}
