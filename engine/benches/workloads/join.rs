//! 20 million pairs joined with one million keys, nine of ten of which occur in the pairs.

use crate::Workload;
use crate::chunks::{chunks, fold};
use crate::input::{Data, parse_pair, take_pair};
use crate::radix::{Buffers, PIECES, Table, mix, piece};
use dpark::{DparkContext, Result};

pub(crate) const WORKLOAD: Workload =
    Workload { name: "join", script: "join", files: &["pairs", "dim"], limits: (2.0, 2.0), engine, twin };

fn engine(ctx: &DparkContext, data: &Data) -> Result<String> {
    let pairs = ctx.text_file(data.path("pairs")).map_str(|line| parse_pair(line.as_bytes()).0);
    let dim = ctx.text_file(data.path("dim")).map_str(|line| parse_pair(line.as_bytes()).0);
    let rows = pairs.join(&dim).map(|(_, (value, weight))| (1u64, value * weight));
    let (count, sum) = rows.reduce(|a, b| (a.0 + b.0, a.1 + b.1))?;
    Ok(format!("{count} {sum}"))
}

/// What one thread knows.
#[derive(Default)]
struct Joined {
    count: u64,
    sum: i64,
}

fn twin(data: &Data) -> String {
    let (dim, pairs) = (data.map("dim"), data.map("pairs"));
    let mut tables: Vec<Table<i64>> = (0..PIECES).map(|_| Table::new()).collect();
    let mut rest = &dim[..];
    while let Some(((key, weight), behind)) = take_pair(rest) {
        rest = behind;
        *tables[piece(mix(key))].entry(key) = weight;
    }
    let joined = fold(
        data.threads,
        &chunks(&pairs),
        || (Buffers::new(), Joined::default()),
        |(buffers, joined), chunk| {
            let mut rest = *chunk;
            while let Some((pair, behind)) = take_pair(rest) {
                rest = behind;
                buffers.push(piece(mix(pair.0)), pair, |piece, pairs| joined.add(&tables[piece], pairs));
            }
        },
    );
    let mut total = Joined::default();
    for (mut buffers, mut joined) in joined {
        buffers.finish(|piece, pairs| joined.add(&tables[piece], pairs));
        total.count += joined.count;
        total.sum += joined.sum;
    }
    format!("{} {}", total.count, total.sum)
}

impl Joined {
    fn add(&mut self, table: &Table<i64>, pairs: &[(u64, i64)]) {
        for &(key, value) in pairs {
            if let Some(weight) = table.get(key) {
                self.count += 1;
                self.sum += value * weight;
            }
        }
    }
}
