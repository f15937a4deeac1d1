//! Tasks that are told to stop, and executors that stay because they obey.

use crate::support::{context, wait_for};
use crate::tests;
use dpark::event::Event;
use dpark::{DparkContext, Error};
use std::sync::{Arc, Mutex};
use std::time::Duration;

tests!(executors_that_have_answered_stay_while_the_driver_reads_results,);

/// The executors that are lost, as that happens.
fn losses(ctx: &DparkContext) -> Arc<Mutex<Vec<String>>> {
    let lost = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&lost);
    ctx.events().subscribe(Box::new(move |event| {
        if let Event::ExecutorLost { why, .. } = event {
            seen.lock().unwrap().push(why.clone());
        }
    }));
    lost
}

/// A row that takes longer to read than a task may take to stop.
#[derive(serde::Serialize)]
struct SlowToRead(i64);

impl<'de> serde::Deserialize<'de> for SlowToRead {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<SlowToRead, D::Error> {
        READING.store(true, std::sync::atomic::Ordering::Release);
        std::thread::sleep(Duration::from_secs(3));
        serde::Deserialize::deserialize(deserializer).map(SlowToRead)
    }
}

/// Whether the driver has begun to read such a row.
static READING: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

fn executors_that_have_answered_stay_while_the_driver_reads_results() {
    let ctx = context("process[2]");
    let lost = losses(&ctx);
    // The first partition has an answer at once, the second one goes on until it is told to stop.
    let rows = ctx.range_with(0, 10_000, 1, 2).filter_map(|x| {
        if x >= 5000 {
            std::thread::sleep(Duration::from_millis(10));
        }
        (x == 0).then_some(SlowToRead(x))
    });
    let job = std::thread::spawn(move || rows.collect().map(|rows| rows.len()));
    wait_for("the driver reads a result", || READING.load(std::sync::atomic::Ordering::Acquire));
    ctx.cancel_all();
    assert!(matches!(job.join().unwrap(), Err(Error::Cancelled { .. })));
    // This result is read after that one.
    assert_eq!(ctx.range(0, 10).collect().unwrap().len(), 10);
    assert!(lost.lock().unwrap().is_empty(), "{lost:?}");
}
