//! Tests of the cell analysis.

use super::*;

fn texts<'a>(source: &'a str, cell: &Cell) -> Vec<&'a str> {
    cell.parts.iter().map(|part| &source[part.range()]).collect()
}

fn cell(source: &str) -> Cell {
    parse(source).unwrap()
}

fn key(source: &str) -> ItemKey {
    cell(source).items().next().unwrap().key.clone()
}

fn named(name: &str) -> ItemKey {
    ItemKey::Named(name.to_owned())
}

#[test]
fn parts_have_their_exact_bytes() {
    let source = "// a comment\n/// Größe.\n#[derive(Clone)]\nstruct A { x: i64 }\n  let é = \"ä\"; let mut b = 2;\né.len() + b // end\n";
    let cell = cell(source);
    let expected =
        ["/// Größe.\n#[derive(Clone)]\nstruct A { x: i64 }", "let é = \"ä\";", "let mut b = 2;", "é.len() + b"];
    assert_eq!(texts(source, &cell), expected);
}

#[test]
fn a_script_line_and_a_byte_order_mark_move_nothing() {
    let source = "\u{feff}#!/usr/bin/env dpark\nlet x = 1;";
    assert_eq!(texts(source, &cell(source)), ["let x = 1;"]);
    let source = "#![allow(unused)]\nlet x = 1;";
    assert_eq!(texts(source, &cell(source)), ["let x = 1;"]);
}

#[test]
fn every_kind_of_item() {
    let source = "fn f() {} struct S; enum E {} union U { a: u8 } trait T {} impl S {} use a::b; mod m {} const C: u8 = 1; \
        static D: u8 = 1; type A = u8; macro_rules! r { () => {} } thread_local! { static L: u8 = 1; } extern crate x as y; \
        extern \"C\" {}";
    use ItemKind::*;
    let kinds: Vec<ItemKind> = cell(source).items().map(|item| item.kind).collect();
    let expected = [
        Fn,
        Struct,
        Enum,
        Union,
        Trait,
        Impl,
        Use,
        Mod,
        Const,
        Static,
        Type,
        MacroRules,
        MacroCall,
        ExternCrate,
        ExternBlock,
    ];
    assert_eq!(kinds, expected);
    assert_eq!(cell(source).items().nth(13).unwrap().key, named("y"));
}

#[test]
fn items_mention_what_they_need() {
    let cell = cell("fn area(p: &Point) -> f64 { let s = helper(p.x); println!(\"{SCALE}\"); p.norm() * s }");
    let mentions = &cell.items().next().unwrap().mentions;
    for name in ["Point", "f64", "helper", "SCALE", "println"] {
        assert!(mentions.names.contains(name), "{name}");
    }
    assert!(!mentions.names.contains("area"));
    assert!(!mentions.names.contains("norm"));
    assert!(mentions.members.contains("norm"));
}

#[test]
fn impls_are_known_by_their_header() {
    let header = |source: &str| match key(source) {
        ItemKey::Impl { header, methods, types } => (header, methods, types),
        other => panic!("{other:?}"),
    };
    let (text, methods, types) = header("#[allow(x)] impl   fmt::Display\nfor Foo { fn fmt(&self) {} }");
    assert_eq!(text, "impl fmt::Display for Foo");
    assert_eq!(methods, ["fmt"]);
    assert_eq!(types, ["fmt", "Display", "Foo"]);
    let (text, _, types) = header("impl<'a, T: Clone> Pair<'a, T> where T: Copy + Send {}");
    assert_eq!(text, "impl<'a, T: Clone> Pair<'a, T> where T: Copy + Send");
    assert_eq!(types, ["Clone", "Pair", "Copy", "Send"]);
    assert_eq!(key("impl Foo{fn a(&self){}}"), key("impl Foo { fn a(&self) { 1; } }"));
}

#[test]
fn imports_say_what_they_bind() {
    let names = |names: &[&str], glob| ItemKey::Use { names: names.iter().map(|n| n.to_string()).collect(), glob };
    assert_eq!(key("use std::collections::HashMap;"), names(&["HashMap"], false));
    assert_eq!(key("use std::{fmt::{self, Write as _}, io::Read as R};"), names(&["fmt", "R"], false));
    assert_eq!(key("use a::{b, c::*};"), names(&["b"], true));
}

