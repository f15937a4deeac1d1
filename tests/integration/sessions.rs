//! What sessions leave in the directory for temporary files.

use dpark_tests::shell::{Running, Shell};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Starts a shell whose temporary files are in a directory, and waits until its session runs.
fn start(temporary: &Path) -> (Shell, Running) {
    let mut shell = Shell::new().env("TMPDIR", temporary);
    let mut running = shell.spawn();
    running.stdin.as_mut().unwrap().write_all(b"1 + 1\n").unwrap();
    let mut line = String::new();
    BufReader::new(running.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "2\n");
    (shell, running)
}

fn sessions(temporary: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(temporary).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("dpark-session-")).collect()
}

#[test]
fn what_a_killed_shell_left_is_removed_by_the_next_one() {
    let temporary = tempfile::tempdir().unwrap();
    let (_directory, killed) = start(temporary.path());
    let left = sessions(temporary.path());
    assert_eq!(left.len(), 1);
    assert!(Command::new("kill").args(["-9", &killed.id().to_string()]).status().unwrap().success());
    killed.wait();
    assert_eq!(sessions(temporary.path()), left, "nobody has removed it");

    let (_directory, mut living) = start(temporary.path());
    let lives = sessions(temporary.path());
    assert!(lives.len() == 1 && lives != left, "{lives:?}");
    Shell::new().env("TMPDIR", temporary.path()).cell("2 + 2").run().prints("4\n");
    assert_eq!(sessions(temporary.path()), lives, "that of a shell that runs stays");
    drop(living.stdin.take());
    living.wait();
    assert!(sessions(temporary.path()).is_empty());
}
