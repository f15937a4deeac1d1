//! The stdin socket: what user code reads from its standard input is asked of the front end whose cell runs.

use crate::iopub::IoPub;
use crate::wire::{self, Request};
use dpark_repl::session::Handle;
use jupyter_protocol::messaging::{InputRequest, JupyterMessage, JupyterMessageContent, ReplyStatus, StreamContent};
use jupyter_zmq_client::{RouterRecvConnection, RouterSendConnection};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::mpsc;

/// Asks the user. Cheap to clone.
#[derive(Clone)]
pub struct Questions {
    iopub: IoPub,
    asked: mpsc::UnboundedSender<JupyterMessage>,
    session: Arc<OnceLock<Handle>>,
    /// The question that waits for its answer: its message.
    waiting: Arc<Mutex<Option<String>>>,
}

impl Questions {
    /// The asker, and the questions to be sent.
    pub fn new(iopub: IoPub) -> (Questions, mpsc::UnboundedReceiver<JupyterMessage>) {
        let (asked, questions) = mpsc::unbounded_channel();
        (Questions { iopub, asked, session: Arc::default(), waiting: Arc::default() }, questions)
    }

    /// Names the session that gets the answers.
    pub fn answer_to(&self, session: Handle) {
        let _ = self.session.set(session);
    }

    fn waiting(&self) -> MutexGuard<'_, Option<String>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the front end of this cell for a line.
    pub fn ask(&self, cell: Option<Request>) {
        let allowed = |request: &Request| match &request.content {
            JupyterMessageContent::ExecuteRequest(execute) => execute.allow_stdin,
            _ => false,
        };
        match cell.filter(|cell| allowed(cell)) {
            Some(cell) => {
                let question = wire::message(InputRequest { prompt: String::new(), password: false }, Some(&cell));
                *self.waiting() = Some(question.header.msg_id.clone());
                let _ = self.asked.send(question);
            }
            None => self.give(None),
        }
    }

    /// The cell has ended, or was interrupted: an answer that comes now is not for the next one.
    pub fn forget(&self) {
        *self.waiting() = None;
    }

    fn answer(&self, reply: &JupyterMessage) {
        let JupyterMessageContent::InputReply(content) = &reply.content else { return };
        // Not all front ends say what they answer; there is one question at a time.
        let asked = self.waiting().take();
        if asked.is_some() {
            let line = (content.status == ReplyStatus::Ok).then(|| content.value.clone());
            self.give(line);
        }
    }

    fn give(&self, line: Option<String>) {
        if let Some(session) = self.session.get() {
            session.give_input(line);
        }
    }

    fn cannot_be_asked(&self, question: &JupyterMessage, why: &str) {
        let mut notice = wire::message(StreamContent::stderr(&format!("standard input ends here: {why}\n")), None);
        notice.parent_header.clone_from(&question.parent_header);
        self.iopub.post_message(notice);
        self.forget();
        self.give(None);
    }
}

/// Sends the questions.
pub async fn ask(
    questions: Questions,
    mut asked: mpsc::UnboundedReceiver<JupyterMessage>,
    mut socket: RouterSendConnection,
) {
    while let Some(question) = asked.recv().await {
        // What was printed before should be there when the user is asked.
        questions.iopub.flush().await;
        if let Err(error) = socket.send(question.clone()).await {
            questions.cannot_be_asked(&question, &error.to_string());
        }
    }
}

/// Takes the answers.
pub async fn hear(questions: Questions, mut socket: RouterRecvConnection) {
    while let Some(reply) = wire::read(&mut socket).await {
        questions.answer(&reply);
    }
}
