//! What goes wrong in tasks on executors, and what stays.

use dpark_tests::shell::Shell;

#[test]
fn what_tasks_do_to_their_process() {
    Shell::new().arg("-m").arg("process[2]").transcript(&[
        ("let n = 3_i64; let r = ctx.range(0, 4);", ""),
        // A panic names the user's line, also in a function of another cell, and also below a shuffle.
        (
            "r.map(|x| {\n    assert!(x < n, \"{x} is too large\");\n    x\n}).collect()?",
            "error: stage 1 (collect at cell 2, line 4), partition 1: panicked at cell 2, line 2: 3 is too large (tried 4 times)",
        ),
        ("fn check(x: i64) -> i64 { if x == 1 { panic!(\"one\") } x }", ""),
        (
            "r.map(|x| (check(x), 1)).reduce_by_key(|a, b| a + b).count()?",
            "error: stage 2 (reduce_by_key at cell 4, line 1), partition 0: panicked at cell 3, line 1: one (tried 4 times)",
        ),
        // What tasks print is there when the cell has ended, with and without a newline.
        ("ctx.range_with(0, 3, 1, 1).foreach(|x| println!(\"row {x}\"))?;", "row 0\nrow 1\nrow 2"),
        ("ctx.range_with(0, 3, 1, 1).foreach(|x| print!(\"{x} \"))?; println!(\"end\");", "0 1 2 end"),
        ("ctx.range_with(0, 1, 1, 1).foreach(|_| eprintln!(\"a word\"))?;", "a word"),
        (
            "r.map(|_| { let mut line = String::new(); std::io::stdin().read_line(&mut line).unwrap() }).sum()?",
            "0",
        ),
        // Each cell has its own copy of a static, and each process another one.
        (
            "use std::sync::atomic::{AtomicI64, Ordering};\nstatic CALLS: AtomicI64 = AtomicI64::new(0);\nfn call() -> i64 { CALLS.fetch_add(1, Ordering::SeqCst) + 1 }",
            "",
        ),
        ("call(); let counts = ctx.range_with(0, 4, 1, 2).map(|_| call()); (counts.max()?, counts.max()? > 2, call())", "[…], 2)"),
        ("call()", "1"),
        // A process that dies fails a job with the cause, not the session.
        ("let sums = r.map(|x| (x % 2, x)).reduce_by_key(|a, b| a + b); let kept = r.map(|x| x + n).cache();", ""),
        ("(sums.values().sum()?, kept.sum()?)", "(6, 18)"),
        (":kill-executor 1", "executor 1 (process […]) is killed; another one takes its place"),
        (":kill-executor 2", "executor 2 (process […]) is killed; another one takes its place"),
        ("(sums.values().sum()?, kept.sum()?)", "(6, 18)"),
        (":kill-executor 1", "executor 1 is gone already"),
        (":kill-executor 77", "error: there is no executor 77; `:executors` lists them"),
        (":executors", "[…]│  1 │ […] it was killed by the user[…]│  3 │ […]"),
        (
            "r.foreach(|x| if x == 2 { std::process::abort() })?",
            "error: stage […] (foreach at cell […], line 1), partition 1: executor […] was lost: […](signal: 6 (SIGABRT)[…] (tried 4 times)",
        ),
        (
            "r.foreach(|x| if x == 2 { std::process::exit(5) })?",
            "error: stage […], partition 1: executor […] was lost: […] (exit status: 5) (tried 4 times)",
        ),
        ("(n, sums.values().sum()?, kept.sum()?, r.map(|x| x * n).sum()?)", "(3, 6, 18, 18)"),
    ]);
}
