//! The way to one executor: messages are sent in order, by a task of the hub.

use crate::cluster::protocol::{ToExecutor, payload};
use crate::net::frame::write_frame;
use crate::ship::ShipError;
use std::io;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::JoinError;

/// Sends messages to one executor. When the last copy goes, the connection is closed.
#[derive(Clone)]
pub(crate) struct Line(pub(super) UnboundedSender<Vec<u8>>);

impl Line {
    /// Sends a message; nothing happens if the executor is gone, of which news comes.
    pub(crate) fn send(&self, message: &ToExecutor) {
        let _ = self.0.send(payload(message));
    }

    /// The same for a message that may be large.
    pub(crate) fn send_packed(&self, message: Packed) {
        let _ = self.0.send(message.0);
    }
}

/// A message that can be sent.
pub(crate) struct Packed(Vec<u8>);

impl Packed {
    /// Packs a message of at most `limit` bytes.
    pub(crate) fn new(message: &ToExecutor, limit: usize) -> Result<Packed, ShipError> {
        let bytes = payload(message);
        if bytes.len() <= limit {
            return Ok(Packed(bytes));
        }
        let (what, bytes, limit) = (message.what(), bytes.len(), limit >> 20);
        Err(ShipError::new(format!(
            "{what} is too large to be sent: {bytes} bytes, of at most {limit} MiB; let closures read large values from a \
             broadcast instead of capturing them"
        )))
    }
}

/// Sends messages until one of them cannot be sent.
pub(super) async fn write(mut messages: UnboundedReceiver<Vec<u8>>, mut outgoing: OwnedWriteHalf) -> io::Result<()> {
    while let Some(message) = messages.recv().await {
        write_frame(&mut outgoing, &message).await?;
    }
    Ok(())
}

/// What was wrong with a message that could not be sent. If the connection was, the reading side tells that.
pub(super) fn unwritten(writer: Result<io::Result<()>, JoinError>) -> Option<String> {
    match writer {
        Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidInput => Some(error.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::JobId;

    #[test]
    fn a_message_that_is_too_large_is_not_packed() {
        let job = |bytes| ToExecutor::Job { job: JobId(3), work: vec![0; bytes] };
        assert!(Packed::new(&job(1 << 19), 1 << 20).is_ok());
        let error = Packed::new(&job(1 << 20), 1 << 20).err().unwrap().to_string();
        assert!(error.starts_with("job 3 is too large to be sent: 10485"), "{error}");
        assert!(error.contains("of at most 1 MiB; let closures read large values from a broadcast"), "{error}");
    }
}
