//! How much a task may log: each record costs its text and something for itself, so that their number is bounded too.

/// What a record costs beside its text.
const RECORD: u64 = 64;

/// What a record with so many bytes of text costs. Worker and host count alike.
pub(crate) fn log_cost(text: usize) -> u64 {
    RECORD + text as u64
}

/// The log records of one task.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    cap: u64,
    used: u64,
}

impl Logs {
    /// None so far, and at most `cap` bytes of them.
    pub(crate) fn new(cap: u64) -> Self {
        Self { cap, used: 0 }
    }

    /// Counts a record; `false` when it must not be sent. After the first there are no others.
    pub(crate) fn admit(&mut self, text: usize) -> bool {
        self.used = self.used.saturating_add(log_cost(text));
        self.used <= self.cap
    }

    /// What all of them may cost.
    pub(crate) fn cap(&self) -> u64 {
        self.cap
    }

    /// What there would have been, when it is more than is allowed.
    pub(crate) fn exceeded(&self) -> Option<u64> {
        (self.used > self.cap).then_some(self.used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_that_reaches_the_cap_is_the_last() {
        let mut logs = Logs::new(log_cost(10) + log_cost(0));
        assert!(logs.admit(10) && logs.admit(0));
        assert_eq!(logs.exceeded(), None);
        assert!(!logs.admit(0) && !logs.admit(0));
        assert!(logs.exceeded().is_some());
    }
}
