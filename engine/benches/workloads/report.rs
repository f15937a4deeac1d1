//! Runs all that was asked for and prints the table.

use crate::cells;
use crate::measure::Cost;
use crate::options::{Options, Side};
use crate::run::in_process;
use crate::{WORKLOADS, Workload};

/// Prints a line for each workload.
pub(crate) fn compare(options: &Options) -> Result<(), String> {
    println!(
        "{:<10} {:>13} {:>13} {:>7} {:>7} {:>6} {:>15} {:>15}  verdict",
        "workload", "engine s(CPU)", "twin s(CPU)", "wall x", "CPU x", "limit", "engine MB(own)", "twin MB(own)"
    );
    for workload in WORKLOADS.iter().filter(|workload| wanted(options, workload)) {
        missing_data(options, workload)?;
        let (twin, expected) = median(Side::Twin, workload, options)?;
        if options.twin_only {
            println!("{:<10} {:>13} {:>13} {:>60}", workload.name, "", seconds(twin), megabytes(twin));
        } else {
            let (engine, answer) = median(Side::Engine, workload, options)?;
            same(workload.name, &answer, &expected)?;
            let memory = engine.peak / twin.peak;
            println!(
                "{:<10} {:>13} {:>13} {:>7.2} {:>7.2} {:>6} {:>15} {:>15}  {}, memory {memory:.2} {}",
                workload.name,
                seconds(engine),
                seconds(twin),
                engine.wall / twin.wall,
                engine.cpu / twin.cpu,
                workload.limits.0,
                megabytes(engine),
                megabytes(twin),
                verdict(engine.wall / twin.wall, workload.limits.0),
                verdict(memory, MEMORY_LIMIT),
            );
        }
        if options.processes {
            let (local, _) = median(Side::Engine, workload, options)?;
            let (processes, answer) = median(Side::Processes, workload, options)?;
            same(workload.name, &answer, &expected)?;
            let ratio = processes.wall / local.wall;
            println!(
                "{:<10} on {} executors {:.2} s, on threads {:.2} s: {ratio:.2} x (limit {PROCESS_LIMIT}) {}",
                workload.name,
                options.threads,
                processes.wall,
                local.wall,
                verdict(ratio, PROCESS_LIMIT),
            );
        }
        if let Some(repl) = &options.repl {
            cells::report(repl, workload, options, twin, &expected)?;
        }
    }
    Ok(())
}

const MEMORY_LIMIT: f64 = 1.5;
/// Wall time on executors may be so many times that on threads.
const PROCESS_LIMIT: f64 = 1.5;

pub(crate) fn verdict(ratio: f64, limit: f64) -> &'static str {
    if ratio <= limit { "ok" } else { "OVER" }
}

fn wanted(options: &Options, workload: &Workload) -> bool {
    options.only.is_empty() || options.only.iter().any(|name| name == workload.name)
}

fn missing_data(options: &Options, workload: &Workload) -> Result<(), String> {
    for name in workload.files {
        let path = options.data.join(format!("{name}.txt"));
        if !path.is_file() {
            let directory = options.data.display();
            return Err(format!(
                "{} is not there; make it with `python3 notebooks/data/make.py {directory} --only {name}`",
                path.display()
            ));
        }
    }
    Ok(())
}

fn median(side: Side, workload: &Workload, options: &Options) -> Result<(Cost, String), String> {
    let mut costs = Vec::new();
    let mut answer = None;
    for _ in 0..options.repeat {
        let (cost, this) = in_process(side, workload, options)?;
        costs.push(cost);
        same(workload.name, &this, answer.get_or_insert_with(|| this.clone()))?;
    }
    Ok((Cost::median(&costs), answer.unwrap_or_default()))
}

pub(crate) fn seconds(cost: Cost) -> String {
    format!("{:.2} ({:.2})", cost.wall, cost.cpu)
}

fn megabytes(cost: Cost) -> String {
    format!("{:.0} ({:.0})", cost.peak, cost.own)
}

/// Answers are numbers with blanks between them: whole ones must be equal, others up to rounding.
pub(crate) fn same(name: &str, answer: &str, expected: &str) -> Result<(), String> {
    let equal = |a: &str, b: &str| match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(x), Ok(y)) if a.contains(['e', '.']) => (x - y).abs() <= 1e-6 * x.abs().max(y.abs()),
        _ => a == b,
    };
    let (answers, all_expected) = (answer.split(' '), expected.split(' '));
    if answers.clone().count() == all_expected.clone().count() && answers.zip(all_expected).all(|(a, b)| equal(a, b)) {
        return Ok(());
    }
    Err(format!("{name}: the answers differ:\n  {answer}\n  {expected}"))
}
