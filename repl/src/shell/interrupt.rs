//! Ctrl-C. SIGINT is blocked in every thread and waited for in one, so there is no signal handler. What to do is a
//! small state machine over the moments of the cell and of the key.

use super::backend::Control;
use super::front::Front;
use dpark::status::{StageState, StatusStore};
use nix::sys::signal::{SigSet, Signal};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// After a first Ctrl-C the cell has so long to end before the user is told what still runs.
const NOTICE_AFTER: Duration = Duration::from_secs(2);

/// How Ctrl-C is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// At the prompt: a second Ctrl-C counts once the notice has told what it would lose.
    Prompt,
    /// In a script: the second Ctrl-C counts at once; the exit code is 130.
    Batch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There is no session yet; Ctrl-C ends the process.
    Starting,
    Idle,
    /// The terminal belongs to a command of the system's shell.
    Paused,
    Running,
    Asked(Instant),
    Told,
    Killed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Nothing,
    Cancel,
    Tell,
    Kill,
    Exit,
}

impl State {
    fn key(self, mode: Mode, now: Instant) -> (State, Action) {
        match (self, mode) {
            (State::Starting, _) | (State::Idle, Mode::Batch) => (self, Action::Exit),
            (State::Idle | State::Paused | State::Killed, _) => (self, Action::Nothing),
            (State::Running, _) => (State::Asked(now), Action::Cancel),
            (State::Asked(_), Mode::Prompt) => (self, Action::Nothing),
            (State::Asked(_), Mode::Batch) | (State::Told, _) => (State::Killed, Action::Kill),
        }
    }

    fn time(self, now: Instant) -> (State, Action) {
        match self {
            State::Asked(since) if now.duration_since(since) >= NOTICE_AFTER => (State::Told, Action::Tell),
            _ => (self, Action::Nothing),
        }
    }
}

/// Takes Ctrl-C for the shell. Cheap to clone; clones share their state.
#[derive(Clone)]
pub struct Interrupts {
    shared: Arc<Shared>,
}

struct Shared {
    mode: Mode,
    front: Arc<dyn Front>,
    machine: Mutex<Machine>,
    changed: Condvar,
}

/// The session that Ctrl-C is for.
#[derive(Clone)]
struct Target {
    control: Arc<dyn Control>,
    status: Arc<Mutex<StatusStore>>,
}

struct Machine {
    state: State,
    seen: bool,
    target: Option<Target>,
}

/// Blocks SIGINT in this thread and in those it starts. To be called before any thread is started.
pub fn block_signals() -> nix::Result<()> {
    signals().thread_block()
}

fn signals() -> SigSet {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGINT);
    signals
}

impl Interrupts {
    /// Takes SIGINT. The waiting threads live as long as the process.
    pub fn start(mode: Mode, front: Arc<dyn Front>) -> std::io::Result<Interrupts> {
        let interrupts = Interrupts::without_signals(mode, front)?;
        let keys = interrupts.clone();
        std::thread::Builder::new().name("interrupt".into()).spawn(move || {
            while signals().wait().is_ok() {
                keys.shared.front.key_echoed();
                keys.pressed();
            }
        })?;
        Ok(interrupts)
    }

