//! Serialised rows in chunks, each with its number of rows and a checksum: how blocks are kept in memory at the serialised
//! level, and what block files consist of. A reader verifies a chunk before it hands out its first row.

use crate::batch::Batch;
use crate::codec::{CodecVt, Reader, Writer};
use crate::error::Failure;

/// A chunk is complete when it has this many bytes; it may have more, since rows are not divided.
const CHUNK_BYTES: usize = 64 << 10;

/// Rows as bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk<'a> {
    pub(crate) rows: u64,
    pub(crate) checksum: u32,
    pub(crate) bytes: &'a [u8],
}

/// A chunk in memory of its own.
#[derive(Debug)]
pub(crate) struct OwnedChunk {
    rows: u64,
    checksum: u32,
    bytes: Box<[u8]>,
}

impl<'a> Chunk<'a> {
    fn new(rows: u64, bytes: &'a [u8]) -> Chunk<'a> {
        Chunk { rows, checksum: checksum(rows, bytes), bytes }
    }

    /// Whether it is what was written.
    pub(crate) fn is_intact(&self) -> bool {
        checksum(self.rows, self.bytes) == self.checksum
    }

    /// Reads all its rows to the end of the batch, or tells what is wrong with it.
    pub(crate) fn load(&self, codec: &CodecVt, out: &mut Batch) -> Result<(), String> {
        if !self.is_intact() {
            return Err("a checksum is wrong".to_owned());
        }
        let mut input = Reader::new(self.bytes);
        let rows = usize::try_from(self.rows).map_err(|_| "it has too many rows".to_owned())?;
        // SAFETY: the batch holds rows of the codec's type.
        let loaded = unsafe { (codec.load)(&mut input, rows, out) };
        loaded.map_err(|error| format!("a row cannot be deserialised: {error}"))?;
        if input.remaining() > 0 { Err("there are bytes behind the last row".to_owned()) } else { Ok(()) }
    }

    pub(crate) fn to_owned(self) -> OwnedChunk {
        OwnedChunk { rows: self.rows, checksum: self.checksum, bytes: self.bytes.into() }
    }
}

impl OwnedChunk {
    pub(crate) fn get(&self) -> Chunk<'_> {
        Chunk { rows: self.rows, checksum: self.checksum, bytes: &self.bytes }
    }

    /// Bytes of memory held.
    pub(crate) fn memory(&self) -> u64 {
        (self.bytes.len() + size_of::<OwnedChunk>()) as u64
    }
}

fn checksum(rows: u64, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&rows.to_le_bytes());
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

/// Serialises rows, chunk by chunk.
pub(crate) struct Encoder {
    codec: &'static CodecVt,
    out: Writer,
    rows: u64,
}

impl Encoder {
    pub(crate) fn new(codec: &'static CodecVt) -> Encoder {
        Encoder { codec, out: Writer::default(), rows: 0 }
    }

    /// Adds rows of the batch, from row `from` on, until the chunk is complete; returns how many it took.
    pub(crate) fn add(&mut self, rows: &Batch, from: usize) -> Result<usize, Failure> {
        let mut at = from;
        while at < rows.rows() && !self.is_complete() {
            let room = CHUNK_BYTES - self.out.bytes.len();
            // As many rows as are likely to fit, by the size of those before.
            let likely = (room as u64 * self.rows) / (self.out.bytes.len() as u64).max(1);
            let n = likely.clamp(1, 256).min((rows.rows() - at) as u64) as usize;
            // SAFETY: `n` rows from `at` on exist; the codec belongs to their type.
            unsafe { (self.codec.save)(rows.row(at), n, &mut self.out) }
                .map_err(|error| Failure::Other(format!("a row cannot be serialised: {error}")))?;
            self.rows += n as u64;
            at += n;
        }
        Ok(at - from)
    }

    /// Whether the chunk should be written now.
    pub(crate) fn is_complete(&self) -> bool {
        // Rows without bytes never fill a chunk.
        self.out.bytes.len() >= CHUNK_BYTES || self.rows >= CHUNK_BYTES as u64
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// What was added since the last `clear`.
    pub(crate) fn chunk(&self) -> Chunk<'_> {
        Chunk::new(self.rows, &self.out.bytes)
    }

    /// Begins the next chunk.
    pub(crate) fn clear(&mut self) {
        self.out.bytes.clear();
        self.rows = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Elem;
    use crate::codec::Codec;

    #[test]
    fn rows_come_back_in_their_order_and_damage_is_noticed() {
        let rows: Vec<String> = (0..20_000).map(|x| format!("row {x}")).collect();
        let batch = Batch::from_vec(rows.clone());
        let mut encoder = Encoder::new(Codec::<String>::VT);
        let (mut chunks, mut at) = (Vec::new(), 0);
        while at < rows.len() {
            at += encoder.add(&batch, at).unwrap();
            chunks.push(encoder.chunk().to_owned());
            encoder.clear();
        }
        assert!(chunks.len() > 3, "{}", chunks.len());
        let mut back = Batch::new(Elem::<String>::VT);
        for chunk in &chunks {
            chunk.get().load(Codec::<String>::VT, &mut back).unwrap();
        }
        // SAFETY: the batch was made for strings.
        assert_eq!(unsafe { back.into_vec::<String>() }, rows);
        chunks[1].bytes[7] ^= 1;
        let mut back = Batch::new(Elem::<String>::VT);
        assert_eq!(chunks[1].get().load(Codec::<String>::VT, &mut back).unwrap_err(), "a checksum is wrong");
        assert!(back.is_empty());
    }

    #[test]
    fn rows_without_bytes_make_chunks_too() {
        let batch = Batch::from_vec(vec![(); 200_000]);
        let mut encoder = Encoder::new(Codec::<()>::VT);
        let taken = encoder.add(&batch, 0).unwrap();
        assert!((1..200_000).contains(&taken) && encoder.is_complete(), "{taken}");
    }
}
