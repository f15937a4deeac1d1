//! The prompt: banner, editing, history, completion, output and progress at a terminal.

use dpark_tests::pty::{Terminal, plain};
use std::sync::Arc;

/// One terminal for everything that leaves the session usable.
#[test]
fn a_session_at_the_prompt() {
    let mut terminal = Terminal::start();
    let screen = terminal.screen();
    let banner = screen.lines().next().unwrap_or_default();
    assert!(banner.starts_with("dpark 0.1.0 · local[2] · Rust 1."), "{screen}");
    assert!(banner.ends_with(" · :help for commands"), "{screen}");
    assert!(screen.ends_with(">>") || screen.ends_with(">> "), "{screen}");

    // A value, a variable, a job with its quiet line.
    assert_eq!(terminal.run("1 + 1").trim(), "2");
    assert_eq!(terminal.run("let n = 20;").trim(), "");
    assert_eq!(terminal.run("n + 1").trim(), "21");
    let answer = terminal.run("ctx.range(0, 4).count()?");
    let lines: Vec<&str> = answer.trim().lines().collect();
    assert_eq!(lines[0], "4");
    assert!(lines[1].starts_with("1 stage · 2 tasks · ") && lines[1].contains(" s (compile "), "{answer}");

    colours(&mut terminal);
    several_lines(&mut terminal);
    editing(&mut terminal);
    completion(&mut terminal);
    a_type_without_a_public_path(&mut terminal);
    output(&mut terminal);

    // Ctrl-D leaves.
    terminal.keys("\x04");
    assert_eq!(terminal.wait_for_end().code(), Some(0));
}

fn colours(terminal: &mut Terminal) {
    let before = terminal.raw().len();
    terminal.run("let s = \"text\"; // note");
    let raw = &terminal.raw()[before..];
    assert!(raw.contains("\x1b[") && plain(raw).contains("let s = \"text\";"), "{raw:?}");
    let before = terminal.raw().len();
    let answer = terminal.run("let x: i32 = \"a\";");
    assert!(answer.contains("error[E0308]: mismatched types"), "{answer}");
    assert!(terminal.raw()[before..].contains("\x1b[1"), "an error without colours");
    assert_eq!(answer.matches("E0308").count(), 1, "{answer}");
}

fn several_lines(terminal: &mut Terminal) {
    terminal.keys("fn cube(x: i64) -> i64 {\r");
    terminal.keys("x * x * x\r");
    assert_eq!(terminal.run("}").trim(), "");
    assert_eq!(terminal.run("cube(3)").trim(), "27");
    // Pasted text is one cell, whatever its lines look like.
    terminal.enter("\x1b[200~let a = 1;\nlet b = ctx.range(0, 4)\n    .map(|x| x + a)\n    .sum()?;\nb\x1b[201~");
    let answer = terminal.answer();
    assert!(answer.trim().starts_with("10"), "{answer}");
}

fn editing(terminal: &mut Terminal) {
    // Ctrl-C at the prompt clears what was typed.
    let before = terminal.raw().matches("\x1b[?2004h").count();
    terminal.keys("let wrong = ");
    terminal.interrupt();
    terminal.wait("a fresh prompt", |raw, _| raw.matches("\x1b[?2004h").count() > before);
    assert_eq!(terminal.run("1 + 2").trim(), "3");
    // The arrow brings the cell back, Ctrl-R finds one.
    assert_eq!(terminal.run("\x1b[A").trim(), "3");
    assert_eq!(terminal.run("\x12cube(").trim(), "27");
}

fn completion(terminal: &mut Terminal) {
    terminal.keys(":line\t");
    terminal
        .wait("a completed command", |_, screen| screen.lines().last().is_some_and(|line| line.contains(":lineage")));
    terminal.keys("\x15");
    terminal.keys(":st\t");
    terminal
        .wait("a completed command", |_, screen| screen.lines().last().is_some_and(|line| line.contains(":stages")));
    terminal.keys("\x15");
    // Type inference warms up behind the prompt; ask until it answers.
    terminal.run("let numbers_of_mine = ctx.range(0, 4);");
    terminal.keys("numbers_of_mine.num_part");
    terminal.press_until("\t", "a completed method", |screen| screen.contains("numbers_of_mine.num_partitions"));
    terminal.keys("\x15");
    terminal.keys("numbers_of_m\t");
    terminal.wait("a completed variable", |_, screen| {
        screen.lines().last().is_some_and(|line| line.contains("numbers_of_mine"))
    });
    terminal.keys("\x15");
    completion_of_operators(terminal);
}

