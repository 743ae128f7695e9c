//! Sizes in bytes, with units.

use std::{fmt, str::FromStr};

/// A size in bytes.
///
/// ```
/// use wasmpool::ByteSize;
///
/// assert_eq!(ByteSize::mib(64).bytes(), 64 * 1024 * 1024);
/// assert_eq!("1.5GiB".parse::<ByteSize>()?.to_string(), "1536 MiB");
/// # Ok::<(), wasmpool::ByteSizeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

impl ByteSize {
    /// So many bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many times 1,024 bytes; as many as there can be when that is too large for 64 bits.
    pub const fn kib(kib: u64) -> Self {
        Self(kib.saturating_mul(1 << 10))
    }

    /// So many times 1,048,576 bytes.
    pub const fn mib(mib: u64) -> Self {
        Self(mib.saturating_mul(1 << 20))
    }

    /// So many times 1,073,741,824 bytes.
    pub const fn gib(gib: u64) -> Self {
        Self(gib.saturating_mul(1 << 30))
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ByteSize {
    /// In the largest binary unit that gives a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (value, unit) = match self.0 {
            bytes if bytes == 0 || bytes % (1 << 10) != 0 => (bytes, "bytes"),
            bytes if bytes % (1 << 20) != 0 => (bytes >> 10, "KiB"),
            bytes if bytes % (1 << 30) != 0 => (bytes >> 20, "MiB"),
            bytes => (bytes >> 30, "GiB"),
        };
        write!(f, "{value} {unit}")
    }
}

/// Text that is not a size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a size; write a number of bytes or one with a unit, such as 65536, 64KiB, 64MiB or 1GB"
)]
pub struct ByteSizeError {
    text: String,
}

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    /// A number, with a fraction if need be, and a unit: none or `B`, `kB`, `MB`, `GB` (powers of 1,000), `KiB`, `MiB`,
    /// `GiB` or the bare letters `K`, `M`, `G` (powers of 1,024). Case does not matter.
    ///
    /// # Errors
    /// [`ByteSizeError`] for everything else, and for what does not fit 64 bits.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ByteSizeError {
            text: text.to_owned(),
        };
        let trimmed = text.trim();
        let digits = trimmed
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(digits);
        let scale: u64 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            "k" | "kib" => 1 << 10,
            "m" | "mib" => 1 << 20,
            "g" | "gib" => 1 << 30,
            _ => return Err(error()),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let whole: u64 = whole.parse().map_err(|_| error())?;
        // Twelve digits of a fraction are finer than a byte of any unit.
        let fraction = &fraction[..fraction.len().min(12)];
        let part = match fraction {
            "" => 0,
            fraction => {
                let denominator = 10_u128.pow(u32::try_from(fraction.len()).map_err(|_| error())?);
                u128::from(fraction.parse::<u64>().map_err(|_| error())?) * u128::from(scale)
                    / denominator
            }
        };
        u128::from(whole)
            .checked_mul(u128::from(scale))
            .and_then(|bytes| u64::try_from(bytes + part).ok())
            .map(Self)
            .ok_or_else(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_understood() {
        for (text, bytes) in [
            ("0", 0),
            ("65536", 65536),
            ("64KiB", 64 << 10),
            ("64 MiB", 64 << 20),
            ("1GB", 1_000_000_000),
            ("2g", 2 << 30),
            ("0.5kib", 512),
        ] {
            assert_eq!(text.parse::<ByteSize>().unwrap().bytes(), bytes, "{text}");
        }
        for text in [
            "",
            "MiB",
            "-1",
            "1TiB",
            "1..5K",
            "99999999999999999999",
            "18446744073709551615G",
            "1.x",
        ] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_print_in_whole_units() {
        assert_eq!(ByteSize::new(1000).to_string(), "1000 bytes");
        assert_eq!(ByteSize::kib(3).to_string(), "3 KiB");
        assert_eq!(ByteSize::mib(2048).to_string(), "2 GiB");
        assert_eq!(ByteSize::new(0).to_string(), "0 bytes");
    }
}
