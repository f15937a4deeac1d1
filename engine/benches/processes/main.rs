//! What executors in other processes cost: how soon they are there, time for each task, how soon a cancelled one stops, and how
//! often the bytes of a shuffle are moved.
//!
//! `cargo bench -p dpark --bench processes`; with `-- bytes` the bytes alone.

mod bytes;

use bytes::Moved;
use dpark::event::Event;
use dpark::{Conf, DparkContext, Result};
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

const TASKS: usize = 10_000;
const RUNS: usize = 7;

/// Pairs of the shuffle whose bytes are counted.
const PAIRS: i64 = 20_000_000;

/// The argument that asks for the bytes alone.
const BYTES: &str = "bytes";
/// Whether executors read what is on disks of their own machine, as the engine knows it.
const LOCAL_READS: &str = "DPARK_LOCAL_READS";

fn main() -> Result<()> {
    // In an executor this does not return.
    drop(DparkContext::local(1));
    if std::env::args().any(|argument| argument == BYTES) {
        return move_bytes(if std::env::var_os(LOCAL_READS).is_some() { "over HTTP" } else { "from files" });
    }
    times()?;
    move_bytes("from files")?;
    let program = std::env::current_exe().expect("this program is known");
    let status = Command::new(program).arg(BYTES).env(LOCAL_READS, "0").status();
    assert!(status.is_ok_and(|status| status.success()));
    Ok(())
}

/// Prints how often the bytes of a shuffle were moved that reducers get in this way.
fn move_bytes(how: &str) -> Result<()> {
    let Moved { data, indices, by_tasks, by_executors } = bytes::shuffle(PAIRS)?;
    let times = |bytes: u64| bytes as f64 / (data + indices) as f64;
    println!(
        "shuffle of {} M pairs {how}: map outputs of {:.1} MB (indices: {:.1} MB), of which tasks wrote {:.3} and read {:.3}; \
         executors wrote {:.3} and read {:.3} times as many bytes in all",
        PAIRS / 1_000_000,
        (data + indices) as f64 / 1e6,
        indices as f64 / 1e6,
        times(by_tasks.written),
        times(by_tasks.read),
        times(by_executors.written),
        times(by_executors.read),
    );
    Ok(())
}

fn times() -> Result<()> {
    let starts = (0..RUNS).map(|_| start()).collect::<Result<Vec<_>>>()?;
    println!("executor start, until it has joined: {:.1} ms (median of {RUNS})", median(starts));
    for master in ["local[2]", "process[2]"] {
        let ctx = context(master)?;
        let empty = || -> Result<f64> {
            let began = Instant::now();
            ctx.range_with(0, TASKS as i64, 1, TASKS).filter(|_| false).count()?;
            Ok(began.elapsed().as_secs_f64() * 1e6 / TASKS as f64)
        };
        empty()?;
        let micros = (0..RUNS).map(|_| empty()).collect::<Result<Vec<_>>>()?;
        println!("{master}: {:.1} µs a task (median of {RUNS} jobs of {TASKS} empty tasks)", median(micros));
        let small = || -> Result<f64> {
            let began = Instant::now();
            ctx.range_with(0, 8, 1, 2).map(|x| x + 1).sum()?;
            Ok(began.elapsed().as_secs_f64() * 1e3)
        };
        let millis = (0..100).map(|_| small()).collect::<Result<Vec<_>>>()?;
        println!("{master}: {:.2} ms for a job of 2 tasks on a new RDD (median of 100)", median(millis));
        let stops = (0..RUNS).map(|_| stop(&ctx)).collect::<Result<Vec<_>>>()?;
        println!(
            "{master}: {:.1} ms from the cancellation until the last task has stopped (median of {RUNS})",
            median(stops)
        );
    }
    Ok(())
}

fn context(master: &str) -> Result<DparkContext> {
    DparkContext::new(Conf { master: master.to_owned(), ..Conf::default() })
}

/// Milliseconds until the one executor of a new context is there.
fn start() -> Result<f64> {
    let began = Instant::now();
    let ctx = context("process[1]")?;
    let (sender, joined) = mpsc::channel();
    ctx.events().subscribe(Box::new(move |event| {
        if let Event::ExecutorJoined { .. } = event {
            // Nobody waits any more once the first has joined.
            let _ = sender.send(Instant::now());
        }
    }));
    ctx.range(0, 1).count()?;
    let at = joined.recv().unwrap_or(began);
    Ok((at - began).as_secs_f64() * 1e3)
}

/// Milliseconds until the last of two tasks that run has stopped after it was told to.
fn stop(ctx: &DparkContext) -> Result<f64> {
    let (sender, tasks) = mpsc::channel();
    ctx.events().subscribe(Box::new(move |event| {
        if let Event::TaskStarted { .. } | Event::TaskFinished { .. } = event {
            // Nobody waits any more once both have stopped.
            let _ = sender.send(Instant::now());
        }
    }));
    let endless = ctx.range_with(0, i64::MAX, 1, 2).filter(|x| *x < 0);
    let job = std::thread::spawn(move || endless.count());
    let next = || tasks.recv().map_err(|_| dpark::Error::Stopped);
    next()?;
    next()?;
    // They are not to be told on their way.
    std::thread::sleep(Duration::from_millis(100));
    let began = Instant::now();
    ctx.cancel_all();
    let at = next()?.max(next()?);
    assert!(matches!(job.join(), Ok(Err(dpark::Error::Cancelled { .. }))));
    Ok((at - began).as_secs_f64() * 1e3)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
