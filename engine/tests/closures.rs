//! `#[dpark::closures]`: capturing closures of RDD operators, in the ways one writes them.

#![allow(
    clippy::ptr_arg,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "tests, of references to vectors among others"
)]

use dpark::{DparkContext, Rdd};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

fn sorted<T: Ord>(mut rows: Vec<T>) -> Vec<T> {
    rows.sort();
    rows
}

#[derive(Clone, Serialize, Deserialize)]
struct Point {
    x: i64,
    y: i64,
}

impl Point {
    fn norm(&self) -> i64 {
        self.x * self.x + self.y * self.y
    }
}

#[dpark::closures]
#[test]
fn by_name() {
    let ctx = DparkContext::local(2);
    let n = 10;
    let rdd = ctx.range(0, 3);
    assert_eq!(sorted(rdd.map(|x| x + n).collect().unwrap()), [10, 11, 12]);
    assert_eq!(n, 10);
}

#[dpark::closures]
#[test]
fn owned_values_stay_usable() {
    let ctx = DparkContext::local(2);
    let table = HashMap::from([(1, "one".to_owned()), (2, "two".to_owned())]);
    let suffix = String::from("!");
    let rows = ctx
        .range(0, 3)
        .flat_map(|x| table.get(&x).cloned())
        .map(move |word| format!("{word}{suffix}"))
        .collect()
        .unwrap();
    assert_eq!(sorted(rows), ["one!", "two!"]);
    assert_eq!((table.len(), suffix.len()), (2, 1));
}

#[dpark::closures]
fn by_reference(
    ctx: &DparkContext,
    n: &i64,
    text: &str,
    list: &Vec<i64>,
    point: &Point,
    table: &HashMap<i64, i64>,
) -> Vec<String> {
    ctx.range(0, 2)
        .map(|x| x + n + *n)
        .filter(|x| *x > *n && list.contains(&1))
        .map(|x| x + point.x + point.norm() + table[&1] + list[0] + list.iter().sum::<i64>())
        .map(|x| format!("{text}{x}"))
        .collect()
        .unwrap()
}

#[test]
fn references() {
    let ctx = DparkContext::local(2);
    let text = String::from("v");
    let rows = by_reference(&ctx, &5, &text, &vec![1, 2], &Point { x: 1, y: 2 }, &HashMap::from([(1, 100)]));
    assert_eq!(sorted(rows), ["v120", "v121"]);
}

#[dpark::closures]
#[test]
fn fields_of_a_variable() {
    let ctx = DparkContext::local(2);
    let p = Point { x: 1, y: 20 };
    let pair = (3, 4);
    assert_eq!(sorted(ctx.range(0, 2).map(|x| x + p.x + p.y + pair.0).collect().unwrap()), [24, 25]);
}

struct Job {
    ctx: DparkContext,
    rows: Rdd<i64>,
    x: i64,
    name: String,
}

#[dpark::closures]
impl Job {
    fn field(&self, rdd: &Rdd<i64>) -> Vec<i64> {
        rdd.map(|x| x + self.x).collect().unwrap()
    }

    fn fields_in_macros(&self) -> Vec<String> {
        let this = 7;
        let ctx: &DparkContext = &self.ctx;
        ctx.range(0, 1).map(|x| format!("{}{}{this}", self.name, x + self.x)).collect().unwrap()
    }

    fn own_rdd(&self) -> Vec<i64> {
        let rows: &Rdd<i64> = &self.rows;
        rows.map(|v| self.name.len() as i64 + v).collect().unwrap()
    }
}

#[dpark::closures]
impl Point {
    fn whole(&self, rdd: &Rdd<i64>) -> Vec<i64> {
        rdd.map(|v| self.norm() + v + self.x).collect().unwrap()
    }

    fn by_value(self, rdd: &Rdd<i64>) -> Vec<i64> {
        rdd.map(|v| self.norm() + v).collect().unwrap()
    }
}

