type Point = [f64; 8];

fn parse_point(line: &str) -> Point {
    let mut point = [0.0; 8];
    for (coordinate, text) in point.iter_mut().zip(line.split_ascii_whitespace()) {
        *coordinate = text.parse().expect("a number");
    }
    point
}
// %%
/// The centres' first coordinates, then their second ones.
type Transposed = [[f64; 10]; 8];

fn transpose(centres: &[Point]) -> Transposed {
    std::array::from_fn(|coordinate| std::array::from_fn(|i| centres[i][coordinate]))
}

fn closest(point: &Point, centres: &Transposed) -> usize {
    let mut distances = [0.0; 10];
    for (x, coordinates) in point.iter().zip(centres) {
        for (distance, y) in distances.iter_mut().zip(coordinates) {
            *distance += (x - y) * (x - y);
        }
    }
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
// %%
let points = ctx.text_file_with(path("points"), TextOptions::new().num_splits(4)).map_str(parse_point).cache();
// %%
let before = cpu();
// %%
let began = Instant::now();
let mut centres = points.take(10)?;
for _ in 0..10 {
    let transposed = transpose(&centres);
    let nearest = points.map(|point| (closest(&point, &transposed), (point, 1u64)));
    for (centre, (sum, count)) in nearest.reduce_by_key(|a, b| (add(a.0, b.0), a.1 + b.1)).collect()? {
        centres[centre] = sum.map(|x| x / count as f64);
    }
}
let wall = began.elapsed();
// %%
let numbers: Vec<String> = centres.iter().flatten().map(|x| format!("{x:e}")).collect();
finish(wall, before, numbers.join(" "));
