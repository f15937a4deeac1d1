//! The compiler's messages: at the user's own line and column, once, in the user's own words.

use dpark_tests::shell::Shell;

#[test]
fn at_the_users_line_and_column() {
    Shell::new().transcript(&[
        ("let n = 3_i64; let r = ctx.range(0, 4);", ""),
        (
            "let x: i32 = 1;\nlet s: String =\n    x;",
            "error[E0308]: mismatched types
 --> cell 2:3:5
  |
2 | let s: String =
  |        ------ expected due to this
3 |     x;
  |     ^ expected `String`, found `i32`[…]",
        ),
        ("1 +* 2 )", "error: […]cell 3:1:[…]"),
        ("let é = \"ü\"; nö", "error[E0425]: cannot find value `nö`[…]cell 4:1:14[…]"),
        ("n.nothing()", "error[E0599]: no method named `nothing`[…]cell 5:1:3[…]"),
        ("fn f() -> i32 {\n    \"text\"\n}", "error[E0308]: mismatched types[…]cell 6:2:5[…]"),
    ]);
}

#[test]
fn after_closures_that_were_rewritten() {
    Shell::new().transcript(&[
        ("let n = 3_i64; let word = String::from(\"w\"); let r = ctx.range(0, 4);", ""),
        (
            "r.map(|x| x + n).map(|x| x * n).map(|x| x + \"a\").collect()?",
            "error[E0277]: cannot add `&str` to `i64`
 --> cell 2:1:43
  |
1 | r.map(|x| x + n).map(|x| x * n).map(|x| x + \"a\").collect()?
  |                                           ^ no implementation for `i64 + &str`[…]",
        ),
        (
            "r.map(|x| x + n)\n    .filter(|x| x > n)\n    .count()?",
            "error[E0308]: mismatched types[…]cell 3:2:21[…]2 |     .filter(|x| x > n)[…]",
        ),
        ("r.map(|x| { let y: String = n; (x, y) }).count()?", "error[E0308]: mismatched types[…]cell 4:1:29[…]"),
        (
            "let a = r.map(|x| x + n); let b: i32 = \"late\"; let c = r.map(|x| x + n);",
            "error[E0308]: mismatched types[…]cell 5:1:40[…]",
        ),
        (
            "r.map(|x| format!(\"{word}{missing}\")).count()?",
            "error[E0425]: cannot find value `missing`[…]cell 6:1:[…]",
        ),
        ("r.map(|x| x + n).colect()?", "error[E0599]: no method named `colect`[…]cell 7:1:18[…]"),
        ("r.mapp(|x| x + n)", "error[E0599]: no method named `mapp`[…]cell 8:1:3[…]"),
    ]);
}

#[test]
fn never_in_our_words() {
    let answers = Shell::new().cells(&[
        "let n = 3_i64; let r = ctx.range(0, 4);",
        "r.map(|x| x + n + \"a\").collect()?",
        "r.map(|x| { let y: String = n; y }).collect()?",
        "r.filter(|x| x + n).collect()?",
        "r.map(|x, y| x + n).collect()?",
        "r.reduce(|a, b| a + b + n as u8)?",
        "r.map(|x| (x, n)).reduce_by_key(|a| a + n).collect()?",
        "r.map(|x| x.foo(n)).collect()?",
        "r.map(|x| x + n).filter(|x| *x == \"\").sum()?",
        "let y = n; y = 5; y",
    ]);
    for answer in &answers[1..] {
        assert!(answer.starts_with("error"), "{answer}");
        assert!(answer.contains("--> cell "), "without a place: {answer}");
        for ours in ["__", "with_env", "WithEnv", "::dpark::", "Frame", "Env<", "/tmp/", "dpark-session"] {
            assert!(!answer.contains(ours), "{ours} is ours: {answer}");
        }
    }
}

#[test]
fn in_the_items_of_earlier_cells() {
    Shell::new().transcript(&[
        ("fn show<T: std::fmt::Display>(t: T) -> String {\n    format!(\"<{t}>\")\n}", ""),
        ("struct Opaque;", ""),
        ("show(Opaque)", "error[E0277]: `Opaque` doesn't implement `std::fmt::Display`[…]cell 3:1:6[…]"),
        ("macro_rules! add_text {\n    ($e:expr) => { $e + \"text\" };\n}", ""),
        ("add_text!(1)", "error[E0277]: cannot add `&str` to `{integer}`[…]cell […]"),
        ("show(1)", "\"<1>\""),
    ]);
}

#[test]
fn each_error_is_said_once() {
    let answers =
        Shell::new().cells(&["let r = ctx.range(0, 4); let n = 1_i64;", "r.map(|x| x + n + undefined).collect()?"]);
    assert_eq!(answers[1].matches("error").count(), 1, "{}", answers[1]);
    let answers = Shell::new().cells(&["let a: i32 = \"a\";\nlet b: i32 = \"b\";"]);
    assert_eq!(answers[0].matches("error[E0308]").count(), 2, "{}", answers[0]);
}

#[test]
fn a_failed_cell_leaves_nothing_behind() {
    Shell::new().transcript(&[
        ("fn f() -> i32 { 1 }", ""),
        ("fn f() -> i32 { \"two\" }", "error[E0308][…]"),
        ("f()", "1"),
        ("let n = 5; let m: String = n;", "error[E0308][…]"),
        ("n", "error[E0425]: cannot find value `n`[…]"),
        ("struct S { x: Missing }", "error[E0425]: cannot find type `Missing`[…]cell 6:1:15[…]"),
        ("struct S { x: i32 }", ""),
        ("S { x: 1 }.x", "1"),
    ]);
}

#[test]
fn rows_that_borrow() {
    let answers = Shell::new().cells(&[
        "ctx.parallelize(vec![\"a\", \"b\"]).count()?",
        "let words = ctx.parallelize(vec![\"a\", \"b\"]);",
        "let text = ctx.parallelize(vec![String::from(\"a b\")]);",
        "text.map(|line| line.as_str()).count()?",
        "ctx.parallelize(vec![String::from(\"a\")]).count()?",
    ]);
    for answer in &answers[..2] {
        assert!(answer.starts_with("error"), "{answer}");
        assert!(answer.contains("String"), "does not say to use `String`: {answer}");
        assert!(answer.contains(":1:"), "without a place: {answer}");
        assert!(!answer.contains("'0"), "{answer}");
    }
    assert_eq!(answers[4], "1");
}

#[test]
fn colours_when_asked_for() {
    let mut shell = Shell::new().arg("--color").arg("always").cell("let n: i32 = \"a\";");
    let ended = shell.run();
    assert!(ended.stderr.contains("\x1b["), "{}", ended.stderr);
    assert!(dpark_tests::pty::plain(&ended.stderr).starts_with("error[E0308]: mismatched types"), "{}", ended.stderr);
    let ended = Shell::new().cell("let n: i32 = \"a\";").run();
    assert!(!ended.stderr.contains('\x1b'), "{}", ended.stderr);
}
