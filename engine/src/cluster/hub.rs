//! The driver's side of the connections: a thread that listens, lets in who knows the secret and runs the same engine, and
//! passes on what executors say. It also serves the files that the driver offers, and tells executors who has which chunks.

mod line;
mod silence;

pub(crate) use line::{Line, Packed};

use super::exports::Exports;
use super::files::Files;
use super::holders::Holders;
use super::identity;
use super::protocol::{Answer, AnswerEnd, DRIVER, Hello, LargeReply, Peer, ToDriver, ToExecutor, payload};
use crate::error::Failure;
use crate::event::Event;
use crate::ids::{ExecutorId, TaskId};
use crate::net::frame::write_frame;
use crate::net::handshake::{Refusals, greet_as_server};
use crate::net::secret::Secret;
use crate::scheduler::Message;
use crate::storage::Disks;
use line::{unwritten, write};
use silence::{SILENCE, next};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;
use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::oneshot;

/// What the scheduler's thread is told.
pub(crate) enum News {
    /// An executor is there.
    Joined { executor: ExecutorId, hello: Hello, line: Line },
    /// A task has ended, and what it has left is being brought.
    Stopped { executor: ExecutorId, task: TaskId },
    /// A task has ended.
    Answered { executor: ExecutorId, answer: Answer },
    /// Something happened there.
    Happened { executor: ExecutorId, event: Event },
    /// Its process takes so much memory now.
    Takes { executor: ExecutorId, memory: u64 },
    /// It cannot go on.
    GivesUp { executor: ExecutorId, why: String },
    /// The connection has ended.
    Left { executor: ExecutorId, how: End },
}

/// How a connection has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The executor has closed it, or its process has ended.
    Closed,
    /// Nothing was heard for too long.
    Silent,
    /// What was heard makes no sense.
    Broken(String),
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            End::Closed => f.write_str("it closed the connection"),
            End::Silent => write!(f, "nothing was heard of it for {} s", SILENCE.as_secs()),
            End::Broken(what) => f.write_str(what),
        }
    }
}

/// The thread with the listener; it ends when this goes.
pub(crate) struct Hub {
    pub(crate) address: SocketAddr,
    /// The driver, as executors reach its files.
    pub(crate) peer: Peer,
    pub(crate) holders: Arc<Holders>,
    _stop: oneshot::Sender<()>,
}

impl Hub {
    /// Listens on the loopback interface, serves files below the directories of `disks` and tells `scheduler`.
    pub(crate) fn start(
        secret: Secret,
        refusals: Arc<Refusals>,
        disks: &Disks,
        scheduler: Sender<Message>,
    ) -> io::Result<Hub> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let directories: Vec<PathBuf> = disks.directories().map(Path::to_owned).collect();
        let exports = runtime.block_on(Exports::open(&directories)).map_err(io::Error::other)?;
        let peer = Peer { executor: DRIVER, disks: exports.served.clone(), host: identity::host() };
        let (stop, stopped) = oneshot::channel();
        let holders = Arc::new(Holders::default());
        let host = Host {
            secret,
            scheduler,
            refusals,
            executors: AtomicU64::new(0),
            files: Files::new(),
            holders: Arc::clone(&holders),
            _exports: exports,
        };
        std::thread::Builder::new().name("dpark-hub".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = Arc::new(host).listen(listener) => {}
                    // The other end goes with the hub.
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Hub { address, peer, holders, _stop: stop })
    }
}

struct Host {
    secret: Secret,
    scheduler: Sender<Message>,
    refusals: Arc<Refusals>,
    executors: AtomicU64,
    files: Files,
    holders: Arc<Holders>,
    _exports: Exports,
}

