//! Rows that borrow.

fn main() {
    let ctx = dpark::DparkContext::local(1);
    let _ = ctx.parallelize(["a", "b"]).count();
}
