//! When executors are started in the place of those that have ended: at once, unless they end before they have joined.

use std::time::{Duration, Instant};

/// So many times in a row an executor may fail to join where there is no other.
const MAX_STILLBORN: u32 = 3;

/// How long after the first failure another one is started; after each further one it is twice as long, up to a limit.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Vacancies {
    /// When executors are to be started.
    due: Vec<Instant>,
    /// Executors that have ended before they joined or were not started at all, since the last one that joined.
    stillborn: u32,
    /// What was wrong with the last of them.
    trouble: String,
}

impl Vacancies {
    /// Whether an executor is to be started.
    pub(super) fn are_there(&self) -> bool {
        !self.due.is_empty()
    }

    /// An executor has joined.
    pub(super) fn joined(&mut self) {
        self.stillborn = 0;
    }

    /// An executor that had joined has ended.
    pub(super) fn add(&mut self, now: Instant) {
        self.due.push(now);
    }

    /// An executor has failed to join: it takes the longer until another one is started, the more often that happens.
    pub(super) fn failed(&mut self, trouble: String, now: Instant) {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.stillborn.min(16)).min(LONGEST_PAUSE);
        self.due.push(now + pause);
        self.stillborn += 1;
        self.trouble = trouble;
    }

    /// How many executors are to be started now; they are vacancies no more.
    pub(super) fn take_due(&mut self, now: Instant) -> usize {
        let before = self.due.len();
        self.due.retain(|due| *due > now);
        before - self.due.len()
    }

    /// Gives up, if too many have failed in a row; what was wrong with the last one.
    pub(super) fn despair(&mut self) -> Option<String> {
        (self.stillborn > MAX_STILLBORN).then(|| {
            self.due.clear();
            self.trouble.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fails_to_join_is_followed_after_longer_and_longer_pauses() {
        let (mut vacancies, mut now) = (Vacancies::default(), Instant::now());
        vacancies.add(now);
        assert_eq!(vacancies.take_due(now), 1);
        for pause in [100, 200, 400] {
            vacancies.failed("it broke".to_owned(), now);
            assert_eq!(vacancies.take_due(now + Duration::from_millis(pause - 1)), 0);
            now += Duration::from_millis(pause);
            assert_eq!((vacancies.take_due(now), vacancies.are_there()), (1, false));
            assert_eq!(vacancies.despair(), None);
        }
        vacancies.failed("it broke again".to_owned(), now);
        assert_eq!((vacancies.despair().as_deref(), vacancies.are_there()), (Some("it broke again"), false));
        vacancies.joined();
        assert_eq!(vacancies.despair(), None);
        (0..50).for_each(|_| vacancies.failed(String::new(), now));
        assert_eq!(vacancies.take_due(now + LONGEST_PAUSE), 50, "there is a longest pause");
    }
}
