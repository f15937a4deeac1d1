//! How often each word occurs in 1 GB of text.

use crate::Workload;
use crate::chunks::{chunks, fold};
use crate::input::Data;
use crate::radix::{Buffers, PIECES, piece};
use dpark::{CompactString, DparkContext, Rdd, Result};

pub(crate) const WORKLOAD: Workload =
    Workload { name: "wordcount", script: "wordcount", files: &["words"], limits: (2.5, 2.5), engine, twin };

pub(crate) fn engine(ctx: &DparkContext, data: &Data) -> Result<String> {
    let words = ctx
        .text_file(data.path("words"))
        .flat_map_str(|line, out| line.split_ascii_whitespace().for_each(|word| out.emit(CompactString::from(word))));
    let counts = words.map(|word| (word, 1u64)).reduce_by_key(|a, b| a + b);
    summary(&counts)
}

/// Distinct words, all words, and a checksum.
pub(crate) fn summary<W: AsRef<str> + 'static>(counts: &Rdd<(W, u64)>) -> Result<String> {
    let checked = counts.map(|(word, count)| (1u64, count, check(word.as_ref().as_bytes(), count)));
    let (distinct, total, checksum) = checked.reduce(|a, b| (a.0 + b.0, a.1 + b.1, a.2.wrapping_add(b.2)))?;
    Ok(format!("{distinct} {total} {checksum}"))
}

pub(crate) fn check(word: &[u8], count: u64) -> u64 {
    word.iter().fold(count, |sum, byte| sum.wrapping_mul(0x100_0000_01b3) ^ u64::from(*byte))
}

/// A word that lies in the mapped text. Its first bytes are at hand, so that a short one is compared without a look at the text.
#[derive(Clone, Copy)]
struct Word<'a> {
    prefix: u64,
    text: &'a [u8],
}

impl<'a> Word<'a> {
    /// The word `text[start..end]`.
    #[inline]
    fn new(text: &'a [u8], start: usize, end: usize) -> Word<'a> {
        let word = &text[start..end];
        let prefix = match text[start..].first_chunk::<8>() {
            Some(bytes) if word.len() >= 8 => u64::from_le_bytes(*bytes),
            Some(bytes) => u64::from_le_bytes(*bytes) & ((1 << (word.len() * 8)) - 1),
            None => word.iter().rev().fold(0, |prefix, byte| prefix << 8 | u64::from(*byte)),
        };
        Word { prefix, text: word }
    }

    #[inline]
    fn hash(&self) -> u64 {
        let mut state = fold_product(self.prefix ^ self.text.len() as u64, FACTOR);
        if self.text.len() > 8 {
            state = hash_rest(state, &self.text[8..]);
        }
        state
    }

    #[inline]
    fn is(&self, other: &Word<'_>) -> bool {
        self.prefix == other.prefix
            && self.text.len() == other.text.len()
            && (self.text.len() <= 8 || self.text[8..] == other.text[8..])
    }
}

/// Counts of the words of a piece: open addressing with linear probing; what counts nothing is empty.
struct Counts<'a> {
    slots: Vec<(Word<'a>, u64)>,
    used: usize,
}

/// Words that are looked up together, so that the table's memory is waited for once.
const GROUP: usize = 16;

impl<'a> Counts<'a> {
    fn new() -> Counts<'a> {
        Counts { slots: vec![(EMPTY, 0); 1024], used: 0 }
    }

