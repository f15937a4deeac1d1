//! An attempt on its way through an executor: what it reads of shuffles and of the driver's rows is fetched, then it runs on the pool. If it turns out
//! to need more than that (a persisted partition has gone meanwhile), it begins anew; to the driver it is one attempt.

use super::tasks::Tasks;
use crate::cluster::fetch::Fetcher;
use crate::cluster::files::write_reply;
use crate::cluster::protocol::{Answer, AnswerEnd, ToDriver, payload};
use crate::context::ContextHandle;
use crate::error::Failure;
use crate::event::TaskMetrics;
use crate::ids::TaskId;
use crate::job::JobWork;
use crate::net;
use crate::net::secret::Secret;
use crate::scheduler::edge;
use crate::shuffle::{Needs, Persisted};
use crate::storage::Disks;
use crate::task::{Stop, TaskContext};
use rayon::ThreadPool;
use std::any::Any;
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc::UnboundedSender;

/// Replies of more bytes than this go through files.
const MAX_REPLY: usize = 1 << 20;

/// What attempts share.
pub(super) struct Desk {
    pub(super) context: ContextHandle,
    pub(super) pool: Arc<ThreadPool>,
    pub(super) runtime: tokio::runtime::Handle,
    pub(super) fetcher: Arc<Fetcher>,
    pub(super) tasks: Arc<Tasks>,
    pub(super) answers: UnboundedSender<Vec<u8>>,
    pub(super) replies: Replies,
}

impl Desk {
    /// Tells the driver how a task has ended.
    pub(super) fn answer(&self, answer: Answer) {
        // Without a driver the process is about to end.
        let _ = self.answers.send(payload(&ToDriver::Answer(answer)));
    }

    /// Tells the driver how a task has ended, unless that was done.
    pub(super) fn end(&self, task: TaskId, metrics: TaskMetrics, end: AnswerEnd) {
        if self.tasks.remove(task) {
            self.answer(Answer { task, metrics, end });
        }
    }

    /// Asks a task to stop.
    pub(super) fn kill(&self, task: TaskId) {
        if self.tasks.kill(task) {
            self.answer(Answer { task, metrics: TaskMetrics::default(), end: AnswerEnd::Cancelled });
        }
    }

    /// Drops what may be the user's where a panic, or a drop that takes its time, does no harm.
    pub(super) fn discard(&self, value: impl Any + Send) {
        self.pool.spawn(move || drop(value));
    }
}

/// One attempt.
pub(super) struct Attempt {
    pub(super) task: TaskId,
    pub(super) stage: usize,
    pub(super) partition: usize,
    pub(super) work: Arc<JobWork>,
    pub(super) desk: Arc<Desk>,
}

impl Attempt {
    /// Begins with what it seems to need, unless it is not wanted any more.
    pub(super) fn begin(self) {
        let Some(context) = self.desk.tasks.begin(self.task) else { return };
        let needs = self.work.needs(self.stage, self.partition, Persisted::Stay);
        self.fetch(context, needs);
    }

    /// Begins anew: `known` was not all that it needs.
    fn begin_again(self, mut known: Needs) {
        let context = match self.desk.tasks.begin_again(self.task) {
            Ok(context) => context,
            Err(stop) => return self.end(TaskMetrics::default(), stopped(stop)),
        };
        for persisted in [Persisted::Stay, Persisted::MayGo] {
            if known.extend(self.work.needs(self.stage, self.partition, persisted)) {
                return self.fetch(context, known);
            }
        }
        let problem = "it reads what it does not depend on".to_owned();
        self.end(TaskMetrics::default(), AnswerEnd::Failed(Failure::Other(problem)));
    }

    /// Fetches what it needs, then runs it on the pool. To be told to stop ends the fetching.
    fn fetch(self, context: TaskContext, needs: Needs) {
        if needs.is_empty() {
            return self.run(context, needs);
        }
        let (task, desk) = (self.task, Arc::clone(&self.desk));
        let fetching = net::task(async move {
            match self.desk.fetcher.fetch(needs.clone(), self.desk.context.arc()).await {
                Ok(inputs) => {
                    context.provide(inputs);
                    if self.desk.tasks.begin(task).is_some() {
                        self.run(context, needs);
                    }
                }
                Err(failure) => self.end(TaskMetrics::default(), AnswerEnd::Failed(failure)),
            }
        });
        let started = desk.tasks.fetch(task, || desk.runtime.spawn(fetching).abort_handle());
        if let Err(stop) = started {
            desk.end(task, TaskMetrics::default(), stopped(stop));
        }
    }

    fn run(self, context: TaskContext, needs: Needs) {
        let desk = Arc::clone(&self.desk);
        desk.pool.spawn(move || {
            let began = Instant::now();
            let result = edge::guard(|| {
                context.check()?;
                self.work.answer(self.stage, self.partition, &context)
            });
            // What the task printed without a newline is seen before its job has ended.
            let _ = std::io::stdout().flush();
            let mut metrics = context.metrics();
            metrics.run_micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            let end = match result {
                Ok(Ok(reply)) => self.desk.replies.end(self.task, reply),
                // Whatever came of its being told to stop.
                _ if let Some(failure) = context.failure() => AnswerEnd::Failed(failure),
                _ if context.lacks_inputs() => return self.begin_again(needs),
                Ok(Err(stop)) => stopped(stop),
                Err(panic) => AnswerEnd::Failed(panic),
            };
            self.end(metrics, end);
        });
    }

    fn end(self, metrics: TaskMetrics, end: AnswerEnd) {
        self.desk.end(self.task, metrics, end);
    }
}

fn stopped(stop: Stop) -> AnswerEnd {
    match stop {
        Stop::Cancelled => AnswerEnd::Cancelled,
        Stop::Failed(failure) => AnswerEnd::Failed(failure),
    }
}

/// Where large replies go.
pub(super) struct Replies {
    pub(super) files: Arc<Disks>,
    pub(super) secret: Secret,
}

impl Replies {
    /// How a task ends with this reply.
    fn end(&self, task: TaskId, reply: Vec<u8>) -> AnswerEnd {
        if reply.len() <= MAX_REPLY {
            return AnswerEnd::Done(reply);
        }
        match write_reply(&self.files, task, &reply, &self.secret) {
            Ok(large) => AnswerEnd::Large(large),
            Err(error) => AnswerEnd::Failed(Failure::Io {
                path: self.files.to_string(),
                message: format!("a result cannot be written ({error}); free some space, or name another `work_dir`"),
            }),
        }
    }
}
