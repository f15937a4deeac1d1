//! The main loop of the child.

use super::input::Input;
use super::wire::{self, CellEnd, CellReport, ToChild, ToParent};
use crate::cell::Frame;
use crate::display::{self, Output};
use crate::event::{CallSite, Event};
use crate::ids::JobId;
use crate::{Conf, DparkContext};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// The environment variable with the path of the parent's socket.
pub const SOCKET: &str = "DPARK_SESSION_SOCKET";
/// User code may print without a newline; it is seen after this time.
const FLUSH_EVERY: Duration = Duration::from_millis(40);
/// User code may wait for input; it is asked for after this time.
const ASK_EVERY: Duration = Duration::from_millis(40);

/// Entry point of the stub process. Returns the exit code.
#[unsafe(no_mangle)]
pub extern "C" fn dpark_session_main() -> i32 {
    match run() {
        Ok(()) => 0,
        Err(message) => {
            eprintln!("dpark session child: {message}");
            1
        }
    }
}

/// What the threads of the child share.
struct Shared {
    parent: Mutex<UnixStream>,
    context: Mutex<Option<DparkContext>>,
    interrupted: AtomicBool,
    running: AtomicBool,
    /// Told when the parent has passed on an output; who shows something holds the lock meanwhile.
    seen: Mutex<mpsc::Receiver<()>>,
    /// Standard input, if the parent is asked for it.
    input: OnceLock<Input>,
}

impl Shared {
    fn tell(&self, message: &ToParent) {
        // A parent that is gone ends this process through the reading side.
        let _ = wire::send(&mut *lock(&self.parent), message);
    }

    /// An interrupt is meant for the whole cell: a job that it begins afterwards is cancelled too.
    fn cancel_if_interrupted(&self, job: JobId) {
        if self.interrupted.load(Ordering::SeqCst)
            && let Some(context) = self.context()
        {
            context.cancel_job(job);
        }
    }

    fn context(&self) -> Option<DparkContext> {
        lock(&self.context).clone()
    }

    /// Passes an output on and waits until the parent has it: what is printed after it comes after it.
    fn show(&self, output: Output) {
        let seen = lock(&self.seen);
        let _ = std::io::stdout().flush();
        self.tell(&ToParent::Output(output));
        let _ = seen.recv();
    }

    fn give_input(&self, line: Option<&str>) {
        if let Some(input) = self.input.get() {
            input.give(line);
        }
    }
}

/// Locks without caring for a panic elsewhere: what is behind these locks is whole between any two calls.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run() -> Result<(), String> {
    let socket =
        std::env::var(SOCKET).map_err(|_| format!("{SOCKET} is not set: this program is started by dpark-repl"))?;
    clean_environment();
    // Before cells are loaded: executors begin with nothing else.
    crate::ship::code::base();
    hide_panics_of_cells();
    leave_ctrl_c_to_the_parent();
    let stream = UnixStream::connect(&socket).map_err(|error| format!("{socket}: {error}"))?;
    let commands = stream.try_clone().map_err(|error| error.to_string())?;
    let (seeing, seen) = mpsc::channel();
    let shared = Arc::new(Shared {
        parent: Mutex::new(stream),
        context: Mutex::new(None),
        interrupted: AtomicBool::new(false),
        running: AtomicBool::new(false),
        seen: Mutex::new(seen),
        input: OnceLock::new(),
    });
    let showing = Arc::clone(&shared);
    display::show_through(Arc::new(move |output| showing.show(output)));
    shared.tell(&ToParent::Hello { pid: std::process::id() });
    let (sender, work) = mpsc::channel();
    let (for_reader, for_flusher) = (Arc::clone(&shared), Arc::clone(&shared));
    std::thread::spawn(move || read_commands(commands, &for_reader, &sender, &seeing));
    std::thread::spawn(move || flush_while_running(&for_flusher));
    let frame = Frame::default();
    for command in work {
        match command {
            ToChild::Start { master, parallelism, memory, work_dirs, err, asks_for_input } => {
                if asks_for_input {
                    ask_for_input(&shared);
                }
                let made = start(&shared, &frame, Conf { master, parallelism, memory, work_dirs, err });
                shared.tell(&ToParent::Started(made));
            }
            ToChild::Run { library, symbol } => {
                let report = run_cell(&shared, &frame, &library, &symbol);
                shared.tell(&ToParent::Done(report));
            }
            ToChild::Forget(names) => {
                let _ = std::panic::catch_unwind(AssertUnwindSafe(|| frame.forget(&names)));
            }
            // These act at once, where they are read.
            ToChild::Interrupt
            | ToChild::CancelJob(_)
            | ToChild::Uncache(_)
            | ToChild::KillExecutor(_)
            | ToChild::OutputSeen
            | ToChild::Input(_) => {}
        }
    }
    Ok(())
}

