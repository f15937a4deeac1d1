//! The sum of the values of each key: 20 million lines of text, one million keys.

use crate::Workload;
use crate::chunks::{chunks, fold};
use crate::input::{Data, parse_pair, take_pair};
use crate::radix::{Buffers, PIECES, Table, mix, piece};
use dpark::{DparkContext, Result};

pub(crate) const WORKLOAD: Workload =
    Workload { name: "groupsum", script: "groupsum", files: &["pairs"], limits: (2.5, 2.5), engine, twin };

fn engine(ctx: &DparkContext, data: &Data) -> Result<String> {
    let sums =
        ctx.text_file(data.path("pairs")).map_str(|line| parse_pair(line.as_bytes()).0).reduce_by_key(|a, b| a + b);
    let checked = sums.map(|(key, sum)| (1u64, key.wrapping_mul(sum as u64)));
    let (count, checksum) = checked.reduce(|a, b| (a.0 + b.0, a.1.wrapping_add(b.1)))?;
    Ok(format!("{count} {checksum}"))
}

/// What one thread knows.
struct Sums {
    buffers: Buffers<(u64, i64)>,
    tables: Vec<Table<i64>>,
}

fn twin(data: &Data) -> String {
    let text = data.map("pairs");
    let mut sums = fold(
        data.threads,
        &chunks(&text),
        || Sums { buffers: Buffers::new(), tables: (0..PIECES).map(|_| Table::new()).collect() },
        |Sums { buffers, tables }, chunk| {
            let mut rest = *chunk;
            while let Some((pair, behind)) = take_pair(rest) {
                rest = behind;
                buffers.push(piece(mix(pair.0)), pair, |piece, pairs| add(&mut tables[piece], pairs.iter().copied()));
            }
        },
    );
    for Sums { buffers, tables } in &mut sums {
        buffers.finish(|piece, pairs| add(&mut tables[piece], pairs.iter().copied()));
    }
    // The threads' tables of a piece become one.
    let pieces: Vec<usize> = (0..PIECES).collect();
    let checked = fold(
        data.threads,
        &pieces,
        || (0, 0u64),
        |(count, checksum), piece| {
            let mut total = Table::new();
            for Sums { tables, .. } in &sums {
                add(&mut total, tables[*piece].iter());
            }
            for (key, sum) in total.iter() {
                *count += 1;
                *checksum = checksum.wrapping_add(key.wrapping_mul(sum as u64));
            }
        },
    );
    let count: u64 = checked.iter().map(|part| part.0).sum();
    let checksum = checked.iter().fold(0u64, |sum, part| sum.wrapping_add(part.1));
    format!("{count} {checksum}")
}

#[inline]
fn add(table: &mut Table<i64>, pairs: impl Iterator<Item = (u64, i64)>) {
    for (key, value) in pairs {
        *table.entry(key) += value;
    }
}
