//! Word count: the most frequent words of a text, without the commonest of the language.
//!
//! `cargo run --release -p dpark --example word_count -- -m local[2]`

use dpark::DparkContext;
use std::collections::{HashMap, HashSet};
use std::error::Error;

const TEXT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../notebooks/data/sonnets.txt");

const COMMON: [&str; 20] = [
    "and", "the", "of", "to", "in", "that", "with", "is", "or", "but", "not", "as", "for", "from", "by", "so", "be",
    "if", "it", "on",
];

#[dpark::closures]
fn main() -> Result<(), Box<dyn Error>> {
    let ctx = DparkContext::from_args()?;
    let least = 5;
    let common: HashSet<String> = COMMON.map(String::from).into();

    // The closures capture `common` and `least`: each task gets a copy.
    let counts = ctx
        .text_file(TEXT)
        .flat_map(|line| words(&line))
        .filter(|word| !common.contains(word))
        .map(|word| (word, 1))
        .reduce_by_key(|a, b| a + b)
        .filter(|(_, count)| *count >= least);
    let frequent = counts.sort_by(|(word, count)| (-count, word.clone())).collect()?;
    for (word, count) in &frequent {
        println!("{count:4} {word}");
    }

    // The same without an RDD.
    let mut expected = HashMap::new();
    for word in words(&std::fs::read_to_string(TEXT)?) {
        *expected.entry(word).or_insert(0) += 1;
    }
    expected.retain(|word, count| *count >= least && !common.contains(word));
    if frequent.into_iter().collect::<HashMap<_, _>>() != expected {
        return Err(format!("a plain count gives {expected:?}").into());
    }
    Ok(())
}

/// The words of a text in small letters, without punctuation.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphabetic() && c != '\'' && c != '-');
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}
