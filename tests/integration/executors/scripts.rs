//! Scripts, unchanged, on executors.

use dpark_tests::shell::Shell;

/// Captures in every kind of operator: the same rows as on threads.
#[test]
fn the_vocabulary() {
    let cells = include_str!("../operators/captures.cells.rs");
    let mut shell = Shell::new().file("captures.rs", cells).arg("-m").arg("process[2]").arg("captures.rs");
    shell.run().prints(include_str!("../operators/captures.out"));
}
