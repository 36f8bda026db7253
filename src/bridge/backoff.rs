//! How long something that failed is left alone.

/// Grows with each failure in a row, up to five seconds: the server's answers are waited for, by everybody.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    until: i64,
}

const FIRST_MILLIS: i64 = 250;
const LONGEST_MILLIS: i64 = 5_000;

impl Backoff {
    /// It failed at `now`, by our clock in milliseconds.
    pub(super) fn failed(&mut self, now: i64) {
        let pause = FIRST_MILLIS.saturating_mul(1 << self.failures.min(10)).min(LONGEST_MILLIS);
        self.failures = self.failures.saturating_add(1);
        self.until = now.saturating_add(pause);
    }

    /// It did not fail.
    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// When it may be tried again.
    pub(super) fn until(&self) -> i64 {
        self.until
    }

    /// Whether it may be tried again.
    pub(super) fn is_over(&self, now: i64) -> bool {
        self.until <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_limit_and_end_with_the_first_success() {
        let mut backoff = Backoff::default();
        assert!(backoff.is_over(0));
        let pauses: Vec<i64> = (0..7)
            .map(|_| {
                backoff.failed(1000);
                backoff.until() - 1000
            })
            .collect();
        assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 5000, 5000]);
        assert!(!backoff.is_over(5999) && backoff.is_over(6000));
        backoff.succeeded();
        assert!(backoff.is_over(0));
    }
}
