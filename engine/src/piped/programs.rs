//! The programs that tasks of this process have started, for whoever watches the memory that they take.

use crate::context::Context;
use crate::error::Failure;
use crate::process_memory;
use crate::storage::lock;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Programs(Arc<Mutex<BTreeSet<u32>>>);

/// So long their memory is not looked at again.
const PAUSE: Duration = Duration::from_millis(50);

/// A program that has not been seen to end.
#[derive(Debug)]
pub(super) struct Started {
    pid: u32,
    among: Programs,
    /// The budget beside which programs take memory, where nobody else watches it: an executor watches its whole process.
    budget: Option<u64>,
    looked: Instant,
}

impl Started {
    /// Fails if the programs of this process take more memory than they may.
    pub(super) fn check_memory(&mut self) -> Result<(), Failure> {
        let Some(budget) = self.budget.filter(|_| self.looked.elapsed() >= PAUSE) else { return Ok(()) };
        self.looked = Instant::now();
        let taken = self.among.memory();
        if taken <= process_memory::limit(budget) {
            return Ok(());
        }
        let too_much = process_memory::too_much(taken, 0, budget);
        Err(Failure::Memory(format!("the programs of `pipe` take {too_much}")))
    }
}

impl Programs {
    /// A program was started by a task of this context.
    pub(super) fn add(&self, pid: u32, context: &Context) -> Started {
        lock(&self.0).insert(pid);
        let budget = (!context.is_in_executor()).then(|| context.budget.limit());
        Started { pid, among: self.clone(), budget, looked: Instant::now() }
    }

    /// The bytes that they take, with all that they have started.
    pub(crate) fn memory(&self) -> u64 {
        let pids = lock(&self.0).clone();
        pids.into_iter().map(process_memory::of_tree).sum()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        lock(&self.among.0).remove(&self.pid);
    }
}
