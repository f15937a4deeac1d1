//! What it takes to make a job ready for executors: that is code of the user's, and others do not wait for it.

use crate::support::{collected, context, wait_for};
use crate::tests;
use dpark::event::Event;
use dpark::{DparkContext, Error, Rdd};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

tests!(other_jobs_go_on_while_a_value_is_written, a_job_whose_values_are_being_written_can_be_cancelled);

/// A gate that a value waits before when it is written.
struct Gate {
    closed: AtomicBool,
    reached: AtomicBool,
}

impl Gate {
    const fn opened() -> Gate {
        Gate { closed: AtomicBool::new(false), reached: AtomicBool::new(false) }
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    fn open(&self) {
        self.closed.store(false, Ordering::Release);
    }

    fn is_reached(&self) -> bool {
        self.reached.load(Ordering::Acquire)
    }
}

/// One for each test.
static GATES: [Gate; 2] = [Gate::opened(), Gate::opened()];

/// A value that is written behind the gate of this number.
#[derive(Deserialize)]
struct Gated(usize);

impl Serialize for Gated {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let gate = &GATES[self.0];
        while gate.closed.load(Ordering::Acquire) {
            gate.reached.store(true, Ordering::Release);
            std::thread::sleep(Duration::from_millis(1));
        }
        serializer.serialize_newtype_struct("Gated", &self.0)
    }
}

/// Rows that need a value, whose gate is closed now.
fn gated(ctx: &DparkContext, gate: usize) -> Rdd<i64> {
    let value = ctx.broadcast(Gated(gate));
    GATES[gate].close();
    ctx.range(0, 10).with_env((&value,)).map(|(value,)| move |x| x + value.0 as i64)
}

fn other_jobs_go_on_while_a_value_is_written() {
    let ctx = context("process[1*2]");
    let rows = gated(&ctx, 1);
    let waiting = std::thread::spawn(move || rows.sum());
    wait_for("a value is being written", || GATES[1].is_reached());
    let others = std::thread::spawn(move || (0..5).map(|x| ctx.range(0, x).count().unwrap()).collect::<Vec<_>>());
    wait_for("other jobs end", || others.is_finished());
    assert_eq!(others.join().unwrap(), [0, 1, 2, 3, 4]);
    assert!(!waiting.is_finished());
    GATES[1].open();
    assert_eq!(waiting.join().unwrap().unwrap(), 45 + 10);
}

fn a_job_whose_values_are_being_written_can_be_cancelled() {
    let ctx = context("process[1*2]");
    let lost = collected(&ctx, |event| matches!(event, Event::ExecutorLost { .. }).then_some(()));
    let rows = gated(&ctx, 0);
    let waiting = {
        let rows = rows.clone();
        std::thread::spawn(move || rows.sum())
    };
    wait_for("a value is being written", || GATES[0].is_reached());
    ctx.cancel_all();
    wait_for("the job ends", || waiting.is_finished());
    assert!(matches!(waiting.join().unwrap(), Err(Error::Cancelled { .. })));
    // Whoever else needs the value waits in its turn.
    let again = std::thread::spawn(move || rows.sum());
    assert_eq!(ctx.range(0, 10).count().unwrap(), 10);
    GATES[0].open();
    assert_eq!(again.join().unwrap().unwrap(), 45);
    assert!(lost.lock().unwrap().is_empty(), "no executor has to answer for that");
}
