//! K-means: points and centres, each point belongs to the centre next to it, each centre moves to the middle of its points.
//!
//! `cargo run --release -p dpark --example k_means -- -m local[2]`

use dpark::DparkContext;
use std::error::Error;

type Point = [f64; 2];

const POINTS: i64 = 3000;
const CENTRES: i64 = 3;

#[dpark::closures]
fn main() -> Result<(), Box<dyn Error>> {
    let ctx = DparkContext::from_args()?;
    let points = ctx.range(0, POINTS).map(point).cache();
    let first: Vec<Point> = (0..CENTRES).map(point).collect();

    let mut centres = first.clone();
    loop {
        // The closure captures the centres as they are now.
        let sums = points.map(|p| (nearest(&p, &centres), (p, 1u32))).reduce_by_key(|a, b| (add(a.0, b.0), a.1 + b.1));
        let mut moved = centres.clone();
        for (centre, (sum, count)) in sums.collect()? {
            moved[centre] = sum.map(|x| x / f64::from(count));
        }
        let (before, most) = (std::mem::replace(&mut centres, moved), 1e-6);
        if before.iter().zip(&centres).all(|(a, b)| distance(a, b) < most) {
            break;
        }
    }
    println!("centres: {centres:.3?}");

    let expected = by_hand(first);
    if !centres.iter().zip(&expected).all(|(a, b)| distance(a, b) < 1e-9) {
        return Err(format!("a plain loop gives {expected:?}").into());
    }
    Ok(())
}

/// The same without an RDD.
fn by_hand(mut centres: Vec<Point>) -> Vec<Point> {
    loop {
        let mut sums = vec![([0.0; 2], 0u32); centres.len()];
        for p in (0..POINTS).map(point) {
            let (sum, count) = &mut sums[nearest(&p, &centres)];
            (*sum, *count) = (add(*sum, p), *count + 1);
        }
        let moved: Vec<Point> = sums.into_iter().map(|(sum, count)| sum.map(|x| x / f64::from(count))).collect();
        let done = centres.iter().zip(&moved).all(|(a, b)| distance(a, b) < 1e-6);
        centres = moved;
        if done {
            return centres;
        }
    }
}

/// A point of one of three clouds.
fn point(i: i64) -> Point {
    let (x, y) = [(0.0, 0.0), (4.0, 1.0), (1.0, 5.0)][(i % CENTRES) as usize];
    [x + (i as f64 * 12.9898).sin(), y + (i as f64 * 78.233).cos()]
}

fn nearest(point: &Point, centres: &[Point]) -> usize {
    let to = |centre: &usize| distance(point, &centres[*centre]);
    (0..centres.len()).min_by(|a, b| to(a).total_cmp(&to(b))).expect("there is a centre")
}

fn distance(a: &Point, b: &Point) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

fn add(a: Point, b: Point) -> Point {
    [a[0] + b[0], a[1] + b[1]]
}
