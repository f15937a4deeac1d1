//! Accumulators.

/// Updates of one task attempt.
#[derive(Debug, Default)]
pub struct TaskUpdates {}
