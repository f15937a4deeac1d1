//! A key that cannot be hashed.

use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct City(String);

fn main() {
    let ctx = dpark::DparkContext::local(1);
    let pairs = ctx.range(0, 9).map(|x| (City(x.to_string()), x));
    let _ = pairs.reduce_by_key(|a, b| a + b).count();
}
