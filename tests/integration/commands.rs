//! The shell's `:commands`.

use dpark_tests::shell::Shell;

#[test]
fn help() {
    let answers = Shell::new().cells(&[":help", ":help stages", ":help :sccache", ":help nothing"]);
    for command in [
        ":jobs",
        ":stages [JOB]",
        ":dag [RDD]",
        ":lineage RDD",
        ":cache",
        ":uncache RDD",
        ":conf",
        ":cancel JOB",
        ":load FILE",
        ":save FILE",
        ":reset",
        ":clear",
        ":restart",
        ":dep NAME",
        ":vars",
        ":opt",
        ":toolchain",
    ] {
        assert!(answers[0].contains(&format!("\n  {command} ")), "{command} is missing:\n{}", answers[0]);
    }
    assert!(answers[1].starts_with(":stages [JOB]\n"), "{}", answers[1]);
    assert!(answers[2].contains("Not available here: "), "{}", answers[2]);
    assert!(answers[3].starts_with("error: there is no command :nothing"), "{}", answers[3]);
}

#[test]
fn jobs_stages_and_dags() {
    let mut shell = Shell::new();
    shell.transcript(&[
        (":jobs", "no jobs yet"),
        (":stages", "no […] yet[…]"),
        (":dag", "error: no jobs yet"),
        ("let words = ctx.parallelize(vec![\"a\".to_owned(), \"b\".to_owned(), \"a\".to_owned()]);", ""),
        ("let counts = words.map(|w| (w, 1)).reduce_by_key(|a, b| a + b);", ""),
        (":dag counts", "error: no job has computed counts yet; `:lineage counts` shows how it would be"),
        ("counts.count()?", "2"),
        ("counts.map(|x| -> i32 { panic!(\"no {x:?}\") }).count()?", "error: stage […] (count at cell 4, line 1), partition […]: panicked at cell 4, line 1: no […] (tried 4 times)"),
        (":jobs", "[…]│   1 │ count at cell 3, line 1 │ finished │              2/2 │   4/4 │[…]│   2 │ count at cell 4, line 1 │ failed[…]"),
        (":stages 1", "[…]reduce_by_key at cell 2, line 1 │ finished │   2/2 │[…]count at cell 3, line 1[…]"),
        (":stages 7", "error: there is no job 7; `:jobs` lists them"),
        (":stages x", "error: `x` is no job's number; `:jobs` lists them"),
        (":dag counts", "job 2 · count at cell 4, line 1 · failed\n[…]reduce_by_key[…]counts[…]"),
        (":lineage counts", "counts = reduce_by_key [[…]]: (String, i32) · 2 partitions · cell 2, line 1\n[…]map[…]words = parallelize[…]"),
        (":lineage", "error: which RDD? `:lineage NAME` takes a variable or an RDD's number"),
        (":lineage nothing", "error: there is no variable `nothing`"),
        ("let n = 1;", ""),
        (":lineage n", "error: `n` is no RDD but a i32"),
        (":cancel 1", "job 1 has ended already (finished)"),
        (":cancel 9", "error: there is no job 9; `:jobs` lists them"),
    ]);
}

#[test]
fn the_cache() {
    Shell::new().transcript(&[
        (":cache", "nothing is cached; `rdd.cache()` marks an RDD"),
        ("let numbers = ctx.range(0, 1000).cache();", ""),
        ("numbers.sum()?", "499500"),
        (":cache", "[…]numbers[…]memory[…]2/2[…]KiB[…]"),
        ("ctx.held().0", "2"),
        (":uncache numbers", "dropped 2 cached partitions of numbers ([…])"),
        ("ctx.held().0", "0"),
        (":uncache numbers", "numbers is not cached"),
        (":cache", "nothing is cached; `rdd.cache()` marks an RDD"),
        ("numbers.sum()?", "499500"),
        ("let again = ctx.range(0, 10).cache(); again.count()?", "10"),
        ("again.unpersist(); ctx.held().0", "0"),
    ]);
}

#[test]
fn timing() {
    Shell::new().transcript(&[
        (":timing on", "timing is on"),
        ("1 + 1", "2\n[…] s (compile […])"),
        ("ctx.range(0, 4).count()?", "4\n1 stage · 2 tasks · […] s (compile […])"),
        (":timing off", "timing is off"),
        ("1 + 1", "2"),
        (":timing", "timing is on"),
        (":timing perhaps", "error: `:timing on` or `:timing off`"),
    ]);
}

#[test]
fn variables_and_types() {
    Shell::new().transcript(&[
        (
            "let count = 5_u8; let text = String::from(\"t\"); let rdd = ctx.range(0, 4).map(|x| (x, x.to_string()));",
            "",
        ),
        (":vars", "[…]count: u8[…]ctx: […]DparkContext[…]rdd: […]Rdd<(i64, […]String)>[…]text: […]String[…]"),
        (":type count", "count: u8"),
        (":type rdd", "rdd: […]Rdd<(i64, […]String)>"),
        (":t text", "[…]String"),
        (":type nothing", "error: […]nothing[…]"),
    ]);
}

