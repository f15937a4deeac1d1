//! A floating-point key: it has no `Eq`.

fn main() {
    let ctx = dpark::DparkContext::local(1);
    let _ = ctx.range(0, 9).map(|x| (x as f64, x)).group_by_key().count();
}
