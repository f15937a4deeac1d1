//! User code owns standard input and output.

use dpark_tests::shell::Shell;
use std::io::{BufRead, BufReader, Read, Write};

/// Lines that look like evcxr's own protocol are text like any other.
#[test]
fn lines_like_the_interpreters_own_are_text() {
    Shell::new().transcript(&[
        ("let n = 1;", ""),
        (
            "println!(\"EVCXR_BEGIN_CONTENT text/html\\n<b>\\nEVCXR_END_CONTENT\");",
            "EVCXR_BEGIN_CONTENT text/html\n<b>\nEVCXR_END_CONTENT",
        ),
        ("println!(\"EVCXR_EXECUTION_COMPLETE\"); let m = n + 1;", "EVCXR_EXECUTION_COMPLETE"),
        (
            "println!(\"PANIC_NOTIFICATION\"); eprintln!(\"EVCXR_EXECUTION_COMPLETE\");",
            "[…]EVCXR_EXECUTION_COMPLETE[…]",
        ),
        ("n + m", "3"),
    ]);
}

#[test]
fn output_without_a_line_end_shows_at_once() {
    let mut shell = Shell::new();
    let mut child = shell.spawn();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let cell = "print!(\"name? \"); let mut name = String::new(); std::io::stdin().read_line(&mut name)?; println!(\"hello {}\", name.trim());\n";
    stdin.write_all(cell.as_bytes()).unwrap();
    let mut question = [0; 6];
    stdout.read_exact(&mut question).unwrap();
    assert_eq!(&question, b"name? ");
    stdin.write_all(b"Ada\n").unwrap();
    drop(stdin);
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "hello Ada\n");
    assert!(child.wait().success());
}

#[test]
fn a_hundred_megabytes_come_through() {
    let mut shell = Shell::new()
        .cell("let line = \"x\".repeat(99); for _ in 0..1_000_000 { println!(\"{line}\"); }")
        .cell("println!(\"done\");");
    let mut child = shell.spawn();
    let mut stdout = BufReader::with_capacity(1 << 16, child.stdout.take().unwrap());
    let (mut bytes, mut last) = (0, String::new());
    loop {
        let mut line = String::new();
        match stdout.read_line(&mut line).unwrap() {
            0 => break,
            count => bytes += count,
        }
        last = line;
    }
    assert_eq!((bytes, last.as_str()), (100_000_000 + 5, "done\n"));
    assert!(child.wait().success());
}

#[test]
fn tasks_print_too() {
    let ended = Shell::new().cell("ctx.range(0, 4).foreach(|x| println!(\"row {x}\"))?; println!(\"end\");").run();
    let mut rows: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(rows.pop(), Some("end"), "{ended:?}");
    rows.sort_unstable();
    assert_eq!(rows, ["row 0", "row 1", "row 2", "row 3"]);
}

#[test]
fn output_that_is_no_text_comes_through() {
    let mut shell = Shell::new().cell("use std::io::Write; std::io::stdout().write_all(&[0xff, 0, 0xfe, b'\\n'])?;");
    let mut child = shell.spawn();
    let mut bytes = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut bytes).unwrap();
    assert!(child.wait().success());
    assert_eq!(bytes, [0xff, 0, 0xfe, b'\n']);
}

#[test]
fn long_results_show_their_beginning() {
    Shell::new().transcript(&[
        ("ctx.range(0, 25).map(|x| (x, x * x))", "[…]map[…]"),
        ("ctx.range(0, 25).map(|x| (x, x * x)).collect()?", "┌[…]│ 19 │ 361 │\n└[…]┘\n… 25 rows"),
        ("ctx.range(0, 5000).map(|x| (x, x.to_string())).collect()?", "[…]… 5,000 rows"),
        ("ctx.range(0, 3).map(|x| (x, x.to_string())).collect()?", "┌[…]│ 2 │ 2 │\n└[…]┘"),
    ]);
}

#[test]
fn what_a_cell_displays_is_its_text_in_order_with_what_it_prints() {
    let ended = Shell::new()
        .cell(
            "println!(\"1\"); let id = dpark::display(dpark::MimeBundle::new().html(\"<b>2</b>\").text(\"2\")); \
             println!(\"3\"); dpark::update_display(&id, \"4\"); dpark::clear_output(true); println!(\"5\");",
        )
        .cell("dpark::display(\"6\")")
        .cell("dpark::MimeBundle::new().html(\"<b>7</b>\").text(\"7\")")
        .run();
    assert_eq!((ended.stdout.as_str(), ended.code), ("1\n2\n3\n4\n5\n6\n7\n", Some(0)), "{}", ended.stderr);
}

/// Nobody looks at an executor.
#[test]
fn what_a_task_on_an_executor_displays_is_dropped() {
    let ended = Shell::new()
        .env("DPARK_MASTER", "process[1]")
        .cell("ctx.range(0, 3).map(|x| { dpark::display(\"lost\"); x }).count()")
        .run();
    assert_eq!((ended.stdout.as_str(), ended.code), ("3\n", Some(0)), "{}", ended.stderr);
}