#[test]
fn own_fields() {
    let ctx = DparkContext::local(2);
    let rdd = ctx.range(0, 2);
    let job = Job { ctx: ctx.clone(), rows: rdd.clone(), x: 5, name: "j".to_owned() };
    assert_eq!(sorted(job.field(&rdd)), [5, 6]);
    assert_eq!(job.fields_in_macros(), ["j57"]);
    assert_eq!(sorted(job.own_rdd()), [1, 2]);
    let point = Point { x: 1, y: 2 };
    assert_eq!(sorted(point.whole(&rdd)), [6, 7]);
    assert_eq!(sorted(point.by_value(&rdd)), [5, 6]);
}

/// The struct stands beside its `impl`, so the field is seen to be an RDD.
#[dpark::closures]
mod seen {
    use dpark::Rdd;

    pub struct Holder {
        pub rows: Rdd<i64>,
        pub factor: i64,
    }

    impl Holder {
        pub fn scaled(&self) -> Rdd<i64> {
            self.rows.map(|x| x * self.factor)
        }

        pub fn shifted(&self, by: i64) -> Vec<i64> {
            self.scaled().map(|x| x + 1).collect().unwrap().into_iter().map(|x| x + by).collect()
        }
    }

    pub fn evens(rdd: &Rdd<i64>) -> Rdd<i64> {
        rdd.filter(|x| x % 2 == 0)
    }

    pub fn chained(rdd: &Rdd<i64>, n: i64) -> Vec<i64> {
        evens(rdd).map(|x| x + n).collect().unwrap()
    }
}

#[test]
fn modules_see_their_structs_and_functions() {
    let ctx = DparkContext::local(2);
    let holder = seen::Holder { rows: ctx.range(1, 3), factor: 10 };
    assert_eq!(sorted(holder.shifted(5)), [16, 26]);
    assert_eq!(sorted(seen::chained(&ctx.range(0, 4), 100)), [100, 102]);
}

#[dpark::closures]
#[test]
fn format_strings() {
    let ctx = DparkContext::local(2);
    let (n, width, name) = (1.5, 6, "x");
    let rows = ctx.range(0, 1).map(|_| format!("{n}|{n:?}|{name:>width$}|{:.1}|{m}", n, m = 2)).collect().unwrap();
    assert_eq!(rows, ["1.5|1.5|     x|1.5|2"]);
}

#[dpark::closures]
#[test]
fn shadowed_names() {
    let ctx = DparkContext::local(2);
    let (n, y) = (1, 2);
    let rows = ctx
        .range(0, 1)
        .map(|n| n + 1)
        .map(|x| {
            let n = x + n;
            let y = match Some(n) {
                Some(y) if y > 0 => y,
                _ => y,
            };
            for y in 0..1 {
                let _ = y;
            }
            if let Some(n) = Some(y) { n } else { n }
        })
        .collect()
        .unwrap();
    assert_eq!(rows, [2]);
    assert_eq!((n, y), (1, 2));
}

#[dpark::closures]
#[test]
fn nested_closures_and_macros() {
    let ctx = DparkContext::local(2);
    let n = 3;
    let words = vec!["a".to_owned(), "b".to_owned()];
    let rows = ctx
        .range(1, 3)
        .flat_map(|x| (0..n).map(|y| x * y + n).collect::<Vec<_>>())
        .flat_map(|x| vec![x; n as usize - 2])
        .filter(|x| matches!(*x, v if v >= n) && words.iter().any(|w| w == "a"))
        .map(|x| {
            assert!(x >= n, "at least {n}");
            x
        })
        .collect()
        .unwrap();
    assert_eq!(sorted(rows), [3, 3, 4, 5, 5, 7]);
}

