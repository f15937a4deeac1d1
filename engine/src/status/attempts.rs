//! The attempts of a stage that have ended, for a timeline. However many there are, only so many are kept: of a large
//! stage every second one, every fourth, and so on, so that what is kept still tells where time went.

use crate::event::TaskEnd;
use crate::ids::{ExecutorId, JobId};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Attempts that are kept for one stage.
const MOST: usize = 1_000;

/// Attempts that are kept of jobs that have ended, together; those of the last one in any case.
const REMEMBERED: usize = 20_000;

/// A task attempt that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptStatus {
    /// The partition that it computed.
    pub partition: usize,
    /// Where it ran.
    pub executor: ExecutorId,
    /// Whether it was a second copy of one that was slow.
    pub is_copy: bool,
    /// When it began, in microseconds since the context was made.
    pub started: u64,
    /// When it ended.
    pub ended: u64,
    /// How it ended.
    pub end: AttemptEnd,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttemptEnd {
    /// Its output counts.
    Succeeded,
    /// It failed.
    Failed,
    /// It was told to stop.
    Cancelled,
}

impl AttemptEnd {
    pub(super) fn of(end: &TaskEnd) -> AttemptEnd {
        match end {
            TaskEnd::Succeeded(_) => AttemptEnd::Succeeded,
            TaskEnd::Failed(_) => AttemptEnd::Failed,
            TaskEnd::Cancelled => AttemptEnd::Cancelled,
        }
    }
}

/// The ended attempts of a stage, in the order in which they ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    kept: Vec<AttemptStatus>,
    /// Each so many attempts, one is kept: two to the power of this.
    halvings: u32,
    seen: u64,
}

impl Attempts {
    /// Those that are kept.
    pub fn kept(&self) -> &[AttemptStatus] {
        &self.kept
    }

    /// Of so many attempts one is kept: 1, or 2, 4, 8… of a large stage.
    pub fn one_of(&self) -> u64 {
        1 << self.halvings
    }

    pub(super) fn add(&mut self, attempt: AttemptStatus) {
        if self.seen.is_multiple_of(self.one_of()) {
            if self.kept.len() == MOST {
                self.halve();
            }
            if self.seen.is_multiple_of(self.one_of()) {
                self.kept.push(attempt);
            }
        }
        self.seen += 1;
    }

    fn halve(&mut self) {
        self.halvings += 1;
        let mut index = 0;
        self.kept.retain(|_| {
            index += 1;
            index % 2 == 1
        });
    }
}

/// The jobs that have ended and of whose attempts some are kept, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    jobs: VecDeque<(JobId, usize)>,
    kept: usize,
}

impl Remembered {
    /// A job has ended, with so many attempts that are kept; it gives the jobs whose attempts are to be forgotten.
    pub(super) fn job_ended(&mut self, job: JobId, attempts: usize) -> Vec<JobId> {
        if attempts > 0 {
            self.jobs.push_back((job, attempts));
            self.kept += attempts;
        }
        let mut oldest = Vec::new();
        while self.kept > REMEMBERED && self.jobs.len() > 1 {
            oldest.extend(self.forget_first());
        }
        oldest
    }

    /// A job is forgotten altogether; those that ended before it are already.
    pub(super) fn job_forgotten(&mut self, job: JobId) {
        if self.jobs.front().is_some_and(|(first, _)| *first == job) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) -> Option<JobId> {
        let (job, attempts) = self.jobs.pop_front()?;
        self.kept -= attempts;
        Some(job)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(partition: usize) -> AttemptStatus {
        let (executor, end) = (ExecutorId(0), AttemptEnd::Succeeded);
        AttemptStatus { partition, executor, is_copy: false, started: 0, ended: 1, end }
    }

    #[test]
    fn a_small_stage_keeps_all() {
        let mut attempts = Attempts::default();
        (0..MOST).for_each(|partition| attempts.add(attempt(partition)));
        assert_eq!((attempts.kept().len(), attempts.one_of()), (MOST, 1));
    }

    #[test]
    fn a_large_stage_keeps_every_so_manyth() {
        let mut attempts = Attempts::default();
        (0..10 * MOST).for_each(|partition| attempts.add(attempt(partition)));
        let step = attempts.one_of();
        assert_eq!(step, 16);
        let kept: Vec<usize> = attempts.kept().iter().map(|attempt| attempt.partition).collect();
        let right: Vec<usize> = (0..10 * MOST).step_by(16).collect();
        assert_eq!(kept, right);
    }

    #[test]
    fn the_oldest_jobs_lose_their_attempts_first() {
        let mut remembered = Remembered::default();
        assert_eq!(remembered.job_ended(JobId(1), REMEMBERED - 1), []);
        assert_eq!(remembered.job_ended(JobId(2), 0), []);
        assert_eq!(remembered.job_ended(JobId(3), 1), []);
        assert_eq!(remembered.job_ended(JobId(4), 1), [JobId(1)]);
        remembered.job_forgotten(JobId(2));
        remembered.job_forgotten(JobId(3));
        assert_eq!((remembered.jobs.len(), remembered.kept), (1, 1));
        assert_eq!(remembered.job_ended(JobId(5), 2 * REMEMBERED), [JobId(4)]);
    }
}
