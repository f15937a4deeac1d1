//! What closures may take along, and what they are told when they may not.

use dpark_tests::shell::Shell;

#[test]
fn by_name_reference_and_field() {
    Shell::new().transcript(&[
        ("let n = 3_i64;", ""),
        ("let r = ctx.range(0, 4);", ""),
        ("r.map(|x| x + n).collect()?", "[3, 4, 5, 6]"),
        ("{ let p = &n; r.map(|x| x + *p).collect()? }", "[3, 4, 5, 6]"),
        ("fn add(r: &Rdd<i64>, n: &i64) -> dpark::Result<Vec<i64>> { r.map(|x| x + n).collect() }", ""),
        ("add(&r, &10)?", "[10, 11, 12, 13]"),
        ("let pair = (1_i64, String::from(\"b\"));", ""),
        ("r.map(|x| x * pair.0).collect()?", "[0, 1, 2, 3]"),
        ("r.map(|x| format!(\"{x}{}\", pair.1)).collect()?", "[\"0b\", \"1b\", \"2b\", \"3b\"]"),
        ("let list = vec![5_i64, 6, 7, 8];", ""),
        ("r.map(|x| list[x as usize]).collect()?", "[5, 6, 7, 8]"),
        ("r.filter(|x| list.contains(&(*x + 5))).count()?", "4"),
        ("list.len()", "4"),
    ]);
}

#[test]
fn names_in_format_strings() {
    Shell::new().transcript(&[
        ("let n = 7; let width = 4_usize;", ""),
        ("ctx.range(0, 2).map(|x| format!(\"{n}-{x}\")).collect()?", "[\"7-0\", \"7-1\"]"),
        ("ctx.range(0, 2).map(|x| format!(\"{x:>width$}|{n:02}\")).collect()?", "[\"   0|07\", \"   1|07\"]"),
        ("ctx.range(0, 1).map(|x| format!(\"{{n}} {x}\")).collect()?", "[\"{n} 0\"]"),
    ]);
}

#[test]
fn names_that_are_shadowed_inside() {
    Shell::new().transcript(&[
        ("let n = 100_i64; let r = ctx.range(0, 3);", ""),
        ("r.map(|n| n + 1).collect()?", "[1, 2, 3]"),
        ("r.map(|x| { let n = x; n * 2 }).collect()?", "[0, 2, 4]"),
        ("r.map(|x| { let y = n; let n = x; y + n }).collect()?", "[100, 101, 102]"),
        ("r.map(|x| match Some(x) { Some(n) => n, None => n }).collect()?", "[0, 1, 2]"),
        ("r.map(|x| if let Some(n) = (x > 0).then_some(x) { n } else { n }).collect()?", "[100, 1, 2]"),
        ("r.map(|x| { fn n() -> i64 { 5 } x + n() }).collect()?", "[5, 6, 7]"),
    ]);
}

#[test]
fn closures_inside_of_closures() {
    Shell::new().transcript(&[
        ("let n = 10_i64; let k = 2_i64; let r = ctx.range(0, 3);", ""),
        ("r.map(|x| (0..k).map(|y| x * n + y).sum::<i64>()).collect()?", "[1, 21, 41]"),
        ("r.flat_map(|x| (0..x).map(move |y| y + n)).collect()?", "[10, 10, 11]"),
        ("r.map(|x| { let add = |y: i64| y + n; add(x) }).collect()?", "[10, 11, 12]"),
        (
            "r.map(|x| (x % k, x)).reduce_by_key(|a, b| a + b + n).sort_by(|kv| kv.0).collect()?",
            "┌[…]│ 0 │ 12 │\n│ 1 │  1 │\n└[…]",
        ),
    ]);
}

