//! What may be captured, and what happens with everything else.

#![allow(clippy::needless_borrow, reason = "as the rewriter writes it")]

use dpark::capture::{CapAny as _, CapFn as _, CapStr as _, Wrap};
use dpark::{Accumulator, DparkContext};
use std::collections::HashMap;

/// The message of the panic that `f` ends with.
fn panic_of(f: impl FnOnce()) -> String {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_err();
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn closures_without_captures_items_and_pointers_ship_as_they_are() {
    fn double(x: i64) -> i64 {
        x * 2
    }
    let rdd = DparkContext::local(2).range(0, 3);
    let pointer: fn(i64) -> i64 = if rdd.num_partitions() > 1 { double } else { i64::abs };
    assert_eq!(rdd.map(double).map(pointer).map(i64::abs).collect().unwrap(), [0, 4, 8]);
}

#[test]
fn a_plain_closure_with_captures_is_refused_where_the_operator_is_applied() {
    let rdd = DparkContext::local(2).range(0, 3);
    let n = rdd.num_partitions() as i64;
    let line = line!() + 1;
    let message = panic_of(|| drop(rdd.map(move |x| x + n)));
    let start =
        format!("map at engine/tests/integration/closures.rs:{line}: this closure captures 8 bytes of variables");
    assert!(message.starts_with(&start), "{message}");
    assert!(message.contains("#[dpark::closures]"), "{message}");
    assert!(message.contains(".with_env((&a, &b)).map(|(a, b)| move |..| ..)"), "{message}");
    assert!(panic_of(|| drop(rdd.filter(move |x| *x > n))).starts_with("filter at"));
    assert!(panic_of(|| drop(rdd.reduce(move |a, b| a + b + n))).starts_with("reduce at"));
    assert!(panic_of(|| drop(rdd.key_by(|x| *x).reduce_by_key(move |a, b| a + b + n))).starts_with("reduce_by_key at"));
}

#[test]
fn many_kinds_of_variables_are_captured_as_the_rewriter_writes_them() {
    let rdd = DparkContext::local(2).range(1, 4);
    let n = 10;
    let reference = &n;
    let words = vec!["a".to_owned(), "b".to_owned()];
    let mut map = HashMap::new();
    map.insert(2i64, "two".to_owned());
    let label = "row";
    let owned = String::from("own");
    let borrowed: &str = &owned;
    let f: fn(i64) -> i64 = |x| x * 100;
    let texts = rdd
        .with_env((
            (&&&Wrap(&n)).cap(),
            (&&&Wrap(&reference)).cap(),
            (&&&Wrap(&words)).cap(),
            (&&&Wrap(&map)).cap(),
            (&&&Wrap(&label)).cap(),
            (&&&Wrap(&borrowed)).cap(),
            (&&&Wrap(&f)).cap(),
        ))
        .map(|(n, reference, words, map, label, borrowed, f)| {
            move |x| format!("{label} {} {} {borrowed} {:?} {}", x + n + *reference, words.len(), map.get(&x), f(x))
        });
    assert_eq!(texts.take(2).unwrap(), ["row 21 2 own None 100", "row 22 2 own Some(\"two\") 200"]);
    assert_eq!(words.len() + map.len(), 3, "captured variables stay usable");
}

#[test]
fn equal_captured_references_are_kept_once() {
    let rdd = DparkContext::local(1).range(0, 1);
    let addresses: Vec<usize> = (0..3)
        .map(|_| {
            let text: &str = &format!("kept {}", "once");
            let address = rdd.with_env(((&&&Wrap(&text)).cap(),)).map(|(text,)| move |_| text.as_ptr() as usize);
            address.first().unwrap()
        })
        .collect();
    assert!(addresses.windows(2).all(|pair| pair[0] == pair[1]), "{addresses:?}");
}

#[test]
fn accumulators_count_each_row_once_on_every_path() {
    let ctx = DparkContext::local(3);
    let (a, b): (Accumulator<u64>, Accumulator<f64>) = (ctx.accumulator(1), ctx.accumulator(0.0));
    let pairs = ctx.range(0, 100).with_env((&a, &b)).map(|(a, b)| {
        move |x| {
            a.add(1);
            b.add(0.5);
            (x % 10, x)
        }
    });
    let sums = pairs.reduce_by_key(|a, b| a + b);
    assert_eq!(sums.count().unwrap(), 10);
    assert_eq!((a.value(), b.value()), (101, 50.0));
    assert_eq!(sums.count().unwrap(), 10);
    assert_eq!(a.value(), 101, "the finished map stage was reused");
    assert_eq!(pairs.count().unwrap(), 100);
    assert_eq!(a.value(), 201, "another action computes the rows again");
}

#[test]
fn par_iter_inside_a_closure_adds_to_its_own_task() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let ctx = DparkContext::local(2);
    let total = ctx.accumulator(0u64);
    let sum = ctx.range(0, 8).with_env((&total,)).foreach(|(total,)| {
        move |x| {
            let done = AtomicBool::new(false);
            rayon::join(|| (0..100).for_each(|_| total.add(x as u64)), || done.store(true, Ordering::Relaxed));
            assert!(done.load(Ordering::Relaxed));
        }
    });
    sum.unwrap();
    assert_eq!(total.value(), 2800);
}

#[test]
fn an_environment_of_sixteen_variables() {
    let v = 1i64;
    let env = (&v, &v, &v, &v, &v, &v, &v, &v, &v, &v, &v, &v, &v, &v, &v, &v);
    let rdd = DparkContext::local(1).range(0, 1);
    let sum = rdd.with_env(env).map(|(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)| {
        move |x| x + a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p
    });
    assert_eq!(sum.first().unwrap(), 16);
}

#[test]
#[should_panic(expected = "only the driver can read its value")]
fn a_task_cannot_read_an_accumulator() {
    let ctx = DparkContext::local(1);
    let total = ctx.accumulator(0);
    let read = ctx.range(0, 1).with_env((&total,)).map(|(total,)| move |_| total.value()).collect();
    panic!("{}", read.unwrap_err());
}
