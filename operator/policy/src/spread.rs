//! A fixed delay per instance, so that a thousand instances of one policy do not all start at its minute.

use jiff::SignedDuration;

/// Why a spread was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpreadError {
    /// A delay could reach past the end of the start window.
    #[error(
        "`spreadMinutes` {spread} must be below `startWindowMinutes` {start_window}: \
         a backup delayed past its start window would never start"
    )]
    NotBelowStartWindow {
        /// The spread in minutes.
        spread: u32,
        /// The start window in minutes.
        start_window: u32,
    },
}

/// By how much the runs of an instance are started after their slots: whole seconds, from 0 to below
/// `spread_minutes`, the same for every slot, every restart and every release.
///
/// `instance` is whatever identifies the instance for as long as it lives, its UID. The delay is a place on a
/// scale from the hash of its bytes: FNV-1a with 64 bits, its bits then mixed by the finaliser of SplitMix64
/// (FNV alone leaves names that differ in their last letter close together), multiplied by the seconds of the
/// spread and divided by 2^64. The slot itself stays the nominal minute, in names, windows and tags.
///
/// # Errors
///
/// [`SpreadError::NotBelowStartWindow`] unless `spread_minutes` is below `start_window_minutes`.
pub fn delay(
    instance: &str,
    spread_minutes: u32,
    start_window_minutes: u32,
) -> Result<SignedDuration, SpreadError> {
    if spread_minutes >= start_window_minutes {
        return Err(SpreadError::NotBelowStartWindow {
            spread: spread_minutes,
            start_window: start_window_minutes,
        });
    }
    let place = u128::from(mixed(fnv_1a(instance.as_bytes())));
    let seconds = (place * u128::from(spread_minutes) * 60) >> 64;
    Ok(SignedDuration::from_secs(i64::try_from(seconds).expect("a delay is below 2^32 minutes")))
}

fn fnv_1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        // The test vectors of FNV-1a's authors, and the first output of SplitMix64 for the seed 0.
        assert_eq!(fnv_1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv_1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv_1a(b"foobar"), 0x8594_4171_f739_67e8);
        assert_eq!(mixed(0x9e37_79b9_7f4a_7c15), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn an_instance_keeps_its_delay_for_ever() {
        let uid = "0b1f7a52-5f0e-4f0c-9a53-0d6f1c1f8a11";
        let delays = [30, 60, 480].map(|spread| delay(uid, spread, 481).unwrap().as_secs());
        assert_eq!(delays, [1663, 3326, 26612], "a change here moves the backups of every cluster");
    }

    #[test]
    fn no_spread_is_no_delay() {
        assert_eq!(delay("any", 0, 1), Ok(SignedDuration::ZERO));
    }

    #[test]
    fn a_spread_that_reaches_the_start_window_is_refused() {
        assert!(delay("any", 59, 60).is_ok());
        let error = delay("any", 60, 60).unwrap_err();
        assert!(error.to_string().contains("`spreadMinutes` 60"), "{error}");
        assert!(delay("any", 0, 0).is_err());
    }

    #[test]
    fn ten_thousand_instances_fall_evenly_over_the_spread() {
        let mut counts = [0_u32; 24];
        for number in 0..10_000 {
            let delay = delay(&format!("instance-{number}"), 120, 240).unwrap();
            assert!(delay >= SignedDuration::ZERO && delay < SignedDuration::from_mins(120));
            counts[usize::try_from(delay.as_mins() / 5).unwrap()] += 1;
        }
        let expected = 10_000.0 / 24.0;
        let chi_squared: f64 = counts.iter().map(|n| (f64::from(*n) - expected).powi(2) / expected).sum();
        // 23 degrees of freedom: 49.7 is passed once in a thousand even throws, and these are fixed.
        assert!(chi_squared < 49.7, "{chi_squared} {counts:?}");
    }
}
