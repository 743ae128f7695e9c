//! Rows of the Mandelbrot set. One task is one row, so that rows of different cost spread over the workers.

use serde::{Deserialize, Serialize};
use wasmpool_guest::Typed;

/// The part of the plane that is drawn, and how finely.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Typed)]
pub struct View {
    /// Real part of the left edge.
    pub left: f64,
    /// Imaginary part of the upper edge.
    pub top: f64,
    /// Distance between two pixels, in both directions.
    pub step: f64,
    /// Pixels in a row.
    pub width: u32,
    /// Iterations after which a point counts as inside.
    pub iterations: u32,
}

/// The pixels of row `y`, from left to right: red, green and blue, a byte each.
#[wasmpool_guest::task]
pub fn row(view: View, y: u32) -> Vec<u8> {
    let imaginary = view.top - f64::from(y) * view.step;
    (0..view.width)
        .flat_map(|x| {
            let real = view.left + f64::from(x) * view.step;
            colour(escape(real, imaginary, view.iterations), view.iterations)
        })
        .collect()
}

/// Iterations until the point leaves the circle of radius 2, or `limit` when it does not.
fn escape(real: f64, imaginary: f64, limit: u32) -> u32 {
    let (mut x, mut y) = (0.0_f64, 0.0_f64);
    for count in 0..limit {
        let (xx, yy) = (x * x, y * y);
        if xx + yy > 4.0 {
            return count;
        }
        y = 2.0 * x * y + imaginary;
        x = xx - yy + real;
    }
    limit
}

/// Black inside; outside from deep blue over white to amber, by how soon the point left.
fn colour(count: u32, limit: u32) -> [u8; 3] {
    if count == limit {
        return [0, 0, 0];
    }
    let t = (f64::from(count) / f64::from(limit)).sqrt();
    let channel = |low: f64, high: f64| byte(low + (high - low) * t);
    [
        channel(8.0, 255.0),
        channel(24.0, 190.0),
        channel(90.0, 60.0),
    ]
}

/// A colour value as a byte.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0..=255 first"
)]
fn byte(value: f64) -> u8 {
    value.clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::{View, colour, escape, row};

    #[test]
    fn known_points_stay_or_leave() {
        for (real, imaginary) in [(0.0, 0.0), (-1.0, 0.0), (-2.0, 0.0), (0.0, 1.0)] {
            assert_eq!(
                escape(real, imaginary, 500),
                500,
                "{real} + {imaginary}i is in the set"
            );
        }
        assert_eq!(escape(2.0, 2.0, 500), 1);
        assert!(escape(0.26, 0.0, 500) < 500, "right of the cusp");
    }

    #[test]
    fn a_row_has_three_bytes_for_each_pixel_and_is_black_inside() {
        let view = View {
            left: -2.0,
            top: 1.0,
            step: 0.5,
            width: 6,
            iterations: 50,
        };
        let pixels = row(view, 2);
        assert_eq!(pixels.len(), 18);
        assert_eq!(&pixels[12..15], [0, 0, 0], "0 + 0i");
        assert_eq!(colour(50, 50), [0, 0, 0]);
        assert_eq!(
            &pixels[15..18],
            colour(escape(0.5, 0.0, 50), 50),
            "0.5 + 0i is outside"
        );
    }
}