#[test]
fn fields_of_self() {
    Shell::new().transcript(&[
        ("struct Scale { factor: i64, name: String }", ""),
        (
            "impl Scale {
    fn apply(&self, r: &Rdd<i64>) -> dpark::Result<Vec<i64>> { r.map(|x| x * self.factor).collect() }
    fn names(&self, r: &Rdd<i64>) -> dpark::Result<Vec<String>> { r.map(|x| format!(\"{}{x}\", self.name)).collect() }
}",
            "",
        ),
        ("let s = Scale { factor: 3, name: String::from(\"n\") }; let r = ctx.range(0, 3);", ""),
        ("s.apply(&r)?", "[0, 3, 6]"),
        ("s.names(&r)?", "[\"n0\", \"n1\", \"n2\"]"),
        (
            "#[derive(serde::Serialize, serde::Deserialize)] struct Wire { factor: i64 }\nlet w = Wire { factor: 5 };",
            "",
        ),
        ("r.map(|x| x * w.factor).sum()?", "15"),
    ]);
}

/// A chain of calls on one line after the other, several closures with captures of their own.
#[test]
fn chains() {
    Shell::new().transcript(&[
        ("let a = 1_i64; let b = 2_i64; let c = 30_i64;", ""),
        (
            "ctx.range(0, 100)
    .map(|x| x + a)
    .filter(|x| x % b == 0)
    .filter(|x| *x < c)
    .map(|x| x / b)
    .reduce(|x, y| x + y)?",
            "105",
        ),
    ]);
}

/// From Spark's own corpus: a closure sees the value that a variable has when the closure is made.
#[test]
fn a_variable_that_changes_later() {
    Shell::new().transcript(&[
        ("let mut v = 7_i64;", ""),
        ("let r = ctx.range(1, 11).map(|x| x * v);", ""),
        ("r.sum()?", "385"),
        ("v = 10;", ""),
        ("r.sum()?", "385"),
        ("ctx.range(1, 11).map(|x| x * v).sum()?", "550"),
        ("let v = 1_i64;", ""),
        ("ctx.range(1, 11).map(|x| x * v).sum()?", "55"),
    ]);
}

/// From Spark's own corpus: types, functions and values of cells, collected, shuffled and cached.
#[test]
fn types_and_functions_of_cells() {
    Shell::new().transcript(&[
        (
            "use serde::{Deserialize, Serialize};
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
struct Point { x: i64, y: i64 }
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Shape { Dot(Point), Line { from: Point, to: Point } }",
            "",
        ),
        ("impl Point { fn norm(&self) -> i64 { self.x.abs() + self.y.abs() } }", ""),
        ("let origin = Point { x: 1, y: 1 };", ""),
        ("let points = ctx.range(0, 6).map(|x| Point { x: x % 2, y: -1 }).cache();", ""),
        ("points.map(|p| p.norm() + origin.norm()).collect()?", "[3, 4, 3, 4, 3, 4]"),
        (
            "points.map(|p| (p, 1)).reduce_by_key(|a, b| a + b).sort_by(|kv| kv.0.clone()).collect()?",
            "┌[…]│ Point { x: 0, y: -1 } │ 3 │\n│ Point { x: 1, y: -1 } │ 3 │\n└[…]",
        ),
        ("points.distinct().count()?", "2"),
        (
            "points.map(|p| Shape::Line { from: p, to: origin.clone() }).first()?",
            "Line { from: Point { x: 0, y: -1 }, to: Point { x: 1, y: 1 } }",
        ),
        ("fn double(x: i64) -> i64 { 2 * x }", ""),
        ("ctx.range(0, 3).map(double).collect()?", "[0, 2, 4]"),
        ("fn triple(x: i64) -> i64 { 3 * x }", ""),
        ("ctx.range(0, 3).map(|x| triple(double(x))).collect()?", "[0, 6, 12]"),
    ]);
}

#[test]
fn a_function_that_is_defined_again_counts_from_then_on() {
    Shell::new().transcript(&[
        ("fn f(x: i64) -> i64 { x + 1 }", ""),
        ("let before = ctx.range(0, 3).map(|x| f(x));", ""),
        ("fn f(x: i64) -> i64 { x * 100 }", ""),
        ("before.collect()?", "[1, 2, 3]"),
        ("ctx.range(0, 3).map(|x| f(x)).collect()?", "[0, 100, 200]"),
    ]);
}

#[test]
fn accumulators_count_across_tasks() {
    Shell::new().transcript(&[
        ("let total = ctx.accumulator(0_i64);", ""),
        ("ctx.range(0, 10).foreach(|x| total.add(x))?;", ""),
        ("total.value()", "45"),
        ("ctx.range(0, 10).map(|x| { total.add(1); x }).count()?", "10"),
        ("total.value()", "55"),
    ]);
}

#[test]
fn a_capture_that_cannot_be_shipped_is_named() {
    let answers = Shell::new().cells(&[
        "let r = ctx.range(0, 3);",
        "let file = std::fs::File::open(\"/dev/null\")?;",
        "r.map(|x| { let _ = &file; x }).count()?",
        "r.map(|x| x + 1).count()?",
    ]);
    let message = &answers[2];
    assert!(message.starts_with("error"), "{message}");
    assert!(message.contains("a closure that runs in tasks cannot capture a value of type `File`"), "{message}");
    assert!(message.contains("open the file inside the closure"), "without a way out: {message}");
    assert!(message.contains("cell 3:1:"), "{message}");
    assert!(
        !message.contains("WithEnv") && !message.contains("Env`") && !message.contains("Accumulator"),
        "speaks of our insides: {message}"
    );
    assert_eq!(answers[3], "3");
}

#[test]
fn a_struct_without_serde_is_named() {
    let answers = Shell::new().cells(&[
        "struct Plain { x: i64 }\nlet plain = Plain { x: 1 };",
        "{ let x = plain.x; ctx.range(0, 3).map(|n| n + x).sum()? }",
        "ctx.range(0, 3).map(|n| n + plain.x * std::mem::size_of_val(&plain) as i64).sum()?",
    ]);
    assert_eq!(answers[1], "6");
    let message = &answers[2];
    assert!(message.starts_with("error") && message.contains("Plain") && message.contains("Serialize"), "{message}");
    assert!(!message.contains("WithEnv"), "speaks of our insides: {message}");
}

#[test]
fn an_rdd_inside_of_a_closure() {
    Shell::new().transcript(&[
        ("let a = ctx.range(0, 3); let b = ctx.range(0, 5);", ""),
        (
            "a\n    .map(|x| x + b.count().unwrap() as i64)\n    .collect()?",
            "error: the closure of `map` uses the RDD `b`: an RDD cannot be used inside a closure
 --> cell 2:2:18
  |
2 |     .map(|x| x + b.count().unwrap() as i64)
  |                  ^
  |
  = help: join the two RDDs, or collect it first: […]",
        ),
        (
            "fn f(r: Rdd<i64>, s: Rdd<i64>) -> dpark::Result<u64> { r.filter(|x| s.count().is_ok()).count() }",
            "error: the closure of `filter` uses the RDD `s`[…]cell 3:1:69[…]",
        ),
    ]);
}

#[test]
fn the_context_inside_of_a_closure() {
    Shell::new().transcript(&[(
        "ctx.range(0, 3).map(|x| ctx.range(0, x).sum().unwrap()).collect()?",
        "error: the closure of `map` uses the context `ctx`: it exists only on the driver
 --> cell 1:1:25
[…]= help: make the RDD before, outside the closure",
    )]);
}

#[test]
fn a_capture_that_is_changed() {
    Shell::new().transcript(&[
        ("let mut sum = 0;", ""),
        (
            "ctx.range(0, 3).foreach(|x| sum += x)?;",
            "error: the closure of `foreach` changes the captured variable `sum`: it works on a copy, on another machine
 --> cell 2:1:29
[…]= help: to count or sum, use an accumulator[…]",
        ),
        ("let mut list = vec![0_i64];", ""),
        ("ctx.range(0, 3).foreach(|x| list.push(x))?;", "error[…]`list`[…]cell 4:1:29[…]"),
        ("sum", "0"),
    ]);
}

#[test]
fn a_closure_inside_of_a_closure() {
    Shell::new().transcript(&[(
        "let add = |x: i64| x + 1; ctx.range(0, 3).map(|x| add(x)).collect()?",
        "error: the closure of `map` uses `add`, which is a closure itself: closures cannot be captured
 --> cell 1:1:51
[…]= help: make it a function (`fn add(..) -> ..`), or write it inside the closure",
    )]);
}

#[test]
fn operators_on_fields_and_methods_of_variables() {
    Shell::new().transcript(&[
        (
            "struct Job { rows: Rdd<i64>, n: i64 }
impl Job { fn even(&self) -> Rdd<i64> { self.rows.filter(|x| x % 2 == 0) } }",
            "",
        ),
        ("let n = 10; let job = Job { rows: ctx.range(0, 5), n };", ""),
        ("job.rows.map(|x| x + n).collect()?", "[10, 11, 12, 13, 14]"),
        ("job.even().map(|x| x * n).collect()?", "[0, 20, 40]"),
        (
            "job.rows.map(|x| x + job.n).collect()?",
            "error[…]cannot capture a value of type `Job`[…]clone that field into a variable of its own[…]",
        ),
    ]);
}
