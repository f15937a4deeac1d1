//! The shell socket: cells are queued, everything else is answered at once.

use crate::activity::Activity;
use crate::assistant::{self, Assistant};
use crate::cells::Queue;
use crate::comms::Comms;
use crate::control::Stop;
use crate::history::History;
use crate::iopub::IoPub;
use crate::wire::{self, Request};
use crate::{control, info};
use dpark_repl::shell::Live;
use jupyter_protocol::messaging::{JupyterMessage, JupyterMessageContent};
use jupyter_zmq_client::{RouterRecvConnection, RouterSendConnection};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::mpsc;

/// Sends replies. Cheap to clone.
#[derive(Clone)]
pub struct Replies(mpsc::UnboundedSender<JupyterMessage>);

impl Replies {
    /// Starts the task that writes to the socket.
    pub fn start(mut socket: RouterSendConnection) -> Replies {
        let (replies, mut queue) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(reply) = queue.recv().await {
                if let Err(error) = socket.send(reply).await {
                    // Whoever has asked is gone.
                    eprintln!("dpark-kernel: a reply could not be sent: {error}");
                }
            }
        });
        Replies(replies)
    }

    /// Replies to a request.
    pub fn send(&self, content: impl Into<JupyterMessageContent>, request: &JupyterMessage) {
        let _ = self.0.send(wire::message(content, Some(request)));
    }
}

/// What the shell socket needs to answer.
pub struct Shell {
    /// Where replies go.
    pub replies: Replies,
    /// Where busy and idle are told.
    pub activity: Activity,
    /// Where comms talk.
    pub iopub: IoPub,
    /// Where cells go.
    pub cells: Queue,
    /// Who completes and documents.
    pub assistant: Assistant,
    /// What was run.
    pub history: Arc<Mutex<History>>,
    /// The session, when it is there.
    pub live: Arc<OnceLock<Live>>,
    /// Where tasks run.
    pub master: String,
    /// How the kernel is ended.
    pub stop: Stop,
}

impl Shell {
    /// Answers until the socket is closed.
    pub async fn serve(self, mut socket: RouterRecvConnection) {
        let mut comms = Comms::default();
        while let Some(request) = wire::read(&mut socket).await {
            match &request.content {
                JupyterMessageContent::ExecuteRequest(_) => self.cells.push(request),
                JupyterMessageContent::CompleteRequest(_) | JupyterMessageContent::InspectRequest(_) => {
                    self.assistant.answer(request);
                }
                _ => {
                    self.activity.begin(&request);
                    self.answer(&request, &mut comms);
                    self.activity.end(&request);
                }
            }
        }
    }

    fn answer(&self, request: &Request, comms: &mut Comms) {
        let reply = match &request.content {
            JupyterMessageContent::KernelInfoRequest(_) => Some(info::reply(&self.master)),
            JupyterMessageContent::IsCompleteRequest(asked) => Some(assistant::is_complete(&asked.code).into()),
            JupyterMessageContent::HistoryRequest(asked) => {
                let history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
                Some(history.reply(asked).into())
            }
            JupyterMessageContent::CommInfoRequest(asked) => Some(comms.info(asked).into()),
            // Front ends of before protocol 5.4 ask here.
            JupyterMessageContent::ShutdownRequest(asked) => {
                Some(control::shut_down(asked, &self.stop, &self.iopub, request))
            }
            _ if comms.hear(request, self.live.get(), &self.iopub) => None,
            _ => wire::refusal(request),
        };
        if let Some(reply) = reply {
            self.replies.send(reply, request);
        }
    }
}
