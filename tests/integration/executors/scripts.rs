//! Scripts, unchanged, on executors.

use dpark_tests::shell::Shell;

/// Captures in every kind of operator: the same rows as on threads.
#[test]
fn the_vocabulary() {
    let cells = include_str!("../operators/captures.cells.rs");
    let mut shell = Shell::new().file("captures.rs", cells).arg("-m").arg("process[2]").arg("captures.rs");
    shell.run().prints(include_str!("../operators/captures.out"));
}

#[test]
fn tasks_find_the_arguments_of_the_script() {
    let cell = "println!(\"{:?}\", ctx.range(0, 1).map(|_| std::env::args().collect::<Vec<_>>()).collect()?);";
    let mut shell = Shell::new().file("args.rs", cell);
    for argument in ["-m", "process[1]", "args.rs", "one", "--two"] {
        shell = shell.arg(argument);
    }
    shell.run().prints("[[\"args.rs\", \"one\", \"--two\"]]\n");
}
