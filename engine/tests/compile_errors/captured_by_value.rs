//! Variables themselves instead of references to them.

fn main() {
    let ctx = dpark::DparkContext::local(1);
    let n = 3i64;
    let _ = ctx.range(0, 3).with_env((n,)).map(|(n,)| move |x| x + n);
}
