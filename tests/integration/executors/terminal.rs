//! Executors behind a terminal.

use dpark_tests::pty::Terminal;
use std::sync::Arc;

/// The keys reach executors as well as the shell: they must not take notice.
#[test]
fn interrupts_cancel_jobs_and_keep_executors() {
    let directory = Arc::new(tempfile::tempdir().unwrap());
    let mut terminal = Terminal::start_in(directory, |command| {
        command.env("DPARK_MASTER", "process[2]");
    });
    terminal.run("let n = 7_i64; let pids = ctx.range(0, 2).map(|_| std::process::id()).cache();");
    let before = terminal.run("let mut before = pids.collect()?; before.len()");
    assert!(before.trim().starts_with('2'), "{before}");
    terminal.enter("let n = ctx.range(0, 1_000_000).map(|x| { std::thread::sleep(std::time::Duration::from_millis(5)); x + n }).sum()?;");
    terminal.wait("progress", |_, screen| screen.contains("stage 2"));
    terminal.interrupt();
    let answer = terminal.answer();
    assert!(answer.contains("error: interrupted"), "{answer}");
    let answer = terminal.run("(n, pids.collect()? == before, ctx.range(0, 10).map(|x| x + n).sum()?)");
    assert!(answer.trim().starts_with("(7, true, 115)"), "{answer}");
    // What tasks print does not break the lines of the prompt.
    let answer = terminal.run("ctx.range_with(0, 2, 1, 1).foreach(|x| print!(\"row {x} \"))?;");
    assert!(answer.trim().starts_with("row 0 row 1"), "{answer}");
    assert_eq!(terminal.run("n").trim(), "7");
    let executors = terminal.run(":executors");
    assert!(!executors.contains("gone"), "{executors}");
}
