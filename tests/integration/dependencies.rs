//! `:dep`: crates of the user's, inside of closures too. The only test that needs the network.

use crate::executors::bundle::in_bare_root;
use dpark_tests::shell::Shell;
use std::fs;

/// A crate that is a shared library and needs another one.
fn shared_crates(shell: Shell) -> Shell {
    for name in ["outer/src", "inner/src"] {
        fs::create_dir_all(shell.path(name)).unwrap();
    }
    let manifest = |name: &str, dependency: &str| {
        format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"dylib\"]\n[dependencies]\n{dependency}\n"
        )
    };
    // A static and no inlining: a small function would become part of the cell.
    let function = |body: &str| {
        format!(
            "static CALLS: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new(0);\n#[inline(never)]\npub fn answer(x: i64) -> i64 {{ CALLS.fetch_add(1, std::sync::atomic::Ordering::SeqCst); {body} }}\n"
        )
    };
    shell
        .file("outer/Cargo.toml", manifest("outer", "inner = { path = \"../inner\" }"))
        .file("outer/src/lib.rs", function("inner::answer(x) + 1"))
        .file("inner/Cargo.toml", manifest("inner", ""))
        .file("inner/src/lib.rs", function("x * 42"))
}

/// The executors have nothing of this machine: code of the crates must have come to them.
#[test]
fn crates_are_added_to_a_session_with_variables() {
    let shell = shared_crates(Shell::new());
    let outer = format!(":dep outer = {{ path = {:?} }}", shell.path("outer"));
    let answers = in_bare_root(shell).cells(&[
        "let n = 3_i64; let r = ctx.range(0, 4).cache();",
        "r.count()?",
        ":dep itertools = \"0.14\"",
        "use itertools::Itertools; let joined = [1, 2, 3].iter().join(\"-\");",
        "joined",
        "ctx.range(0, 3).map(|x| (0..x + n).join(\",\")).collect()?",
        ":dep regex = \"1\"",
        ":dep serde_json = \"1\"",
        ":dep rand = \"0.9\"",
        ":dep chrono = \"0.4\"",
        ":dep ndarray = \"0.16\"",
        ":dep uuid = { version = \"1\", features = [\"v4\"] }",
        ":dep csv = \"1\"",
        ":dep tokio = { version = \"1\", features = [\"full\"] }",
        "(n, r.sum()?, &joined)",
        "ctx.parallelize(vec![\"a1\".to_owned(), \"b22\".to_owned()]).map(|s| regex::Regex::new(r\"\\d+\").unwrap().find(&s).unwrap().as_str().len()).collect()?",
        "ctx.range(0, 2).map(|x| serde_json::json!({ \"x\": x }).to_string()).collect()?",
        "ctx.range(0, 2).map(|x| rand::random_range(x..=x)).collect()?",
        "chrono::NaiveDate::from_ymd_opt(2024, 2, 29).unwrap().to_string()",
        "ndarray::array![[1, 2], [3, 4]].sum()",
        "uuid::Uuid::new_v4().to_string().len()",
        "csv::Reader::from_reader(\"a,b\\n1,2\\n\".as_bytes()).records().count()",
        "tokio::time::sleep(std::time::Duration::from_millis(1)).await; tokio::spawn(async { 5 }).await?",
        ":show_deps",
        ":dep no-such-crate-of-dpark = \"1\"",
        "(n, r.sum()?)",
        &outer,
        "ctx.range(0, 3).map(|x| (x % 2, outer::answer(x) + n)).reduce_by_key(|a, b| a + b).values().sort().collect()?",
    ]);
    for (cell, answer) in [(2, &answers[2])].into_iter().chain((6..14).map(|cell| (cell, &answers[cell]))) {
        assert!(!answer.contains("error"), "cell {cell}: {answer}");
    }
    assert_eq!(answers[4], "\"1-2-3\"");
    assert_eq!(answers[5], "[\"0,1,2\", \"0,1,2,3\", \"0,1,2,3,4\"]");
    assert_eq!(answers[14], "(3, 6, \"1-2-3\")");
    let expected =
        ["[1, 2]", "[\"{\\\"x\\\":0}\", \"{\\\"x\\\":1}\"]", "[0, 1]", "\"2024-02-29\"", "10", "36", "1", "5"];
    assert_eq!(answers[15..23], expected);
    assert!(answers[23].contains("itertools") && answers[23].contains("regex"), "{}", answers[23]);
    assert!(answers[24].contains("error") && answers[24].contains("no-such-crate-of-dpark"), "{}", answers[24]);
    assert_eq!(answers[25], "(3, 6)");
    assert_eq!(answers[27], "[46, 92]", "{}", answers[26]);
}