/// Operators on pairs are found on RDDs of pairs, and only there.
fn completion_of_operators(terminal: &mut Terminal) {
    terminal.run("let pairs_of_mine = numbers_of_mine.map(|x| (x % 2, x));");
    terminal.keys("pairs_of_mine.map_va");
    terminal.press_until("\t", "an operator on pairs", |screen| screen.contains("pairs_of_mine.map_values"));
    terminal.keys("\x15");
    terminal.keys("pairs_of_mine.count_by_k\t");
    terminal.wait("an action on pairs", |_, screen| {
        screen.lines().last().is_some_and(|line| line.contains("pairs_of_mine.count_by_key"))
    });
    terminal.keys("\x15");
    // No operator on pairs is in the way of what fits: `count_by_value`, not `count_by_key`.
    terminal.keys("numbers_of_mine.count_by_\t");
    terminal.wait("an action on all rows", |_, screen| {
        screen.lines().last().is_some_and(|line| line.contains("numbers_of_mine.count_by_value"))
    });
    terminal.keys("\x15");
}

/// evcxr knows the public path, also when it has told it some cells ago.
fn a_type_without_a_public_path(terminal: &mut Terminal) {
    terminal.run("let mut peeking_of_mine = vec![7_i64, 8].into_iter().peekable();");
    terminal.keys("peeking_of_mine.pee");
    terminal.press_until("\t", "evcxr to have come to the variable", |screen| screen.contains("peeking_of_mine.peek"));
    terminal.keys("\x15");
    assert_eq!(terminal.run("2 + 2").trim(), "4");
    assert_eq!(terminal.run("*peeking_of_mine.peek().unwrap()").trim(), "7");
    assert_eq!(terminal.run("peeking_of_mine.sum::<i64>()").trim(), "15");
}

fn output(terminal: &mut Terminal) {
    // Text without a line end shows at once: the cell asks and waits for the answer.
    terminal.enter("print!(\"your name? \"); let mut name = String::new(); std::io::stdin().read_line(&mut name)?;");
    terminal.wait("the question", |_, screen| screen.lines().last().is_some_and(|line| line.starts_with("your name?")));
    terminal.keys("Ada\r");
    terminal.answer();
    assert_eq!(terminal.run("name").trim(), "\"Ada\\n\"");
    // A result begins on a line of its own.
    assert_eq!(terminal.run("print!(\"x\"); 5").trim(), "x\n5");
    // Lines like evcxr's protocol are text.
    let answer = terminal.run("println!(\"EVCXR_BEGIN_CONTENT x\\nEVCXR_EXECUTION_COMPLETE\");");
    assert_eq!(answer.trim(), "EVCXR_BEGIN_CONTENT x\nEVCXR_EXECUTION_COMPLETE");
    // Far too much output is cut, with a notice, and the shell goes on.
    let answer = terminal.run("let line = \"y\".repeat(99); for _ in 0..1_000_000 { println!(\"{line}\"); }");
    let tail = &answer[answer.len() - 400..];
    assert!(tail.contains("the cell printed more than 1.0 MiB; ") && tail.contains(" are not shown."), "{tail}");
    assert!(answer.len() < 3_000_000, "{} bytes reached the terminal", answer.len());
    assert_eq!(terminal.run("n").trim(), "20");
}

#[test]
fn history_outlives_the_shell() {
    let directory = Arc::new(tempfile::tempdir().unwrap());
    let mut first = Terminal::start_in(Arc::clone(&directory), |_| {});
    assert_eq!(first.run("100 + 11").trim(), "111");
    first.enter(":quit");
    assert_eq!(first.wait_for_end().code(), Some(0));
    let mut second = Terminal::start_in(directory, |_| {});
    second.keys("\x1b[A");
    second.wait("the last command", |_, screen| screen.lines().last().is_some_and(|line| line.contains(":quit")));
    assert_eq!(second.run("\x1b[A").trim(), "111");
}

/// One line per running stage, which is gone when the cell has ended.
#[test]
fn progress_comes_and_goes() {
    let mut terminal = Terminal::start();
    // The tasks wait for a file, so the test decides how long they run.
    let gate = terminal.directory().join("gate");
    let wait =
        "while !std::path::Path::new(\"gate\").exists() { std::thread::sleep(std::time::Duration::from_millis(10)); }";
    terminal.enter(&format!(
        "ctx.range(0, 4).map(|x| {{ if x == 3 {{ {wait} }} (x, 1) }}).reduce_by_key(|a, b| a + b).count()?"
    ));
    terminal.wait("progress", |_, screen| screen.lines().any(|line| line.contains("stage 1") && line.contains("1/2")));
    std::fs::write(gate, "").unwrap();
    let answer = terminal.answer();
    assert!(answer.contains("2 stages · 4 tasks · "), "{answer}");
    let screen = terminal.screen();
    assert!(!screen.contains("1/2"), "progress is still there:\n{screen}");
    assert!(screen.contains("\n4\n2 stages · 4 tasks"), "{screen}");
}

#[test]
fn without_colours_when_the_user_wants_none() {
    let directory = Arc::new(tempfile::tempdir().unwrap());
    let mut terminal = Terminal::start_in(directory, |command| {
        command.env("NO_COLOR", "1");
    });
    let before = terminal.raw().len();
    let answer = terminal.run("let x: i32 = \"a\";");
    assert!(answer.contains("error[E0308]"), "{answer}");
    let raw = terminal.raw()[before..].to_owned();
    assert!(!raw.contains("\x1b[1;31m") && !raw.contains("\x1b[2m"), "{raw:?}");
}
