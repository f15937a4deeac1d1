//! The control socket: what goes before everything else.

use crate::activity::Activity;
use crate::info;
use crate::iopub::IoPub;
use crate::shell::Replies;
use crate::stdin::Questions;
use crate::wire::{self, Request};
use dpark_repl::shell::interrupt::Interrupts;
use jupyter_protocol::messaging::{InterruptReply, JupyterMessageContent, ReplyStatus, ShutdownReply, ShutdownRequest};
use jupyter_zmq_client::RouterRecvConnection;
use std::sync::Arc;
use tokio::sync::Notify;

/// Ends the kernel. Cheap to clone.
#[derive(Clone, Default)]
pub struct Stop(Arc<Notify>);

impl Stop {
    /// Asks for the end.
    pub fn now(&self) {
        self.0.notify_one();
    }

    /// Waits until somebody has asked for it.
    pub async fn asked(&self) {
        self.0.notified().await;
    }
}

/// What the control socket needs to answer.
pub struct Control {
    /// Where replies go.
    pub replies: Replies,
    /// Where busy and idle are told.
    pub activity: Activity,
    /// Where the end is told.
    pub iopub: IoPub,
    /// Who interrupts cells.
    pub interrupts: Interrupts,
    /// Who waits for input.
    pub questions: Questions,
    /// Where tasks run.
    pub master: String,
    /// How the kernel is ended.
    pub stop: Stop,
}

impl Control {
    /// Answers until the socket is closed.
    pub async fn serve(self, mut socket: RouterRecvConnection) {
        while let Some(request) = wire::read(&mut socket).await {
            self.activity.begin(&request);
            if let Some(reply) = self.answer(&request) {
                self.replies.send(reply, &request);
            }
            self.activity.end(&request);
        }
    }

    fn answer(&self, request: &Request) -> Option<JupyterMessageContent> {
        match &request.content {
            JupyterMessageContent::KernelInfoRequest(_) => Some(info::reply(&self.master)),
            JupyterMessageContent::InterruptRequest(_) => {
                self.questions.forget();
                // Nothing is to be cancelled where no cell runs.
                if self.activity.is_running() {
                    self.interrupts.pressed();
                }
                Some(InterruptReply::new().into())
            }
            JupyterMessageContent::ShutdownRequest(asked) => Some(shut_down(asked, &self.stop, &self.iopub, request)),
            _ => wire::refusal(request),
        }
    }
}

/// Ends the kernel soon, and says so to all front ends.
pub(crate) fn shut_down(
    asked: &ShutdownRequest,
    stop: &Stop,
    iopub: &IoPub,
    request: &Request,
) -> JupyterMessageContent {
    let reply = ShutdownReply { restart: asked.restart, status: ReplyStatus::Ok, error: None };
    iopub.post(reply.clone(), Some(request));
    stop.now();
    reply.into()
}
