//! An executor: the main loop of its process. It connects to the driver, takes in what arrives, runs tasks on a pool of
//! its own and answers. It ends when the driver says so or is gone.

mod attempt;
mod memory;

use super::broadcasts::Broadcasts;
use super::exports::Exports;
use super::fetch::Fetcher;
use super::held::Held;
use super::identity;
use super::libraries;
use super::protocol::{Answer, AnswerEnd, Hello, ToDriver, ToExecutor, message, payload};
use crate::Conf;
use crate::broadcast::{BroadcastHandle, ShippedBroadcast, ShippedValue};
use crate::context::ContextHandle;
use crate::error::Failure;
use crate::event::Event;
use crate::event_bus::EventBus;
use crate::ids::{JobId, TaskId};
use crate::job::JobWork;
use crate::net::frame::{LIMIT, read_frame, write_frame};
use crate::net::handshake::greet_as_client;
use crate::net::secret::Secret;
use crate::scheduler::{edge, local};
use crate::ship::{Landing, ShipError};
use crate::shuffle::MapFiles;
use crate::storage::{Disks, WorkDir, lock};
use attempt::{Attempt, Desk, Replies, Running};
use memory::Watcher;
use rayon::ThreadPool;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// How often the driver is told that this process is alive.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Where the driver listens; set in the environment of executors only.
pub(crate) const DRIVER: &str = "DPARK_EXECUTOR_DRIVER";
/// How many tasks the executor runs at once.
pub(crate) const SLOTS: &str = "DPARK_EXECUTOR_SLOTS";
/// The directories that the launcher has made for the executor, one on each disk; each is a line.
pub(crate) const DIRECTORIES: &str = "DPARK_EXECUTOR_DIRECTORIES";

/// Entry point of the stub process that becomes an executor. Returns the exit code.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn dpark_executor_main() -> i32 {
    match run() {
        Ok(()) => 0,
        Err(problem) => {
            eprintln!("dpark executor: {problem}");
            1
        }
    }
}

/// Becomes an executor and does not return, if the process was started as one.
pub(crate) fn become_executor_if_told() {
    if std::env::var_os(DRIVER).is_some() {
        std::process::exit(dpark_executor_main());
    }
}

/// What the launcher has told.
struct Orders {
    driver: String,
    slots: usize,
    directories: Vec<PathBuf>,
    secret: Secret,
}

impl Orders {
    fn read() -> Result<Orders, String> {
        let get =
            |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set: executors are started by dpark"));
        let (driver, slots, directories) = (get(DRIVER)?, get(SLOTS)?, get(DIRECTORIES)?);
        let slots = slots.parse().map_err(|_| format!("{SLOTS}={slots} is not a number"))?;
        for name in [DRIVER, SLOTS, DIRECTORIES, "DPARK_STUB_LIBRARIES", "DPARK_STUB_ENTRY"] {
            // SAFETY: no other thread has been started yet.
            unsafe { std::env::remove_var(name) };
        }
        // The secret comes through a pipe that nobody else can read.
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map_err(|error| format!("the secret cannot be read: {error}"))?;
        let secret = Secret::from_hex(line.trim()).ok_or("what came through the pipe is not a secret")?;
        let directories = directories.lines().map(PathBuf::from).collect();
        Ok(Orders { driver, slots, directories, secret })
    }
}

fn run() -> Result<(), String> {
    edge::enter_thread();
    let orders = Orders::read()?;
    memory::volunteer();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let (pool, _threads) = local::pool(orders.slots).map_err(|error| error.to_string())?;
    let directories = orders.directories.clone();
    let ended = runtime.block_on(serve(orders, pool));
    // Tasks that still run end with the process: nobody waits for them.
    directories.iter().for_each(|directory| drop(std::fs::remove_dir_all(directory)));
    match ended {
        Ok(()) => std::process::exit(0),
        Err(problem) => Err(problem),
    }
}

