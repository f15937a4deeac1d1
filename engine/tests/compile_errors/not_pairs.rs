//! An operator by key on rows that are no pairs.

fn main() {
    let ctx = dpark::DparkContext::local(1);
    let _ = ctx.range(0, 9).reduce_by_key(|a, b| a + b);
}
