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
    /// The map outputs of a shuffle are removed under the jobs that read it.
    OutputsRemovedInUse,
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
    /// Partitions start in their order, wherever their blocks are.
    LocalityIgnored,
    /// A partition is taken from an executor that holds its block and has a free slot.
    StealFromFree,
    /// A partition whose rows were kept is computed anywhere.
    KeptRowsIgnored,
    /// Attempts get second copies before they are slow.
    CopyTooEarly,
    /// Attempts get as many copies as there are free slots.
    CopyAfterCopy,
    /// A copy runs on the executor of the slow attempt.
    CopyBesideIt,
    /// The attempt that another one has beaten is not told to stop, and counts as well.
    BeatenRunsOn,
    /// A job that ends kills the first attempts only.
    CopyOutlivesJob,
    /// A partition is started again though the copy of the attempt that failed still runs.
    FailedCopyRepeated,
    /// Executors on which everything fails get tasks nevertheless.
    ExclusionIgnored,
    /// Tasks start on executors that are about to be lost.
    LeavingIgnored,
    /// An attempt has failed if its executor was ended on purpose.
    SparedCounts,
    /// Nobody is told that an executor gets tasks again.
    ReadmissionUntold,
}

impl Bug {
    /// All of them.
    pub(crate) const ALL: [Bug; 32] = [
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
        Bug::OutputsRemovedInUse,
        Bug::KillShared,
        Bug::LeakSlot,
        Bug::EndEarly,
        Bug::SkippedStaysSkipped,
        Bug::RecomputationCounts,
        Bug::LocalityIgnored,
        Bug::StealFromFree,
        Bug::KeptRowsIgnored,
        Bug::CopyTooEarly,
        Bug::CopyAfterCopy,
        Bug::CopyBesideIt,
        Bug::BeatenRunsOn,
        Bug::CopyOutlivesJob,
        Bug::FailedCopyRepeated,
        Bug::ExclusionIgnored,
        Bug::LeavingIgnored,
        Bug::SparedCounts,
        Bug::ReadmissionUntold,
    ];
}