impl Host {
    async fn listen(self: Arc<Host>, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(Arc::clone(&self).serve(stream));
                }
                // Out of file descriptors, for one: wait for better times.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    async fn serve(self: Arc<Host>, mut stream: TcpStream) {
        // Whoever is refused is counted, and is told why.
        if stream.set_nodelay(true).is_err()
            || greet_as_server(&mut stream, &self.secret, &self.refusals).await.is_err()
        {
            return;
        }
        let (incoming, mut outgoing) = stream.into_split();
        let mut incoming = BufReader::with_capacity(1 << 16, incoming);
        let Ok(ToDriver::Hello(hello)) = next(&mut incoming).await else { return };
        if let Err(why) = same_engine(&hello) {
            let _ = write_frame(&mut outgoing, &payload(&ToExecutor::Refused(why))).await;
            return;
        }
        let executor = ExecutorId(self.executors.fetch_add(1, Ordering::Relaxed) + 1);
        let (sender, messages) = unbounded_channel();
        let writer = tokio::spawn(write(messages, outgoing));
        let peer = Arc::new(Peer::of(executor, &hello));
        let line = Line(sender);
        self.tell(News::Joined { executor, hello, line: line.clone() });
        let mut memory = 0;
        let how = loop {
            match next(&mut incoming).await {
                Ok(ToDriver::Answer(answer)) => match answer.end {
                    AnswerEnd::Large(reply) => {
                        self.tell(News::Stopped { executor, task: answer.task });
                        let (host, peer) = (Arc::clone(&self), Arc::clone(&peer));
                        let answer = Answer { end: AnswerEnd::Cancelled, ..answer };
                        tokio::spawn(host.take_reply(peer, line.clone(), answer, reply));
                    }
                    _ => self.tell(News::Answered { executor, answer }),
                },
                Ok(ToDriver::Event(event)) => self.tell(News::Happened { executor, event }),
                Ok(ToDriver::SeekChunk { broadcast, chunk }) => {
                    let at = self.holders.find(broadcast, chunk);
                    line.send(&ToExecutor::ChunkAt { broadcast, chunk, at });
                }
                Ok(ToDriver::HasChunk { broadcast, chunk }) => self.holders.has(broadcast, chunk, executor),
                Ok(ToDriver::Heartbeat { memory: now }) => {
                    if is_news(memory, now) {
                        memory = now;
                        self.tell(News::Takes { executor, memory });
                    }
                }
                Ok(ToDriver::GivesUp(why)) => self.tell(News::GivesUp { executor, why }),
                Ok(ToDriver::Hello(_)) => break End::Broken("it said hello twice".to_owned()),
                Err(how) => break how,
            }
        };
        self.holders.left(executor);
        let how = match how {
            // It closes a connection on which nothing comes any more.
            End::Closed if writer.is_finished() => unwritten(writer.await).map_or(how, End::Broken),
            how => how,
        };
        self.tell(News::Left { executor, how });
    }

    /// Brings a reply that is in a file, and lets the executor remove that.
    async fn take_reply(self: Arc<Host>, peer: Arc<Peer>, line: Line, answer: Answer, reply: LargeReply) {
        let end = match self.files.reply(&peer, answer.task, &reply, &self.secret).await {
            Ok(bytes) => AnswerEnd::Done(bytes),
            Err(problem) => AnswerEnd::Failed(Failure::Fetch(problem)),
        };
        line.send(&ToExecutor::Taken(reply.name));
        self.tell(News::Answered { executor: peer.executor, answer: Answer { end, ..answer } });
    }

    fn tell(&self, news: News) {
        // Without a scheduler the context has ended.
        let _ = self.scheduler.send(Message::News(news));
    }
}

/// Whether an executor takes so much more or less memory than before that it is worth telling.
fn is_news(before: u64, now: u64) -> bool {
    now.abs_diff(before) > (before / 16).max(128 << 10)
}

fn same_engine(hello: &Hello) -> Result<(), String> {
    let ours = identity::engine_hash().map_err(|error| format!("the driver cannot read its own engine: {error}"))?;
    if hello.engine == ours {
        return Ok(());
    }
    Err("this executor runs another build of the program or engine than the driver: start the driver again".to_owned())
}
