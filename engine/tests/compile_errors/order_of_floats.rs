//! Orders of what has none.

fn main() {
    let ctx = dpark::DparkContext::local(1);
    let halves = ctx.range(0, 9).map(|x| x as f64 / 2.0);
    let _ = halves.sort().collect();
    let _ = halves.sort_by(|x| -x).collect();
    let _ = halves.max();
}
