//! Word count against the program that most would write without an engine: one hash map a thread, from words in the mapped
//! text to their counts. The engine counts once as it is meant to be used for speed, and once as users begin, with a `Vec`
//! a line and a `String` a word.

use crate::Workload;
use crate::chunks::{chunks, fold};
use crate::input::Data;
use crate::word_count::{self, check, summary};
use dpark::{DparkContext, Result};
use hashbrown::HashMap;

pub(crate) const COMPACT: Workload =
    Workload { name: "wordcount-plain", limits: (1.5, 1.5), twin, ..word_count::WORKLOAD };

pub(crate) const STRINGS: Workload =
    Workload { name: "wordcount-strings", script: "wordcount-strings", engine: engine_of_strings, ..COMPACT };

fn engine_of_strings(ctx: &DparkContext, data: &Data) -> Result<String> {
    let words = ctx
        .text_file(data.path("words"))
        .flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    summary(&words.map(|word| (word, 1)).reduce_by_key(|a, b| a + b))
}

fn twin(data: &Data) -> String {
    let text = data.map("words");
    let maps = fold(data.threads, &chunks(&text), HashMap::<&[u8], u64>::new, |counts, chunk| {
        let words = chunk.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        words.for_each(|word| *counts.entry(word).or_insert(0) += 1);
    });
    let counts = maps.into_iter().reduce(|mut all, counts| {
        counts.into_iter().for_each(|(word, count)| *all.entry(word).or_insert(0) += count);
        all
    });
    let (mut distinct, mut total, mut checksum) = (0, 0, 0u64);
    for (word, count) in counts.into_iter().flatten() {
        distinct += 1;
        total += count;
        checksum = checksum.wrapping_add(check(word, count));
    }
    format!("{distinct} {total} {checksum}")
}