#[test]
fn lets_say_what_they_bind() {
    let source = "let (mut a, Some(b)): (i64, Option<i64>) = f(c) else { return };";
    let cell = cell(source);
    let StatementKind::Let { binds, ty, init, has_else } = &cell.statements().next().unwrap().kind else { panic!() };
    let found: Vec<(&str, bool)> = binds.iter().map(|bind| (bind.name.as_str(), bind.is_mut)).collect();
    assert_eq!(found, [("a", true), ("b", false)]);
    assert_eq!(&source[binds[1].range.clone()], "b");
    assert_eq!(&source[ty.clone().unwrap()], "(i64, Option<i64>)");
    assert_eq!(&source[init.clone().unwrap()], "f(c)");
    assert!(*has_else);
    assert!(matches!(
        &super::parse("let x;").unwrap().statements().next().unwrap().kind,
        StatementKind::Let { init: None, .. }
    ));
}

#[test]
fn the_last_value_is_shown() {
    assert!(cell("let x = 1;\nx").shown().is_some());
    assert!(cell("x;").shown().is_none());
    assert!(cell("vec![1]").shown().is_some());
    assert!(cell("println!(\"a\");").shown().is_none());
    assert!(cell("x; fn f() {}").shown().is_none());
    assert!(cell("").shown().is_none());
    let source = "a + b ;";
    let StatementKind::Expr { value, semi: true } = cell(source).parts[0].statement().kind.clone() else { panic!() };
    assert_eq!(&source[value], "a + b");
}

impl Part {
    fn statement(&self) -> &Statement {
        match self {
            Part::Statement(statement) => statement,
            Part::Item(_) => panic!("an item"),
        }
    }
}

#[test]
fn mentions_of_statements_reach_macros_and_format_strings() {
    let cell = cell("println!(\"{n:>width$} {}\", total(rows.len()));");
    let mentions = &cell.statements().next().unwrap().mentions;
    for name in ["n", "width", "total", "rows"] {
        assert!(mentions.names.contains(name), "{name}");
    }
    assert!(super::parse("a..b").unwrap().shown().unwrap().mentions.names.contains("b"));
}

#[test]
fn await_and_question_mark_count_at_the_top_only() {
    let uses = |source: &str| (cell(source).uses_await(), cell(source).uses_question_mark());
    assert_eq!(uses("let x = f().await;"), (true, false));
    assert_eq!(uses("let x = f()?;"), (false, true));
    assert_eq!(uses("println!(\"{}\", f().await?);"), (true, true));
    assert_eq!(uses("let f = || g()?; let a = async { g().await }; fn h() { g()?; }"), (false, false));
    assert_eq!(uses("select! { x = f() => { g().await } }"), (true, false));
}

#[test]
fn a_syntax_error_has_its_place() {
    let error = super::parse("let ö = 1;\nlet = 2;").unwrap_err();
    assert_eq!(error.offset, "let ö = 1;\nlet ".len());
    let error = super::parse("let x = ").unwrap_err();
    assert_eq!(error.offset, "let x = ".len());
}

#[test]
fn completeness_of_lines() {
    use Completeness::*;
    for complete in [
        "",
        "   ",
        "x",
        "let x = 1;",
        "f(1, 2)",
        "\"a{\"",
        "'{'",
        "'\\''",
        "b'{'",
        "r#\"a\"b{\"#",
        "/* { */ x",
        "// {",
        "x?",
        "0..",
        ":stages",
        ":dep x = \"1\"\nlet a = 1;",
        "let a = 1;\n:vars\na",
        "fn f<'a>(x: &'a str) {}",
        "{ 1 }",
        "let c = 'a'; let s: &'static str = \"b\";",
        "br\"\\\"",
        "r#type",
    ] {
        assert_eq!(completeness(complete), Complete, "{complete}");
    }
    for incomplete in [
        "let x =",
        "let x = 1",
        "f(",
        "f(1,",
        "x.",
        "x +",
        "a &&",
        "\"abc",
        "r#\"abc\"",
        "/* abc",
        "/* /* */",
        "fn f()",
        "struct A",
        "#[derive(Debug)]",
        "if x",
        "match x {",
        "use std::fs",
        "let x = a\n    .b()",
        "x = ",
        "|x|",
        "'outer:",
        "ctx.range(0, 10).map(|x| {\n  x + 1",
        "std::",
        "&",
    ] {
        assert_eq!(completeness(incomplete), Incomplete, "{incomplete}");
    }
    for invalid in ["f)", "(]", "a b", "let = 1;"] {
        assert!(matches!(completeness(invalid), Invalid(_)), "{invalid}");
    }
}
