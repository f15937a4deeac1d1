//! Frames: a byte stream cut into messages, each with the protocol's version and a checksum. What a message says is not their
//! concern.

use bytes::Buf;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The version of frames, handshake and messages; peers must have the same one.
pub(crate) const VERSION: u16 = 1;
/// The most bytes of a frame between peers that know each other.
pub(crate) const LIMIT: usize = 1 << 30;
/// The same for a peer that has not proved yet that it belongs to the application.
pub(crate) const UNAUTHENTICATED_LIMIT: usize = 4 << 10;

const MAGIC: [u8; 4] = *b"dprk";
/// Magic, version, length, checksum.
const HEADER: usize = 4 + 2 + 4 + 4;

/// What is wrong with the bytes that a peer sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("the peer does not speak dpark's protocol: it sent {}", .0.escape_ascii())]
    NotDpark(Vec<u8>),
    #[error("the peer speaks version {theirs} of dpark's protocol where {VERSION} is expected")]
    Version { theirs: u16 },
    #[error("a frame of {length} bytes is longer than the limit of {limit}")]
    TooLong { length: usize, limit: usize },
    #[error("the checksum of a frame of {length} bytes is wrong")]
    Checksum { length: usize },
    #[error("a frame was cut off after {got} of {expected} bytes")]
    CutOff { got: usize, expected: usize },
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Sends one frame.
pub(crate) async fn write_frame(stream: &mut (impl AsyncWrite + Unpin), payload: &[u8]) -> io::Result<()> {
    let header = header(payload)?;
    // Both at once where the stream can: a header alone would be a packet of its own.
    stream.write_all_buf(&mut Buf::chain(&header[..], payload)).await?;
    stream.flush().await
}

fn header(payload: &[u8]) -> io::Result<[u8; HEADER]> {
    let length = u32::try_from(payload.len()).ok().filter(|length| *length as usize <= LIMIT).ok_or_else(|| {
        let message = format!("a message of {} bytes does not fit into a frame", payload.len());
        io::Error::new(io::ErrorKind::InvalidInput, message)
    })?;
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(&MAGIC);
    header[4..6].copy_from_slice(&VERSION.to_le_bytes());
    header[6..10].copy_from_slice(&length.to_le_bytes());
    header[10..].copy_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    Ok(header)
}

/// Receives one frame of at most `limit` bytes; none if the stream ends before it. After an error, or when the future is
/// dropped, the stream is of no use any more.
pub(crate) async fn read_frame(
    stream: &mut (impl AsyncRead + Unpin),
    limit: usize,
) -> Result<Option<Vec<u8>>, FrameError> {
    // A claimed length is not believed before as many bytes have come.
    const AT_FIRST: usize = 1 << 20;
    let mut header = Vec::with_capacity(HEADER);
    stream.take(HEADER as u64).read_to_end(&mut header).await?;
    if header.is_empty() {
        return Ok(None);
    }
    let (length, checksum) = parse(&header, limit)?;
    let mut payload = Vec::with_capacity(length.min(AT_FIRST));
    stream.take(length as u64).read_to_end(&mut payload).await?;
    if payload.len() < length {
        return Err(FrameError::CutOff { got: HEADER + payload.len(), expected: HEADER + length });
    }
    if crc32c::crc32c(&payload) != checksum {
        return Err(FrameError::Checksum { length });
    }
    Ok(Some(payload))
}

