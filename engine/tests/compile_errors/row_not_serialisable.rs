//! Rows that cannot leave their task. Within one they may be of any type.

struct Point {
    x: i64,
}

fn main() {
    let ctx = dpark::DparkContext::local(1);
    let points = ctx.range(0, 9).map(|x| Point { x });
    let _ = points.map(|point| point.x).sum();
    let _ = points.collect();
}
