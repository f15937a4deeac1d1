//! Ctrl-C.

use dpark_tests::pty::Terminal;
use dpark_tests::shell::Shell;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Read};

const SLOW: &str = "ctx.range(0, 1_000_000).map(|x| { std::thread::sleep(std::time::Duration::from_millis(5)); x })";

#[test]
fn a_job_is_cancelled_and_the_variables_stay() {
    let mut terminal = Terminal::start();
    terminal.run("let n = 7_i64; let mut list = vec![1, 2]; let counts = ctx.range(0, 3).collect()?;");
    terminal.enter(&format!("let counts = {SLOW}.collect()?;"));
    terminal.wait("progress", |_, screen| screen.contains("stage 2"));
    terminal.interrupt();
    let answer = terminal.answer();
    assert!(answer.contains("error: interrupted"), "{answer}");
    assert_eq!(terminal.run("(n, &list, &counts)").trim(), "(7, [1, 2], [0, 1, 2])");
    let jobs = terminal.run(":jobs");
    assert!(jobs.lines().any(|line| line.contains("│   2 │") && line.contains("cancelled")), "{jobs}");
    // The next job has the threads to itself.
    let answer = terminal.run("list.push(3); ctx.range(0, 10).map(|x| x + n).sum()?");
    assert!(answer.trim().starts_with("115"), "{answer}");
    // A cell that handles the error goes on.
    terminal.enter(&format!("let result = {SLOW}.sum(); println!(\"{{}}\", result.unwrap_err()); n"));
    terminal.wait("progress", |_, screen| screen.contains("stage 4"));
    terminal.interrupt();
    let answer = terminal.answer();
    assert!(answer.contains("job 4 was cancelled") && answer.contains("\n7\n"), "{answer}");
}

#[test]
fn an_endless_loop_is_told_of_and_ended_by_the_second_key() {
    let mut terminal = Terminal::start();
    terminal.run("let n = 7; let kept = String::from(\"k\");");
    terminal.run("fn f() -> i32 { 42 }");
    terminal.enter("println!(\"in the loop\"); loop { std::hint::spin_loop(); }");
    terminal.wait("the loop", |raw, _| raw.contains("\nin the loop"));
    terminal.interrupt();
    terminal.wait_for("Ctrl-C again ends the engine's process");
    let screen = terminal.screen();
    assert!(screen.contains("still running: the cell's own code"), "{screen}");
    assert!(screen.contains("Lost would be: ") && screen.contains("kept") && screen.contains("n"), "{screen}");
    // `ctx` is there again afterwards: it is not lost.
    let lost = screen.split("Lost would be: ").nth(1).unwrap_or_default().lines().next().unwrap_or_default();
    assert!(!lost.contains("ctx"), "{lost}");
    terminal.interrupt();
    let answer = terminal.answer();
    assert!(answer.contains("a fresh one with a fresh `ctx` is there; lost variables: `kept`, `n`"), "{answer}");
    let answer = terminal.run("ctx.range(0, 3).sum()?");
    assert!(answer.trim().starts_with('3'), "{answer}");
    let answer = terminal.run("n");
    assert!(answer.contains("cannot find value `n`"), "{answer}");
    assert_eq!(terminal.run("f()").trim(), "42");
}

#[test]
fn a_script_is_cancelled_and_exits_with_130() {
    let mut shell = Shell::new().cell(&format!("println!(\"begun\"); {SLOW}.count()?")).cell("println!(\"never\");");
    let mut child = shell.spawn();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "begun\n");
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((rest.as_str(), stderr.as_str()), ("", "error: interrupted\n"));
    assert_eq!(child.wait().code(), Some(130));
}

#[test]
fn a_script_that_ignores_the_first_key_is_ended_by_the_second() {
    let mut shell = Shell::new().cell("println!(\"begun\"); loop { std::hint::spin_loop(); }");
    let mut child = shell.spawn();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let pid = Pid::from_raw(child.id().cast_signed());
    kill(pid, Signal::SIGINT).unwrap();
    // The notice tells that the first one was taken.
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut notice = String::new();
    stderr.read_line(&mut notice).unwrap();
    assert_eq!(notice, "still running: the cell's own code\n");
    kill(pid, Signal::SIGINT).unwrap();
    assert_eq!(child.wait().code(), Some(130));
}

/// What the cell submits after the key is not begun.
#[test]
fn a_job_that_comes_after_the_key_is_cancelled_too() {
    let wait = "while !std::path::Path::new(\"gate\").exists() { std::thread::yield_now(); }";
    let mut shell = Shell::new().cell(&format!("println!(\"begun\"); {wait} {SLOW}.count()?"));
    let mut child = shell.spawn();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut notice = String::new();
    stderr.read_line(&mut notice).unwrap();
    assert_eq!(notice, "still running: the cell's own code\n");
    std::fs::write(shell.path("gate"), "").unwrap();
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert!(rest.ends_with("error: interrupted\n"), "{rest}");
    assert_eq!(child.wait().code(), Some(130));
}
