//! The programs of `examples/`, each run on every kind of master. They check their results themselves.

use std::path::{Path, PathBuf};
use std::process::Command;

const MASTERS: &[&str] = &["local[2]", "process[2]"];

/// An example's program. `cargo test` builds all of them before it runs tests, unless it was asked for a single test target.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let target = test.ancestors().nth(2).expect("tests are in `deps`, examples beside that");
    let program = target.join("examples").join(name);
    if !program.exists() {
        build(name, target);
    }
    program
}

fn build(name: &str, target: &Path) {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--locked", "--package", "dpark", "--example", name]);
    cargo.args(target.ends_with("release").then_some("--release"));
    cargo.env("CARGO_TARGET_DIR", target.parent().expect("profiles are in the target directory"));
    assert!(cargo.status().expect("cargo starts").success(), "the example {name} cannot be built");
}

/// Runs an example on every master; what it prints must contain `text`.
#[track_caller]
fn check(name: &str, text: &str) {
    for master in MASTERS {
        // Examples find their data wherever they are run.
        let output = Command::new(program(name)).args(["-m", master]).current_dir("/").output().expect("it starts");
        let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{name} on {master}: {}\n{errors}", output.status);
        assert!(out.contains(text), "{name} on {master} printed\n{out}");
    }
}

#[test]
fn word_count() {
    check("word_count", "  13 his\n  11 my\n  11 thou\n");
}

#[test]
fn page_rank() {
    check("page_rank", "page   1 has rank  79.051\n");
}

#[test]
fn k_means() {
    check("k_means", "centres: [[-0.000, 0.001], [4.000, 0.999], [1.001, 5.001]]");
}

#[test]
fn logistic_regression() {
    check("logistic_regression", "are right about 1929 of 2000 samples");
}

#[test]
fn cosine_similarity() {
    check("cosine_similarity", "reader 0 is like reader 48: 0.985\n");
}

#[test]
fn a_master_that_is_none_is_an_error() {
    let output = Command::new(program("word_count")).args(["-m", "nowhere"]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("master `nowhere`"));
}

#[test]
fn every_example_is_run_here() {
    let here = include_str!("examples.rs");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for entry in std::fs::read_dir(folder).expect("the examples") {
        let name = entry.expect("an example").path().file_stem().expect("a name").to_string_lossy().into_owned();
        assert!(here.contains(&format!("check(\"{name}\"")), "the example {name} is not run");
    }
}
