//! How often each word occurs in 1 GB of text.

use crate::Workload;
use crate::chunks::{chunks, fold};
use crate::input::Data;
use crate::radix::{Buffers, PIECES, piece};
use dpark::{DparkContext, Result};
use hashbrown::HashTable;

pub(crate) const WORKLOAD: Workload =
    Workload { name: "wordcount", files: &["words"], limits: (2.5, 2.5), engine, twin };

fn engine(ctx: &DparkContext, data: &Data) -> Result<String> {
    let words = ctx
        .text_file(data.path("words"))
        .flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    let counts = words.map(|word| (word, 1u64)).reduce_by_key(|a, b| a + b);
    let checked = counts.map(|(word, count)| (1u64, count, check(word.as_bytes(), count)));
    let (distinct, total, checksum) = checked.reduce(|a, b| (a.0 + b.0, a.1 + b.1, a.2.wrapping_add(b.2)))?;
    Ok(format!("{distinct} {total} {checksum}"))
}

fn check(word: &[u8], count: u64) -> u64 {
    word.iter().fold(count, |sum, byte| sum.wrapping_mul(0x100_0000_01b3) ^ u64::from(*byte))
}

/// A word that lies in the mapped text.
#[derive(Clone, Copy)]
struct Word<'a> {
    hash: u64,
    text: &'a [u8],
}

/// Counts of words; the tables of the pieces.
type Counts<'a> = HashTable<(Word<'a>, u64)>;

/// What one thread knows. The frequent words are counted in a small table, one word a slot; the others gather in buffers.
struct State<'a> {
    hot: Vec<(Word<'a>, u64)>,
    buffers: Buffers<Word<'a>>,
    tables: Vec<Counts<'a>>,
}

const HOT: usize = 4096;

fn twin(data: &Data) -> String {
    let text = data.map("words");
    let empty = Word { hash: 0, text: &[] };
    let mut states = fold(
        data.threads,
        &chunks(&text),
        || State {
            hot: vec![(empty, 0); HOT],
            buffers: Buffers::new(),
            tables: (0..PIECES).map(|_| HashTable::new()).collect(),
        },
        |state, chunk| state.count_words(chunk),
    );
    for State { hot, buffers, tables } in &mut states {
        buffers.finish(|piece, words| words.for_each(|word| add(&mut tables[piece], word, 1)));
        for (word, count) in hot.drain(..).filter(|(_, count)| *count > 0) {
            add(&mut tables[piece(word.hash)], word, count);
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
                tables[*piece].iter().for_each(|(word, count)| add(&mut total, *word, *count));
            }
            for (word, count) in &total {
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
        for (at, byte) in text.iter().enumerate() {
            if byte.is_ascii_whitespace() {
                if at > start {
                    self.count(&text[start..at]);
                }
                start = at + 1;
            }
        }
        if start < text.len() {
            self.count(&text[start..]);
        }
    }

    #[inline]
    fn count(&mut self, text: &'a [u8]) {
        let word = Word { hash: hash(text), text };
        let slot = &mut self.hot[word.hash as usize & (HOT - 1)];
        if slot.0.hash == word.hash && slot.0.text == text {
            slot.1 += 1;
        } else if slot.1 == 0 {
            *slot = (word, 1);
        } else {
            // The slot belongs to the word that came first: a frequent one most of the time.
            let tables = &mut self.tables;
            self.buffers.push(piece(word.hash), word, |piece, words| {
                let table = &mut tables[piece];
                words.for_each(|word| add(table, word, 1));
            });
        }
    }
}

#[inline]
fn hash(text: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = text.len() as u64;
    let mut rest = text;
    while let Some((word, behind)) = rest.split_first_chunk::<8>() {
        state = fold_product(state ^ u64::from_le_bytes(*word), FACTOR);
        rest = behind;
    }
    let mut last = 0;
    for byte in rest {
        last = last << 8 | u64::from(*byte);
    }
    fold_product(state ^ last, FACTOR)
}

#[inline]
fn fold_product(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[inline]
fn add<'a>(table: &mut Counts<'a>, word: Word<'a>, count: u64) {
    table
        .entry(word.hash, |(known, _)| known.hash == word.hash && known.text == word.text, |(known, _)| known.hash)
        .and_modify(|(_, known)| *known += count)
        .or_insert((word, count));
}
