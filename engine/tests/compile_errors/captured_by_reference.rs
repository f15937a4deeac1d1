//! Captured variables without `#[dpark::closures]`. These words are rustc's own: no attribute reaches errors about
//! lifetimes (see `closure`). After its advice to write `move`, the engine's message names the attribute.

use dpark::DparkContext;

struct Limits {
    least: i64,
}

impl Limits {
    fn through_self(&self, ctx: &DparkContext) {
        let _ = ctx.range(0, 3).filter(|x| *x >= self.least);
    }
}

fn text_parameter(ctx: &DparkContext, suffix: &str) {
    let _ = ctx.range(0, 3).map(move |x| format!("{x}{suffix}"));
}

fn main() {
    let ctx = DparkContext::local(1);
    let (n, limits) = (3i64, Limits { least: 1 });
    let _ = ctx.range(0, 3).map(|x| x + n);
    let _ = ctx.range(0, 3).filter(|x| *x >= limits.least);
    let least = &limits.least;
    let _ = ctx.range(0, 3).filter(move |x| x >= least);
}
