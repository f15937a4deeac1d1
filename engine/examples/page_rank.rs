//! PageRank: each page gives its rank to the pages that it links to, in equal shares, again and again.
//!
//! `cargo run --release -p dpark --example page_rank -- -m local[2]`

use dpark::DparkContext;
use std::error::Error;

const PAGES: i64 = 500;
const ITERATIONS: usize = 10;

#[dpark::closures]
fn main() -> Result<(), Box<dyn Error>> {
    let ctx = DparkContext::from_args()?;
    let damping = 0.85;

    // The links are the same in every iteration: they are computed once, and stay where they are when ranks come to them.
    let links = ctx.range(0, PAGES).flat_map(|page| linked(page).map(|to| (page, to))).group_by_key().cache();
    let mut ranks = links.map_values(|_| 1.0);
    for _ in 0..ITERATIONS {
        let shares = links.join(&ranks).flat_map_with(|(_, (pages, rank)), out| {
            let share = rank / pages.len() as f64;
            pages.into_iter().for_each(|page| out.emit((page, share)));
        });
        ranks = shares.reduce_by_key(|a, b| a + b).map_values(|sum| 1.0 - damping + damping * sum);
    }
    let ranks = ranks.sort_by_key().collect()?;

    let mut best = ranks.clone();
    best.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (page, rank) in &best[..5] {
        println!("page {page:3} has rank {rank:7.3}");
    }

    // The same without an RDD.
    let mut expected = vec![1.0; PAGES as usize];
    for _ in 0..ITERATIONS {
        let mut sums = vec![0.0; PAGES as usize];
        for page in 0..PAGES {
            let share = expected[page as usize] / linked(page).len() as f64;
            linked(page).into_iter().for_each(|to| sums[to as usize] += share);
        }
        expected = sums.into_iter().map(|sum| 1.0 - damping + damping * sum).collect();
    }
    let same =
        |(&(page, rank), (at, plain)): (&(i64, f64), (usize, &f64))| page == at as i64 && (rank - plain).abs() < 1e-9;
    if ranks.len() != expected.len() || !ranks.iter().zip(expected.iter().enumerate()).all(same) {
        return Err(format!("a plain loop gives other ranks: {expected:.3?}").into());
    }
    Ok(())
}

/// The pages that a page links to: the next one, so that each page has a link to it, and pages near the first.
fn linked(page: i64) -> [i64; 3] {
    [(page + 1) % PAGES, page / 2, page % 7]
}