async fn serve(orders: Orders, pool: ThreadPool) -> Result<(), String> {
    let Orders { driver, slots, directories, secret } = orders;
    let at = |error: std::io::Error| format!("the driver at {driver}: {error}");
    let mut stream = TcpStream::connect(&driver).await.map_err(at)?;
    stream.set_nodelay(true).map_err(at)?;
    greet_as_client(&mut stream, &secret).await.map_err(|refused| format!("the driver at {driver}: {refused}"))?;
    let (incoming, mut outgoing) = stream.into_split();
    let (sender, mut answers): (UnboundedSender<Vec<u8>>, UnboundedReceiver<Vec<u8>>) = unbounded_channel();
    tokio::spawn(async move {
        while let Some(answer) = answers.recv().await {
            // Without a driver the reading side ends the process.
            if write_frame(&mut outgoing, &answer).await.is_err() {
                break;
            }
        }
    });
    let exports = Exports::open(&directories).await?;
    let hello = Hello {
        engine: identity::engine_hash().map_err(|error| format!("the engine's file: {error}"))?,
        pid: std::process::id(),
        slots,
        disks: exports.served.clone(),
        host: identity::host(),
    };
    // The channel is open as long as the writer is.
    let _ = sender.send(payload(&ToDriver::Hello(hello)));
    let mut incoming = BufReader::with_capacity(1 << 16, incoming);
    let Some(first) = next(&mut incoming).await? else { return Ok(()) };
    let (number, memory, err) = match first {
        ToExecutor::Welcome { executor, memory, err } => (executor, memory, err),
        ToExecutor::Refused(why) => return Err(why),
        other => return Err(format!("the driver began with {other:?}")),
    };
    let conf = Conf { memory, err, ..Conf::default() };
    let bus = EventBus::new();
    forward_events(&bus, &sender);
    // The driver's user knows what the private directories are in.
    let disks = |directories, depth| {
        let root = move |directory: &Path| directory.ancestors().nth(depth).unwrap_or(directory).to_owned();
        Disks::new(directories, bus.clone()).named(root)
    };
    let files = Arc::new(disks(exports.directories(), 3));
    let map_files = MapFiles { disks: Arc::clone(&files), secret: secret.clone() };
    let (libraries, work_dir) = (disks(directories.clone(), 2), WorkDir::new(disks(directories, 2)));
    let context = ContextHandle::of_executor(conf, slots, bus, work_dir, map_files);
    let (running, used, line) = (Running::default(), Arc::new(AtomicU64::new(0)), sender.clone());
    let watcher = Watcher {
        executor: number,
        context: context.clone(),
        running: Arc::clone(&running),
        used: Arc::clone(&used),
        give_up: Box::new(move |why| drop(line.send(payload(&ToDriver::GivesUp(why))))),
    };
    watcher.start().map_err(|error| format!("a thread that watches the memory: {error}"))?;
    tokio::spawn(beat(sender.clone(), used));
    let fetcher = Arc::new(Fetcher::new(secret.clone()));
    let broadcasts = Broadcasts::new(number, Arc::clone(&files), Arc::clone(&fetcher), sender.clone());
    let desk = Desk {
        context: context.clone(),
        pool: Arc::new(pool),
        runtime: tokio::runtime::Handle::current(),
        fetcher,
        running,
        answers: sender,
        replies: Replies { files, secret },
    };
    let (heard, inbox) = unbounded_channel();
    tokio::spawn(listen(incoming, heard.clone()));
    let executor = Executor {
        landing: Arc::new(Landing::new(context)),
        libraries,
        jobs: HashMap::new(),
        desk: Arc::new(desk),
        broadcasts: Arc::new(broadcasts),
        held: Held::default(),
        heard,
        _exports: exports,
    };
    executor.obey(inbox).await
}

/// What the main loop is told.
enum Heard {
    /// By the driver.
    Message(ToExecutor),
    /// The value of a broadcast has arrived, or cannot be had.
    Landed(u64, Result<BroadcastHandle, ShipError>),
    /// The connection to the driver has ended.
    Ended(Result<(), String>),
}

