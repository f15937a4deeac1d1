// What every script of this folder begins with: where the data is, and the line that the bench reads. By hand:
// `cat prelude.rs narrow.rs > /tmp/narrow.rs && DPARK_BENCH_DATA=/tmp/dpark-bench dpark-repl -v /tmp/narrow.rs`
use std::time::{Duration, Instant};

fn path(name: &str) -> String {
    format!("{}/{name}.txt", std::env::var("DPARK_BENCH_DATA").expect("$DPARK_BENCH_DATA names the data's directory"))
}

fn scale() -> f64 {
    std::env::var("DPARK_BENCH_SCALE").map_or(1.0, |text| text.parse().expect("$DPARK_BENCH_SCALE is a number"))
}

/// Processor seconds of all threads, from the scheduler's statistics.
fn cpu() -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let times = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("schedstat")).ok());
    times.filter_map(|times| times.split(' ').next()?.parse::<f64>().ok()).sum::<f64>() * 1e-9
}

/// Prints wall and processor seconds, peak memory in MB, and the answer. The cells between the first and the one that calls this
/// are what is measured: they hold nothing but the workload.
fn finish(wall: Duration, before: f64, answer: String) {
    let (wall, cpu) = (wall.as_secs_f64(), cpu() - before);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().split(' ').next()?.parse::<f64>().ok());
    println!("{wall} {cpu} {} {answer}", peak.unwrap_or(0.0) / 1024.0);
}
// %%
