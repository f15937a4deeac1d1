//! What the events tell of the executors and of what they are doing.

use dpark::DparkContext;
use dpark::event::{Event, TaskEnd};
use dpark::ids::{ExecutorId, JobId, ShuffleId, StageId, TaskId};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Without an event for so long something hangs.
const SILENCE: Duration = Duration::from_secs(60);

/// The last events that are shown if something hangs.
const RECENT: usize = 80;

/// The shuffles around the tasks of a stage.
#[derive(Clone, Debug, Default)]
pub(super) struct Stage {
    pub(super) writes: Option<ShuffleId>,
    pub(super) reads: Vec<ShuffleId>,
}

/// A task that was started and has not been reported.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) stage: Stage,
    pub(super) executor: ExecutorId,
    pub(super) since: Instant,
}

/// All that is known from events.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) executors: BTreeMap<ExecutorId, u32>,
    pub(super) running: BTreeMap<TaskId, Running>,
    /// The tasks that have failed, and why.
    pub(super) failed: Vec<(TaskId, Running, String)>,
    /// The executor that was last given a task which reads a shuffle.
    pub(super) reader: Option<ExecutorId>,
    stages: BTreeMap<StageId, Stage>,
    jobs: BTreeMap<JobId, String>,
    recent: VecDeque<String>,
    heard: Option<Instant>,
}

/// The state, kept up to date by the scheduler's thread.
#[derive(Clone, Default)]
pub(super) struct World(Arc<Mutex<State>>);

impl World {
    /// Follows the events of a context.
    pub(super) fn of(ctx: &DparkContext) -> World {
        let world = World::default();
        let listener = world.clone();
        ctx.events().subscribe(Box::new(move |event| listener.lock().hear(event)));
        world
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Waits until the state has something to offer; none if it has nothing for too long, or there is no more use in it.
    pub(super) fn find<T>(
        &self,
        patience: Duration,
        in_vain: impl Fn() -> bool,
        mut look: impl FnMut(&State) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + patience;
        loop {
            let found = look(&self.lock());
            if found.is_some() || Instant::now() >= deadline || in_vain() {
                return found;
            }
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    /// Ends this program, and says what it was at, if nothing happens for too long.
    pub(super) fn watch(&self) {
        let world = Arc::downgrade(&self.0);
        std::thread::spawn(move || {
            while let Some(state) = world.upgrade() {
                let state = state.lock().unwrap();
                if state.heard.is_some_and(|heard| heard.elapsed() > SILENCE) {
                    eprintln!("nothing has happened for {} s:\n{}", SILENCE.as_secs(), state.describe());
                    std::process::exit(1);
                }
                drop(state);
                std::thread::sleep(Duration::from_secs(1));
            }
        });
    }
}

impl State {
    fn hear(&mut self, event: &Event) {
        self.heard = Some(Instant::now());
        match event {
            Event::JobStarted { job, name, stages, .. } => {
                self.jobs.insert(*job, name.clone());
                let written: BTreeMap<StageId, ShuffleId> =
                    stages.iter().filter_map(|stage| Some((stage.id, stage.shuffle?))).collect();
                for stage in stages {
                    let reads = stage.parents.iter().filter_map(|parent| written.get(parent).copied()).collect();
                    self.stages.insert(stage.id, Stage { writes: stage.shuffle, reads });
                }
            }
            Event::JobFinished { job, .. } => {
                self.jobs.remove(job);
            }
            Event::ExecutorJoined { executor, pid, .. } => {
                self.executors.insert(*executor, *pid);
            }
            Event::ExecutorLost { executor, .. } => {
                self.executors.remove(executor);
            }
            Event::TaskStarted { task, stage, executor, .. } => {
                let stage = self.stages.get(stage).cloned().unwrap_or_default();
                if !stage.reads.is_empty() {
                    self.reader = Some(*executor);
                }
                self.running.insert(*task, Running { stage, executor: *executor, since: Instant::now() });
            }
            Event::TaskFinished { task, end, .. } => {
                if let (Some(ended), TaskEnd::Failed(why)) = (self.running.remove(task), end) {
                    self.failed.push((*task, ended, why.clone()));
                }
            }
            Event::RddCreated(_) | Event::RddDropped { .. } => return,
            _ => {}
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        let mut line = format!("{event:?}");
        line.truncate(line.floor_char_boundary(300));
        self.recent.push_back(line);
    }

    /// What an executor is running.
    pub(super) fn on(&self, executor: ExecutorId) -> BTreeMap<TaskId, Running> {
        let on_it = self.running.iter().filter(|(_, running)| running.executor == executor);
        on_it.map(|(task, running)| (*task, running.clone())).collect()
    }

    fn describe(&self) -> String {
        let recent: Vec<&str> = self.recent.iter().map(String::as_str).collect();
        format!(
            "jobs {:?}\nexecutors and processes {:?}\nrunning {:#?}\nthe last events:\n{}",
            self.jobs,
            self.executors,
            self.running,
            recent.join("\n")
        )
    }
}
