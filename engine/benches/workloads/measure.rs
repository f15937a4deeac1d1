//! Times and memory of a process.

use std::time::Instant;

/// What a run needed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// Seconds.
    pub(crate) wall: f64,
    /// Seconds of all threads.
    pub(crate) cpu: f64,
    /// Highest memory in MB, mapped files that were read included.
    pub(crate) peak: f64,
    /// The same without files.
    pub(crate) own: f64,
}

impl Cost {
    /// The medians of several runs.
    pub(crate) fn median(runs: &[Cost]) -> Cost {
        let of = |field: fn(&Cost) -> f64| {
            let mut values: Vec<f64> = runs.iter().map(field).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(0.0)
        };
        Cost { wall: of(|c| c.wall), cpu: of(|c| c.cpu), peak: of(|c| c.peak), own: of(|c| c.own) }
    }
}

/// Wall and processor seconds of `f`.
pub(crate) fn timed<R>(f: impl FnOnce() -> R) -> (R, f64, f64) {
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let result = f();
    (result, start.elapsed().as_secs_f64(), cpu_seconds() - cpu)
}

fn cpu_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call fills the structure.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// A field of `/proc/PID/status` in MB; 0 if there is none.
pub(crate) fn memory(process: &str, field: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) / 1024.0
}
