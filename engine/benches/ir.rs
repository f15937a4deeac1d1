//! What each operator costs a cell: lines of LLVM IR of a cell that applies it, less those of a cell that does not. Unoptimised
//! lines are what the compiler has to work through, optimised ones what the linker and the loader get. An operator whose
//! unoptimised lines exceed its budget is marked: either it brings generic code into cells that could be in the engine, or the
//! budget has to be raised, with a reason.
//!
//! `cargo bench -p dpark --bench ir [NAME]…`

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// An operator, the expression that uses it, and the budget of unoptimised lines. There are `ctx`, the numbers `n: &Rdd<i64>`, the words `w: &Rdd<String>` and the
/// pairs `p: &Rdd<(String, u64)>`.
const OPERATORS: &[(&str, &str, usize)] = &[
    ("cache", "p.cache()", 1200),
    ("collect", "p.collect()", 550),
    ("collect_as_map", "p.collect_as_map()", 6150),
    ("count", "p.count()", 300),
    ("distinct", "w.distinct()", 1150),
    ("filter", "n.filter(|x| x % 7 != 0)", 250),
    ("flat_map", "w.flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())", 3650),
    ("fold", "n.fold(0, |a, b| a + b)", 950),
    ("foreach", "n.foreach(|x| { std::hint::black_box(x); })", 400),
    ("group_by_key", "p.group_by_key()", 2600),
    ("join", "p.join(p)", 3450),
    ("join_with", "p.join_with(p, |(_, (a, b)), out| out.emit(a + b))", 3200),
    ("key_by", "w.key_by(|word| word.len())", 500),
    ("map", "n.map(|x| x * 3 + 1)", 250),
    ("map_partitions", "n.map_partitions(|rows| [rows.count()])", 650),
    ("map_values", "p.map_values(|n| n + 1)", 500),
    ("max", "n.max()", 650),
    ("parallelize", "ctx.parallelize(vec![(String::new(), 1u64)])", 3150),
    ("range", "ctx.range(0, 10)", 50),
    ("reduce", "n.reduce(|a, b| a + b)", 950),
    ("reduce_by_key", "p.reduce_by_key(|a, b| a + b)", 2000),
    ("save_as_text_file", "w.save_as_text_file(\"out\")", 650),
    ("sort_by", "p.sort_by(|pair| pair.1)", 1350),
    ("sum", "n.sum()", 550),
    ("take", "p.take(5)", 550),
    ("text_file", "ctx.text_file(\"in\")", 50),
    ("top", "n.top(5)", 600),
    ("top_by", "p.top_by(5, |pair| pair.1)", 650),
    ("union", "n.union(n)", 50),
];

/// What the session tells rustc of every cell, as far as it changes code (`FLAGS` of repl/src/session/compiler.rs).
const FLAGS: &[&str] = &[
    "--crate-name=ctx",
    "--crate-type=cdylib",
    "--edition=2024",
    "-Cmetadata=dpark",
    "-Ccodegen-units=1",
    "-Cprefer-dynamic",
    "-Coverflow-checks=on",
    "-Cdebug-assertions=off",
    "-Cpanic=unwind",
    "-Cembed-bitcode=no",
    "-Copt-level=2",
    "-Awarnings",
];

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    match table(&wanted) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("ir: {message}");
            ExitCode::FAILURE
        }
    }
}

fn table(wanted: &[String]) -> Result<(), String> {
    if let Some(unknown) = wanted.iter().find(|name| OPERATORS.iter().all(|(known, ..)| known != name)) {
        return Err(format!("there is no snippet for `{unknown}` in OPERATORS of engine/benches/ir.rs"));
    }
    let engine = engine()?;
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary directory: {error}"))?;
    let lines = |expression: &str| -> Result<(usize, usize), String> {
        let plain = lines_of(&engine, folder.path(), expression, &["-Cno-prepopulate-passes"])?;
        Ok((plain, lines_of(&engine, folder.path(), expression, &[])?))
    };
    let nothing = lines("")?;
    println!("{:<20} {:>11} {:>7} {:>9}", "operator", "IR lines", "budget", "optimised");
    println!("{:<20} {:>11} {:>7} {:>9}", "(an empty cell)", nothing.0, "", nothing.1);
    let mut over = 0;
    for (name, expression, budget) in OPERATORS {
        if !wanted.is_empty() && wanted.iter().all(|wanted| wanted != name) {
            continue;
        }
        let (plain, optimised) = lines(expression)?;
        let (plain, optimised) = (plain.saturating_sub(nothing.0), optimised.saturating_sub(nothing.1));
        let mark = if plain > *budget { "over" } else { "" };
        over += usize::from(plain > *budget);
        println!("{name:<20} {plain:>11} {budget:>7} {optimised:>9}  {mark}");
    }
    println!("{over} over their budget");
    Ok(())
}

/// The lines of LLVM IR of a cell with this expression.
fn lines_of(engine: &Path, folder: &Path, expression: &str, flags: &[&str]) -> Result<usize, String> {
    let cell = format!(
        "use dpark::prelude::*;
         #[unsafe(no_mangle)]
         pub fn cell(ctx: &DparkContext, n: &Rdd<i64>, w: &Rdd<String>, p: &Rdd<(String, u64)>) {{ {expression}; }}"
    );
    let (source, ir) = (folder.join("cell.rs"), folder.join("cell.ll"));
    std::fs::write(&source, cell).map_err(|error| error.to_string())?;
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(FLAGS)
        .args(flags)
        .arg(format!("--emit=llvm-ir={}", ir.display()))
        .arg(format!("--extern=dpark={}", engine.display()))
        .arg(format!("-Ldependency={}", engine.with_file_name("deps").display()))
        .arg(&source)
        .output()
        .map_err(|error| format!("cannot run rustc: {error}"))?;
    if !output.status.success() {
        return Err(format!("`{expression}` does not compile:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    let text = std::fs::read_to_string(&ir).map_err(|error| error.to_string())?;
    Ok(text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with([';', '!', '@'])).count())
}

/// The engine's library: cargo builds it, or says where it is.
fn engine() -> Result<PathBuf, String> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--release", "--lib", "--message-format=json", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let library = text.split('"').find(|word| word.ends_with("/libdpark.rlib"));
    library.map(PathBuf::from).ok_or_else(|| "cargo built no library of the engine".to_owned())
}
