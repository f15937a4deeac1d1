//! The child process and the line to it.

use super::{Display, Input, Sink, Stdio, Stream};
use anyhow::{Context, Result, bail};
use dpark::event::Event;
use dpark::ids::RddId;
use dpark::session::child::SOCKET;
use dpark::session::wire::{self, CellReport, ToChild, ToParent};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::collections::BTreeMap;
use std::io::{PipeReader, Read};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What came from the child that somebody waits for.
#[derive(Debug)]
pub enum Answer {
    /// A new child is connected.
    Connected,
    /// Its context was made, or not.
    Started(Result<(), String>),
    /// A cell ended.
    Done(CellReport),
    /// The child is gone.
    Lost,
}

type Listener = Box<dyn FnMut(&Event) + Send>;

/// The line. Cheap to clone.
#[derive(Clone)]
pub struct Line(Arc<Inner>);

struct Inner {
    connection: Mutex<Option<UnixStream>>,
    process: Mutex<Option<Child>>,
    listeners: Mutex<Vec<Listener>>,
    /// The RDD that each variable holds.
    rdds: Mutex<BTreeMap<String, RddId>>,
    /// The child's output, if it is ours to pass on.
    outputs: Mutex<Vec<Arc<Output>>>,
    /// No child is to be started any more.
    closed: AtomicBool,
}

/// An output stream of the child. The lock is held while a chunk is passed on.
struct Output {
    pipe: PipeReader,
    passing_on: Mutex<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a child is started.
#[derive(Clone, Debug)]
pub struct Spawn {
    /// The stub.
    pub stub: PathBuf,
    /// libstd and the engine.
    pub libraries: [PathBuf; 2],
    /// The socket of [`Line::listen`].
    pub socket: PathBuf,
    /// The arguments of user code, program name first.
    pub arguments: Vec<String>,
    /// Where its standard streams go.
    pub stdio: Stdio,
    /// Where its standard input comes from.
    pub input: Input,
}

impl Line {
    /// Waits for children at a socket; one at a time, the next one after the one before is gone.
    pub fn listen(socket: &Path, input: Input, display: Display) -> Result<(Line, Receiver<Answer>)> {
        let listener = UnixListener::bind(socket).with_context(|| socket.display().to_string())?;
        let line = Line(Arc::new(Inner {
            connection: Mutex::default(),
            process: Mutex::default(),
            listeners: Mutex::default(),
            rdds: Mutex::default(),
            outputs: Mutex::default(),
            closed: AtomicBool::new(false),
        }));
        let (answers, answered) = mpsc::channel();
        let serving = line.clone();
        std::thread::Builder::new().name("dpark-child".into()).spawn(move || {
            for connection in listener.incoming().flatten() {
                serving.serve(connection, &answers, &input, &display);
            }
        })?;
        Ok((line, answered))
    }

    /// Starts a child; its connection is announced by [`Answer::Connected`].
    pub fn spawn(&self, spawn: &Spawn) -> Result<()> {
        if self.is_closed() {
            bail!("the session has ended");
        }
        let mut command = Command::new(&spawn.stub);
        if let Some((program, arguments)) = spawn.arguments.split_first() {
            command.arg0(program).args(arguments);
        }
        command
            .env("DPARK_STUB_LIBRARIES", std::env::join_paths(&spawn.libraries)?)
            .env("DPARK_STUB_ENTRY", "dpark_session_main")
            .env(SOCKET, &spawn.socket);
        match &spawn.input {
            Input::Inherit => {}
            Input::Shared(input) => {
                command.stdin(input.descriptor()?);
            }
            // The child puts a pipe of its own there.
            Input::Asked(_) => {
                command.stdin(std::process::Stdio::null());
            }
        }
        lock(&self.0.outputs).clear();
        if let Stdio::Watch(sink) = &spawn.stdio {
            let watch = |stream| -> Result<std::io::PipeWriter> {
                let (pipe, writer) = std::io::pipe()?;
                let output = Arc::new(Output { pipe, passing_on: Mutex::default() });
                lock(&self.0.outputs).push(Arc::clone(&output));
                let sink = Arc::clone(sink);
                std::thread::Builder::new().name("dpark-output".into()).spawn(move || output.pump(stream, &*sink))?;
                Ok(writer)
            };
            command.stdout(watch(Stream::Stdout)?).stderr(watch(Stream::Stderr)?);
        }
        let child = command.spawn().with_context(|| format!("cannot start {}", spawn.stub.display()))?;
        *lock(&self.0.process) = Some(child);
        Ok(())
    }

