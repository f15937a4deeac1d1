//! The vocabulary in cells: captures in every kind of operator, what values look like, and what mistakes bring.

use dpark_tests::shell::Shell;

/// The answers were worked out by hand, but for the two of seeded samples.
#[test]
fn functions_with_captures() {
    let mut shell = Shell::new().file("captures.rs", include_str!("operators/captures.cells.rs")).arg("captures.rs");
    shell.run().prints(include_str!("operators/captures.out"));
}

/// A variable may hold whatever an operator gives.
#[test]
fn values() {
    Shell::new().transcript(&[
        ("let r = ctx.range(0, 10); let p = r.map(|x| (x % 3, x as f64));", ""),
        (
            "let s = r.stats()?; let b = ctx.broadcast(vec![1]); let rows = r.to_local_iter(); let by = p.partition_by(3).partitioner();",
            "",
        ),
        (
            "s",
            "┌───────┬──────┬[…]┐
│ count │ mean │[…]stdev │ min │ max │  sum │
├[…]┤
│    10 │  4.5 │ 2.87[…] │ 0.0 │ 9.0 │ 45.0 │
└[…]┘",
        ),
        ("s.mean() + b.len() as f64", "5.5"),
        ("b", "Broadcast of Vec<i32>, about […] bytes"),
        ("by", "Some(hash of the key over 3 partitions)"),
        ("rows", "iterator over the rows of Rdd 1: range of i64, 2 partitions; partition 0 is computed next"),
        ("rows.map(|row| row.unwrap()).sum::<i64>()", "45"),
        ("r.histogram(3)?", "([0.0, 3.0, 6.0, 9.0], [3, 3, 4])"),
        (
            "p.count_by_key()?",
            "┌─────┬───────┐
│ key │ value │
├─────┼───────┤
│   0 │     4 │
│   1 │     3 │
│   2 │     3 │
└─────┴───────┘",
        ),
        ("let total = ctx.accumulator(5_i64);", ""),
        ("total", "accumulator: 5"),
        ("let level = r.persist(StorageLevel::MemoryAndDisk).storage_level();", ""),
        ("level", "Some(MemoryAndDisk)"),
        ("let words = r.map(|x| CompactString::from(format!(\"w{x}\"))); let longest = words.max()?;", ""),
        ("words.count_by_value()?.len() + longest.len()", "12"),
        ("p.partition_by(2)", "Rdd<(i64, f64)> · 2 partitions\n[…]partition_by[…]"),
    ]);
}

#[test]
fn mistakes() {
    Shell::new().transcript(&[
        ("#[derive(Clone, Debug, Serialize, Deserialize)] struct P { x: i64 }", ""),
        ("let r = ctx.range(0, 10); let ps = r.map(|x| P { x }); let texts = r.map(|x| x.to_string());", ""),
        (
            "ps.map(|p| (p, 1)).reduce_by_key(|a, b| a + b)",
            "error[E0277]: `P` cannot be a key: keys are compared and hashed, so they need `Hash` and `Eq` besides being rows
 --> cell 3:1:1
  |
1 | ps.map(|p| (p, 1)).reduce_by_key(|a, b| a + b)
  | ^^^^^^^^^^^^^^^^^^ not a key type
[…]= note: your own types: derive `Hash`, `PartialEq`, `Eq`, `Serialize` and `Deserialize`
[…]",
        ),
        (
            "texts.sum()?",
            "error[E0277]: `sum` adds up numbers, not `String`[…]= note: `map` the rows to numbers first, or use `reduce`[…]and 6 others",
        ),
        ("texts.stats()?", "error[E0277]: `String` is not a number that statistics can be made of[…]"),
        (
            "r.zip(&ctx.range_with(0, 10, 1, 3)).count()?",
            "error: zip: one RDD has 2 partitions, the other one 3; `coalesce` or `repartition` one of them",
        ),
        (
            "r.reduce_by_key(|a, b| a + b)",
            "error[E0599]: no method named `reduce_by_key` found[…]= help: this operator is for RDDs of pairs: […]",
        ),
        (
            "r.map(|x| x as f64).sort()",
            "error[E0277]: rows cannot be ordered by `f64`[…]= note: floating-point numbers: order by `dpark::total_order(x)`[…]",
        ),
        (
            "r.flat_map_with(|x, out| out.push(x))",
            "error[E0599]: no method named `push` found[…]= help: a row is emitted by `emit(row)`",
        ),
        ("let by_name = std::collections::HashMap::from([(\"r\".to_owned(), r.clone())]); let n = 1_i64;", ""),
        (
            "by_name[\"r\"].map(|x| x + n)",
            "error[E0597]: `n` does not live long enough[…]= help: if this is an operator of an RDD, the shell did not see that its receiver is one: […]",
        ),
        ("let rows: Rdd<_> = by_name[\"r\"].clone();", ""),
        ("rows.map(|x| x + n).sum()?", "55"),
    ]);
}
