//! Running a task on an executor, and answering the driver.

use super::files::write_reply;
use super::protocol::{Answer, AnswerEnd, ToDriver, payload};
use crate::error::Failure;
use crate::ids::TaskId;
use crate::job::JobWork;
use crate::net::secret::Secret;
use crate::scheduler::edge;
use crate::task::{Stop, TaskContext};
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;
use tokio::sync::mpsc::UnboundedSender;

/// Replies of more bytes than this go through files.
const MAX_REPLY: usize = 1 << 20;

/// Where large replies go.
#[derive(Clone)]
pub(crate) struct Replies {
    pub(crate) directory: PathBuf,
    pub(crate) secret: Secret,
}

impl Replies {
    /// How a task ends with this reply.
    fn end(&self, task: TaskId, reply: Vec<u8>) -> AnswerEnd {
        if reply.len() <= MAX_REPLY {
            return AnswerEnd::Done(reply);
        }
        match write_reply(&self.directory, format!("reply-{task}"), &reply, &self.secret) {
            Ok(large) => AnswerEnd::Large(large),
            Err(error) => AnswerEnd::Failed(Failure::Io {
                path: self.directory.display().to_string(),
                message: format!("a result cannot be written ({error}); free some space, or name another `work_dir`"),
            }),
        }
    }
}

/// Runs a task; how it has ended.
pub(crate) fn run_task(
    task: TaskId,
    work: &JobWork,
    stage: usize,
    partition: usize,
    context: &TaskContext,
    replies: &Replies,
) -> Answer {
    let began = Instant::now();
    let result = edge::guard(|| {
        context.check()?;
        work.answer(stage, partition, context)
    });
    // What the task printed without a newline is seen before its job has ended.
    let _ = std::io::stdout().flush();
    let mut metrics = context.metrics();
    metrics.run_micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    let end = match result {
        Ok(Ok(reply)) => replies.end(task, reply),
        Ok(Err(Stop::Cancelled)) => AnswerEnd::Cancelled,
        Ok(Err(Stop::Failed(failure))) | Err(failure) => AnswerEnd::Failed(failure),
    };
    Answer { task, metrics, end }
}

/// How a task ends that cannot be run.
pub(crate) fn failed(task: TaskId, problem: String) -> Answer {
    Answer { task, metrics: Default::default(), end: AnswerEnd::Failed(Failure::Other(problem)) }
}

/// Tells the driver how a task has ended.
pub(crate) fn answer(answers: &UnboundedSender<Vec<u8>>, answer: Answer) {
    // Without a driver the process is about to end.
    let _ = answers.send(payload(&ToDriver::Answer(answer)));
}
