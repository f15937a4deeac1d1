//! The seam between the shell and the session: the session behind it in earnest, a fake one in tests.

use crate::session::{Completions, Documentation, Handle, Outcome, Session, Variable};
use dpark::event::Event;
use dpark::ids::{ExecutorId, JobId, RddId};
use std::sync::Arc;
use std::time::Duration;

/// Hears every engine event.
pub type Listener = Box<dyn FnMut(&Event) + Send>;

/// What the shell wants of a session. Calls block.
pub trait Backend {
    /// Runs Rust code as the next cell.
    fn execute(&mut self, code: &str) -> Outcome;
    /// Runs Rust code as the last cell: nobody sees its variables.
    fn execute_last(&mut self, code: &str) -> Outcome;
    /// Runs one of evcxr's commands.
    fn evcxr_command(&mut self, line: &str) -> Outcome;
    /// Drops everything.
    fn clear(&mut self) -> Outcome;
    /// Drops the variables.
    fn restart(&mut self) -> Outcome;
    /// What the next cells are counted as.
    fn count_cells_from(&mut self, number: u32);
    /// The way in for other threads.
    fn control(&self) -> Arc<dyn Control>;
    /// Calls `listener` with every engine event.
    fn on_event(&self, listener: Listener);
}

/// What other threads want of a session.
pub trait Control: Send + Sync {
    /// Cancels the running jobs.
    fn interrupt(&self);
    /// Ends the child.
    fn kill_child(&self);
    /// Cancels one job.
    fn cancel_job(&self, job: JobId);
    /// Drops an RDD's cached partitions.
    fn uncache(&self, rdd: RddId);
    /// Ends the process of an executor.
    fn kill_executor(&self, executor: ExecutorId);
    /// The variables.
    fn variables(&self) -> Vec<Variable>;
    /// Completes Rust code at a byte offset, if there is an answer within `patience`.
    fn complete(&self, code: &str, offset: usize, patience: Duration) -> Completions;
    /// What is known of the name that ends at a byte offset, if there is an answer within `patience`.
    fn document(&self, code: &str, offset: usize, patience: Duration) -> Option<Documentation>;
}

impl Backend for Session {
    fn execute(&mut self, code: &str) -> Outcome {
        Session::execute(self, code)
    }

    fn execute_last(&mut self, code: &str) -> Outcome {
        Session::execute_last(self, code)
    }

    fn evcxr_command(&mut self, line: &str) -> Outcome {
        Session::evcxr_command(self, line)
    }

    fn clear(&mut self) -> Outcome {
        Session::clear(self)
    }

    fn restart(&mut self) -> Outcome {
        Session::restart(self)
    }

    fn count_cells_from(&mut self, number: u32) {
        Session::count_cells_from(self, number);
    }

    fn control(&self) -> Arc<dyn Control> {
        Arc::new(self.handle())
    }

    fn on_event(&self, listener: Listener) {
        self.handle().on_event(listener);
    }
}

impl Control for Handle {
    fn interrupt(&self) {
        Handle::interrupt(self);
    }

    fn kill_child(&self) {
        Handle::kill_child(self);
    }

    fn cancel_job(&self, job: JobId) {
        Handle::cancel_job(self, job);
    }

    fn uncache(&self, rdd: RddId) {
        Handle::uncache(self, rdd);
    }

    fn kill_executor(&self, executor: ExecutorId) {
        Handle::kill_executor(self, executor);
    }

    fn variables(&self) -> Vec<Variable> {
        Handle::variables(self)
    }

    fn complete(&self, code: &str, offset: usize, patience: Duration) -> Completions {
        Handle::complete(self, code, offset, patience)
    }

    fn document(&self, code: &str, offset: usize, patience: Duration) -> Option<Documentation> {
        Handle::document(self, code, offset, patience)
    }
}
