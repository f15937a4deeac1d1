//! An executor: the main loop of its process. It connects to the driver, takes in what arrives, runs tasks on a pool of
//! its own and answers. It ends when the driver says so or is gone.

use super::exports::Exports;
use super::fetch::Fetcher;
use super::files::write_reply;
use super::identity;
use super::libraries;
use super::protocol::{Answer, AnswerEnd, Hello, ToDriver, ToExecutor, message, payload};
use crate::Conf;
use crate::broadcast::BroadcastHandle;
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
use crate::ship::Landing;
use crate::shuffle::{MapFiles, Need};
use crate::storage::{Disks, WorkDir, lock};
use crate::task::{Stop, TaskContext};
use rayon::ThreadPool;
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Replies of more bytes than this go through files.
const MAX_REPLY: usize = 1 << 20;

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
    let (memory, err) = match first {
        ToExecutor::Welcome { memory, err, .. } => (memory, err),
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
    let executor = Executor {
        landing: Landing::new(context),
        libraries,
        pool: Arc::new(pool),
        answers: sender,
        jobs: HashMap::new(),
        running: Arc::default(),
        fetcher: Arc::new(Fetcher::new(secret.clone())),
        replies: Replies { files, secret },
        _exports: exports,
    };
    tokio::spawn(beat(executor.answers.clone()));
    executor.obey(&mut incoming).await
}

