//! The index of a map output on disk.

use crate::ids::ShuffleId;
use crate::net::secret::{MAC_BYTES, Mac, Secret};
use std::borrow::Cow;
use std::ops::Range;

const MAGIC: [u8; 8] = *b"dparkmap";
const VERSION: u8 = 1;
/// Magic, version, shuffle, map partition, number of blocks.
const HEADER_BYTES: usize = 8 + 1 + 8 + 8 + 8;
/// Form, offset, stored length, raw length, code.
const ENTRY_BYTES: usize = 1 + 8 + 8 + 8 + MAC_BYTES;

/// How the bytes of a block are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Plain = 0,
    Lz4 = 1,
}

/// Where the blocks of a map output are in its data file, and what they must be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Index {
    shuffle: ShuffleId,
    map: usize,
    blocks: Vec<Entry>,
}

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    form: Form,
    offset: u64,
    stored: u64,
    raw: u64,
    mac: Mac,
}

impl Entry {
    fn end(&self) -> u64 {
        self.offset + self.stored
    }
}

impl Index {
    pub(crate) fn new(shuffle: ShuffleId, map: usize) -> Index {
        Index { shuffle, map, blocks: Vec::new() }
    }

    /// Appends the next block.
    pub(super) fn add(&mut self, form: Form, raw: usize, stored: &[u8], secret: &Secret) {
        let mac = self.with_parts(self.blocks.len(), stored, |parts| secret.mac(parts));
        let (offset, stored) = (self.data_bytes(), stored.len() as u64);
        self.blocks.push(Entry { form, offset, stored, raw: raw as u64, mac });
    }

    /// Bytes of the data file.
    pub(super) fn data_bytes(&self) -> u64 {
        self.blocks.last().map_or(0, Entry::end)
    }

    /// Bytes of memory that it takes.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Index>() + self.blocks.capacity() * size_of::<Entry>()
    }

    /// Number of blocks.
    #[cfg(test)]
    pub(crate) fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Bytes of some blocks once they are decompressed.
    #[cfg(test)]
    pub(crate) fn raw_bytes(&self, blocks: Range<usize>) -> Result<u64, String> {
        Ok(self.entries(blocks)?.iter().map(|entry| entry.raw).sum())
    }

    /// Where some blocks, one behind the other, are in the data file.
    pub(crate) fn range(&self, blocks: Range<usize>) -> Result<Range<u64>, String> {
        let entries = self.entries(blocks)?;
        Ok(entries.first().map_or(0, |entry| entry.offset)..entries.last().map_or(0, Entry::end))
    }

    fn entries(&self, blocks: Range<usize>) -> Result<&[Entry], String> {
        let all = self.blocks.len();
        self.blocks.get(blocks.clone()).ok_or_else(|| format!("it has {all} blocks, but not {blocks:?}"))
    }

    /// The rows' bytes of a block, or what is wrong with the stored bytes. They are not looked into before it is certain that
    /// the application has written them, as this block. What was not compressed is where it is.
    pub(crate) fn decode<'a>(&self, block: usize, stored: &'a [u8], secret: &Secret) -> Result<Cow<'a, [u8]>, String> {
        let entry = self.blocks.get(block).ok_or_else(|| format!("it has no block {block}"))?;
        if stored.len() as u64 != entry.stored {
            return Err(format!("block {block} has {} bytes where {} were written", stored.len(), entry.stored));
        }
        if !self.with_parts(block, stored, |parts| secret.verifies(parts, &entry.mac)) {
            return Err(format!("the bytes of block {block} are not those that were written"));
        }
        if entry.form == Form::Plain {
            return Ok(Cow::Borrowed(stored));
        }
        let mut out = vec![0; entry.raw as usize];
        let length = lz4_flex::block::decompress_into(stored, &mut out)
            .map_err(|error| format!("block {block} cannot be decompressed: {error}"))?;
        if length as u64 != entry.raw {
            return Err(format!("block {block} has {length} bytes where {} went in", entry.raw));
        }
        Ok(Cow::Owned(out))
    }

    /// Whether a block is stored as it is.
    pub(crate) fn is_plain(&self, block: usize) -> bool {
        self.blocks.get(block).is_some_and(|entry| entry.form == Form::Plain)
    }

    /// What the code of a block is made of.
    fn with_parts<R>(&self, block: usize, stored: &[u8], then: impl FnOnce(&[&[u8]]) -> R) -> R {
        let [shuffle, map, block] = [self.shuffle.0, self.map as u64, block as u64].map(u64::to_le_bytes);
        then(&[b"dpark map block", &shuffle, &map, &block, stored])
    }

    pub(super) fn to_bytes(&self, secret: &Secret) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + ENTRY_BYTES * self.blocks.len() + MAC_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.push(VERSION);
        for number in [self.shuffle.0, self.map as u64, self.blocks.len() as u64] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for entry in &self.blocks {
            bytes.push(entry.form as u8);
            for number in [entry.offset, entry.stored, entry.raw] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            bytes.extend_from_slice(&entry.mac);
        }
        let mac = secret.mac(&[PURPOSE, &bytes]);
        bytes.extend_from_slice(&mac);
        bytes
    }

    /// Reads the index of a map partition of a shuffle, or tells what is wrong with it.
    pub(crate) fn parse(bytes: &[u8], secret: &Secret, shuffle: ShuffleId, map: usize) -> Result<Index, String> {
        let mut fields = Fields(bytes);
        if fields.take()? != MAGIC {
            return Err("its index is none".to_owned());
        }
        let [version] = fields.take()?;
        if version != VERSION {
            return Err(format!("its index has version {version} where {VERSION} is expected"));
        }
        let Some((signed, mac)) = bytes.split_last_chunk() else { return Err(CUT_OFF.to_owned()) };
        if !secret.verifies(&[PURPOSE, signed], mac) {
            return Err("its index is damaged, or of another application".to_owned());
        }
        let (of, its_map) = (ShuffleId(fields.number()?), fields.number()?);
        if (of, its_map) != (shuffle, map as u64) {
            return Err(format!("its index is that of map output {its_map} of shuffle {of}"));
        }
        let blocks = (0..fields.number()?).map(|_| fields.entry()).collect::<Result<_, String>>()?;
        Ok(Index { shuffle, map, blocks })
    }
}

/// What the code of an index is for.
const PURPOSE: &[u8] = b"dpark map index";
const CUT_OFF: &str = "its index is cut off";

/// The bytes of an index that were not read yet.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (field, rest) = self.0.split_first_chunk().ok_or(CUT_OFF)?;
        self.0 = rest;
        Ok(*field)
    }

    fn number(&mut self) -> Result<u64, String> {
        Ok(u64::from_le_bytes(self.take()?))
    }

    fn entry(&mut self) -> Result<Entry, String> {
        let form = match self.take()? {
            [0] => Form::Plain,
            [1] => Form::Lz4,
            [form] => return Err(format!("its index has a block of the unknown form {form}")),
        };
        let (offset, stored, raw) = (self.number()?, self.number()?, self.number()?);
        Ok(Entry { form, offset, stored, raw, mac: self.take()? })
    }
}