#[test]
fn what_is_not_available_says_why() {
    const ONE: &str = "the engine and all cells must be built by one compiler with the same settings";
    Shell::new().transcript(&[
        (":toolchain nightly", &format!("error: :toolchain is not available here: {ONE}")),
        (":codegen_backend cranelift", &format!("error: :codegen_backend is not available here: {ONE}")),
        (":build_env A=b", &format!("error: :build_env is not available here: {ONE}")),
        (":linker lld", "error: :linker is not available here: the session links the cells itself"),
        (":allow_static_linking 1", "error: :allow_static_linking is not available here: […]"),
        (":sccache 1", "error: :sccache is not available here: […]"),
        (":time_passes 1", "error: :time_passes is not available here: […]"),
        (":preserve_vars_on_panic 0", "error: :preserve_vars_on_panic is not available here: they are always kept"),
        ("1 + 1", "2"),
    ]);
}

#[test]
fn a_fresh_context_and_what_is_dropped() {
    Shell::new().transcript(&[
        ("let n = 1; let r = ctx.range(0, 100).cache(); struct S { x: i64 }\nfn f() -> i64 { 5 }", ""),
        ("r.count()?", "100"),
        (":restart", "dropped: variables, with the data of their RDDs; items, imports and dependencies stay; `ctx` is a fresh context"),
        ("n", "error[E0425]: cannot find value `n`[…]"),
        ("f() + S { x: 1 }.x", "6"),
        (":jobs", "no jobs yet"),
        ("ctx.held()", "(0, 0, 0)"),
        ("ctx.range(0, 3).sum()?", "3"),
        (":clear", "dropped: variables, items, imports and dependencies; `ctx` is a fresh context"),
        ("f()", "error[E0425]: cannot find function `f`[…]"),
        ("ctx.range(0, 3).sum()?", "3"),
        ("let k = 4;", ""),
        (":reset", "dropped: variables, items, imports and dependencies; `ctx` is a fresh context"),
        ("k", "error[E0425]: cannot find value `k`[…]"),
        ("ctx.range(0, 3).sum()?", "3"),
    ]);
}

#[test]
fn save_and_load() {
    let mut shell = Shell::new();
    shell.transcript(&[
        (":save early.rs", "error: there is nothing to save yet"),
        ("let n = 3_i64;", ""),
        ("fn f(x: i64) -> i64 {\n    x + 1\n}", ""),
        ("n + \"wrong\"", "error[…]"),
        (":opt 2", "[…]"),
        (":jobs", "no jobs yet"),
        ("println!(\"{}\", f(n));", "4"),
        (":save session.rs", "4 cells saved; `dpark-repl session.rs` runs them"),
        (":save no/such/directory/s.rs", "error: no/such/directory/s.rs: No such file[…]"),
        (":load nothing.rs", "error: nothing.rs: No such file[…]"),
    ]);
    let saved = std::fs::read_to_string(shell.path("session.rs")).unwrap();
    assert_eq!(
        saved,
        "let n = 3_i64;\n// %%\nfn f(x: i64) -> i64 {\n    x + 1\n}\n// %%\n:opt 2\n// %%\nprintln!(\"{}\", f(n));\n"
    );
    // The saved session runs as a script, and into a session.
    let mut again = Shell::new().file("session.rs", &saved).arg("session.rs");
    let ended = again.run();
    assert_eq!((ended.stdout.as_str(), ended.code), ("Optimization: 2\n4\n", Some(0)), "{ended:?}");
    Shell::new().file("session.rs", &saved).transcript(&[(":load session.rs", "[…]4"), ("f(n) * 10", "40")]);
    // What fails stops the rest.
    Shell::new()
        .file("bad.rs", "let a = 1;\n// %%\nlet b: i32 = \"b\";\n// %%\nprintln!(\"never\");\n")
        .transcript(&[(":load bad.rs", "error[E0308][…]"), ("a", "1")]);
}

#[test]
fn commands_and_code_in_one_cell() {
    let script = "let n = 1;
:timing on
:timing off
println!(\"{n}\");
!echo from sh
let m = n + 1;
:type m
m
";
    let mut shell = Shell::new().file("s.rs", script).arg("s.rs");
    shell.run().prints("timing is on\ntiming is off\n1\nfrom sh\nm: i32\n2\n");
}

#[test]
fn a_shell_line_that_fails_is_an_error() {
    Shell::new().transcript(&[
        ("!echo out; echo err >&2", "out\nerr"),
        ("!exit 3", "error: `exit 3` ended with exit status: 3"),
        ("!cat /dev/null", ""),
    ]);
}

#[test]
fn quit_ends_the_input() {
    Shell::new().feed("1\n:quit\n2\n").prints("1\n");
}

#[test]
fn cells_run_at_every_optimisation() {
    Shell::new().transcript(&[
        (":opt 0", "[…]"),
        ("ctx.range(0, 4).map(|x| x * 2).sum()?", "12"),
        (":opt 2", "[…]"),
        ("ctx.range(0, 4).map(|x| x * 2).sum()?", "12"),
    ]);
}

/// The end of a child that was replaced must not be taken for that of its successor.
#[test]
fn many_restarts() {
    let mut cells = Vec::new();
    for _ in 0..30 {
        cells.extend([":restart", "let n = 1;", "n"]);
    }
    for answers in Shell::new().arg("-q").cells(&cells).chunks(3) {
        assert_eq!(answers, ["", "", "1"]);
    }
}
