//! The workloads as scripts of cells, run by the shell: the ratio to the twin, and how long the cells took to compile.

use crate::Workload;
use crate::measure::Cost;
use crate::options::Options;
use crate::report::{same, seconds, verdict};
use std::path::Path;
use std::process::Command;

/// No cell may take longer to compile.
const COMPILE_LIMIT: f64 = 0.3;

/// What the script of a workload did.
struct Run {
    cost: Cost,
    answer: String,
    /// Seconds that each measured cell took to compile.
    compile: Vec<f64>,
}

/// Runs the script and prints a line.
pub(crate) fn report(
    repl: &Path,
    workload: &Workload,
    options: &Options,
    twin: Cost,
    expected: &str,
) -> Result<(), String> {
    let mut runs = Vec::new();
    for number in 0..options.repeat {
        let run = run(repl, workload, options, number)?;
        same(workload.name, &run.answer, expected)?;
        runs.push(run);
    }
    let costs: Vec<Cost> = runs.iter().map(|run| run.cost).collect();
    let cost = Cost::median(&costs);
    // The quickest compilation of each cell: it is the machine's other work that makes some slower.
    let mut compile = runs[0].compile.clone();
    for run in &runs[1..] {
        compile.iter_mut().zip(&run.compile).for_each(|(least, seconds)| *least = least.min(*seconds));
    }
    let slowest = compile.iter().copied().fold(0.0, f64::max);
    let list: Vec<String> = compile.iter().map(|seconds| format!("{seconds:.2}")).collect();
    println!(
        "  cells    {:>13} {:>13} {:>7.2} {:>7.2} {:>6} {:>12.0} MB  {}, cells compile in {} s {}",
        seconds(cost),
        "",
        cost.wall / twin.wall,
        cost.cpu / twin.cpu,
        workload.limits.1,
        cost.peak,
        verdict(cost.wall / twin.wall, workload.limits.1),
        list.join(" "),
        verdict(slowest, COMPILE_LIMIT),
    );
    Ok(())
}

fn run(repl: &Path, workload: &Workload, options: &Options, number: usize) -> Result<Run, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary directory: {error}"))?;
    let script = folder.path().join(format!("{}.rs", workload.name));
    std::fs::write(&script, script_text(workload.script, number)?).map_err(|error| error.to_string())?;
    let output = Command::new(repl)
        .args(["-v", "-m", &format!("local[{}]", options.threads)])
        .arg(&script)
        .env("DPARK_BENCH_DATA", &options.data)
        .env("DPARK_BENCH_SCALE", options.scale.to_string())
        .output()
        .map_err(|error| format!("cannot run {}: {error}", repl.display()))?;
    let (out, notes) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        return Err(format!("the script of {} failed ({}):\n{notes}", workload.name, output.status));
    }
    let mut fields = out.trim().splitn(4, ' ');
    let mut number = || fields.next().and_then(|field| field.parse::<f64>().ok()).unwrap_or(f64::NAN);
    let cost = Cost { wall: number(), cpu: number(), peak: number(), own: 0.0 };
    let answer = fields.next().unwrap_or_default().to_owned();
    let mut compile: Vec<f64> = notes.lines().filter_map(compile_seconds).collect();
    // The first cell is the prelude, the last one prints.
    compile.pop();
    Ok(Run { cost, answer, compile: compile.into_iter().skip(1).collect() })
}

/// `2 stages · 2 tasks · 0.63 s (compile 0.59)`.
fn compile_seconds(line: &str) -> Option<f64> {
    line.rsplit_once("(compile ")?.1.strip_suffix(')')?.parse().ok()
}

/// The prelude and the workload's cells. The shell keeps the compiled cells of scripts, so each is made one that was never run.
fn script_text(script: &str, number: usize) -> Result<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/cells");
    let read = |name: &str| {
        let path = folder.join(format!("{name}.rs"));
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let since = std::time::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_nanos());
    let text = format!("{}{}", read("prelude")?, read(script)?);
    Ok(text.replace("// %%\n", &format!("// %%\nlet _ = ({number}, {since}u128);\n")))
}
