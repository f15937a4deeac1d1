//! An executor: the main loop of its process. It connects to the driver, says that it is alive, serves files, fetches those of
//! others, and hears what the driver says; what that leads to is done on other threads (`worker`, and a pool for tasks). It
//! ends when the driver says so or is gone.

mod attempt;
mod memory;
mod orders;
mod tasks;
mod worker;

pub(crate) use orders::{DIRECTORIES, DRIVER, LIBRARY_PATH, SLOTS, USERS_LIBRARY_PATH, as_on_the_driver};

use super::broadcasts::Broadcasts;
use super::exports::Exports;
use super::fetch::Fetcher;
use super::identity;
use super::protocol::{Hello, ToDriver, ToExecutor, message, payload};
use crate::Conf;
use crate::context::ContextHandle;
use crate::event::Event;
use crate::event_bus::EventBus;
use crate::net::frame::{LIMIT, read_frame, write_frame};
use crate::net::handshake::greet_as_client;
use crate::scheduler::{edge, local};
use crate::ship::Landing;
use crate::shuffle::MapFiles;
use crate::storage::{Disks, WorkDir};
use attempt::{Desk, Replies};
use memory::Watcher;
use orders::Orders;
use rayon::ThreadPool;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tasks::Tasks;
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use worker::{Heard, Worker};

/// How often the driver is told that this process is alive.
const HEARTBEAT: Duration = Duration::from_secs(1);

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

/// Becomes an executor and does not return, if the process was started as one and is none yet.
pub(crate) fn become_executor_if_told() {
    static BEGUN: AtomicBool = AtomicBool::new(false);
    if std::env::var_os(DRIVER).is_some() && !BEGUN.swap(true, Ordering::Relaxed) {
        std::process::exit(dpark_executor_main());
    }
}

fn run() -> Result<(), String> {
    edge::enter_thread();
    crate::display::show_nothing();
    let orders = Orders::read()?;
    memory::volunteer();
    // What `ps` shows: the arguments are those of the driver. Where that is not possible nothing is lost.
    let _ = std::fs::write("/proc/self/comm", "dpark-executor");
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
    let (tasks, used, line) = (Arc::new(Tasks::default()), Arc::new(AtomicU64::new(0)), sender.clone());
    let watcher = Watcher {
        executor: number,
        context: context.clone(),
        tasks: Arc::clone(&tasks),
        used: Arc::clone(&used),
        give_up: Box::new(move |why| drop(line.send(payload(&ToDriver::GivesUp(why))))),
    };
    watcher.start().map_err(|error| format!("a thread that watches the memory: {error}"))?;
    tokio::spawn(beat(sender.clone(), used));
    let fetcher = Arc::new(Fetcher::new(secret.clone()));
    let broadcasts = Arc::new(Broadcasts::new(number, Arc::clone(&files), Arc::clone(&fetcher), sender.clone()));
    let desk = Arc::new(Desk {
        context: context.clone(),
        pool: Arc::new(pool),
        runtime: tokio::runtime::Handle::current(),
        fetcher,
        tasks,
        answers: sender,
        replies: Replies { files, secret },
    });
    let (heard, inbox) = unbounded_channel();
    let worker =
        Worker::new(Landing::new(context), libraries, Arc::clone(&desk), Arc::clone(&broadcasts), heard.clone());
    worker.start(inbox).map_err(|error| format!("a thread that works off messages: {error}"))?;
    listen(incoming, &desk, &broadcasts, &heard).await
}

/// Passes on what the driver says, until it says no more. What cannot wait for what came before it is done at once.
async fn listen(
    mut incoming: BufReader<OwnedReadHalf>,
    desk: &Desk,
    broadcasts: &Broadcasts,
    heard: &UnboundedSender<Heard>,
) -> Result<(), String> {
    while let Some(message) = next(&mut incoming).await? {
        match message {
            ToExecutor::Welcome { .. } | ToExecutor::Refused(_) | ToExecutor::Stop => break,
            ToExecutor::Kill(task) => desk.kill(task),
            ToExecutor::ChunkAt { broadcast, chunk, at } => broadcasts.told(broadcast, chunk, at),
            message => {
                if let ToExecutor::Task { task, .. } = &message {
                    desk.tasks.arrived(*task);
                }
                heard.send(Heard::Message(message)).map_err(|_| "its worker has ended")?;
            }
        }
    }
    Ok(())
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