/// Tells the driver again and again that this process is alive.
async fn beat(answers: UnboundedSender<Vec<u8>>) {
    while answers.send(payload(&ToDriver::Heartbeat)).is_ok() {
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

/// The tasks that run, to be told to stop.
type Running = Arc<Mutex<HashMap<TaskId, TaskContext>>>;

struct Executor {
    landing: Landing,
    /// Where libraries go.
    libraries: Disks,
    pool: Arc<ThreadPool>,
    answers: UnboundedSender<Vec<u8>>,
    /// The jobs that have arrived, or why they cannot be run.
    jobs: HashMap<JobId, Result<Arc<JobWork>, String>>,
    running: Running,
    fetcher: Arc<Fetcher>,
    replies: Replies,
    _exports: Exports,
}

/// Where large replies go.
#[derive(Clone)]
struct Replies {
    files: Arc<Disks>,
    secret: Secret,
}

impl Replies {
    /// How a task ends with this reply.
    fn end(&self, task: TaskId, reply: Vec<u8>) -> AnswerEnd {
        if reply.len() <= MAX_REPLY {
            return AnswerEnd::Done(reply);
        }
        match write_reply(&self.files, task, &reply, &self.secret) {
            Ok(large) => AnswerEnd::Large(large),
            Err(error) => AnswerEnd::Failed(Failure::Io {
                path: self.files.to_string(),
                message: format!("a result cannot be written ({error}); free some space, or name another `work_dir`"),
            }),
        }
    }
}

impl Executor {
    /// Works off the driver's messages until the last one.
    async fn obey(mut self, incoming: &mut BufReader<OwnedReadHalf>) -> Result<(), String> {
        while let Some(message) = next(incoming).await? {
            match message {
                ToExecutor::Welcome { .. } | ToExecutor::Refused(_) | ToExecutor::Stop => break,
                ToExecutor::Library(library) => {
                    let name = library.name.clone();
                    if let Err(problem) = libraries::arrive(library, &self.libraries, &self.landing.bases) {
                        // The job that needs it says so, too.
                        eprintln!("dpark executor: {name}: {problem}");
                    }
                }
                ToExecutor::Broadcast { what, value } => {
                    let landed = edge::guard(|| BroadcastHandle::land(&what, &value, &self.landing));
                    if let Ok(Ok(handle)) = landed {
                        self.landing.keep_broadcast(handle);
                    }
                }
                ToExecutor::Job { job, work } => {
                    let landed = edge::guard(|| JobWork::land(&work, &self.landing));
                    let landed = landed.map_err(|panic| panic.to_string());
                    let landed = landed.and_then(|landed| landed.map_err(|error| error.to_string()));
                    self.jobs.insert(job, landed.map(Arc::new));
                }
                ToExecutor::Task { task, job, stage, partition } => self.start(task, job, stage, partition),
                ToExecutor::Kill(task) => {
                    if let Some(context) = lock(&self.running).get(&task) {
                        context.cancel();
                    }
                }
                ToExecutor::EndJob(job) => {
                    let ended = self.jobs.remove(&job);
                    // What its closures own may take its time to go.
                    self.pool.spawn(move || drop(ended));
                }
                ToExecutor::ForgetRdd(rdd) => self.landing.forget(rdd),
                ToExecutor::Uncache(rdd) => {
                    if let Ok(node) = self.landing.node(rdd) {
                        node.set_cached(None);
                        self.landing.context.arc().cache.remove_rdd(rdd);
                    }
                }
                ToExecutor::ForgetShuffle(shuffle) => {
                    self.fetcher.forget(shuffle);
                    if let Some(files) = &self.landing.context.arc().map_files {
                        files.remove(shuffle);
                    }
                }
                ToExecutor::ForgetBroadcast(id) => self.landing.forget_broadcast(id),
                ToExecutor::Taken(name) => {
                    // It is on one of the disks. What cannot be removed goes with the directory.
                    let paths = self.replies.files.directories().map(|directory| directory.join(&name));
                    paths.for_each(|path| drop(std::fs::remove_file(path)));
                }
                ToExecutor::Outputs { shuffle, at } => self.fetcher.outputs(shuffle, at),
                ToExecutor::Peers(peers) => self.fetcher.peers(peers),
            }
        }
        Ok(())
    }

    fn start(&self, task: TaskId, job: JobId, stage: usize, partition: usize) {
        let answers = self.answers.clone();
        let work = match self.jobs.get(&job) {
            Some(Ok(work)) => Arc::clone(work),
            Some(Err(problem)) => return answer(&answers, failed(task, problem.clone())),
            None => return answer(&answers, failed(task, format!("job {job} has not arrived"))),
        };
        let context = TaskContext::default();
        context.name(task);
        lock(&self.running).insert(task, context.clone());
        let running = Arc::clone(&self.running);
        let pool = Arc::clone(&self.pool);
        let needs = work.needs(stage, partition);
        let replies = self.replies.clone();
        let run = move || {
            let ended = run_task(task, &work, stage, partition, &context, &replies);
            lock(&running).remove(&task);
            answer(&answers, ended);
        };
        if needs.is_empty() {
            return self.pool.spawn(run);
        }
        self.fetch_then(task, needs, run, pool);
    }

    /// Fetches what a task needs, then runs it on the pool.
    fn fetch_then(&self, task: TaskId, needs: Vec<Need>, run: impl FnOnce() + Send + 'static, pool: Arc<ThreadPool>) {
        let (fetcher, engine) = (Arc::clone(&self.fetcher), self.landing.context.clone());
        let (running, answers) = (Arc::clone(&self.running), self.answers.clone());
        tokio::spawn(async move {
            match fetcher.fetch(needs, engine.arc()).await {
                Ok(inputs) => {
                    if let Some(context) = lock(&running).get(&task) {
                        context.provide(inputs);
                    }
                    pool.spawn(run);
                }
                Err(failure) => {
                    lock(&running).remove(&task);
                    let end = AnswerEnd::Failed(failure);
                    answer(&answers, Answer { task, metrics: Default::default(), end });
                }
            }
        });
    }
}

fn run_task(
    task: TaskId,
    work: &JobWork,
    stage: usize,
    partition: usize,
    context: &TaskContext,
    replies: &Replies,
) -> Answer {
    let began = Instant::now();
    let result = edge::guard(|| {
        context.check()?;
        work.answer(stage, partition, context)
    });
    // What the task printed without a newline is seen before its job has ended.
    let _ = std::io::stdout().flush();
    let mut metrics = context.metrics();
    metrics.run_micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    let end = match result {
        Ok(Ok(reply)) => replies.end(task, reply),
        Ok(Err(Stop::Cancelled)) => AnswerEnd::Cancelled,
        Ok(Err(Stop::Failed(failure))) | Err(failure) => AnswerEnd::Failed(failure),
    };
    Answer { task, metrics, end }
}

fn failed(task: TaskId, problem: String) -> Answer {
    Answer { task, metrics: Default::default(), end: AnswerEnd::Failed(Failure::Other(problem)) }
}

fn answer(answers: &UnboundedSender<Vec<u8>>, answer: Answer) {
    // Without a driver the process is about to end.
    let _ = answers.send(payload(&ToDriver::Answer(answer)));
}
