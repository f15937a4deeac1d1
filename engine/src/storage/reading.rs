//! Reading the rows of a block, wherever they are.

use super::Persisted;
use super::block_file::BlockReader;
use super::cache::Stored;
use super::chunk::OwnedChunk;
use crate::batch::{Batch, ElemVt};
use crate::codec::CodecVt;
use std::sync::Arc;

/// A block that is being read.
pub(super) struct Reading {
    pub(super) stored: Stored,
    next: usize,
    /// Set once a block that is not kept as rows was opened.
    decoder: Option<Decoder>,
}

/// Serialised rows that are being read.
pub(super) struct Decoder {
    chunks: Chunks,
    rows: Batch,
}

enum Chunks {
    Memory { chunks: Arc<Vec<OwnedChunk>>, next: usize },
    File(BlockReader),
}

impl Decoder {
    /// Reads what a writer has written.
    pub(super) fn file(reader: BlockReader, elem: &'static ElemVt) -> Decoder {
        Decoder { chunks: Chunks::File(reader), rows: Batch::new(elem) }
    }

    /// Reads chunks in memory.
    pub(super) fn memory(chunks: Arc<Vec<OwnedChunk>>, elem: &'static ElemVt) -> Decoder {
        Decoder { chunks: Chunks::Memory { chunks, next: 0 }, rows: Batch::new(elem) }
    }

    /// Adds rows to the empty batch `out`; `false` if there are no more, or what is wrong with them.
    pub(super) fn next_batch(&mut self, codec: &CodecVt, out: &mut Batch) -> Result<bool, String> {
        while self.rows.is_empty() {
            let more = match &mut self.chunks {
                Chunks::File(reader) => reader.load(codec, &mut self.rows)?,
                Chunks::Memory { chunks, next } => {
                    let chunk = chunks.get(*next);
                    *next += 1;
                    chunk.map(|chunk| chunk.get().load(codec, &mut self.rows)).transpose()?.is_some()
                }
            };
            if !more {
                return Ok(false);
            }
        }
        self.rows.move_rows(out, out.limit);
        Ok(true)
    }
}

impl Reading {
    pub(super) fn new(stored: Stored) -> Reading {
        Reading { stored, next: 0, decoder: None }
    }

    /// The same for a block.
    pub(super) fn next_batch(&mut self, persisted: Persisted, out: &mut Batch) -> Result<bool, String> {
        let elem = out.elem();
        let opened = match &self.stored {
            Stored::Rows(block) => {
                let rows = block.get();
                let n = (rows.rows() - self.next).min(out.limit);
                if out.may_borrow {
                    out.borrow_rows(block, self.next, n);
                    self.next += n;
                    return Ok(n != 0);
                }
                // SAFETY: `n` rows are left from `next` on; the table is that of the row type.
                unsafe { (persisted.vt.clone)(rows.row(self.next), n, out) }
                self.next += n;
                return Ok(n != 0);
            }
            _ if self.decoder.is_some() => None,
            Stored::Chunks(chunks) => Some(Decoder::memory(Arc::clone(chunks), elem)),
            Stored::File(file) => Some(Decoder::file(BlockReader::open(&file.path)?, elem)),
        };
        self.decoder = opened.or(self.decoder.take());
        self.decoder.as_mut().map_or(Ok(false), |decoder| decoder.next_batch(persisted.vt.codec, out))
    }
}
