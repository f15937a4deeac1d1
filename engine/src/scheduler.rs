//! The scheduler: cuts nothing and computes nothing, but decides which task of which stage runs when and where, and
//! what to repeat after a failure or a loss.

mod command;
mod dag;
mod executors;
mod job;
#[cfg(test)]
mod planted;
#[cfg(test)]
mod sim;
mod task_set;
