//! A kernel and a front end for tests: cells become transcripts.

mod transcript;

pub(crate) use transcript::{Transcript, forms};

use jupyter_protocol::ConnectionInfo;
use jupyter_protocol::connection_info::Transport;
use jupyter_protocol::messaging::{ExecuteRequest, JupyterMessage, JupyterMessageContent};
use jupyter_zmq_client::{
    ClientControlConnection, ClientIoPubConnection, ClientShellConnection, ClientStdinConnection,
    create_client_control_connection, create_client_iopub_connection, create_client_shell_connection_with_identity,
    create_client_stdin_connection_with_identity, peer_identity_for_session,
};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// Nothing that works comes near it, not even a first start that builds the engine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(400);

/// A kernel, in a directory of its own, free of the user's settings. It is killed when this goes.
pub(crate) struct Kernel {
    pub(crate) process: Child,
    pub(crate) connection: ConnectionInfo,
    pub(crate) directory: TempDir,
}

impl Kernel {
    /// One with two threads, over IPC.
    pub(crate) fn start() -> Kernel {
        Kernel::start_with(&[])
    }

    /// One with more environment variables.
    pub(crate) fn start_with(variables: &[(&str, &str)]) -> Kernel {
        let directory = tempfile::tempdir().expect("a directory for the kernel");
        let ip = directory.path().join("socket").to_str().expect("a path in UTF-8").to_owned();
        Kernel::start_at(directory, Transport::IPC, ip, [1, 2, 3, 4, 5], variables)
    }

