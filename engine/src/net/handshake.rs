//! The first frames of a connection: both sides prove that they know the application's secret without telling it.
//!
//! ```text
//! client                                                   server
//!   HELLO      nonce of the client                ───────►
//!              ◄───────   CHALLENGE   nonce of the server, MAC("server", version, both nonces)
//!   PROOF      MAC("client", version, both nonces) ──────►
//!              ◄───────   WELCOME
//! ```
//!
//! Nonces are new on each connection, so what was recorded on one proves nothing on another; the role is part of the code, so
//! that a peer's own answer cannot be sent back to it. Whoever finds something wrong says so (REFUSED) and closes.

use super::frame::{self, FrameError, UNAUTHENTICATED_LIMIT, read_frame, write_frame};
use super::secret::{Mac, Secret, random};
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

/// How long the peer may take for all of it.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a refused peer may take to take the message.
const FAREWELL: Duration = Duration::from_secs(1);

const NONCE_BYTES: usize = 32;
type Nonce = [u8; NONCE_BYTES];

/// Why a connection was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the peer does not know the secret of this application")]
    WrongSecret,
    #[error("the peer refused the connection: {0}")]
    ByPeer(Cause),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("the peer closed the connection during the handshake")]
    Closed,
    #[error("the peer sent something else than the next message of the handshake")]
    Unexpected,
    #[error("the peer did not complete the handshake in {} s", .0.as_secs())]
    Silent(Duration),
}

impl Refused {
    fn cause(&self) -> Cause {
        match self {
            Refused::WrongSecret => Cause::Secret,
            Refused::ByPeer(cause) => *cause,
            Refused::Frame(FrameError::Version { .. }) => Cause::Version,
            Refused::Frame(_) | Refused::Closed | Refused::Unexpected => Cause::Frame,
            Refused::Silent(_) => Cause::Silence,
        }
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Refused {
        Refused::Frame(error.into())
    }
}

/// What the peer is told of why it is refused, and what is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Secret,
    Version,
    Frame,
    Silence,
}

impl Cause {
    const ALL: [Cause; 4] = [Cause::Secret, Cause::Version, Cause::Frame, Cause::Silence];
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cause::Secret => "wrong secret",
            Cause::Version => "wrong version of the protocol",
            Cause::Frame => "a malformed or unexpected message",
            Cause::Silence => "the handshake took too long",
        })
    }
}

/// How many connections a server has refused.
#[derive(Debug, Default)]
pub(crate) struct Refusals([AtomicU64; Cause::ALL.len()]);

