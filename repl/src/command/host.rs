//! What commands want of the shell.

use crate::session::Outcome;
use crate::shell::backend::Backend;
use crate::shell::{Flow, Live, Shell};

/// The shell as commands see it.
pub trait Host {
    /// What is there while a cell runs.
    fn live(&self) -> &Live;
    /// Runs one of evcxr's commands and shows what it says.
    fn evcxr(&mut self, line: &str) -> Flow;
    /// Drops variables, items and dependencies.
    fn clear(&mut self) -> Flow;
    /// Drops the variables.
    fn restart(&mut self) -> Flow;
    /// Runs a cell as if it had been typed.
    fn run(&mut self, input: &str) -> Flow;
    /// What `:save` writes: the cells, in order.
    fn log(&self) -> &[String];
    /// Whether every cell's time is shown.
    fn timing(&mut self) -> &mut bool;
}

impl<B: Backend> Host for Shell<B> {
    fn live(&self) -> &Live {
        &self.live
    }

    fn evcxr(&mut self, line: &str) -> Flow {
        self.front.flush();
        let outcome = self.backend.evcxr_command(line);
        self.show(&outcome)
    }

    fn clear(&mut self) -> Flow {
        let outcome = self.backend.clear();
        self.log.clear();
        self.fresh(&outcome, "dropped: variables, items, imports and dependencies; `ctx` is a fresh context")
    }

    fn restart(&mut self) -> Flow {
        let outcome = self.backend.restart();
        self.fresh(
            &outcome,
            "dropped: variables, with the data of their RDDs; items, imports and dependencies stay; `ctx` is a fresh context",
        )
    }

    fn run(&mut self, input: &str) -> Flow {
        Shell::run(self, input)
    }

    fn log(&self) -> &[String] {
        &self.log
    }

    fn timing(&mut self) -> &mut bool {
        &mut self.timing
    }
}

impl<B: Backend> Shell<B> {
    fn fresh(&mut self, outcome: &Outcome, dropped: &str) -> Flow {
        self.forget_engine();
        let flow = self.show(outcome);
        if flow == Flow::Done {
            self.front.note(dropped);
        }
        flow
    }
}
