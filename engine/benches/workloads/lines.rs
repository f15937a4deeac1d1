//! Counting the lines of a log, and those among them that have a status of 500: by an operator that searches for a text, and by a
//! closure that looks at each line.

use crate::Workload;
use crate::chunks::{chunks, fold};
use crate::input::Data;
use dpark::{DparkContext, Result};
use memchr::memmem::Finder;

const FILES: &[&str] = &["weblog"];
pub(crate) const COUNT: Workload = Workload {
    name: "count",
    script: "count",
    files: FILES,
    limits: (2.0, 2.0),
    engine: engine_count,
    twin: twin_count,
};
pub(crate) const GREP: Workload =
    Workload { name: "grep", script: "grep", files: FILES, limits: (2.0, 2.0), engine: engine_grep, twin: twin_grep };
pub(crate) const GREP_CLOSURE: Workload =
    Workload { name: "grep-closure", script: "grep-closure", engine: engine_grep_closure, ..GREP };

const PATTERN: &str = "\" 500 ";

fn engine_count(ctx: &DparkContext, data: &Data) -> Result<String> {
    Ok(ctx.text_file(data.path("weblog")).count()?.to_string())
}

fn engine_grep(ctx: &DparkContext, data: &Data) -> Result<String> {
    Ok(ctx.text_file(data.path("weblog")).filter_containing(PATTERN).count()?.to_string())
}

fn engine_grep_closure(ctx: &DparkContext, data: &Data) -> Result<String> {
    Ok(ctx.text_file(data.path("weblog")).filter_str(|line| line.contains(PATTERN)).count()?.to_string())
}

fn twin_count(data: &Data) -> String {
    let text = data.map("weblog");
    let counts = fold(
        data.threads,
        &chunks(&text),
        || 0,
        |count, chunk| *count += memchr::memchr_iter(b'\n', chunk).count() + usize::from(!chunk.ends_with(b"\n")),
    );
    counts.iter().sum::<usize>().to_string()
}

fn twin_grep(data: &Data) -> String {
    let text = data.map("weblog");
    let pattern = Finder::new(PATTERN);
    let counts = fold(
        data.threads,
        &chunks(&text),
        || 0,
        |count, chunk| {
            let mut rest = *chunk;
            while let Some(at) = pattern.find(rest) {
                *count += 1;
                rest = memchr::memchr(b'\n', &rest[at..]).map_or(&[], |end| &rest[at + end + 1..]);
            }
        },
    );
    counts.iter().sum::<usize>().to_string()
}
