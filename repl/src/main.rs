//! `dpark-repl`.
fn main() {}
