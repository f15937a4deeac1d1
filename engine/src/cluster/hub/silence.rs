//! Messages of an executor, and how long one may be silent.

use super::End;
use crate::cluster::protocol::{ToDriver, message};
use crate::net::frame::{FrameError, LIMIT, read_frame};
use std::io;
use std::pin::pin;
use std::time::Duration;
use tokio::io::AsyncRead;

/// An executor of which nothing was heard for so long hangs. (It sends something every second.)
pub(super) const SILENCE: Duration = Duration::from_secs(10);
/// That time is cut into so many spells.
const SPELLS: u32 = 10;

/// The next message.
pub(super) async fn next(incoming: &mut (impl AsyncRead + Unpin)) -> Result<ToDriver, End> {
    match patiently(read_frame(incoming, LIMIT), SILENCE / SPELLS).await {
        None => Err(End::Silent),
        Some(Ok(Some(frame))) => message(&frame).map_err(End::Broken),
        Some(Ok(None)) => Err(End::Closed),
        // So it looks when its process is killed.
        Some(Err(FrameError::CutOff { .. })) => Err(End::Closed),
        Some(Err(FrameError::Io(error))) if error.kind() == io::ErrorKind::ConnectionReset => Err(End::Closed),
        Some(Err(error)) => Err(End::Broken(error.to_string())),
    }
}

/// What comes within so many spells. While this process is stopped (Ctrl-Z) so are the executors: one spell goes by, however long
/// that takes, and in the others they can be heard.
async fn patiently<T>(coming: impl Future<Output = T>, spell: Duration) -> Option<T> {
    let mut coming = pin!(coming);
    for _ in 0..SPELLS {
        if let Ok(came) = tokio::time::timeout(spell, &mut coming).await {
            return Some(came);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn a_time_in_which_this_process_was_stopped_is_no_silence() {
        const SPELL: Duration = Duration::from_millis(50);
        let (sender, heard) = oneshot::channel();
        let waiting = tokio::spawn(patiently(heard, SPELL));
        tokio::task::yield_now().await;
        // This thread is the only one of the runtime.
        std::thread::sleep(3 * SPELL * SPELLS);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            sender.send(()).unwrap();
        });
        assert_eq!(waiting.await.unwrap(), Some(Ok(())));
        assert_eq!(patiently(std::future::pending::<()>(), Duration::from_millis(1)).await, None);
    }
}
