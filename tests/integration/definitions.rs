//! Items in cells: what works at top level, and what becomes of values whose type is defined again.

use dpark_tests::shell::Shell;

#[test]
fn everything_works_at_top_level() {
    Shell::new().transcript(&[
        ("use std::collections::{BTreeMap as Map, HashSet};", ""),
        ("let mut map: Map<String, i64> = Map::new(); map.insert(\"a\".into(), 1);", ""),
        ("map", "┌[…]│ a   │     1 │\n└[…]"),
        ("trait Area { fn area(&self) -> f64; fn twice(&self) -> f64 { 2.0 * self.area() } }", ""),
        ("struct Square(f64);\nimpl Area for Square { fn area(&self) -> f64 { self.0 * self.0 } }", ""),
        ("Square(3.0).twice()", "18.0"),
        ("impl std::fmt::Debug for Square { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { write!(f, \"[]\") } }", ""),
        ("Square(1.0)", "[]"),
        ("fn largest<T: PartialOrd + Copy>(list: &[T]) -> T { let mut m = list[0]; for x in list { if *x > m { m = *x } } m }", ""),
        ("(largest(&[1, 5, 2]), largest(&[1.5, 0.5]))", "(5, 1.5)"),
        ("macro_rules! square { ($x:expr) => { $x * $x }; }", ""),
        ("square!(7)", "49"),
        ("ctx.range(0, 4).map(|x| square!(x)).collect()?", "[0, 1, 4, 9]"),
        ("const LIMIT: i64 = 2;\nstatic NAMES: [&str; 2] = [\"a\", \"b\"];", ""),
        ("ctx.range(0, 4).filter(|x| *x < LIMIT).map(|x| NAMES[x as usize].to_owned()).collect()?", "[\"a\", \"b\"]"),
        ("mod geometry { pub fn double(x: i64) -> i64 { x * 2 } }", ""),
        ("ctx.range(0, 3).map(|x| geometry::double(x)).collect()?", "[0, 2, 4]"),
        ("type Pairs = Vec<(i64, String)>;", ""),
        ("let pairs: Pairs = vec![(1, \"x\".into())];", ""),
        ("pairs", "┌[…]│ 1 │ x │\n└[…]"),
        ("let (a, b) = (1, 2); let [c, ..] = [3, 4]; let Some(d) = Some(5) else { panic!() };", ""),
        ("a + b + c + d", "11"),
        ("for i in 0..3 { if i == 1 { continue; } println!(\"{i}\"); }", "0\n2"),
        ("let x = loop { break 5 };", ""),
        ("match x { 5 => \"five\", _ => \"other\" }", "\"five\""),
        ("{ let inner = 1; inner + 1 }", "2"),
        ("()", ""),
        ("x;", ""),
    ]);
}

#[test]
fn async_and_await() {
    Shell::new().transcript(&[
        ("async fn four() -> i64 { 4 }", ""),
        ("four().await", "4"),
        ("let n = four().await + 1;", ""),
        ("n", "5"),
        ("ctx.range(0, 3).map(|x| x + n).sum()?", "18"),
        ("async fn fails() -> Result<i64, String> { Err(\"no\".into()) }", ""),
        ("let n = fails().await?;", "error: no"),
        ("n", "5"),
        ("async { four().await * 2 }.await", "8"),
    ]);
}

#[test]
fn items_may_use_later_ones_of_their_cell() {
    Shell::new().transcript(&[
        ("fn even(n: u32) -> bool { n == 0 || odd(n - 1) }\nfn odd(n: u32) -> bool { n != 0 && even(n - 1) }\neven(10)", "true"),
        ("even(7)", "false"),
        ("struct A { b: Vec<B> } struct B; let a = A { b: vec![B, B] };", ""),
        ("a.b.len()", "2"),
    ]);
}

#[test]
fn another_definition_drops_the_variables_of_the_old_one() {
    const P: &str = "#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]\nstruct P { x: i64, y: i64 }";
    Shell::new().transcript(&[
        (P, ""),
        ("let p = P { x: 1, y: 2 }; let list = vec![p.clone()]; let other = 5;", ""),
        ("let points = ctx.parallelize(list.clone()); let xs = points.map(|p| p.x);", ""),
        (
            "#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]\nstruct P { x: String }",
            "dropped `list`, `p`, `points`: `P` was defined again",
        ),
        ("p", "error[E0425]: cannot find value `p`[…]"),
        ("points", "error[E0425]: cannot find value `points`[…]"),
        ("xs.collect()?", "[1]"),
        ("other", "5"),
        ("let p = P { x: \"new\".into() };", ""),
        ("p", "P { x: \"new\" }"),
        (P, "dropped `p`: `P` was defined again"),
        ("P { x: 1, y: 2 }", "P { x: 1, y: 2 }"),
    ]);
}

#[test]
fn a_type_that_contains_the_other_is_dropped_too() {
    Shell::new().transcript(&[
        ("#[derive(Debug)] struct Inner(i32);", ""),
        ("#[derive(Debug)] struct Outer { inner: Inner }", ""),
        ("let o = Outer { inner: Inner(1) }; let boxed: Box<dyn Fn() -> i32> = Box::new(|| 1); let n = 1;", ""),
        ("#[derive(Debug)] struct Inner(String);", "dropped `o`: […]"),
        ("o", "error[E0425]: cannot find value `o`[…]"),
        ("Outer { inner: Inner(\"s\".into()) }", "Outer { inner: Inner(\"s\") }"),
        ("n", "1"),
    ]);
}

#[test]
fn the_same_definition_again_keeps_the_values() {
    const P: &str = "#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]\nstruct P { x: i64 }\nimpl P { fn twice(&self) -> i64 { 2 * self.x } }";
    Shell::new().transcript(&[
        (P, ""),
        ("let p = P { x: 4 }; let r = ctx.parallelize(vec![p.clone()]).cache();", ""),
        (P, ""),
        ("p.twice()", "8"),
        ("r.map(|q| q.twice() + p.x).collect()?", "[12]"),
    ]);
}

/// A method that changes is no new type: the values stay.
#[test]
fn a_new_impl_block_keeps_the_values() {
    Shell::new().transcript(&[
        ("#[derive(Clone, Debug)] struct P { x: i64 }", ""),
        ("let p = P { x: 4 };", ""),
        ("impl P { fn value(&self) -> i64 { self.x } }", ""),
        ("p.value()", "4"),
    ]);
}

#[test]
fn generic_functions_over_rdds() {
    Shell::new().transcript(&[
        ("fn count_words(lines: &Rdd<String>) -> Rdd<(String, i64)> {\n    lines.flat_map(|l| l.split(' ').map(str::to_owned).collect::<Vec<_>>()).map(|w| (w, 1)).reduce_by_key(|a, b| a + b)\n}", ""),
        ("let lines = ctx.parallelize(vec![\"a b a\".to_owned(), \"b a\".to_owned()]);", ""),
        ("count_words(&lines).collect_as_map()?[\"a\"]", "3"),
        ("fn add_all<T: dpark::Data + Copy + std::ops::Add<Output = T>>(r: &Rdd<T>, n: T) -> dpark::Result<Vec<T>> { r.map(|x| x + n).collect() }", ""),
        ("add_all(&ctx.range(0, 3), 10)?", "[10, 11, 12]"),
        ("add_all(&ctx.parallelize(vec![0.5, 1.0]), 0.25)?", "[0.75, 1.25]"),
    ]);
}
