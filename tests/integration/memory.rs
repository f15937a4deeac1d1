//! What is not held any more is freed.

use dpark_tests::shell::Shell;

/// The last handle of an RDD goes when its variable is bound again: 500 cells leave no more than one.
#[test]
fn cells_that_rebuild_an_rdd_leave_memory_flat() {
    // Two texts in turn: they are compiled once, and each execution is a cell of its own.
    let cells = [
        "let rdd = ctx.range(0, 2000).map(|x| (x % 100, x)).reduce_by_key(|a, b| a + b).cache(); rdd.count()?;",
        "let rdd = ctx.range(0, 3000).map(|x| (x % 100, x)).reduce_by_key(|a, b| a + b).cache(); rdd.count()?;",
    ];
    let mut input = vec![cells[0], cells[1], "ctx.held()"];
    for _ in 0..249 {
        input.extend(cells);
    }
    input.extend(["ctx.held()", "drop(rdd);", "ctx.held()"]);
    let answers = Shell::new().cells(&input);
    let held = |answer: &String| {
        let numbers = answer.trim_matches(['(', ')']).split(", ").map(|number| number.parse().unwrap());
        numbers.collect::<Vec<u64>>()
    };
    let (early, late, end) = (held(&answers[2]), held(&answers[answers.len() - 3]), held(&answers[answers.len() - 1]));
    assert!(early[0] > 0 && early[1] > 0, "nothing was held: {early:?}");
    assert_eq!(late, early, "blocks, shuffles and bytes after 500 cells");
    assert_eq!(end, [0, 0, 0]);
}
