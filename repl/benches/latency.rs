//! How long a cell takes on a warm session: the median of 20 cells, each of a text not seen before, in a session of 50
//! variables and 20 derived structs. Compilation, linking, loading and running are reported apart. Type inference runs
//! behind, where nobody waits for it. Once on threads, and once on executors, where the libraries of a cell travel to its
//! first task: the difference of the column `run`.
//!
//! `cargo bench -p dpark-repl --bench latency`, on an idle machine.

use dpark_repl::session::{Display, Input, Options, Outcome, Session, Stdio};
use std::sync::Arc;
use std::time::Duration;

const RUNS: usize = 20;

fn main() -> anyhow::Result<()> {
    ["local", "process"].into_iter().try_for_each(measure)
}

fn measure(master: &str) -> anyhow::Result<()> {
    let options = Options {
        master: master.to_owned(),
        parallelism: 0,
        memory: 0,
        work_dirs: Vec::new(),
        err: 0.0,
        args: vec!["latency".to_owned()],
        stdio: Stdio::Inherit,
        input: Input::Inherit,
        display: Display(Arc::new(|_| {})),
        interactive: true,
    };
    let mut session = Session::start(options, &mut |what| eprintln!("{what}"))?;
    let mut cells = 0;
    let mut run = |code: String| {
        cells += 1;
        let outcome = session.execute(&code);
        assert!(outcome.error.is_none(), "{code}: {:?}", outcome.error);
        outcome
    };
    run("let warm = 1;".to_owned());
    for number in 0..20 {
        run(format!(
            "#[derive(Serialize, Deserialize, Debug, Clone)] struct S{number} {{ a: i64, b: String, c: Vec<f64> }}"
        ));
    }
    for number in 0..25 {
        run(format!("let v{number} = {number}i64; let w{number} = vec![{number}.5, 2.0];"));
    }
    run("let rdd = ctx.range(0, 1000); let lines = ctx.parallelize(vec![\"to be or not to be\".to_owned(); 100]);"
        .to_owned());
    println!(
        "{:<16} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7}   (ms, medians of {RUNS})",
        master, "total", "rustc", "link", "load", "run", "min"
    );
    type Code = fn(usize) -> String;
    let kinds: [(&str, Code); 6] = [
        ("let x = 1;", |i| format!("let x{i} = {i}00{i};")),
        ("x + 1", |i| format!("v3 + {i}77{i}")),
        ("statement", |i| format!("std::hint::black_box({i}4{i});")),
        ("map, reduce", |i| format!("rdd.map(|x| x + v7 + {i}).reduce(|a, b| a + b)")),
        ("let rdd.map", |i| format!("let m{i} = rdd.map(|x| x * {i});")),
        ("word count", |i| {
            format!(
                "lines.flat_map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>()).map(|word| (word, {i}i64)).reduce_by_key(|a, b| a + b).collect()"
            )
        }),
    ];
    for (name, code) in kinds {
        let outcomes: Vec<Outcome> = (0..RUNS).map(|i| run(code(i))).collect();
        let median = |part: fn(&Outcome) -> Duration| {
            let mut times: Vec<f64> = outcomes.iter().map(|outcome| part(outcome).as_secs_f64() * 1e3).collect();
            times.sort_by(f64::total_cmp);
            (times[times.len() / 2], times[0])
        };
        let (total, least) = median(|outcome| outcome.timing.total);
        println!(
            "{name:<16} {total:>7.1} {:>7.1} {:>7.1} {:>7.1} {:>7.1} {least:>7.1}",
            median(|outcome| outcome.timing.rustc).0,
            median(|outcome| outcome.timing.link).0,
            median(|outcome| outcome.timing.load).0,
            median(|outcome| outcome.timing.run).0,
        );
    }
    println!("{cells} cells in the session\n");
    Ok(())
}
