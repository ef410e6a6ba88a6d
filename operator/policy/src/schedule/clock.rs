//! Wall clock times to instants, over the days on which the clock is moved.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

/// The instants at which a wall clock shows a time.
pub(super) enum Shown {
    /// Exactly one.
    Once(Timestamp),
    /// None: the clock jumps over it.
    Skipped {
        /// The first instant after the jump.
        next_valid: Timestamp,
        /// When a clock that was not moved would show the time.
        unmoved: Timestamp,
    },
    /// Two: the clock is set back over it.
    Twice {
        /// The first of them.
        first: Timestamp,
        /// The second.
        second: Timestamp,
        /// What a clock that was not moved shows at the second.
        unmoved_at_second: DateTime,
    },
}

/// Finds when the clock of `zone` shows `time`; nothing outside the calendar (years -9999 to 9999).
pub(super) fn shown(zone: &TimeZone, time: DateTime) -> Option<Shown> {
    let instant = |offset: Offset| offset.to_timestamp(time).ok();
    match zone.to_ambiguous_timestamp(time).offset() {
        AmbiguousOffset::Unambiguous { offset } => Some(Shown::Once(instant(offset)?)),
        AmbiguousOffset::Gap { before, after } => {
            let unmoved = instant(before)?;
            let jump = zone.following(instant(after)?).find(|change| change.offset() == after);
            let next_valid = jump.map_or(unmoved, |change| change.timestamp());
            Some(Shown::Skipped { next_valid, unmoved })
        }
        AmbiguousOffset::Fold { before, after } => {
            let (first, second) = (instant(before)?, instant(after)?);
            Some(Shown::Twice { first, second, unmoved_at_second: before.to_datetime(second) })
        }
    }
}

/// The one instant for a time that must come exactly once: the first of a doubled time, the next valid instant
/// for a skipped one.
pub(super) fn exactly_once(zone: &TimeZone, time: DateTime) -> Option<Timestamp> {
    shown(zone, time).map(|shown| match shown {
        Shown::Once(at) | Shown::Twice { first: at, .. } | Shown::Skipped { next_valid: at, .. } => at,
    })
}
