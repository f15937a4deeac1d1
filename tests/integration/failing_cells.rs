//! Cells that end by `?`, a panic or an error: what stays and what is said.

use dpark_tests::shell::Shell;

#[test]
fn a_question_mark_keeps_what_was_there() {
    Shell::new().transcript(&[
        ("let counts = ctx.range(0, 3).collect()?;", ""),
        ("let copy = 5; let mut list = vec![1, 2]; let owned = String::from(\"kept\"); let rdd = ctx.range(0, 4);", ""),
        ("let counts = vec![ctx.parallelize(Vec::<i64>::new()).first()?];", "error: first: the RDD is empty"),
        ("counts", "[0, 1, 2]"),
        (
            "let copy = 6; list.push(3); let rdd = ctx.range(0, 9); \"x\".parse::<i32>()?; let owned = 1;",
            "error: ParseIntError { kind: InvalidDigit }",
        ),
        ("(copy, &list, &owned, rdd.count()?)", "(6, [1, 2, 3], \"kept\", 9)"),
    ]);
}

#[test]
fn lets_that_were_completed_stay() {
    Shell::new().transcript(&[
        (
            "let a = 7; let b = String::from(\"b\"); let mut c = vec![1]; let r = ctx.range(0, 5); let (d, e) = (1, 'e'); Err::<(), &str>(\"stop\")?; let never = 1;",
            "error: stop",
        ),
        ("c.push(a); (a, &b, &c, d, e, r.sum()?)", "(7, \"b\", [1, 7], 1, 'e', 10)"),
        ("never", "error[E0425]: cannot find value `never`[…]"),
    ]);
}

#[test]
fn what_a_failing_cell_moves_is_gone_with_a_word() {
    Shell::new().transcript(&[
        ("let s = String::from(\"s\"); let t = String::from(\"t\");", ""),
        ("drop(s); Err::<(), &str>(\"stop\")?;", "moved away by the cell before it failed: `s`\nerror: stop"),
        ("t", "\"t\""),
        ("s", "error[E0425]: cannot find value `s`[…]"),
    ]);
}

#[test]
fn what_a_failing_cell_would_have_moved_later_stays() {
    Shell::new().transcript(&[
        ("let s = String::from(\"s\");", ""),
        ("if true { Err::<(), &str>(\"stop\")?; } drop(s);", "error: stop"),
        ("s", "\"s\""),
    ]);
}

#[test]
fn a_panic_in_the_cell_keeps_the_variables() {
    Shell::new().transcript(&[
        ("let n = 1; let mut list = vec![1]; let s = String::from(\"s\"); let r = ctx.range(0, 3).cache();", ""),
        ("r.count()?", "3"),
        (
            "let n = 2; list.push(2);\nlet m = n + 1;\nlist[5];\nlet never = 0;",
            "error: panicked: index out of bounds: the len is 2 but the index is 5 (at cell 3, line 3)",
        ),
        ("(n, m, &list, &s, r.sum()?)", "(2, 3, [1, 2], \"s\", 3)"),
        ("let s: String = panic!(\"not now\");", "error: panicked: not now (at cell 5, line 1)"),
        ("s", "\"s\""),
        ("fn deep(n: u32) -> u32 { if n == 0 { panic!(\"at the bottom\") } else { deep(n - 1) } }", ""),
        ("deep(3)", "error: panicked: at the bottom (at cell 7, line 1)"),
        ("i32::MAX - n + 2 + n", "error: panicked: attempt to add with overflow (at cell 9, line 1)"),
        ("std::panic::panic_any(5)", "error: panicked: […]"),
        (":jobs", "[…]count at cell 2[…]"),
    ]);
}

#[test]
fn a_panic_in_a_task_is_one_message() {
    Shell::new().transcript(&[
        ("let n = 3_i64; let r = ctx.range(0, 4);", ""),
        (
            "r.map(|x| {\n    assert!(x < n, \"{x} is too large\");\n    x\n}).collect()?",
            "error: stage 1 (collect at cell 2, line 4), partition 1: panicked at cell 2, line 2: 3 is too large (tried 4 times)",
        ),
        ("r.map(|x| 10 / (x - 2)).sum()?", "error: stage 2 (sum at cell 3, line 1), partition 1: panicked at cell 3, line 1: attempt to divide by zero (tried 4 times)"),
        (
            "r.map(|x| (x % 2, x)).reduce_by_key(|a, b| panic!(\"in the combiner {}\", a + b)).collect()?",
            "error: stage […] at cell 4, line 1), partition […]: panicked at cell 4, line 1: in the combiner […] (tried 4 times)",
        ),
        ("fn check(x: i64) -> i64 { if x == 1 { panic!(\"one\") } x }", ""),
        ("r.map(|x| check(x)).count()?", "error: stage […] (count at cell 6, line 1), partition 0: panicked at cell 5, line 1: one (tried 4 times)"),
        ("r.sum()? + n", "9"),
    ]);
}

#[test]
fn an_action_that_fails_is_a_value() {
    Shell::new().transcript(&[
        ("let result = ctx.range(0, 4).map(|x| { if x == 3 { panic!(\"three\") } x }).sum();", ""),
        ("result.is_err()", "true"),
        (
            "result.unwrap_err().to_string()",
            "\"stage 1 (sum at cell 1, line 1), partition 1: panicked at cell 1, line 1: three (tried 4 times)\"",
        ),
    ]);
}

#[test]
fn a_child_that_dies_is_replaced() {
    Shell::new().transcript(&[
        ("let n = 1; let s = String::from(\"s\");", ""),
        (
            "std::process::abort()",
            "error: the engine child ended ([…]); a fresh one with a fresh `ctx` is there; lost variables: `n`, `s`",
        ),
        ("ctx.range(0, 3).sum()?", "3"),
        ("n", "error[E0425]: cannot find value `n`[…]"),
        (
            "fn overflow(n: u64) -> u64 { if n == u64::MAX { 0 } else { 1 + overflow(std::hint::black_box(n + 1)) } }",
            "",
        ),
        ("overflow(0)", "[…]error: the engine child ended ([…]"),
        ("let m = 2;", ""),
        ("m", "2"),
    ]);
}

#[test]
fn a_task_that_ends_the_process_is_told() {
    Shell::new().transcript(&[
        ("let n = 1;", ""),
        (
            "ctx.range(0, 4).foreach(|x| std::process::abort())?;",
            "error: the engine child ended ([…]); a fresh one with a fresh `ctx` is there; lost variables: `n`",
        ),
        ("ctx.range(0, 4).count()?", "4"),
    ]);
}
