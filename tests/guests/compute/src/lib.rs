//! Tasks that compute and call nothing: the bench runs them in workers and, from this same source, natively. Python has the
//! same in `bench/compute.py`; each gives the same number there.

mod hash;
mod planets;

use regex_automata::meta::Regex;

/// What [`matches()`] looks for: addresses and dates.
pub const PATTERN: &str = r"[a-z]+@[a-z]+\.(?:com|org|net)|[0-9]{4}-[0-9]{2}-[0-9]{2}";

/// The energy of the sun and four planets after so many steps of a hundredth of a day each.
#[wasmpool_guest::task]
pub fn n_body(steps: u32) -> f64 {
    let mut bodies = planets::bodies();
    for _ in 0..steps {
        planets::advance(&mut bodies);
    }
    planets::energy(&bodies)
}

/// The SHA-256 of the bytes 0 to 255, so many KiB of them.
#[wasmpool_guest::task]
pub fn sha_256(kibibytes: u32) -> Vec<u8> {
    let data: Vec<u8> = (0..=255).cycle().take(kibibytes as usize * 1024).collect();
    hash::sha_256(&data).to_vec()
}

/// The iterations that a picture of the Mandelbrot set of `size` by `size` points takes, of a thousand at most for each.
#[wasmpool_guest::task]
pub fn mandelbrot(size: u32) -> u64 {
    let step = 2.0 / f64::from(size);
    let mut all = 0;
    for row in 0..size {
        for column in 0..size {
            let (a, b) = (f64::from(column) * step - 1.5, f64::from(row) * step - 1.0);
            let (mut x, mut y) = (0.0, 0.0);
            let mut iterations = 0;
            while iterations < 1000 && x * x + y * y <= 4.0 {
                (x, y) = (x * x - y * y + a, 2.0 * x * y + b);
                iterations += 1;
            }
            all += iterations;
        }
    }
    all
}

/// How many addresses and dates there are in a text.
#[wasmpool_guest::task]
pub fn matches(text: &str) -> Result<u64, String> {
    let config = regex_automata::util::syntax::Config::new().unicode(false);
    let regex = Regex::builder().syntax(config.utf8(false)).build(PATTERN);
    let regex = regex.map_err(|error| error.to_string())?;
    Ok(regex.find_iter(text).count() as u64)
}

#[cfg(test)]
mod tests {
    use super::{mandelbrot, matches, n_body, sha_256};

    #[test]
    fn they_compute_what_is_known() {
        assert_eq!(format!("{:.9}", n_body(0)), "-0.169075164");
        assert_eq!(format!("{:.9}", n_body(1000)), "-0.169087605");
        let empty = [0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14];
        assert_eq!(sha_256(0)[..8], empty);
        assert_eq!(mandelbrot(1), 2);
        assert_eq!(
            matches("ada@example.org, 1815-12-10; none@none.none, 1815-1-1"),
            Ok(2)
        );
    }
}