    /// One at ports of this machine.
    pub(crate) fn start_at_ports() -> Kernel {
        let directory = tempfile::tempdir().expect("a directory for the kernel");
        // Held together, so that they differ, and let go just before the kernel takes them.
        let held: Vec<_> = (0..5).map(|_| std::net::TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
        let ports: Vec<u16> = held.iter().map(|listener| listener.local_addr().expect("an address").port()).collect();
        drop(held);
        let ports = ports.try_into().expect("five ports");
        Kernel::start_at(directory, Transport::TCP, "127.0.0.1".to_owned(), ports, &[])
    }

    fn start_at(
        directory: TempDir,
        transport: Transport,
        ip: String,
        ports: [u16; 5],
        variables: &[(&str, &str)],
    ) -> Kernel {
        let [shell_port, iopub_port, stdin_port, control_port, hb_port] = ports;
        let connection = ConnectionInfo {
            ip,
            transport,
            shell_port,
            iopub_port,
            stdin_port,
            control_port,
            hb_port,
            key: "a key".to_owned(),
            signature_scheme: "hmac-sha256".to_owned(),
            kernel_name: None,
        };
        let file = directory.path().join("connection.json");
        std::fs::write(&file, serde_json::to_vec(&connection).expect("a connection file")).expect("it is written");
        let process = Command::new(env!("CARGO_BIN_EXE_dpark-kernel"))
            .arg("run")
            .arg(&file)
            .current_dir(directory.path())
            .env("DPARK_MASTER", "local[2]")
            .env("DPARK_HISTORY", directory.path().join("history"))
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .spawn()
            .expect("the kernel starts");
        Kernel { process, connection, directory }
    }

    /// A front end, connected.
    pub(crate) async fn connect(&self) -> Client {
        // ZeroMQ would try again, this client does not: the sockets must be there.
        within(async {
            while Client::new(&self.connection).await.is_none() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        let mut client = Client::new(&self.connection).await.expect("the sockets are there");
        let welcome = client.published().await;
        assert!(matches!(welcome.content, JupyterMessageContent::IoPubWelcome(_)), "{welcome:?}");
        client
    }

    /// The processes that the kernel has started, and theirs.
    pub(crate) fn descendants(&self) -> Vec<u32> {
        let mut found = vec![self.process.id()];
        let mut next = 0;
        while let Some(parent) = found.get(next).copied() {
            found.extend(children(parent));
            next += 1;
        }
        found.split_off(1)
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) {
        within(async {
            while self.process.try_wait().expect("the kernel can be waited for").is_none() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn children(parent: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<u32>>()).collect()
}

/// Whether a process is there and no zombie.
pub(crate) fn lives(process: u32) -> bool {
    let status = std::fs::read_to_string(PathBuf::from(format!("/proc/{process}/stat")));
    status.is_ok_and(|status| !status.rsplit(") ").next().is_some_and(|state| state.starts_with('Z')))
}

/// A front end.
pub(crate) struct Client {
    pub(crate) shell: ClientShellConnection,
    pub(crate) control: ClientControlConnection,
    pub(crate) stdin: ClientStdinConnection,
    pub(crate) iopub: ClientIoPubConnection,
}

impl Client {
    async fn new(connection: &ConnectionInfo) -> Option<Client> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let session = format!("session-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let identity = peer_identity_for_session(&session).expect("an identity");
        Some(Client {
            shell: create_client_shell_connection_with_identity(connection, &session, identity.clone()).await.ok()?,
            control: create_client_control_connection(connection, &session).await.ok()?,
            stdin: create_client_stdin_connection_with_identity(connection, &session, identity).await.ok()?,
            iopub: create_client_iopub_connection(connection, "", &session).await.ok()?,
        })
    }

    /// Sends a request on the shell socket; returns its id.
    pub(crate) async fn send(&mut self, content: impl Into<JupyterMessageContent>) -> String {
        let message = JupyterMessage::new(content, None);
        let id = message.header.msg_id.clone();
        within(self.shell.send(message)).await.expect("the request is sent");
        id
    }

    /// Sends a request on the control socket; returns its id.
    pub(crate) async fn send_control(&mut self, content: impl Into<JupyterMessageContent>) -> String {
        let message = JupyterMessage::new(content, None);
        let id = message.header.msg_id.clone();
        within(self.control.send(message)).await.expect("the request is sent");
        id
    }

    /// The next reply on the shell socket.
    pub(crate) async fn reply(&mut self) -> JupyterMessage {
        within(self.shell.read()).await.expect("a reply")
    }

    /// The next reply on the control socket.
    pub(crate) async fn control_reply(&mut self) -> JupyterMessage {
        within(self.control.read()).await.expect("a reply")
    }

    /// The next message on IOPub.
    pub(crate) async fn published(&mut self) -> JupyterMessage {
        within(self.iopub.read()).await.expect("a message")
    }

    /// What is published for a request, up to its idle.
    pub(crate) async fn published_for(&mut self, request: &str) -> Vec<JupyterMessage> {
        let mut messages = Vec::new();
        loop {
            let message = self.published().await;
            if message.parent_header.as_ref().is_none_or(|parent| parent.msg_id != request) {
                continue;
            }
            messages.push(message);
            if transcript::line(messages.last().expect("the one just pushed")) == "idle" {
                return messages;
            }
        }
    }

    /// Asks something on the shell socket and returns the reply's content.
    pub(crate) async fn ask(&mut self, content: impl Into<JupyterMessageContent>) -> JupyterMessageContent {
        let request = self.send(content).await;
        loop {
            let reply = self.reply().await;
            if reply.parent_header.is_some_and(|parent| parent.msg_id == request) {
                return reply.content;
            }
        }
    }

    /// Runs a cell.
    pub(crate) async fn execute(&mut self, code: &str) -> Transcript {
        self.run(ExecuteRequest::new(code.to_owned())).await
    }

    /// Runs a cell with its settings.
    pub(crate) async fn run(&mut self, request: ExecuteRequest) -> Transcript {
        let id = self.send(request).await;
        self.transcript(&id).await
    }

    /// What becomes of a cell that was sent.
    pub(crate) async fn transcript(&mut self, request: &str) -> Transcript {
        let messages = self.published_for(request).await;
        loop {
            let reply = self.reply().await;
            if reply.parent_header.as_ref().is_some_and(|parent| parent.msg_id == request) {
                return Transcript::new(messages, reply);
            }
        }
    }
}

/// Waits, but not for ever.
pub(crate) async fn within<T>(waited_for: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, waited_for).await.expect("the kernel does it before the deadline")
}
