//! How far a curve is from a straight line: a fixed cost, and so much for each unit.

/// The line that fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// What nothing costs.
    pub fixed: f64,
    /// What each unit adds.
    pub each: f64,
}

impl Line {
    /// The line through positive points `(x, y)` that is the least off, each point by its own size. Neither part of it is
    /// negative: nothing gives time back. `None` with fewer than three points.
    #[must_use]
    pub fn through(points: &[(f64, f64)]) -> Option<Self> {
        if points.len() < 3 {
            return None;
        }
        // Least squares of (fixed + each x) / y - 1.
        let sum =
            |part: fn(f64, f64) -> f64| -> f64 { points.iter().map(|&(x, y)| part(x, y)).sum() };
        let (ones, xs) = (sum(|_, y| 1.0 / (y * y)), sum(|x, y| x / (y * y)));
        let (squares, one, x) = (
            sum(|x, y| x * x / (y * y)),
            sum(|_, y| 1.0 / y),
            sum(|x, y| x / y),
        );
        let determinant = ones * squares - xs * xs;
        let fixed = (one * squares - x * xs) / determinant;
        let each = (ones * x - xs * one) / determinant;
        Some(if !(fixed.is_finite() && fixed >= 0.0) {
            Self {
                fixed: 0.0,
                each: x / squares,
            }
        } else if each >= 0.0 {
            Self { fixed, each }
        } else {
            Self {
                fixed: one / ones,
                each: 0.0,
            }
        })
    }

    /// What the line says.
    #[must_use]
    pub fn at(self, x: f64) -> f64 {
        self.fixed + self.each * x
    }
}

/// Where a curve is farthest above its line, and by what factor. A knee is a factor that is well over one.
#[must_use]
pub fn farthest_above(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let line = Line::through(points)?;
    points
        .iter()
        .map(|&(x, y)| (x, y / line.at(x)))
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
}

#[cfg(test)]
mod tests {
    use super::{Line, farthest_above};

    fn points(cost: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        [1e3, 1e4, 1e5, 1e6, 1e7].map(|x| (x, cost(x))).to_vec()
    }

    #[test]
    fn a_fixed_cost_and_so_much_for_each_is_straight() {
        let straight = points(|x| 5000.0 + 2.5 * x);
        let line = Line::through(&straight).expect("five points");
        assert!((line.fixed - 5000.0).abs() < 1.0 && (line.each - 2.5).abs() < 1e-6);
        let (_, factor) = farthest_above(&straight).expect("five points");
        assert!((factor - 1.0).abs() < 1e-6);
        assert!(Line::through(&straight[..2]).is_none());
    }

    #[test]
    fn a_knee_stands_out() {
        let (x, factor) = farthest_above(&points(
            |x| if x < 1e7 { 5000.0 + 2.0 * x } else { 6.0 * x },
        ))
        .expect("five points");
        assert!(factor > 1.5, "{factor} at {x}");
        let squared = farthest_above(&points(|x| 100.0 + 1e-4 * x * x)).expect("five points");
        assert!(squared.1 > 1.5, "{squared:?}");
    }

    #[test]
    fn nothing_gives_time_back() {
        let falling = [(1.0, 10.0), (2.0, 5.0), (3.0, 2.0)];
        let line = Line::through(&falling).expect("three points");
        assert!(line.fixed >= 0.0 && line.each >= 0.0);
        let rising = [(1.0, 1.0), (2.0, 4.0), (3.0, 9.0)];
        let line = Line::through(&rising).expect("three points");
        assert!(line.fixed >= 0.0 && line.each >= 0.0);
    }
}