    /// Sends a message; a child that is gone is reported by [`Answer::Lost`].
    pub fn tell(&self, message: &ToChild) {
        if let Some(connection) = &mut *lock(&self.0.connection) {
            let _ = wire::send(connection, message);
        }
    }

    /// Calls `listener` with every event from now on.
    pub fn on_event(&self, listener: Listener) {
        lock(&self.0.listeners).push(listener);
    }

    /// Ends the child at once.
    pub fn kill(&self) {
        if let Some(process) = &mut *lock(&self.0.process) {
            let _ = process.kill();
        }
    }

    /// Ends the child for good: it is left to end by itself, which it does when its connection is closed, with its files
    /// removed; but not for long.
    pub fn close(&self) {
        self.0.closed.store(true, Ordering::SeqCst);
        if let Some(connection) = &*lock(&self.0.connection) {
            let _ = connection.shutdown(std::net::Shutdown::Both);
        }
        let _ = self.bury();
    }

    /// Whether the line was closed.
    pub fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::SeqCst)
    }

    /// Ends the child if it still runs, and says how it ended.
    pub fn bury(&self) -> Result<ExitStatus> {
        let Some(mut process) = lock(&self.0.process).take() else { bail!("there is no child") };
        // Its connection is closed: it is gone, or will never be heard of again.
        let deadline = std::time::Instant::now() + std::time::Duration::from_millis(500);
        while std::time::Instant::now() < deadline {
            if let Some(status) = process.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        process.kill()?;
        Ok(process.wait()?)
    }

    /// The RDD that a variable holds.
    pub fn rdd(&self, variable: &str) -> Option<RddId> {
        lock(&self.0.rdds).get(variable).copied()
    }

    fn serve(&self, mut connection: UnixStream, answers: &Sender<Answer>, input: &Input, display: &Display) {
        let Ok(writer) = connection.try_clone() else { return };
        *lock(&self.0.connection) = Some(writer);
        lock(&self.0.rdds).clear();
        while let Ok(Some(message)) = wire::receive::<ToParent>(&mut connection) {
            let answer = match message {
                ToParent::Hello { .. } => Answer::Connected,
                ToParent::Event(event) => {
                    lock(&self.0.listeners).iter_mut().for_each(|listener| listener(&event));
                    continue;
                }
                ToParent::Output(output) => {
                    // What was printed before is shown before.
                    self.drain();
                    display.0(output);
                    self.tell(&ToChild::OutputSeen);
                    continue;
                }
                ToParent::WantsInput => {
                    if let Input::Asked(ask) = input {
                        ask();
                    }
                    continue;
                }
                ToParent::Started(made) => Answer::Started(made),
                ToParent::Done(report) => {
                    self.note_variables(&report);
                    self.drain();
                    Answer::Done(report)
                }
            };
            if answers.send(answer).is_err() {
                break;
            }
        }
        *lock(&self.0.connection) = None;
        let _ = answers.send(Answer::Lost);
    }

    fn drain(&self) {
        lock(&self.0.outputs).iter().for_each(|output| output.drain());
    }

    fn note_variables(&self, report: &CellReport) {
        let mut rdds = lock(&self.0.rdds);
        for name in &report.gone {
            rdds.remove(name);
        }
        for variable in &report.stored {
            match variable.rdd {
                Some(rdd) => rdds.insert(variable.name.clone(), rdd),
                None => rdds.remove(&variable.name),
            };
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(mut process) = lock(&self.process).take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Output {
    fn pump(&self, stream: Stream, sink: &Sink) {
        let mut chunk = vec![0; 64 * 1024];
        while self.is_ready(PollTimeout::NONE) {
            let _passing_on = lock(&self.passing_on);
            match (&self.pipe).read(&mut chunk) {
                Ok(read @ 1..) => sink(stream, &chunk[..read]),
                _ => break,
            }
        }
    }

    /// Waits until everything that is in the pipe has been passed on.
    fn drain(&self) {
        loop {
            drop(lock(&self.passing_on));
            if !self.is_ready(PollTimeout::ZERO) {
                break;
            }
            std::thread::yield_now();
        }
        drop(lock(&self.passing_on));
    }

    /// Whether there is something to read; at the end of the stream there is nothing any more.
    fn is_ready(&self, timeout: PollTimeout) -> bool {
        let mut pipes = [PollFd::new(self.pipe.as_fd(), PollFlags::POLLIN)];
        loop {
            match poll(&mut pipes, timeout) {
                Err(nix::errno::Errno::EINTR) => {}
                polled => {
                    let readable = pipes[0].revents().is_some_and(|events| events.contains(PollFlags::POLLIN));
                    return polled.is_ok_and(|ready| ready > 0) && readable;
                }
            }
        }
    }
}