impl Refusals {
    fn add(&self, cause: Cause) {
        self.0[cause as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many, for whatever reason.
    pub(crate) fn total(&self) -> u64 {
        self.0.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    #[cfg(test)]
    pub(crate) fn count(&self, cause: Cause) -> u64 {
        self.0[cause as usize].load(Ordering::Relaxed)
    }
}

/// The messages: a byte that tells which, and what it carries.
#[derive(Clone, Copy)]
enum Message {
    Hello(Nonce),
    Challenge(Nonce, Mac),
    Proof(Mac),
    Welcome,
    Refused(Cause),
}

impl Message {
    fn to_bytes(self) -> Vec<u8> {
        match self {
            Message::Hello(nonce) => [&[1], &nonce[..]].concat(),
            Message::Challenge(nonce, mac) => [&[2], &nonce[..], &mac].concat(),
            Message::Proof(mac) => [&[3], &mac[..]].concat(),
            Message::Welcome => vec![4],
            Message::Refused(cause) => vec![5, cause as u8],
        }
    }

    fn parse(bytes: &[u8]) -> Option<Message> {
        let (kind, rest) = bytes.split_first()?;
        Some(match kind {
            1 => Message::Hello(rest.try_into().ok()?),
            2 => {
                let (nonce, mac) = rest.split_at_checked(NONCE_BYTES)?;
                Message::Challenge(nonce.try_into().ok()?, mac.try_into().ok()?)
            }
            3 => Message::Proof(rest.try_into().ok()?),
            4 if rest.is_empty() => Message::Welcome,
            5 => match rest {
                [cause] => Message::Refused(*Cause::ALL.get(usize::from(*cause))?),
                _ => return None,
            },
            _ => return None,
        })
    }
}

/// Which side of a connection one is: the client is the one that connects.
#[derive(Clone, Copy)]
enum Role {
    Client,
    Server,
}

/// What the side that connects does first.
pub(crate) async fn greet_as_client<S>(stream: &mut S, secret: &Secret) -> Result<(), Refused>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    greet(Role::Client, stream, secret, PATIENCE).await
}

/// What the side that listens does first on each connection.
pub(crate) async fn greet_as_server<S>(stream: &mut S, secret: &Secret, refusals: &Refusals) -> Result<(), Refused>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    greet(Role::Server, stream, secret, PATIENCE).await.inspect_err(|refused| refusals.add(refused.cause()))
}

async fn greet<S>(role: Role, stream: &mut S, secret: &Secret, patience: Duration) -> Result<(), Refused>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let talk = async {
        match role {
            Role::Client => client(stream, secret).await,
            Role::Server => server(stream, secret).await,
        }
    };
    let refused = match timeout(patience, talk).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(refused)) => refused,
        Err(_) => Refused::Silent(patience),
    };
    if !matches!(refused, Refused::ByPeer(_) | Refused::Closed) {
        // The peer need not want to know.
        let _ = dismiss(stream, refused.cause()).await;
    }
    Err(refused)
}

async fn client<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, secret: &Secret) -> Result<(), Refused> {
    let mine = random()?;
    send(stream, Message::Hello(mine)).await?;
    let Message::Challenge(theirs, mac) = receive(stream).await? else { return Err(Refused::Unexpected) };
    if !secret.verifies(&proof(Role::Server, &mine, &theirs), &mac) {
        return Err(Refused::WrongSecret);
    }
    send(stream, Message::Proof(secret.mac(&proof(Role::Client, &mine, &theirs)))).await?;
    let Message::Welcome = receive(stream).await? else { return Err(Refused::Unexpected) };
    Ok(())
}

async fn server<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, secret: &Secret) -> Result<(), Refused> {
    let Message::Hello(theirs) = receive(stream).await? else { return Err(Refused::Unexpected) };
    let mine = random()?;
    send(stream, Message::Challenge(mine, secret.mac(&proof(Role::Server, &theirs, &mine)))).await?;
    let Message::Proof(mac) = receive(stream).await? else { return Err(Refused::Unexpected) };
    if !secret.verifies(&proof(Role::Client, &theirs, &mine), &mac) {
        return Err(Refused::WrongSecret);
    }
    Ok(send(stream, Message::Welcome).await?)
}

/// What a side makes a code of to prove that it knows the secret.
fn proof<'a>(role: Role, client: &'a Nonce, server: &'a Nonce) -> [&'a [u8]; 4] {
    const OURS: [u8; 2] = frame::VERSION.to_le_bytes();
    let purpose: &[u8] = match role {
        Role::Client => b"dpark handshake, client",
        Role::Server => b"dpark handshake, server",
    };
    [purpose, &OURS, client, server]
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), message: Message) -> io::Result<()> {
    write_frame(stream, &message.to_bytes()).await
}

async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> Result<Message, Refused> {
    let bytes = read_frame(stream, UNAUTHENTICATED_LIMIT).await?.ok_or(Refused::Closed)?;
    match Message::parse(&bytes).ok_or(Refused::Unexpected)? {
        Message::Refused(cause) => Err(Refused::ByPeer(cause)),
        message => Ok(message),
    }
}

/// Tells the peer why it is refused.
async fn dismiss<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, cause: Cause) -> io::Result<()> {
    timeout(FAREWELL, send(stream, Message::Refused(cause))).await??;
    super::part(stream).await
}

#[cfg(test)]
mod tests;