    /// Hears no signals: [`Interrupts::pressed`] takes their place.
    pub fn without_signals(mode: Mode, front: Arc<dyn Front>) -> std::io::Result<Interrupts> {
        let machine = Mutex::new(Machine { state: State::Starting, seen: false, target: None });
        let interrupts = Interrupts { shared: Arc::new(Shared { mode, front, machine, changed: Condvar::new() }) };
        let notices = interrupts.clone();
        std::thread::Builder::new().name("interrupt-notice".into()).spawn(move || notices.tell_in_time())?;
        Ok(interrupts)
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.shared.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Names the session that Ctrl-C is for.
    pub fn watch(&self, control: Arc<dyn Control>, status: Arc<Mutex<StatusStore>>) {
        let mut machine = self.machine();
        machine.target = Some(Target { control, status });
        machine.state = State::Idle;
    }

    /// A cell begins.
    pub fn begin_cell(&self) {
        self.machine().state = State::Running;
    }

    /// The cell ended.
    pub fn end_cell(&self) {
        self.machine().state = State::Idle;
    }

    /// Runs something that takes Ctrl-C by itself.
    pub fn paused<T>(&self, run: impl FnOnce() -> T) -> T {
        self.machine().state = State::Paused;
        let result = run();
        self.machine().state = State::Idle;
        result
    }

    /// Whether Ctrl-C was ever pressed.
    pub fn was_pressed(&self) -> bool {
        self.machine().seen
    }

    /// Ctrl-C, or what takes its place.
    pub fn pressed(&self) {
        let mut machine = self.machine();
        let (state, action) = machine.state.key(self.shared.mode, Instant::now());
        machine.state = state;
        machine.seen |= state != State::Paused;
        let target = machine.target.clone();
        drop(machine);
        self.shared.changed.notify_all();
        self.act(action, target);
    }

    fn tell_in_time(&self) {
        let mut machine = self.machine();
        loop {
            let wait =
                if matches!(machine.state, State::Asked(_)) { Duration::from_millis(100) } else { Duration::MAX };
            machine = if wait == Duration::MAX {
                self.shared.changed.wait(machine).unwrap_or_else(PoisonError::into_inner)
            } else {
                self.shared.changed.wait_timeout(machine, wait).unwrap_or_else(PoisonError::into_inner).0
            };
            let (state, action) = machine.state.time(Instant::now());
            machine.state = state;
            if action != Action::Nothing {
                let target = machine.target.clone();
                drop(machine);
                self.act(action, target);
                machine = self.machine();
            }
        }
    }

    fn act(&self, action: Action, target: Option<Target>) {
        match (action, target) {
            (Action::Exit, _) => {
                self.shared.front.flush();
                std::process::exit(130);
            }
            (Action::Cancel, Some(target)) => target.control.interrupt(),
            (Action::Kill, Some(target)) => target.control.kill_child(),
            (Action::Tell, Some(target)) => self.shared.front.tell(&notice(&target, self.shared.front.interrupt())),
            _ => {}
        }
    }
}

/// What still runs and what a second Ctrl-C would lose.
fn notice(target: &Target, interrupt: &str) -> String {
    let Target { control, status } = target;
    let snapshot = status.lock().unwrap_or_else(PoisonError::into_inner).snapshot();
    let running: Vec<String> = snapshot
        .stages
        .values()
        .filter(|stage| matches!(stage.state, StageState::Running { .. }) && stage.running > 0)
        .map(|stage| {
            let tasks = crate::view::units::plural(stage.running as u64, "task");
            format!("{tasks} of stage {} ({} at {})", stage.info.id, stage.info.name, stage.info.call_site)
        })
        .collect();
    let running = if running.is_empty() { "the cell's own code".to_owned() } else { running.join(", ") };
    let names: Vec<String> = control
        .variables()
        .into_iter()
        .map(|variable| variable.name)
        .filter(|name| name != crate::session::CONTEXT)
        .collect();
    let lost = if names.is_empty() { "no variables".to_owned() } else { names.join(", ") };
    format!(
        "still running: {running}\n{interrupt} again ends the engine's process; a fresh one follows. Lost would be: {lost}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_key_counts_after_the_notice() {
        let start = Instant::now();
        let (state, action) = State::Running.key(Mode::Prompt, start);
        assert_eq!(action, Action::Cancel);
        let (state, action) = state.key(Mode::Prompt, start + Duration::from_secs(1));
        assert_eq!(action, Action::Nothing);
        assert_eq!(state.time(start + Duration::from_millis(1900)).1, Action::Nothing);
        let (state, action) = state.time(start + NOTICE_AFTER);
        assert_eq!((state, action), (State::Told, Action::Tell));
        let (state, action) = state.key(Mode::Prompt, start + Duration::from_secs(3));
        assert_eq!(action, Action::Kill);
        assert_eq!(state.key(Mode::Prompt, start + Duration::from_secs(4)).1, Action::Nothing);
    }

    #[test]
    fn a_script_is_killed_by_the_second_key() {
        let start = Instant::now();
        let (state, _) = State::Running.key(Mode::Batch, start);
        assert_eq!(state.key(Mode::Batch, start).1, Action::Kill);
        assert_eq!(State::Idle.key(Mode::Batch, start).1, Action::Exit);
        assert_eq!(State::Starting.key(Mode::Prompt, start).1, Action::Exit);
        assert_eq!(State::Idle.key(Mode::Prompt, start).1, Action::Nothing);
        assert_eq!(State::Paused.key(Mode::Batch, start).1, Action::Nothing);
    }
}
