//! Time as executors live it. While the driver is suspended (Ctrl-Z) so are they, and nobody is late for that.

use std::time::{Duration, Instant};

/// Between two looks at the clock no more than this passes. While somebody may be late, they are much closer.
const LONGEST: Duration = Duration::from_secs(1);

/// A clock that stands while nobody looks at it.
#[derive(Debug)]
pub(crate) struct LivedTime {
    passed: Duration,
    looked: Instant,
}

impl LivedTime {
    pub(crate) fn start(now: Instant) -> LivedTime {
        LivedTime { passed: Duration::ZERO, looked: now }
    }

    /// Looks at the clock.
    pub(crate) fn pass(&mut self, now: Instant) {
        self.passed += now.saturating_duration_since(self.looked).min(LONGEST);
        self.looked = now;
    }

    /// What has passed until it was looked at last.
    pub(crate) fn now(&self) -> Duration {
        self.passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_time_without_a_look_does_not_pass() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut lived = LivedTime::start(start);
        lived.pass(at(100));
        lived.pass(at(250));
        assert_eq!(lived.now(), Duration::from_millis(250));
        lived.pass(at(40_250));
        assert_eq!(lived.now(), Duration::from_millis(1250));
        lived.pass(at(40_350));
        assert_eq!(lived.now(), Duration::from_millis(1350));
    }
}
