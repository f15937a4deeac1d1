//! Where tasks run: on threads of this process, or on executors in others.

use super::local::{Assignment, LocalBackend};
use super::remote::RemoteBackend;
use crate::ids::TaskId;
use std::any::Any;

/// One of the two. What only one of them can do is asked of it by name.
pub(crate) enum Backend {
    Local(LocalBackend),
    Remote(Box<RemoteBackend>),
}

impl Backend {
    /// Starts an attempt.
    pub(crate) fn launch(&mut self, assignment: Assignment) {
        match self {
            Backend::Local(local) => local.launch(assignment),
            Backend::Remote(remote) => remote.launch(assignment),
        }
    }

    /// Asks an attempt to stop.
    pub(crate) fn kill(&mut self, task: TaskId) {
        match self {
            Backend::Local(local) => local.kill(task),
            Backend::Remote(remote) => remote.kill(task),
        }
    }

    /// The attempt was reported, and whether it counts.
    pub(crate) fn finished(&mut self, task: TaskId, counts: bool) {
        match self {
            Backend::Local(local) => local.finished(task),
            Backend::Remote(remote) => remote.finished(task, counts),
        }
    }

    /// Whether no attempt is running.
    pub(crate) fn is_idle(&self) -> bool {
        match self {
            Backend::Local(local) => local.is_idle(),
            Backend::Remote(remote) => remote.is_idle(),
        }
    }

    /// Drops values of the user's where a panic, or a drop that takes its time, does no harm.
    pub(crate) fn discard(&self, values: impl Any + Send) {
        match self {
            Backend::Local(local) => local.discard(values),
            Backend::Remote(remote) => remote.discard(values),
        }
    }

    /// Ends the threads or processes.
    pub(crate) fn stop(self) {
        match self {
            Backend::Local(local) => local.stop(),
            Backend::Remote(remote) => remote.stop(),
        }
    }

    /// The executors in other processes, if that is where tasks run.
    pub(crate) fn remote(&mut self) -> Option<&mut RemoteBackend> {
        match self {
            Backend::Local(_) => None,
            Backend::Remote(remote) => Some(remote),
        }
    }
}
