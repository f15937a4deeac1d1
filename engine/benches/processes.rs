//! What executors in other processes cost: how soon they are there, and time for each task.
//!
//! `cargo bench -p dpark --bench processes`

use dpark::event::Event;
use dpark::{Conf, DparkContext, Result};
use std::sync::mpsc;
use std::time::Instant;

const TASKS: usize = 10_000;
const RUNS: usize = 7;

fn main() -> Result<()> {
    // In an executor this does not return.
    drop(DparkContext::local(1));
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

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
