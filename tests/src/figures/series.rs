//! Figures over rounds: median, smallest, largest.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One figure for each round, in the order of the rounds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Series(pub Vec<f64>);

impl Series {
    /// The figure in the middle; `None` when nothing was measured.
    #[must_use]
    pub fn median(&self) -> Option<f64> {
        quantile(&self.0, 0.5)
    }

    /// The smallest and the largest.
    #[must_use]
    pub fn spread(&self) -> Option<(f64, f64)> {
        Some((quantile(&self.0, 0.0)?, quantile(&self.0, 1.0)?))
    }

    /// The median of the quotients of each round: what slowed one round slowed both of its figures.
    #[must_use]
    pub fn ratio(&self, other: &Self) -> Option<f64> {
        let quotients: Vec<f64> = self.0.iter().zip(&other.0).map(|(a, b)| a / b).collect();
        quantile(&quotients, 0.5)
    }

    /// The median of the differences of each round.
    #[must_use]
    pub fn beyond(&self, other: &Self) -> Option<f64> {
        let differences: Vec<f64> = self.0.iter().zip(&other.0).map(|(a, b)| a - b).collect();
        quantile(&differences, 0.5)
    }
}

/// The figure below which this part of them lies.
#[must_use]
pub fn quantile(figures: &[f64], part: f64) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index: a part of a length, neither negative nor beyond it"
    )]
    sorted.get((part * last as f64).round() as usize).copied()
}

/// A time in microseconds.
#[must_use]
pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::{Series, quantile};

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert_eq!(quantile(&[3.0, 1.0, 2.0], 0.5), Some(2.0));
        assert_eq!(quantile(&[3.0, 1.0, 2.0], 1.0), Some(3.0));
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(
            Series(vec![2.0, 9.0, 4.0]).ratio(&Series(vec![1.0, 3.0, 4.0])),
            Some(2.0)
        );
        assert_eq!(Series(vec![2.0]).ratio(&Series::default()), None);
    }
}
