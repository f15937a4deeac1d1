//! Ten iterations of k-means with ten centres over two million points of eight coordinates; the points are cached.

use crate::Workload;
use crate::chunks::{chunks, fold, map};
use crate::input::Data;
use dpark::{DparkContext, Result, TextOptions};

pub(crate) const WORKLOAD: Workload =
    Workload { name: "kmeans", script: "kmeans", files: &["points"], limits: (1.5, 1.5), engine, twin };

const ITERATIONS: usize = 10;
const CENTRES: usize = 10;

type Point = [f64; 8];

/// The centres' first coordinates, then their second ones, so that one instruction computes with several centres.
type Transposed = [[f64; CENTRES]; 8];

#[dpark::closures]
fn engine(ctx: &DparkContext, data: &Data) -> Result<String> {
    let points = ctx.text_file_with(data.path("points"), TextOptions::new().num_splits(4)).map_str(parse_point).cache();
    let mut centres = points.take(CENTRES)?;
    for _ in 0..ITERATIONS {
        let transposed = transpose(&centres);
        let nearest = points.map(|point| (closest(&point, &transposed), (point, 1u64)));
        let sums = nearest.reduce_by_key(|a, b| (add(a.0, b.0), a.1 + b.1)).collect()?;
        for (centre, (sum, count)) in sums {
            centres[centre] = sum.map(|x| x / count as f64);
        }
    }
    Ok(answer(&centres))
}

fn parse_point(line: &str) -> Point {
    let mut point = [0.0; 8];
    for (coordinate, text) in point.iter_mut().zip(line.split_ascii_whitespace()) {
        *coordinate = text.parse().expect("a number");
    }
    point
}

fn transpose(centres: &[Point]) -> Transposed {
    std::array::from_fn(|coordinate| std::array::from_fn(|i| centres[i][coordinate]))
}

/// The number of the nearest centre.
fn closest(point: &Point, centres: &Transposed) -> usize {
    let mut distances = [0.0; CENTRES];
    for (x, coordinates) in point.iter().zip(centres) {
        for (distance, y) in distances.iter_mut().zip(coordinates) {
            *distance += (x - y) * (x - y);
        }
    }
    // Both are selected without a branch, which no processor could foresee.
    let (mut best, mut least) = (0, f64::INFINITY);
    for (i, distance) in distances.into_iter().enumerate() {
        best = if distance < least { i } else { best };
        least = if distance < least { distance } else { least };
    }
    best
}

fn add(mut a: Point, b: Point) -> Point {
    for (x, y) in a.iter_mut().zip(b) {
        *x += y;
    }
    a
}

fn answer(centres: &[Point]) -> String {
    let numbers: Vec<String> = centres.iter().flatten().map(|x| format!("{x:e}")).collect();
    numbers.join(" ")
}

fn twin(data: &Data) -> String {
    let text = data.map("points");
    let parts = map(data.threads, chunks(&text), |chunk| {
        let text = std::str::from_utf8(chunk).expect("text");
        let mut points = Vec::with_capacity(chunk.len() / 70);
        points.extend(text.lines().map(parse_point));
        points
    });
    let mut centres: Vec<Point> = parts.iter().flatten().take(CENTRES).copied().collect();
    for _ in 0..ITERATIONS {
        let transposed = transpose(&centres);
        let sums = fold(
            data.threads,
            &parts,
            || vec![([0.0; 8], 0u64); CENTRES],
            |sums, points| {
                for point in points {
                    let (sum, count) = &mut sums[closest(point, &transposed)];
                    *sum = add(*sum, *point);
                    *count += 1;
                }
            },
        );
        for (i, centre) in centres.iter_mut().enumerate() {
            let (sum, count) = sums.iter().fold(([0.0; 8], 0), |a, b| (add(a.0, b[i].0), a.1 + b[i].1));
            if count > 0 {
                *centre = sum.map(|x| x / count as f64);
            }
        }
    }
    answer(&centres)
}
