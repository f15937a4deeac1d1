//! Bugs that the simulation must find: each can be switched on in a test build, and none exists in any other.

/// A mistake one could make in the state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Tasks start while inputs are missing.
    StartEarly,
    /// A shuffle counts as complete when one output is missing.
    OneOutputShort,
    /// A lost executor's tasks stay in the books: what they still report counts as well.
    ZombieCounts,
    /// A killed attempt that succeeds all the same counts.
    KilledCounts,
    /// A failing task is tried for ever.
    RetryForEver,
    /// A failure that cannot pass is tried again.
    RetryHopeless,
    /// An output that is lost again and again is computed for ever.
    LossForEver,
    /// A reader fails its job when it has missed inputs a few times, whichever they were.
    LossesBlameReader,
    /// The tasks of a cancelled job stay in the queue.
    CancelKeepsQueue,
    /// A lost output is not marked missing.
    LossIgnored,
    /// An executor's outputs are thought to outlive it.
    OutputsOutliveExecutor,
    /// A late report of a loss removes the output computed since.
    StaleLoss,
    /// A shuffle is forgotten under the jobs that read it.
    ForgetInUse,
    /// A job that ends kills the tasks it shares, and nobody starts them again.
    KillShared,
    /// The slot of a failed attempt is not given back.
    LeakSlot,
    /// A job ends when its last task starts.
    EndEarly,
    /// Outputs lost from a skipped stage are not asked for.
    SkippedStaysSkipped,
    /// A lost output, computed again, counts again.
    RecomputationCounts,
}

impl Bug {
    /// All of them.
    pub(crate) const ALL: [Bug; 18] = [
        Bug::StartEarly,
        Bug::OneOutputShort,
        Bug::ZombieCounts,
        Bug::KilledCounts,
        Bug::RetryForEver,
        Bug::RetryHopeless,
        Bug::LossForEver,
        Bug::LossesBlameReader,
        Bug::CancelKeepsQueue,
        Bug::LossIgnored,
        Bug::OutputsOutliveExecutor,
        Bug::StaleLoss,
        Bug::ForgetInUse,
        Bug::KillShared,
        Bug::LeakSlot,
        Bug::EndEarly,
        Bug::SkippedStaysSkipped,
        Bug::RecomputationCounts,
    ];
}