    fn add_all(&mut self, words: &[Word<'a>]) {
        let (groups, rest) = words.as_chunks::<GROUP>();
        for group in groups {
            let hashes = group.map(|word| word.hash());
            let slots = hashes.map(|hash| self.slot(hash));
            let prefixes = slots.map(|slot| self.slots[slot].0.prefix);
            for i in 0..GROUP {
                let known = self.slots.get_mut(slots[i]).filter(|_| prefixes[i] == group[i].prefix);
                match known.filter(|known| known.0.is(&group[i])) {
                    Some(known) => known.1 += 1,
                    None => self.add(group[i], hashes[i], 1),
                }
            }
        }
        rest.iter().for_each(|word| self.add(*word, word.hash(), 1));
    }

    #[inline]
    fn slot(&self, hash: u64) -> usize {
        (hash >> 24) as usize & (self.slots.len() - 1)
    }

    fn add(&mut self, word: Word<'a>, hash: u64, count: u64) {
        if self.used * 2 >= self.slots.len() {
            let double = self.slots.len() * 2;
            let old = std::mem::replace(&mut self.slots, vec![(EMPTY, 0); double]);
            self.used = 0;
            old.iter().filter(|slot| slot.1 > 0).for_each(|(word, count)| self.add(*word, word.hash(), *count));
        }
        let mut at = self.slot(hash);
        while self.slots[at].1 > 0 && !self.slots[at].0.is(&word) {
            at = (at + 1) & (self.slots.len() - 1);
        }
        let slot = &mut self.slots[at];
        self.used += usize::from(slot.1 == 0);
        *slot = (word, slot.1 + count);
    }

    fn iter(&self) -> impl Iterator<Item = &(Word<'a>, u64)> {
        self.slots.iter().filter(|slot| slot.1 > 0)
    }
}

const EMPTY: Word<'static> = Word { prefix: 0, text: &[] };

/// What one thread knows. The frequent words are counted in a small table, one word a slot; the others gather in buffers.
struct State<'a> {
    hot: Vec<(Word<'a>, u64)>,
    buffers: Buffers<Word<'a>>,
    tables: Vec<Counts<'a>>,
}

const HOT: usize = 8192;

fn twin(data: &Data) -> String {
    let text = data.map("words");
    let mut states = fold(
        data.threads,
        &chunks(&text),
        || State {
            hot: vec![(EMPTY, 0); HOT],
            buffers: Buffers::new(),
            tables: (0..PIECES).map(|_| Counts::new()).collect(),
        },
        |state, chunk| state.count_words(chunk),
    );
    for State { hot, buffers, tables } in &mut states {
        buffers.finish(|piece, words| tables[piece].add_all(words));
        for (word, count) in hot.drain(..).filter(|(_, count)| *count > 0) {
            let hash = word.hash();
            tables[piece(hash)].add(word, hash, count);
        }
    }
    let pieces: Vec<usize> = (0..PIECES).collect();
    let parts = fold(
        data.threads,
        &pieces,
        || (0, 0, 0u64),
        |(distinct, sum, checksum), piece| {
            let mut total = Counts::new();
            for State { tables, .. } in &states {
                tables[*piece].iter().for_each(|(word, count)| total.add(*word, word.hash(), *count));
            }
            for (word, count) in total.iter() {
                *distinct += 1;
                *sum += count;
                *checksum = checksum.wrapping_add(check(word.text, *count));
            }
        },
    );
    let (distinct, total, checksum) =
        parts.iter().fold((0, 0, 0u64), |a, b| (a.0 + b.0, a.1 + b.1, a.2.wrapping_add(b.2)));
    format!("{distinct} {total} {checksum}")
}

impl<'a> State<'a> {
    fn count_words(&mut self, text: &'a [u8]) {
        let mut start = 0;
        while start < text.len() {
            let end = end_of_word(text, start);
            if end > start {
                self.count(Word::new(text, start, end));
            }
            start = end + 1;
        }
    }

    #[inline]
    fn count(&mut self, word: Word<'a>) {
        let hash = word.hash();
        let slot = &mut self.hot[hash as usize & (HOT - 1)];
        if slot.0.is(&word) {
            slot.1 += 1;
        } else if slot.1 == 0 {
            *slot = (word, 1);
        } else {
            // The slot belongs to the word that came first: a frequent one most of the time.
            let tables = &mut self.tables;
            self.buffers.push(piece(hash), word, |piece, words| tables[piece].add_all(words));
        }
    }
}

/// Where the whitespace behind a word is. Most words end within eight bytes, which are looked at together.
#[inline]
fn end_of_word(text: &[u8], start: usize) -> usize {
    const EACH: u64 = 0x0101_0101_0101_0101;
    if let Some(bytes) = text[start..].first_chunk::<8>() {
        let bytes = u64::from_le_bytes(*bytes);
        // The lowest bit that is set belongs to the first byte up to a blank.
        let ends = bytes.wrapping_sub(EACH * 0x21) & !bytes & (EACH * 0x80);
        let end = start + ends.trailing_zeros() as usize / 8;
        if ends != 0 && text[end].is_ascii_whitespace() {
            return end;
        }
    }
    let end = text[start..].iter().position(u8::is_ascii_whitespace);
    end.map_or(text.len(), |length| start + length)
}

const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

#[inline(never)]
fn hash_rest(mut state: u64, mut rest: &[u8]) -> u64 {
    while let Some((word, behind)) = rest.split_first_chunk::<8>() {
        state = fold_product(state ^ u64::from_le_bytes(*word), FACTOR);
        rest = behind;
    }
    let last = rest.iter().fold(0, |last, byte| last << 8 | u64::from(*byte));
    fold_product(state ^ last, FACTOR)
}

#[inline]
fn fold_product(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}
