//! `-e`, scripts and standard input.

use dpark_tests::shell::Shell;

#[test]
fn a_cell_prints_its_value() {
    Shell::new().cell("1 + 1").run().prints("2\n");
}
