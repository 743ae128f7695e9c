//! A picture of the Mandelbrot set: each row is one task, and the PNG grows as the rows arrive.

use std::io::Write;

use anyhow::Result;
use guest_mandelbrot::View;
use wasmpool::Pool;

use crate::guests;

/// The whole set.
#[must_use]
pub fn whole(width: u32, height: u32) -> View {
    let step = 3.0 / f64::from(width.max(1));
    View {
        left: -2.2,
        top: step * f64::from(height) / 2.0,
        step,
        width,
        iterations: 500,
    }
}

/// Draws `height` rows of `view` and writes them as a PNG; `row_done` is told of each.
///
/// # Errors
/// When a row cannot be drawn or the picture cannot be written.
pub fn draw(
    pool: &Pool,
    view: View,
    height: u32,
    out: impl Write,
    mut row_done: impl FnMut(),
) -> Result<()> {
    let row = pool
        .load(guests::mandelbrot())?
        .task::<(View, u32), Vec<u8>>("row")?;
    let mut encoder = png::Encoder::new(out, view.width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    let mut picture = writer.stream_writer()?;
    for pixels in pool.imap(&row, (0..height).map(|y| (view, y))) {
        picture.write_all(&pixels?)?;
        row_done();
    }
    picture.finish()?;
    writer.finish()?;
    Ok(())
}
