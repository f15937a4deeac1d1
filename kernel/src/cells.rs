//! The thread that runs cells, one after the other. The session lives on it.

mod expressions;

use crate::activity::Activity;
use crate::failure;
use crate::history::History;
use crate::iopub::IoPub;
use crate::notebook::{Left, Notebook};
use crate::shell::Replies;
use crate::stdin::Questions;
use crate::wire::Request;
use dpark_repl::session::Session;
use dpark_repl::shell::{Flow, Shell};
use jupyter_protocol::messaging::{
    ErrorOutput, ExecuteInput, ExecuteReply, ExecuteRequest, JupyterMessageContent, Payload, ReplyStatus,
};
use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};

/// Cells that wait. Cheap to clone.
#[derive(Clone)]
pub struct Queue {
    cells: Sender<Request>,
    notebook: Notebook,
}

impl Queue {
    /// An empty queue, and its other end.
    pub fn new(notebook: Notebook) -> (Queue, Receiver<Request>) {
        let (cells, queue) = mpsc::channel();
        (Queue { cells, notebook }, queue)
    }

    /// Adds an `execute_request`.
    pub fn push(&self, request: Request) {
        self.notebook.is_awaited_by(&request);
        let _ = self.cells.send(request);
    }
}

/// Runs cells.
pub struct Cells {
    /// The session behind its commands; or why there is none.
    pub shell: Result<Shell<Session>, ErrorOutput>,
    /// What cells show goes there.
    pub notebook: Notebook,
    /// So do the cells themselves.
    pub iopub: IoPub,
    /// Where busy and idle are told.
    pub activity: Activity,
    /// Where replies go.
    pub replies: Replies,
    /// What was run.
    pub history: Arc<Mutex<History>>,
    /// Who may still be asked for input.
    pub questions: Questions,
    /// The last cell's number.
    pub count: usize,
}

impl Cells {
    /// Runs what comes until the queue is closed.
    pub fn run(mut self, queue: &Receiver<Request>) {
        while let Ok(request) = queue.recv() {
            if self.execute(&request) == Outcome::StopOthers {
                // What has come up to now was meant to follow on a success.
                while let Ok(waiting) = queue.try_recv() {
                    self.abort(&waiting);
                }
            }
        }
    }

    fn execute(&mut self, request: &Request) -> Outcome {
        let JupyterMessageContent::ExecuteRequest(cell) = &request.content else { return Outcome::Done };
        self.activity.begin_cell(request);
        let is_counted = cell.store_history && !cell.silent;
        if is_counted {
            self.count += 1;
        }
        if !cell.silent {
            let input = ExecuteInput { code: cell.code.clone(), execution_count: self.count.into() };
            self.iopub.post(input, Some(request));
        }
        self.notebook.begin(request, self.count, cell.silent);
        let (flow, expressions) = self.run_cell(cell);
        let mut left = self.notebook.end();
        self.questions.forget();
        if flow == Flow::Quit {
            left.payload.push(Payload::AskExit { keepkernel: false });
        }
        if is_counted {
            let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
            history.add(self.count, &cell.code, left.value.as_deref());
        }
        let has_failed = flow == Flow::Failed;
        self.replies.send(reply(self.count, has_failed, left, expressions), request);
        self.activity.end_cell(request);
        if has_failed && cell.stop_on_error { Outcome::StopOthers } else { Outcome::Done }
    }

    fn run_cell(&mut self, cell: &ExecuteRequest) -> (Flow, expressions::Results) {
        let shell = match &mut self.shell {
            Ok(shell) => shell,
            Err(error) => {
                self.notebook.fail(error.clone());
                return (Flow::Failed, HashMap::new());
            }
        };
        shell.backend.count_cells_from(u32::try_from(self.count).unwrap_or(u32::MAX));
        let flow = shell.run(&cell.code);
        let wanted = cell.user_expressions.iter().flatten().filter(|_| flow == Flow::Done);
        (flow, wanted.map(|(name, code)| (name.clone(), expressions::evaluate(shell, code))).collect())
    }

    fn abort(&self, request: &Request) {
        self.activity.begin(request);
        self.replies.send(ExecuteReply { status: ReplyStatus::Aborted, ..self.empty_reply() }, request);
        self.activity.end(request);
    }

    fn empty_reply(&self) -> ExecuteReply {
        let expressions = Some(HashMap::new());
        ExecuteReply { execution_count: self.count.into(), user_expressions: expressions, ..ExecuteReply::default() }
    }
}

/// What follows on a cell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    /// It has failed, and the cells that wait are not to run.
    StopOthers,
}

fn reply(count: usize, has_failed: bool, left: Left, expressions: expressions::Results) -> ExecuteReply {
    // A shell that fails says why, but for scripts that end their process.
    let error = left.error.filter(|_| has_failed);
    ExecuteReply {
        status: if has_failed { ReplyStatus::Error } else { ReplyStatus::Ok },
        execution_count: count.into(),
        payload: left.payload,
        user_expressions: Some(expressions),
        error: has_failed.then(|| Box::new(failure::in_reply(&error.unwrap_or_default()))),
    }
}
