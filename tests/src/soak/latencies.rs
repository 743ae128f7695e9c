//! What calls took, counted in classes: however many there are, it stays as small.

use std::time::Duration;

/// Classes of a factor of two each, with so many between.
const FINE: f64 = 8.0;

/// How many took how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Latencies {
    /// By `FINE` times the logarithm of the microseconds.
    classes: Vec<u64>,
}

impl Latencies {
    /// One more.
    pub(super) fn add(&mut self, took: Duration) {
        let class = (took.as_secs_f64() * 1e6).max(1.0).log2() * FINE;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "neither negative nor large: a logarithm"
        )]
        let class = class.ceil() as usize;
        if self.classes.len() <= class {
            self.classes.resize(class + 1, 0);
        }
        self.classes[class] += 1;
    }

    /// Those of both.
    pub(super) fn join(&mut self, other: &Self) {
        let most = self.classes.len().max(other.classes.len());
        self.classes.resize(most, 0);
        for (all, more) in self.classes.iter_mut().zip(&other.classes) {
            *all += more;
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.classes.iter().sum()
    }

    /// What this part of them, in hundredths, took at most; a tenth too much at worst.
    pub(super) fn part(&self, hundredths: u64) -> Option<Duration> {
        let wanted = (self.count() * hundredths).div_ceil(100).max(1);
        let mut seen = 0;
        let class = self.classes.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        Some(Duration::from_secs_f64((class as f64 / FINE).exp2() / 1e6))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_took_no_longer_than_is_said_and_little_less() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.part(50), None);
        for micros in 1..=1000 {
            latencies.add(Duration::from_micros(micros));
        }
        let mut twice = latencies.clone();
        twice.join(&latencies);
        assert_eq!(twice.count(), 2000);
        for (part, micros) in [(50, 500), (99, 990), (100, 1000)] {
            let (true_one, said) = (
                Duration::from_micros(micros),
                twice.part(part).expect("some"),
            );
            assert!(
                said >= true_one && said < true_one.mul_f64(1.1),
                "{part}: {said:?}"
            );
        }
    }
}