#[dpark::closures]
#[test]
fn loops_and_local_functions() {
    let ctx = DparkContext::local(2);
    let rdd = ctx.range(0, 1);
    fn twice(x: i64) -> i64 {
        x * 2
    }
    const STEP: i64 = 100;
    let mut all = Vec::new();
    for k in 1..3 {
        for (i, word) in ["a", "bc"].into_iter().enumerate() {
            all.extend(rdd.map(|x| twice(x + k) + STEP + word.len() as i64 + i as i64).collect().unwrap());
        }
    }
    assert_eq!(all, [103, 105, 105, 107]);
    let shifted = |by: i64| rdd.map(|x| x + by).collect().unwrap();
    assert_eq!(shifted(9), [9]);
    let pointer: fn(i64) -> i64 = i64::abs;
    assert_eq!(rdd.map(|x| pointer(x - 4)).collect().unwrap(), [4]);
}

#[dpark::closures]
fn generic<T: dpark::Data + dpark::capture::Capture + PartialEq>(rdd: &Rdd<T>, wanted: T) -> u64 {
    rdd.filter(|row| *row == wanted).count().unwrap()
}

#[test]
fn generics() {
    assert_eq!(generic(&DparkContext::local(2).range(0, 5), 3), 1);
}

#[dpark::closures]
#[test]
fn iterators_are_left_alone() {
    let ctx = DparkContext::local(2);
    let n = 1;
    let mut total = 0;
    let rows: Vec<i64> = ctx.range(0, 2).collect().unwrap().iter().map(|x| x + n).collect();
    rows.iter().for_each(|x| total += x);
    assert_eq!((rows, total), (vec![1, 2], 3));
}

#[dpark::closures]
#[test]
fn written_by_hand() {
    let ctx = DparkContext::local(2);
    let n = 1;
    assert_eq!(ctx.range(0, 1).with_env((&n,)).map(|(n,)| move |x| x + n).collect().unwrap(), [1]);
}

#[dpark::closures]
#[test]
fn broadcasts_by_name() {
    let ctx = DparkContext::local(2);
    let table = ctx.broadcast(HashMap::from([(1, "one".to_owned()), (2, "two".to_owned())]));
    let least = ctx.broadcast(2i64);
    let rows = ctx.range(0, 4).flat_map(|x| table.get(&x).map(|word| (x, word.clone())));
    assert_eq!(rows.map(|row| row.1).collect().unwrap(), ["one", "two"]);
    assert_eq!(rows.filter(|row| row.0 >= *least && table.contains_key(&row.0)).count().unwrap(), 1);
    assert_eq!(rows.map(|row| table[&row.0].len() + table.value().len()).collect().unwrap(), [5, 5]);
    assert_eq!(table.len(), 2);
}

/// Captured through references, the broadcast and the accumulator themselves are captured.
#[dpark::closures]
fn through_references(
    rdd: &Rdd<i64>,
    table: &dpark::Broadcast<Vec<i64>>,
    seen: &dpark::Accumulator<u64>,
) -> dpark::Result<Vec<i64>> {
    let rows = rdd.map(|x| {
        seen.add(1);
        x + table[0] + table.iter().sum::<i64>()
    });
    rows.collect()
}

#[test]
fn references_to_broadcasts_and_accumulators() {
    let ctx = DparkContext::local(2);
    let (table, seen) = (ctx.broadcast(vec![10, 20]), ctx.accumulator(0));
    assert_eq!(through_references(&ctx.range(0, 2), &table, &seen).unwrap(), [40, 41]);
    assert_eq!(seen.value(), 2);
    drop(table);
    assert_eq!(ctx.held(), (0, 0, 0), "nothing is kept for ever");
}

#[dpark::closures]
#[test]
fn checkpoints_stay_rdds() {
    let directory = std::env::temp_dir().join(format!("dpark-closures-checkpoint-{}", std::process::id()));
    let ctx = DparkContext::local(2);
    let n = 5;
    let rdd = ctx.range(0, 3).checkpoint(&directory).unwrap();
    assert_eq!(rdd.map(|x| x + n).collect().unwrap(), [5, 6, 7]);
    let back = ctx.read_checkpoint::<i64>(&directory).unwrap();
    assert_eq!(back.filter(|x| *x + n > 6).count().unwrap(), 1);
    std::fs::remove_dir_all(directory).unwrap();
}
