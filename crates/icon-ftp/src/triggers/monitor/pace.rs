//! How long to wait between two looks: the interval while all is well, growing and jittered pauses while it is not.

use std::time::Duration;

use plugin_runtime::Failure;

use crate::failure;

/// Logins are kept over pauses up to this long; vsftpd 3.0.3 drops idle ones after five minutes, others later.
pub(super) const KEEP_SESSION: Duration = Duration::from_mins(1);

/// The longest interval that can be asked for: a year.
const LONGEST_INTERVAL: u64 = 365 * 86_400;

/// The longest pause after failures, where the interval itself is shorter.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);

/// The longest pause while the path is missing, likewise: somebody may be waiting for that file to come.
const LONGEST_PAUSE_WHILE_MISSING: Duration = Duration::from_mins(1);

/// The pause between two looks.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    failures: u32,
}

impl Pace {
    /// Takes the input `interval` in seconds; 300 when absent, and 0 is taken as 1.
    pub(super) fn new(interval: Option<i64>) -> Result<Self, Failure> {
        match interval.map_or(Ok(300), u64::try_from) {
            Ok(seconds) if seconds <= LONGEST_INTERVAL => {
                Ok(Self { interval: Duration::from_secs(seconds.max(1)), failures: 0 })
            }
            _ => Err(failure::input_out_of_range("interval", 0, LONGEST_INTERVAL)),
        }
    }

    pub(super) fn after_success(&mut self) -> Duration {
        self.failures = 0;
        self.interval
    }

    pub(super) fn after_failure(&mut self) -> Duration {
        self.grow(LONGEST_PAUSE)
    }

    pub(super) fn while_missing(&mut self) -> Duration {
        self.grow(LONGEST_PAUSE_WHILE_MISSING)
    }

    /// Twice as long each time in a row, up to `cap` or the interval; and somewhat random, so that many triggers do not
    /// all come back to a restarted server at once.
    fn grow(&mut self, cap: Duration) -> Duration {
        let grown = self.interval.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        grown.min(cap.max(self.interval)).mul_f64(0.75 + fastrand::f64() / 4.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_cap_and_begin_anew_after_success() {
        let mut pace = Pace::new(Some(1)).expect("an interval");
        let pauses: Vec<f64> = (0..40).map(|_| pace.after_failure().as_secs_f64()).collect();
        assert!((0.75..1.0).contains(&pauses[0]), "{pauses:?}");
        assert!((6.0..8.0).contains(&pauses[3]), "{pauses:?}");
        assert!(pauses.iter().all(|pause| *pause <= 600.0), "{pauses:?}");
        assert!(pauses[39] >= 450.0, "{pauses:?}");
        assert_eq!(pace.after_success(), Duration::from_secs(1));
        assert!(pace.after_failure() < Duration::from_secs(1));
    }

    #[test]
    fn an_interval_longer_than_the_cap_is_kept() {
        let mut pace = Pace::new(Some(3600)).expect("an interval");
        assert!((2700.0..3600.0).contains(&pace.after_failure().as_secs_f64()));
        assert!((2700.0..3600.0).contains(&pace.after_failure().as_secs_f64()));
    }

    #[test]
    fn intervals_that_make_no_sense_are_refused() {
        assert!(Pace::new(Some(-1)).is_err());
        assert!(Pace::new(Some(i64::MAX)).is_err());
        assert_eq!(Pace::new(Some(0)).expect("zero").interval, Duration::from_secs(1));
        assert_eq!(Pace::new(None).expect("none").interval, Duration::from_mins(5));
    }
}
