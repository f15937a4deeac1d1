//! Typed identifiers, one newtype each, so that a stage is never taken for a job.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub struct $name(pub u64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// An RDD of one context, counted from 1.
    RddId
);
id!(
    /// A shuffle: the map outputs of one shuffle dependency.
    ShuffleId
);
id!(
    /// A job: one action.
    JobId
);
id!(
    /// A stage of one job. A job that reuses finished map outputs shows that stage as skipped, under a number of its own.
    StageId
);
id!(
    /// A place where tasks run: the pool of `local` (0), or a process.
    ExecutorId
);
id!(
    /// One attempt of one task.
    TaskId
);
