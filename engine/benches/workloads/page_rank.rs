//! Five iterations of PageRank over one million nodes and ten million edges of text; the links are cached.

use crate::Workload;
use crate::chunks::{chunks, fold, map};
use crate::input::Data;
use dpark::{DparkContext, Result, TextOptions};

pub(crate) const WORKLOAD: Workload =
    Workload { name: "pagerank", script: "pagerank", files: &["graph"], limits: (2.5, 2.5), engine, twin };

const ITERATIONS: usize = 5;

/// The edge at the start of `text`, two numbers, and what follows the byte behind it.
#[inline]
fn take_edge(text: &[u8]) -> ((u32, u32), &[u8]) {
    let (from, text) = take_node(text);
    let (to, text) = take_node(text);
    ((from, to), text)
}

#[inline]
fn take_node(text: &[u8]) -> (u32, &[u8]) {
    let mut node = 0u32;
    for (at, byte) in text.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return (node, &text[at + 1..]);
        }
        node = node * 10 + u32::from(digit);
    }
    (node, &[])
}

fn engine(ctx: &DparkContext, data: &Data) -> Result<String> {
    let edges = ctx.text_file_with(data.path("graph"), TextOptions::new().num_splits(4));
    let edges = edges.map_str(|line| take_edge(line.as_bytes()).0);
    let links = edges.group_by_key().cache();
    let mut ranks = links.map_values(|_| 1.0);
    for _ in 0..ITERATIONS {
        let shares = links.join_with(&ranks, |(_, (targets, rank)), out| {
            let share = rank / targets.len() as f64;
            targets.iter().for_each(|target| out.emit((*target, share)))
        });
        ranks = shares.reduce_by_key(|a, b| a + b).map_values(|sum| 0.15 + 0.85 * sum);
    }
    let checked = ranks.map(|(node, rank)| (1u64, rank, f64::from(node) * rank));
    let (count, sum, weighted) = checked.reduce(|a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2))?;
    Ok(format!("{count} {sum:e} {weighted:e}"))
}

/// Nodes whose ranks are computed together.
const BLOCK: usize = 1 << 14;

fn twin(data: &Data) -> String {
    let text = data.map("graph");
    let parts: Vec<Vec<(u32, u32)>> = map(data.threads, chunks(&text), |mut rest| {
        let mut edges = Vec::with_capacity(rest.len() / 12);
        while !rest.is_empty() {
            let (edge, behind) = take_edge(rest);
            edges.push(edge);
            rest = behind;
        }
        edges
    });
    let nodes = parts.iter().flatten().map(|(from, to)| from.max(to) + 1).max().unwrap_or(0) as usize;
    // Edges by target: the sources of node `i` are `sources[starts[i]..starts[i + 1]]`.
    let mut degrees = vec![0u32; nodes];
    let mut starts = vec![0u32; nodes + 1];
    for (from, to) in parts.iter().flatten() {
        degrees[*from as usize] += 1;
        starts[*to as usize + 1] += 1;
    }
    for node in 0..nodes {
        starts[node + 1] += starts[node];
    }
    let mut next = starts.clone();
    let mut sources = vec![0u32; parts.iter().map(Vec::len).sum()];
    for (from, to) in parts.into_iter().flatten() {
        let at = &mut next[to as usize];
        sources[*at as usize] = from;
        *at += 1;
    }
    drop(next);
    let mut ranks = vec![1.0; nodes];
    let mut shares = vec![0.0; nodes];
    for _ in 0..ITERATIONS {
        for node in 0..nodes {
            shares[node] = ranks[node] / f64::from(degrees[node]);
        }
        let blocks: Vec<(usize, &mut [f64])> = ranks.chunks_mut(BLOCK).enumerate().collect();
        map(data.threads, blocks, |(block, ranks)| {
            for (i, rank) in ranks.iter_mut().enumerate() {
                let node = block * BLOCK + i;
                let sources = &sources[starts[node] as usize..starts[node + 1] as usize];
                *rank = 0.15 + 0.85 * sources.iter().map(|from| shares[*from as usize]).sum::<f64>();
            }
        });
    }
    let numbers: Vec<usize> = (0..nodes).collect();
    let parts = fold(
        data.threads,
        &numbers,
        || (0.0, 0.0),
        |sum, node| {
            sum.0 += ranks[*node];
            sum.1 += *node as f64 * ranks[*node];
        },
    );
    let (sum, weighted) = parts.iter().fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
    format!("{nodes} {sum:e} {weighted:e}")
}
