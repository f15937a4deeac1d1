//! The tasks that an executor was given and has not answered yet. Whoever removes one answers for it, so that it is answered once.

use crate::error::Failure;
use crate::ids::TaskId;
use crate::storage::lock;
use crate::task::{Stop, TaskContext};
use std::collections::HashMap;
use std::sync::Mutex;
use tokio::task::AbortHandle;

/// See the module.
#[derive(Default)]
pub(super) struct Tasks(Mutex<HashMap<TaskId, Given>>);

/// A task that was given.
struct Given {
    /// What its present attempt is told.
    context: TaskContext,
    progress: Progress,
}

/// How far a task has come.
enum Progress {
    /// It waits for its job, or for what is worked off before it.
    Waits,
    /// What it reads is being fetched.
    Fetches(AbortHandle),
    /// It runs on the pool, or is about to.
    Runs,
}

impl Tasks {
    /// A task has come.
    pub(super) fn arrived(&self, task: TaskId) {
        lock(&self.0).insert(task, Given { context: context(task), progress: Progress::Waits });
    }

    /// Asks a task to stop. One that runs stops by itself; any other is removed, and this is true.
    pub(super) fn kill(&self, task: TaskId) -> bool {
        let mut tasks = lock(&self.0);
        match tasks.get(&task) {
            None => return false,
            Some(Given { context, progress: Progress::Runs }) => {
                context.cancel();
                return false;
            }
            Some(Given { progress: Progress::Fetches(fetching), .. }) => fetching.abort(),
            Some(Given { progress: Progress::Waits, .. }) => {}
        }
        tasks.remove(&task);
        true
    }

    /// A task begins: what its attempt is told, unless it was removed.
    pub(super) fn begin(&self, task: TaskId) -> Option<TaskContext> {
        let mut tasks = lock(&self.0);
        let given = tasks.get_mut(&task)?;
        given.progress = Progress::Runs;
        Some(given.context.clone())
    }

    /// A task begins anew, unless it was told to stop: what its next attempt is told.
    pub(super) fn begin_again(&self, task: TaskId) -> Result<TaskContext, Stop> {
        let mut tasks = lock(&self.0);
        let given = tasks.get_mut(&task).ok_or(Stop::Cancelled)?;
        given.context.check()?;
        given.context = context(task);
        Ok(given.context.clone())
    }

    /// A task, unless it was removed or told to stop, begins to fetch what it reads with what `start` starts.
    pub(super) fn fetch(&self, task: TaskId, start: impl FnOnce() -> AbortHandle) -> Result<(), Stop> {
        let mut tasks = lock(&self.0);
        let given = tasks.get_mut(&task).ok_or(Stop::Cancelled)?;
        given.context.check()?;
        given.progress = Progress::Fetches(start());
        Ok(())
    }

    /// Lets all tasks fail that have begun.
    pub(super) fn fail(&self, failure: &Failure) {
        let tasks = lock(&self.0);
        let begun = tasks.values().filter(|given| !matches!(given.progress, Progress::Waits));
        begun.for_each(|given| given.context.fail(failure.clone()));
    }

    /// A task has ended; whether it was there.
    pub(super) fn remove(&self, task: TaskId) -> bool {
        lock(&self.0).remove(&task).is_some()
    }
}

fn context(task: TaskId) -> TaskContext {
    let context = TaskContext::default();
    context.name(task);
    context
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: TaskId = TaskId(1);

    #[test]
    fn a_task_that_waits_is_removed_and_one_that_runs_is_told() {
        let tasks = Tasks::default();
        tasks.arrived(TASK);
        assert!(tasks.kill(TASK) && !tasks.kill(TASK));
        assert!(tasks.begin(TASK).is_none() && !tasks.remove(TASK));
        tasks.arrived(TASK);
        let context = tasks.begin(TASK).unwrap();
        assert!(!tasks.kill(TASK));
        assert_eq!((context.check(), context.id()), (Err(Stop::Cancelled), TASK));
        assert!(matches!(tasks.begin_again(TASK), Err(Stop::Cancelled)));
        assert!(tasks.remove(TASK) && !tasks.remove(TASK));
    }

    #[tokio::test]
    async fn a_task_that_fetches_is_removed_and_its_fetching_ends() {
        let tasks = Tasks::default();
        tasks.arrived(TASK);
        assert!(tasks.begin(TASK).is_some());
        let fetching = tokio::spawn(std::future::pending::<()>());
        tasks.fetch(TASK, || fetching.abort_handle()).unwrap();
        assert!(tasks.kill(TASK));
        assert!(fetching.await.unwrap_err().is_cancelled());
        assert_eq!(tasks.fetch(TASK, || unreachable!("it is gone")), Err(Stop::Cancelled));
    }

    #[test]
    fn only_tasks_that_have_begun_are_made_to_fail() {
        let tasks = Tasks::default();
        let failure = Failure::Memory("too much".to_owned());
        tasks.arrived(TASK);
        tasks.fail(&failure);
        let context = tasks.begin(TASK).unwrap();
        assert_eq!(context.check(), Ok(()));
        tasks.fail(&failure);
        assert_eq!(context.check(), Err(Stop::Failed(failure)));
    }
}
