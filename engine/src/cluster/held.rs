//! Messages that an executor cannot take yet. A job is made of closures, which need the values of their broadcasts when they are
//! made; while one of those is being fetched, the job waits, and with it what refers to it. Jobs that have begun go on.

use super::protocol::ToExecutor;
use crate::ids::{JobId, TaskId};
use std::collections::{HashSet, VecDeque};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Held {
    entries: VecDeque<Entry>,
    /// The broadcasts that are being fetched.
    awaited: HashSet<u64>,
}

#[derive(Debug)]
enum Entry {
    /// What stands behind it waits for this broadcast.
    Broadcast(u64),
    Message(ToExecutor),
}

impl Held {
    /// Jobs that come from now on wait for this broadcast.
    pub(crate) fn wait_for(&mut self, broadcast: u64) {
        self.awaited.insert(broadcast);
        self.entries.push_back(Entry::Broadcast(broadcast));
    }

    /// A broadcast is waited for no more; whether it was.
    pub(crate) fn arrived(&mut self, broadcast: u64) -> bool {
        self.awaited.remove(&broadcast)
    }

    /// Keeps a message that has to wait, and gives back any other. `begun` tells of the jobs that have arrived.
    pub(crate) fn pass(&mut self, message: ToExecutor, begun: impl Fn(JobId) -> bool) -> Option<ToExecutor> {
        let waits = match &message {
            ToExecutor::Job { .. } | ToExecutor::ForgetRdd(_) | ToExecutor::Uncache(_) => true,
            ToExecutor::Task { job, .. } | ToExecutor::EndJob(job) => !begun(*job),
            _ => false,
        };
        if !waits || self.entries.is_empty() {
            return Some(message);
        }
        self.entries.push_back(Entry::Message(message));
        None
    }

    /// The next message that waits for nothing any more.
    pub(crate) fn next(&mut self) -> Option<ToExecutor> {
        while let Some(first) = self.entries.pop_front() {
            match first {
                Entry::Message(message) => return Some(message),
                Entry::Broadcast(id) if self.awaited.contains(&id) => {
                    self.entries.push_front(first);
                    break;
                }
                Entry::Broadcast(_) => {}
            }
        }
        None
    }

    /// Removes a task that waits; whether there was one.
    pub(crate) fn cancel(&mut self, task: TaskId) -> bool {
        let held = self.entries.len();
        let is_it =
            |entry: &Entry| matches!(entry, Entry::Message(ToExecutor::Task { task: held, .. }) if *held == task);
        self.entries.retain(|entry| !is_it(entry));
        self.entries.len() < held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: u64) -> ToExecutor {
        ToExecutor::Job { job: JobId(id), work: Vec::new() }
    }

    fn task(id: u64, job: u64) -> ToExecutor {
        ToExecutor::Task { task: TaskId(id), job: JobId(job), stage: 0, partition: 0 }
    }

    /// What a message is, shortly.
    fn name(message: ToExecutor) -> String {
        match message {
            ToExecutor::Job { job, .. } => format!("job {job}"),
            ToExecutor::Task { task, .. } => format!("task {task}"),
            other => format!("{other:?}"),
        }
    }

    fn all(held: &mut Held) -> Vec<String> {
        std::iter::from_fn(|| held.next()).map(name).collect()
    }

    #[test]
    fn jobs_wait_for_the_broadcasts_before_them_and_others_go_on() {
        let mut held = Held::default();
        let begun = |job| job == JobId(1);
        assert!(held.pass(job(1), begun).is_some(), "nothing is awaited");
        held.wait_for(7);
        assert!(held.pass(job(2), begun).is_none() && held.pass(task(20, 2), begun).is_none());
        assert!(held.pass(task(10, 1), begun).is_some() && held.pass(ToExecutor::Kill(TaskId(10)), begun).is_some());
        held.wait_for(8);
        assert!(held.pass(job(3), begun).is_none() && held.pass(ToExecutor::EndJob(JobId(2)), begun).is_none());
        assert!(held.arrived(8) && held.next().is_none(), "the first one is still awaited");
        held.wait_for(9);
        assert!(held.pass(job(4), begun).is_none() && held.arrived(7));
        assert_eq!(all(&mut held), ["job 2", "task 20", "job 3", "EndJob(JobId(2))"]);
        assert!(held.arrived(9) && !held.arrived(9));
        assert_eq!(all(&mut held), ["job 4"]);
        assert!(held.pass(job(5), begun).is_some());
    }

    #[test]
    fn a_task_that_waits_can_be_cancelled() {
        let mut held = Held::default();
        held.wait_for(7);
        let none = |_| false;
        assert!(held.pass(job(2), none).is_none());
        assert!(held.pass(task(20, 2), none).is_none() && held.pass(task(21, 2), none).is_none());
        assert!(held.cancel(TaskId(20)) && !held.cancel(TaskId(20)));
        held.arrived(7);
        assert_eq!(all(&mut held), ["job 2", "task 21"]);
    }
}
