//! Busy and idle: around every request, and around the running cell for as long as it runs.

use crate::iopub::IoPub;
use crate::wire::Request;
use jupyter_protocol::messaging::Status;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Tells what the kernel is at. Cheap to clone.
#[derive(Clone)]
pub struct Activity {
    iopub: IoPub,
    running: Arc<Mutex<Option<Request>>>,
}

impl Activity {
    /// Tells it on IOPub.
    pub fn new(iopub: IoPub) -> Activity {
        Activity { iopub, running: Arc::default() }
    }

    fn running(&self) -> MutexGuard<'_, Option<Request>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a cell runs.
    pub fn is_running(&self) -> bool {
        self.running().is_some()
    }

    /// A cell begins.
    pub fn begin_cell(&self, cell: &Request) {
        let mut running = self.running();
        self.iopub.post(Status::busy(), Some(cell));
        *running = Some(Arc::clone(cell));
    }

    /// It has ended, and its reply is on the way.
    pub fn end_cell(&self, cell: &Request) {
        let mut running = self.running();
        *running = None;
        self.iopub.post(Status::idle(), Some(cell));
    }

    /// Another request is taken up.
    pub fn begin(&self, request: &Request) {
        self.iopub.post(Status::busy(), Some(request));
    }

    /// It has been answered. Front ends take the last status for the kernel's, so a cell that runs is busy once more.
    pub fn end(&self, request: &Request) {
        let running = self.running();
        self.iopub.post(Status::idle(), Some(request));
        if let Some(cell) = &*running {
            self.iopub.post(Status::busy(), Some(cell));
        }
    }
}
