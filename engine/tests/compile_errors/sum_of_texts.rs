//! `sum` of what is no number.

fn main() {
    let ctx = dpark::DparkContext::local(1);
    let _ = ctx.range(0, 9).map(|x| x.to_string()).sum();
}
