//! What all front ends see. One task sends it, so that all of it has one order: anybody posts, texts wait a moment for
//! more of their kind, and whatever else is posted goes out after the texts before it.

pub mod relay;
mod texts;

use crate::wire::{self, Request};
use bytes::Bytes;
use dpark_repl::session::Stream;
use jupyter_protocol::messaging::{IoPubWelcome, JupyterMessage, JupyterMessageContent};
use jupyter_zmq_client::{KernelIoPubXPubConnection, SubscriptionEvent};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use texts::Texts;
use tokio::sync::{mpsc, oneshot};

/// A text waits so long for more.
const TICK: Duration = Duration::from_millis(50);
/// So many bytes of text may be under way; who prints more waits.
const UNDER_WAY: usize = 4 << 20;

/// Posts messages. Cheap to clone.
#[derive(Clone)]
pub struct IoPub {
    posts: mpsc::UnboundedSender<Post>,
    under_way: Arc<UnderWay>,
}

enum Post {
    Message(Box<JupyterMessage>),
    Text(Stream, String, Option<Request>),
    Flush(oneshot::Sender<()>),
}

#[derive(Default)]
struct UnderWay {
    bytes: Mutex<usize>,
    fewer: Condvar,
}

impl UnderWay {
    fn bytes(&self) -> MutexGuard<'_, usize> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IoPub {
    /// The poster, and the sender that is to be run.
    pub fn new() -> (IoPub, Sender) {
        let (posts, posted) = mpsc::unbounded_channel();
        let under_way = Arc::<UnderWay>::default();
        (IoPub { posts, under_way: Arc::clone(&under_way) }, Sender { posted, under_way })
    }

    /// Posts a message that belongs to `parent`.
    pub fn post(&self, content: impl Into<JupyterMessageContent>, parent: Option<&JupyterMessage>) {
        self.post_message(wire::message(content, parent));
    }

    /// Posts a message as it is.
    pub fn post_message(&self, message: JupyterMessage) {
        // When the sender is gone the process is about to end.
        let _ = self.posts.send(Post::Message(Box::new(message)));
    }

    /// Posts a text that a cell has printed. Waits while too much is under way, so not for tasks of the runtime.
    pub fn text(&self, stream: Stream, text: String, parent: Option<Request>) {
        let mut bytes = self.under_way.bytes();
        while *bytes > UNDER_WAY {
            bytes = self.under_way.fewer.wait(bytes).unwrap_or_else(PoisonError::into_inner);
        }
        *bytes += text.len();
        drop(bytes);
        let _ = self.posts.send(Post::Text(stream, text, parent));
    }

    /// Returns when all that was posted before has been handed to the socket.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.posts.send(Post::Flush(done)).is_ok() {
            let _ = flushed.await;
        }
    }
}

/// The one sender.
pub struct Sender {
    posted: mpsc::UnboundedReceiver<Post>,
    under_way: Arc<UnderWay>,
}

impl Sender {
    /// Sends what is posted until no poster is left.
    pub async fn run(mut self, mut socket: KernelIoPubXPubConnection) {
        let mut texts = Texts::default();
        let mut due = Box::pin(tokio::time::sleep(TICK));
        loop {
            tokio::select! {
                biased;
                event = socket.recv_subscription() => match event {
                    Ok(SubscriptionEvent::Subscribe(topic)) => welcome(&mut socket, topic).await,
                    Ok(SubscriptionEvent::Unsubscribe(_)) => {}
                    // A front end is gone, or speaks nonsense.
                    Err(_) => tokio::task::yield_now().await,
                },
                post = self.posted.recv() => match post {
                    None => break,
                    Some(Post::Text(stream, text, parent)) => {
                        if texts.is_empty() {
                            due.as_mut().reset(tokio::time::Instant::now() + TICK);
                        }
                        if let Some(full) = texts.push(stream, &text, parent) {
                            self.send_texts(&mut socket, full).await;
                        }
                    }
                    Some(Post::Message(message)) => {
                        self.send_texts(&mut socket, texts.take()).await;
                        send(&mut socket, *message).await;
                    }
                    Some(Post::Flush(done)) => {
                        self.send_texts(&mut socket, texts.take()).await;
                        let _ = done.send(());
                    }
                },
                () = &mut due, if !texts.is_empty() => self.send_texts(&mut socket, texts.take()).await,
            }
        }
        self.send_texts(&mut socket, texts.take()).await;
    }

    async fn send_texts(&self, socket: &mut KernelIoPubXPubConnection, messages: Vec<texts::Text>) {
        for text in messages {
            let bytes = text.content.text.len();
            send(socket, wire::message(text.content, text.parent.as_deref())).await;
            let mut under_way = self.under_way.bytes();
            *under_way = under_way.saturating_sub(bytes);
            self.under_way.fewer.notify_all();
        }
    }
}

/// Says to a front end that its subscription has come.
async fn welcome(socket: &mut KernelIoPubXPubConnection, topic: String) {
    let frame = Bytes::from(topic.clone().into_bytes());
    let message = wire::message(IoPubWelcome::new(topic), None).with_zmq_identities(vec![frame]);
    publish(socket, message).await;
}

async fn send(socket: &mut KernelIoPubXPubConnection, message: JupyterMessage) {
    let topic = format!("kernel.{}", message.header.msg_type);
    publish(socket, message.with_zmq_identities(vec![Bytes::from(topic.into_bytes())])).await;
}

async fn publish(socket: &mut KernelIoPubXPubConnection, message: JupyterMessage) {
    if let Err(error) = socket.send(message).await {
        eprintln!("dpark-kernel: a message could not be published: {error}");
    }
}
