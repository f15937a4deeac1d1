//! Cosine similarity: for each reader the reader whose ratings of books point most nearly into the same direction.
//!
//! `cargo run --release -p dpark --example cosine_similarity -- -m local[2]`

use dpark::DparkContext;
use std::collections::BTreeMap;
use std::error::Error;

/// What a reader thinks of the books that he or she has read.
type Ratings = BTreeMap<u32, f64>;

/// A reader, the most similar other one, and the cosine of the angle between their ratings.
type Pair = (i64, i64, f64);

const READERS: i64 = 200;
const BOOKS: i64 = 60;

#[dpark::closures]
fn main() -> Result<(), Box<dyn Error>> {
    let ctx = DparkContext::from_args()?;
    let least = 0.9;
    let readers = ctx.range(0, READERS).map(|reader| (reader, ratings(reader)));

    // Every task compares its readers with all others: these are large, so they are not copied into each closure.
    let all = ctx.broadcast(readers.collect()?);
    let pairs = readers
        .map(|(reader, ratings)| most_similar(reader, &ratings, &all))
        .filter(|(_, _, similarity)| *similarity >= least)
        .collect()?;
    for (reader, other, similarity) in pairs.iter().take(5) {
        println!("reader {reader} is like reader {other}: {similarity:.3}");
    }

    // The same without an RDD.
    let all: Vec<(i64, Ratings)> = (0..READERS).map(|reader| (reader, ratings(reader))).collect();
    let expected = all.iter().map(|(reader, ratings)| most_similar(*reader, ratings, &all));
    let expected: Vec<Pair> = expected.filter(|pair| pair.2 >= least).collect();
    if pairs != expected {
        return Err(format!("a plain loop gives {expected:?}").into());
    }
    Ok(())
}

/// Ratings from 1 to 5 of two thirds of the books. Readers whose numbers leave the same rest by 16 share a taste.
fn ratings(reader: i64) -> Ratings {
    let wave = |seed: i64, book: i64| (((seed + 1) * (book + 1)) as f64 * 12.9898).sin();
    let rating = |book| (3.0 + 1.6 * wave(reader % 16, book) + 0.4 * wave(reader, book)).round();
    let read = (0..BOOKS).filter(|book| (book + reader / 16) % 3 != 0);
    read.map(|book| (book as u32, rating(book))).collect()
}

fn most_similar(reader: i64, ratings: &Ratings, all: &[(i64, Ratings)]) -> Pair {
    let others = all.iter().filter(|(other, _)| *other != reader);
    let pairs = others.map(|(other, theirs)| (reader, *other, cosine(ratings, theirs)));
    pairs.max_by(|a, b| a.2.total_cmp(&b.2)).expect("there are other readers")
}

fn cosine(a: &Ratings, b: &Ratings) -> f64 {
    let dot: f64 = a.iter().filter_map(|(book, rating)| Some(rating * b.get(book)?)).sum();
    let length = |ratings: &Ratings| ratings.values().map(|rating| rating * rating).sum::<f64>().sqrt();
    dot / (length(a) * length(b))
}