/// Passes on what the driver says.
async fn listen(mut incoming: BufReader<OwnedReadHalf>, heard: UnboundedSender<Heard>) {
    let end = loop {
        match next(&mut incoming).await {
            // The main loop ends with the process.
            Ok(Some(message)) => drop(heard.send(Heard::Message(message))),
            Ok(None) => break Ok(()),
            Err(problem) => break Err(problem),
        }
    };
    let _ = heard.send(Heard::Ended(end));
}

/// Tells the driver again and again that this process is alive, and how much memory it takes.
async fn beat(answers: UnboundedSender<Vec<u8>>, used: Arc<AtomicU64>) {
    while answers.send(payload(&ToDriver::Heartbeat { memory: used.load(Ordering::Relaxed) })).is_ok() {
        tokio::time::sleep(HEARTBEAT).await;
    }
}

async fn next(incoming: &mut BufReader<OwnedReadHalf>) -> Result<Option<ToExecutor>, String> {
    match read_frame(incoming, LIMIT).await {
        Ok(Some(frame)) => message(&frame).map(Some),
        Ok(None) => Ok(None),
        Err(error) => Err(format!("the connection to the driver: {error}")),
    }
}

/// Tells the driver of what is stored and skipped here; the rest it knows better.
fn forward_events(bus: &EventBus, sender: &UnboundedSender<Vec<u8>>) {
    let sender = sender.clone();
    bus.subscribe(Box::new(move |event| {
        let concerns_the_driver = matches!(
            event,
            Event::BlockStored { .. }
                | Event::BlockRemoved { .. }
                | Event::BlockNotStored { .. }
                | Event::DiskSkipped { .. }
                | Event::RowsSkipped { .. }
        );
        if concerns_the_driver {
            let _ = sender.send(payload(&ToDriver::Event(event.clone())));
        }
    }));
}

struct Executor {
    landing: Arc<Landing>,
    /// Where libraries go.
    libraries: Disks,
    /// The jobs that have arrived, or why they cannot be run.
    jobs: HashMap<JobId, Result<Arc<JobWork>, String>>,
    desk: Arc<Desk>,
    broadcasts: Arc<Broadcasts>,
    /// What waits for them.
    held: Held,
    heard: UnboundedSender<Heard>,
    _exports: Exports,
}

impl Executor {
    /// Works off the driver's messages until the last one.
    async fn obey(mut self, mut inbox: UnboundedReceiver<Heard>) -> Result<(), String> {
        while let Some(heard) = inbox.recv().await {
            match heard {
                Heard::Message(ToExecutor::Welcome { .. } | ToExecutor::Refused(_) | ToExecutor::Stop) => break,
                Heard::Message(message) => {
                    if let Some(message) = self.held.pass(message, |job| self.jobs.contains_key(&job)) {
                        self.take(message);
                    }
                }
                Heard::Landed(id, value) => {
                    // Nobody may need it any more.
                    if self.held.arrived(id) {
                        self.landing.keep_broadcast(id, value);
                    }
                }
                Heard::Ended(end) => return end,
            }
            while let Some(message) = self.held.next() {
                self.take(message);
            }
        }
        Ok(())
    }

