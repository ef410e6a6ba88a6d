//! How large the demo's database is to be.

use std::str::FromStr;

/// A number of bytes, at least one mebibyte and at most one tebibyte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(u64);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a size is a whole number and MiB or GiB, such as 200MiB; from 1MiB to 1024GiB")]
pub struct SizeError;

impl Size {
    /// What one order of the shop takes on disk with its lines, events and indexes; measured at a million orders.
    const BYTES_PER_ORDER: u64 = 680;

    /// How many orders make a database of about this size.
    pub fn orders(self) -> u64 {
        (self.0 / Self::BYTES_PER_ORDER).max(200)
    }
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let (number, unit) = match (text.strip_suffix("MiB"), text.strip_suffix("GiB")) {
            (Some(number), _) => (number, 1 << 20),
            (None, Some(number)) => (number, 1 << 30),
            (None, None) => return Err(SizeError),
        };
        let bytes =
            number.trim().parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).ok_or(SizeError)?;
        if (1 << 20..=1 << 40).contains(&bytes) { Ok(Self(bytes)) } else { Err(SizeError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_nonsense_is_refused() {
        assert_eq!("200MiB".parse(), Ok(Size(200 << 20)));
        assert_eq!("2 GiB".parse(), Ok(Size(2 << 30)));
        for nonsense in ["", "1", "1GB", "-1GiB", "0MiB", "2000GiB", "99999999999999999999GiB", "GiB"] {
            assert_eq!(nonsense.parse::<Size>(), Err(SizeError), "{nonsense}");
        }
    }
}
