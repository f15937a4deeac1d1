//! The corpus: what the rewriter makes of a piece of source, or why it refuses it.
//!
//! A file holds cases of the form
//! ```text
//! // case: title
//! // outer: rdd Rdd, n Other        (the session's variables and their types; may be missing)
//! // earlier: fn f() -> Rdd<i64> {} (an item of the session; as many as are needed)
//! source
//! // =>
//! rewritten source | error at line:column: message / help
//! ```
//! where `.with_env<n, m>` stands for the text that captures `n` and `m`. `UPDATE_CORPUS=1` writes the answers anew.

#![allow(clippy::unwrap_used, reason = "a test's own files")]

use dpark_rewrite::rewrite_cell;
use std::path::Path;

struct Case {
    head: String,
    outer: Vec<(String, String)>,
    earlier: Vec<String>,
    source: String,
    expected: String,
}

/// The text of the type that a case names.
fn type_text(name: &str) -> String {
    let text = match name {
        "Rdd" => "dpark::Rdd<i64>",
        "Context" => "dpark::DparkContext",
        "Accumulator" => "dpark::Accumulator<i64>",
        "Broadcast" => "dpark::Broadcast<i64>",
        "RddList" => "std::vec::Vec<dpark::Rdd<i64>>",
        "RddResult" => "std::result::Result<dpark::Rdd<i64>, dpark::Error>",
        "Other" => "i64",
        of_the_case => of_the_case,
    };
    text.to_owned()
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for case in text.split("// case: ").skip(1) {
        let (title, rest) = case.split_once('\n').unwrap();
        let mut head = format!("// case: {title}\n");
        let mut outer = Vec::new();
        let mut body = rest;
        if let Some(after) = rest.strip_prefix("// outer: ") {
            let (line, rest) = after.split_once('\n').unwrap();
            head.push_str(&format!("// outer: {line}\n"));
            outer = line
                .split(", ")
                .map(|variable| {
                    let (name, of) = variable.split_once(' ').unwrap();
                    (name.to_owned(), type_text(of))
                })
                .collect();
            body = rest;
        }
        let mut earlier = Vec::new();
        while let Some(after) = body.strip_prefix("// earlier: ") {
            let (line, rest) = after.split_once('\n').unwrap();
            head.push_str(&format!("// earlier: {line}\n"));
            earlier.push(line.to_owned());
            body = rest;
        }
        let (source, expected) = body.split_once("// =>\n").unwrap_or((body, ""));
        cases.push(Case {
            head,
            outer,
            earlier,
            source: source.trim_end().to_owned(),
            expected: expected.trim_end().to_owned(),
        });
    }
    cases
}

fn answer(case: &Case) -> String {
    let earlier: Vec<&str> = case.earlier.iter().map(String::as_str).collect();
    match rewrite_cell(&case.source, &case.outer, &earlier) {
        Ok(rewrite) => {
            let edits = rewrite.edits(&case.source);
            let again = rewrite_cell(edits.text(), &case.outer, &earlier).unwrap();
            assert!(again.insertions.is_empty(), "not idempotent: {}", edits.text());
            assert_eq!(edits.text().lines().count(), case.source.lines().count());
            shortened(edits.text())
        }
        Err(error) => {
            format!("error at {}:{}: {} / {}", error.line, error.column, error.message(), error.help())
        }
    }
}

/// What stands around the name of a captured variable.
const BEFORE: &str =
    "{#[allow(unused_imports)]use ::dpark::capture::{CapAny as _,CapFn as _,CapStr as _};(&&&::dpark::capture::Wrap(&";
const AFTER: &str = ")).cap()},";

fn shortened(text: &str) -> String {
    let open = format!(".with_env(({BEFORE}");
    let mut short = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(&open) {
        short.push_str(&rest[..at]);
        rest = &rest[at + ".with_env((".len()..];
        let mut names = Vec::new();
        while let Some(after) = rest.strip_prefix(BEFORE) {
            let (name, after) = after.split_once(AFTER).unwrap();
            names.push(name);
            rest = after;
        }
        rest = rest.strip_prefix("))").unwrap();
        short.push_str(&format!(".with_env<{}>", names.join(", ")));
    }
    short.push_str(rest);
    short
}

fn check(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    let mut updated = text.split("// case: ").next().unwrap().to_owned();
    let mut wrong = Vec::new();
    for case in cases(&text) {
        let answer = answer(&case);
        if answer != case.expected {
            wrong.push(format!("{}{}\n-- expected:\n{}\n-- got:\n{answer}\n", case.head, case.source, case.expected));
        }
        updated.push_str(&format!("{}{}\n// =>\n{answer}\n\n", case.head, case.source));
    }
    if std::env::var_os("UPDATE_CORPUS").is_some() {
        std::fs::write(&path, updated.trim_end().to_owned() + "\n").unwrap();
    } else {
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn captures() {
    check("captures.rs");
}

#[test]
fn receivers() {
    check("receivers.rs");
}

#[test]
fn shadowing() {
    check("shadowing.rs");
}

#[test]
fn macros() {
    check("macros.rs");
}

#[test]
fn own_fields() {
    check("self.rs");
}

#[test]
fn errors() {
    check("errors.rs");
}