    fn take(&mut self, message: ToExecutor) {
        match message {
            // They end the loop.
            ToExecutor::Welcome { .. } | ToExecutor::Refused(_) | ToExecutor::Stop => {}
            ToExecutor::Library(library) => {
                let name = library.name.clone();
                if let Err(problem) = libraries::arrive(library, &self.libraries, &self.landing.bases) {
                    // The job that needs it says so, too.
                    eprintln!("dpark executor: {name}: {problem}");
                }
            }
            ToExecutor::Broadcast(broadcast) => self.expect(broadcast),
            ToExecutor::ChunkAt { broadcast, chunk, at } => self.broadcasts.told(broadcast, chunk, at),
            ToExecutor::Job { job, work } => {
                let landed = edge::guard(|| JobWork::land(&work, &self.landing));
                let landed = landed.map_err(|panic| panic.to_string());
                let landed = landed.and_then(|landed| landed.map_err(|error| error.to_string()));
                self.jobs.insert(job, landed.map(Arc::new));
            }
            ToExecutor::Task { task, job, stage, partition } => self.start(task, job, stage, partition),
            ToExecutor::Kill(task) => {
                if let Some(context) = lock(&self.desk.running).get(&task) {
                    context.cancel();
                } else if self.held.cancel(task) {
                    let (metrics, end) = (Default::default(), AnswerEnd::Cancelled);
                    self.desk.answer(Answer { task, metrics, end });
                }
            }
            ToExecutor::EndJob(job) => {
                let ended = self.jobs.remove(&job);
                // What its closures own may take its time to go.
                self.desk.pool.spawn(move || drop(ended));
            }
            ToExecutor::ForgetRdd(rdd) => self.landing.forget(rdd),
            ToExecutor::Uncache(rdd) => {
                if let Ok(node) = self.landing.node(rdd) {
                    node.set_cached(None);
                    self.landing.context.arc().cache.remove_rdd(rdd);
                }
            }
            ToExecutor::ForgetShuffle(shuffle) => {
                self.desk.fetcher.forget(shuffle);
                if let Some(files) = &self.landing.context.arc().map_files {
                    files.remove(shuffle);
                }
            }
            ToExecutor::ForgetBroadcast(id) => {
                self.held.arrived(id);
                self.broadcasts.forget(id);
                self.landing.forget_broadcast(id);
            }
            ToExecutor::Taken(name) => {
                // It is on one of the disks. What cannot be removed goes with the directory.
                let paths = self.desk.replies.files.directories().map(|directory| directory.join(&name));
                paths.for_each(|path| drop(std::fs::remove_file(path)));
            }
            ToExecutor::Outputs { shuffle, at } => self.desk.fetcher.outputs(shuffle, at),
            ToExecutor::Peers(peers) => self.desk.fetcher.peers(peers),
        }
    }

    /// Makes the value of a broadcast, once its bytes are here.
    fn expect(&mut self, broadcast: ShippedBroadcast) {
        let id = broadcast.id;
        let parts = match &broadcast.value {
            ShippedValue::Bytes(bytes) => {
                return self.landing.keep_broadcast(id, land(&broadcast, bytes, &self.landing));
            }
            ShippedValue::Chunks(parts) => Arc::clone(parts),
        };
        self.held.wait_for(id);
        let mut memory = self.landing.context.arc().budget.reserve();
        memory.grow(parts.bytes());
        let (landing, pool, heard) = (Arc::clone(&self.landing), Arc::clone(&self.desk.pool), self.heard.clone());
        self.broadcasts.fetch(id, parts, move |fetched| {
            // Decoding runs code of the user's and takes its time.
            pool.spawn(move || {
                let landed = fetched.map_err(ShipError::new).and_then(|bytes| land(&broadcast, &bytes, &landing));
                drop(memory);
                // The main loop ends with the process.
                let _ = heard.send(Heard::Landed(id, landed));
            });
        });
    }

    fn start(&self, task: TaskId, job: JobId, stage: usize, partition: usize) {
        match self.jobs.get(&job) {
            Some(Ok(work)) => {
                let work = Arc::clone(work);
                Attempt { task, stage, partition, work, desk: Arc::clone(&self.desk) }.begin();
            }
            Some(Err(problem)) => self.desk.answer(failed(task, problem.clone())),
            None => self.desk.answer(failed(task, format!("job {job} has not arrived"))),
        }
    }
}

fn failed(task: TaskId, problem: String) -> Answer {
    Answer { task, metrics: Default::default(), end: AnswerEnd::Failed(Failure::Other(problem)) }
}

fn land(broadcast: &ShippedBroadcast, bytes: &[u8], landing: &Landing) -> Result<BroadcastHandle, ShipError> {
    let landed = edge::guard(|| BroadcastHandle::land(broadcast, bytes, landing));
    landed.unwrap_or_else(|panic| Err(ShipError::new(panic.to_string())))
}
