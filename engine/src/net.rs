//! How processes reach each other: frames over a byte stream, the proof of the application's secret that comes first on each
//! connection, and files over HTTP. The bytes are drawn in `docs/formats.md`.

pub(crate) mod fetch;
pub(crate) mod file_server;
pub(crate) mod frame;
pub(crate) mod handshake;
mod http;
pub(crate) mod secret;

use std::io;
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Something to be run on a runtime. All have one type, for tokio's code around a task is compiled for each type of task, and
/// is longer than most tasks.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A future as a task.
pub(crate) fn task(future: impl Future<Output = ()> + Send + 'static) -> Task {
    Box::pin(future)
}

/// Runs a future as a task of the current runtime.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(task(future))
}

/// Ends a connection so that the peer sees all that was sent: if bytes of the peer were unread when it is closed, it would be
/// reset. The peer has a second to close its side.
async fn part(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
    let closed = async {
        stream.shutdown().await?;
        tokio::io::copy(stream, &mut tokio::io::sink()).await
    };
    timeout(Duration::from_secs(1), closed).await??;
    Ok(())
}
