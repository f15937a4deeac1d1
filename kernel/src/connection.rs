//! The connection file, and the sockets that it names.

use anyhow::{Context, Result, bail};
use jupyter_protocol::ConnectionInfo;
use jupyter_zmq_client::{
    KernelHeartbeatConnection, KernelIoPubXPubConnection, RouterRecvConnection, RouterSendConnection,
    create_kernel_control_connection, create_kernel_heartbeat_connection, create_kernel_iopub_xpub_connection,
    create_kernel_shell_connection, create_kernel_stdin_connection,
};
use std::path::Path;
use tempfile::TempDir;

/// Reads a connection file.
pub fn read(path: &Path) -> Result<ConnectionInfo> {
    let text = std::fs::read_to_string(path).with_context(|| format!("the connection file {}", path.display()))?;
    let connection: ConnectionInfo =
        serde_json::from_str(&text).with_context(|| format!("{} is no connection file", path.display()))?;
    if !connection.key.is_empty() && connection.signature_scheme != "hmac-sha256" {
        bail!("{}: signatures are by `{}`, only hmac-sha256 is known", path.display(), connection.signature_scheme);
    }
    Ok(connection)
}

/// The two halves of a socket with requests and replies.
pub struct Channel {
    /// Where replies go.
    pub replies: RouterSendConnection,
    /// Where requests come from.
    pub requests: RouterRecvConnection,
}

/// All sockets of a kernel, open.
pub struct Sockets {
    /// Requests that may take their time.
    pub shell: Channel,
    /// Requests that go before.
    pub control: Channel,
    /// Questions to the user.
    pub stdin: Channel,
    /// What all front ends see, at [`Sockets::iopub_path`].
    pub iopub: KernelIoPubXPubConnection,
    /// Whether we live.
    pub heartbeat: KernelHeartbeatConnection,
    /// The directory of the IOPub socket.
    inside: TempDir,
}

impl Sockets {
    /// Opens them. `session` names this kernel in the messages that it sends. IOPub is opened at a place of its own, since
    /// its socket waits for its slowest reader: a [relay](crate::iopub::relay) stands between it and front ends.
    pub async fn open(connection: &ConnectionInfo, session: &str) -> Result<Sockets> {
        let inside = tempfile::Builder::new().prefix("dpark-kernel-").tempdir()?;
        let prefix = inside.path().join("iopub");
        let ip = prefix.to_str().context("a directory for temporary files that is not UTF-8")?.to_owned();
        let private = ConnectionInfo {
            transport: jupyter_protocol::connection_info::Transport::IPC,
            ip,
            iopub_port: 1,
            ..connection.clone()
        };
        let (replies, requests) =
            create_kernel_shell_connection(connection, session).await.context("the shell socket")?.split();
        let shell = Channel { replies, requests };
        let (replies, requests) =
            create_kernel_control_connection(connection, session).await.context("the control socket")?.split();
        let control = Channel { replies, requests };
        let (replies, requests) =
            create_kernel_stdin_connection(connection, session).await.context("the stdin socket")?.split();
        let stdin = Channel { replies, requests };
        let iopub = create_kernel_iopub_xpub_connection(&private, session).await.context("the IOPub socket")?;
        let heartbeat = create_kernel_heartbeat_connection(connection).await.context("the heartbeat socket")?;
        Ok(Sockets { shell, control, stdin, iopub, heartbeat, inside })
    }

    /// Where the IOPub socket is.
    pub fn iopub_path(&self) -> std::path::PathBuf {
        self.inside.path().join("iopub-1")
    }

    /// Hands over the directory of the IOPub socket, which must live as long as it.
    pub fn split(self) -> (Channel, Channel, Channel, KernelIoPubXPubConnection, KernelHeartbeatConnection, TempDir) {
        (self.shell, self.control, self.stdin, self.iopub, self.heartbeat, self.inside)
    }
}
