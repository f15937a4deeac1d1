//! The heartbeat socket: whatever comes goes back.

use jupyter_zmq_client::KernelHeartbeatConnection;
use std::time::Duration;
use zeromq::{SocketRecv, SocketSend};

/// Echoes until the process ends.
pub(crate) async fn echo(mut heartbeat: KernelHeartbeatConnection) {
    loop {
        match heartbeat.socket.recv().await {
            // A front end that is gone needs no answer.
            Ok(beat) => drop(heartbeat.socket.send(beat).await),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}
