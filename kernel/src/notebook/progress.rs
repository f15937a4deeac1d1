//! The progress of a cell's jobs: one display for each cell. It appears when the cell has run for a while, moves until
//! its code has ended, and then shows what the jobs were.

use crate::iopub::IoPub;
use crate::media::media;
use crate::wire::Request;
use dpark::ids::JobId;
use dpark::status::Snapshot;
use dpark_repl::shell::Live;
use dpark_repl::view::rich::{self, Bundle};
use jupyter_protocol::messaging::{DisplayData, Transient, UpdateDisplayData};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Progress appears when a cell has run for so long.
const AFTER: Duration = Duration::from_millis(500);
/// It is drawn anew so often.
const EVERY: Duration = Duration::from_millis(250);

/// Shows progress. Cheap to clone.
#[derive(Clone)]
pub(super) struct Progress(Arc<Inner>);

struct Inner {
    iopub: IoPub,
    /// Frames are shown while code runs.
    moves: bool,
    /// Jobs are shown at all.
    shows: bool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    live: Option<Live>,
    cell: Option<Cell>,
    /// Code of the cell runs.
    running: bool,
}

struct Cell {
    request: Request,
    since: Instant,
    /// The last job before it.
    before: Option<JobId>,
    display: Option<String>,
    last: Option<Bundle>,
}

impl Progress {
    /// Starts the thread that draws.
    pub(super) fn start(iopub: IoPub, moves: bool, shows: bool) -> Progress {
        let inner = Inner { iopub, moves, shows, state: Mutex::default(), changed: Condvar::new() };
        let inner = Arc::new(inner);
        let weak = Arc::downgrade(&inner);
        // Ends by itself soon after the last notebook is gone.
        let started = std::thread::Builder::new().name("progress".into()).spawn(move || draw(&weak));
        debug_assert!(started.is_ok());
        Progress(inner)
    }

    pub(super) fn watch(&self, live: &Live) {
        self.0.state().live = Some(live.clone());
    }

    /// A cell begins.
    pub(super) fn begin(&self, request: &Request) {
        let mut state = self.0.state();
        let before = state.live.as_ref().and_then(|live| live.snapshot().jobs.last().map(|job| job.id));
        let request = Arc::clone(request);
        state.cell = Some(Cell { request, since: Instant::now(), before, display: None, last: None });
    }

    /// Code of it begins to run.
    pub(super) fn begin_code(&self) {
        self.0.state().running = true;
        self.0.changed.notify_all();
    }

    /// Code of it has ended: the picture is final, for now.
    pub(super) fn end_code(&self) {
        let mut state = self.0.state();
        state.running = false;
        if self.0.shows {
            state.show(&self.0.iopub, |snapshot, live, jobs, _| rich::after(snapshot, jobs, &live.names()));
        }
    }

    /// The cell has ended.
    pub(super) fn end(&self) {
        self.0.state().cell = None;
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The drawing thread: sleeps until code runs, then draws until it ends.
fn draw(progress: &Weak<Inner>) {
    while let Some(inner) = progress.upgrade() {
        let state = inner.state();
        let wait = if state.running { EVERY } else { Duration::from_secs(1) };
        let (mut state, timeout) = inner.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner);
        let runs_long = state.cell.as_ref().is_some_and(|cell| cell.since.elapsed() >= AFTER);
        if inner.moves && state.running && runs_long && timeout.timed_out() {
            state.show(&inner.iopub, |snapshot, live, jobs, elapsed| {
                rich::progress(snapshot, jobs, &live.names(), elapsed)
            });
        }
    }
}

impl State {
    /// Shows a frame of the cell's jobs, if it has any.
    fn show(&mut self, iopub: &IoPub, picture: impl FnOnce(&Snapshot, &Live, &[JobId], Duration) -> Bundle) {
        let (Some(live), Some(cell)) = (&self.live, &mut self.cell) else { return };
        let snapshot = live.snapshot();
        let jobs = cell.jobs(&snapshot);
        if jobs.is_empty() {
            return;
        }
        let frame = picture(&snapshot, live, &jobs, cell.since.elapsed());
        if cell.last.as_ref() != Some(&frame) {
            cell.post(iopub, &frame);
            cell.last = Some(frame);
        }
    }
}

impl Cell {
    fn jobs(&self, snapshot: &Snapshot) -> Vec<JobId> {
        snapshot.jobs.iter().map(|job| job.id).filter(|job| self.before.is_none_or(|before| *job > before)).collect()
    }

    fn post(&mut self, iopub: &IoPub, frame: &Bundle) {
        let data = media(&frame.clone().into());
        match &self.display {
            Some(id) => iopub.post(UpdateDisplayData::new(data, id), Some(&self.request)),
            None => {
                let id = format!("progress-{}", self.request.header.msg_id);
                let mut display = DisplayData::new(data);
                display.transient = Some(Transient { display_id: Some(id.clone()) });
                iopub.post(display, Some(&self.request));
                self.display = Some(id);
            }
        }
    }
}
