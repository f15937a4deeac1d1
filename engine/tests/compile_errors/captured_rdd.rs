//! Variables that no closure of a task can have: an RDD, an open file.

fn main() {
    let ctx = dpark::DparkContext::local(1);
    let (rdd, other) = (ctx.range(0, 3), ctx.range(0, 3));
    let _ = rdd.with_env((&other,)).map(|(other,)| move |x| x + other.count().unwrap() as i64);
    let file = std::fs::File::open("Cargo.toml").unwrap();
    let _ = rdd.with_env((&file,)).foreach(|(file,)| move |_| drop(file.metadata()));
}