/// Length and checksum of the payload behind a header.
fn parse(header: &[u8], limit: usize) -> Result<(usize, u32), FrameError> {
    if !header.starts_with(&MAGIC[..header.len().min(MAGIC.len())]) {
        return Err(FrameError::NotDpark(header.to_vec()));
    }
    let Ok(&[_, _, _, _, v0, v1, l0, l1, l2, l3, c0, c1, c2, c3]) = <&[u8; HEADER]>::try_from(header) else {
        return Err(FrameError::CutOff { got: header.len(), expected: HEADER });
    };
    let theirs = u16::from_le_bytes([v0, v1]);
    if theirs != VERSION {
        return Err(FrameError::Version { theirs });
    }
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if length > limit {
        return Err(FrameError::TooLong { length, limit });
    }
    Ok((length, u32::from_le_bytes([c0, c1, c2, c3])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::duplex;

    /// The bytes of one frame.
    async fn frame(payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, payload).await.unwrap();
        bytes
    }

    async fn read(bytes: &[u8]) -> Result<Option<Vec<u8>>, FrameError> {
        let mut stream = bytes;
        read_frame(&mut stream, UNAUTHENTICATED_LIMIT).await
    }

    #[tokio::test]
    async fn frames_arrive_as_they_were_sent() {
        let (mut here, mut there) = duplex(100);
        let payloads: [Vec<u8>; 4] = [vec![], b"x".to_vec(), vec![7; 4096], (0..3_000_000).map(|i| i as u8).collect()];
        let sent = payloads.clone();
        let sender = tokio::spawn(async move {
            for payload in &sent {
                write_frame(&mut here, payload).await.unwrap();
            }
        });
        for payload in payloads {
            assert!(read_frame(&mut there, LIMIT).await.unwrap() == Some(payload));
        }
        assert!(read_frame(&mut there, LIMIT).await.unwrap().is_none(), "a clean end");
        sender.await.unwrap();
    }

    #[tokio::test]
    async fn the_layout_is_the_documented_one() {
        let crc = crc32c::crc32c(b"abc").to_le_bytes();
        assert_eq!(frame(b"abc").await, [b"dprk\x01\x00\x03\x00\x00\x00", &crc[..], b"abc"].concat());
    }

    #[tokio::test]
    async fn every_truncation_and_every_flipped_bit_is_noticed() {
        let whole = frame(b"payload").await;
        for n in 1..whole.len() {
            let error = read(&whole[..n]).await.unwrap_err();
            assert!(matches!(error, FrameError::CutOff { got, .. } if got == n), "{n} bytes: {error}");
        }
        for bit in 0..8 * whole.len() {
            let mut wrong = whole.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            let error = read(&wrong).await.expect_err(&format!("bit {bit}"));
            let named = match bit / 8 {
                0..4 => matches!(error, FrameError::NotDpark(_)),
                4..6 => matches!(error, FrameError::Version { .. }),
                6..10 => matches!(
                    error,
                    FrameError::TooLong { .. } | FrameError::CutOff { .. } | FrameError::Checksum { .. }
                ),
                _ => matches!(error, FrameError::Checksum { length: 7 }),
            };
            assert!(named, "bit {bit}: {error}");
        }
    }

    #[tokio::test]
    async fn errors_say_what_is_wrong() {
        let garbage = read(b"GET / HTTP/1.1\r\n").await.unwrap_err();
        assert_eq!(garbage.to_string(), r"the peer does not speak dpark's protocol: it sent GET / HTTP/1.1");
        assert!(matches!(read(b"GE").await, Err(FrameError::NotDpark(_))), "even if it is short");
        let mut newer = frame(b"").await;
        newer[4..6].copy_from_slice(&0x0203u16.to_le_bytes());
        let newer = read(&newer).await.unwrap_err().to_string();
        assert_eq!(newer, "the peer speaks version 515 of dpark's protocol where 1 is expected");
        let long = read(&frame(&[0; UNAUTHENTICATED_LIMIT + 1]).await).await.unwrap_err().to_string();
        assert_eq!(long, "a frame of 4097 bytes is longer than the limit of 4096");
        assert!(read(&frame(&[0; UNAUTHENTICATED_LIMIT]).await).await.is_ok());
    }

    #[tokio::test]
    async fn a_message_over_the_limit_is_not_sent() {
        let mut sent = Vec::new();
        let error = write_frame(&mut sent, &vec![0; LIMIT + 1]).await.unwrap_err();
        assert_eq!(error.to_string(), "a message of 1073741825 bytes does not fit into a frame");
        assert!(sent.is_empty());
    }
}