/// Reads the parent's messages: those about running work act at once, the others wait for their turn.
fn read_commands(mut commands: UnixStream, shared: &Shared, work: &mpsc::Sender<ToChild>, seeing: &mpsc::Sender<()>) {
    while let Ok(Some(command)) = wire::receive::<ToChild>(&mut commands) {
        match command {
            ToChild::Interrupt => {
                shared.interrupted.store(true, Ordering::SeqCst);
                if let Some(context) = shared.context() {
                    context.cancel_all();
                }
                // Whoever waits for a line gets the end of the input instead.
                shared.give_input(None);
            }
            ToChild::OutputSeen => {
                let _ = seeing.send(());
            }
            ToChild::Input(line) => shared.give_input(line.as_deref()),
            ToChild::CancelJob(job) => {
                if let Some(context) = shared.context() {
                    context.cancel_job(job);
                }
            }
            ToChild::Uncache(rdd) => {
                if let Some(context) = shared.context() {
                    context.uncache(rdd);
                }
            }
            ToChild::KillExecutor(executor) => {
                if let Some(context) = shared.context() {
                    context.kill_executor(executor);
                }
            }
            later => {
                if work.send(later).is_err() {
                    break;
                }
            }
        }
    }
    // The parent is gone: nobody waits for what runs here. Contexts are not dropped, so their files are removed here.
    if let Some(context) = shared.context() {
        context.remove_work_dir();
    }
    std::process::exit(0);
}

fn start(shared: &Arc<Shared>, frame: &Frame, conf: Conf) -> Result<(), String> {
    let context = DparkContext::new(conf).map_err(|error| error.to_string())?;
    let listener = Arc::clone(shared);
    context.events().subscribe(Box::new(move |event| {
        listener.tell(&ToParent::Event(event.clone()));
        if let Event::JobStarted { job, .. } = event {
            listener.cancel_if_interrupted(*job);
        }
    }));
    *lock(&shared.context) = Some(context.clone());
    frame.put("ctx", context);
    frame.finish();
    Ok(())
}

/// Takes standard input from the parent, who is asked whenever user code waits for it.
fn ask_for_input(shared: &Arc<Shared>) {
    if shared.input.set(Input::default()).is_err() {
        return;
    }
    let asking = Arc::clone(shared);
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(ASK_EVERY);
            if asking.running.load(Ordering::SeqCst) && asking.input.get().is_some_and(Input::is_wanted) {
                asking.tell(&ToParent::WantsInput);
            }
        }
    });
}

fn run_cell(shared: &Shared, frame: &Frame, library: &str, symbol: &str) -> CellReport {
    if let Some(input) = shared.input.get() {
        input.begin();
    }
    shared.interrupted.store(false, Ordering::SeqCst);
    let started = Instant::now();
    frame.begin();
    let loaded = super::loader::load(library, symbol);
    let load_micros = micros(started);
    let started = Instant::now();
    let refused = match loaded {
        Ok(entry) => {
            shared.running.store(true, Ordering::SeqCst);
            // A panic outside of the cell's steps, in a `Drop` of the user's for one.
            let escaped = std::panic::catch_unwind(AssertUnwindSafe(|| entry(frame))).err();
            shared.running.store(false, Ordering::SeqCst);
            escaped.map(|_| "a panic while the cell's values were dropped".to_owned())
        }
        Err(message) => Some(message),
    };
    let _ = std::io::stdout().flush();
    let running = frame.finish();
    let end = running.end.or(refused.map(CellEnd::Refused)).unwrap_or(CellEnd::Completed);
    CellReport {
        end,
        shown: running.shown,
        stored: running.stored,
        gone: running.taken,
        left_at: running.left_at,
        interrupted: shared.interrupted.load(Ordering::SeqCst),
        load_micros,
        run_micros: micros(started),
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Shows what user code printed without a newline.
fn flush_while_running(shared: &Shared) {
    loop {
        std::thread::sleep(FLUSH_EVERY);
        if shared.running.load(Ordering::SeqCst) {
            let _ = std::io::stdout().flush();
        }
    }
}

/// Ctrl-C goes to the whole foreground group; the parent decides what it means for this process.
fn leave_ctrl_c_to_the_parent() {
    // SAFETY: setting a disposition to "ignore" runs no handler.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_IGN) };
}

/// Takes what the session set for this process alone out of the environment, so that user code does not inherit it.
fn clean_environment() {
    if let Some(libraries) = std::env::var_os("DPARK_STUB_LIBRARIES") {
        // Done once.
        let _ = super::STUB_LIBRARIES.set(libraries);
    }
    for name in [SOCKET, "DPARK_STUB_LIBRARIES", "DPARK_STUB_ENTRY"] {
        // SAFETY: no other thread has been started yet.
        unsafe { std::env::remove_var(name) };
    }
}

/// A panic of a cell is reported with the cell; the hook only notes it. Panics of other threads print one line.
fn hide_panics_of_cells() {
    let cells = std::thread::current().id();
    std::panic::set_hook(Box::new(move |info| {
        let message = info.payload_as_str().unwrap_or("a panic with a payload that is not text").to_owned();
        let location = info.location().map(CallSite::of);
        if std::thread::current().id() == cells {
            crate::cell::note_panic(message, location);
        } else {
            let at = location.map(|at| format!(" at {at}")).unwrap_or_default();
            eprintln!("a thread panicked{at}: {message}");
        }
    }));
}
