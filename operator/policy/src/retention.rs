//! Which points may be deleted, and for each that may not, why.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use jiff::Timestamp;

/// A recovery point as retention sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point<Id> {
    /// What it is called.
    pub id: Id,
    /// When its snapshot was taken.
    pub time: Timestamp,
    /// The expiry stamped when it was accepted, as lengthened since; none never expires.
    pub expires: Option<Timestamp>,
    /// Accepted and not Damaged. Only good points count towards the floor.
    pub good: bool,
    /// What keeps it regardless of its expiry.
    pub exempt: Option<Exempt>,
}

/// What keeps a point regardless of its expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exempt {
    /// A legal hold.
    LegalHold,
    /// A restore, copy or verification reads it.
    InUse,
    /// It belongs to the command line or to somebody else: no rule here applies to it, and it is no help to
    /// this instance's floor.
    OtherOwner,
}

/// Whether and how the instance is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Points are made and expire.
    Enabled,
    /// No new points; the old expire, but the newest is kept.
    Suspended,
    /// Nothing runs and nothing expires.
    Stopped,
}

/// What applies to all points of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// So many newest good points stay, whatever has expired.
    pub keep_at_least: u32,
    /// The instance's protection.
    pub protection: Protection,
    /// The clocks of keeper and storage differ by more than may be: nothing is deleted until they agree.
    pub clock_skewed: bool,
}

/// What becomes of one point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has no expiry.
    NeverExpires,
    /// Its time has not come.
    Current {
        /// When it comes.
        until: Timestamp,
    },
    /// Expired, and stays for a reason.
    HeldBack(Reason),
    /// Expired, and nothing keeps it.
    Delete,
}

/// Why an expired point stays. Of several reasons the first in this order is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// It is exempt.
    Exempt(Exempt),
    /// The protection is Stopped: nothing expires.
    Stopped,
    /// It is among the newest good points that `keepAtLeast` keeps.
    Floor,
    /// The protection is Suspended and it is the newest point.
    NewestOfSuspended,
    /// Deletion pauses while the clocks differ.
    ClockSkewed,
}

impl Reason {
    /// The reason as a sentence for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Exempt(Exempt::LegalHold) => {
                "A legal hold keeps it; it may go when every hold is released."
            }
            Self::Exempt(Exempt::InUse) => "It is being read; it may go when that has ended.",
            Self::Exempt(Exempt::OtherOwner) => {
                "It belongs to another owner; this policy does not apply to it."
            }
            Self::Stopped => {
                "Protection is Stopped, so nothing expires; enable or suspend it to let points expire."
            }
            Self::Floor => {
                "It is one of the newest good points that keepAtLeast keeps; it may go when newer good ones exist."
            }
            Self::NewestOfSuspended => {
                "It is the newest point of a suspended instance, which is kept; delete it yourself when it is not needed."
            }
            Self::ClockSkewed => {
                "The clocks of keeper and storage differ by more than 5 minutes; deletion goes on when they agree."
            }
        }
    }
}

/// Judges every point of one instance at `now`; the verdicts are in the order of the points.
///
/// A point expires at the instant of its expiry. The floor is made of the newest good points by their time, of
/// equals the greater id; one whose time is still to come does not count (a wrong or hostile clock could push
/// every honest point out), nor does one of another owner. Points that are not good expire as stamped. The
/// answer holds for this list only: judge again when anything in it changes.
pub fn judge<Id: Ord>(points: &[Point<Id>], terms: Terms, now: Timestamp) -> Vec<Verdict> {
    let floor = newest_good(points, terms.keep_at_least, now);
    let kept_if_suspended = newest(points, now);
    let verdict = |(index, point): (usize, &Point<Id>)| {
        match point.expires {
            None => return Verdict::NeverExpires,
            Some(until) if now < until => return Verdict::Current { until },
            Some(_) => {}
        }
        let suspended = terms.protection == Protection::Suspended;
        let reason = if let Some(exempt) = point.exempt {
            Some(Reason::Exempt(exempt))
        } else if terms.protection == Protection::Stopped {
            Some(Reason::Stopped)
        } else if floor.contains(&index) {
            Some(Reason::Floor)
        } else if suspended && kept_if_suspended == Some(index) {
            Some(Reason::NewestOfSuspended)
        } else {
            terms.clock_skewed.then_some(Reason::ClockSkewed)
        };
        reason.map_or(Verdict::Delete, Verdict::HeldBack)
    };
    points.iter().enumerate().map(verdict).collect()
}

/// The places of the points that make up the floor.
fn newest_good<Id: Ord>(points: &[Point<Id>], count: u32, now: Timestamp) -> BTreeSet<usize> {
    let mut good: Vec<usize> = (0..points.len()).filter(|index| counts(&points[*index], now)).collect();
    good.sort_by_key(|index| Reverse((points[*index].time, &points[*index].id)));
    good.into_iter().take(usize::try_from(count).unwrap_or(usize::MAX)).collect()
}

/// The place of the newest good point; where none is good, of the newest at all.
fn newest<Id: Ord>(points: &[Point<Id>], now: Timestamp) -> Option<usize> {
    let own = (0..points.len()).filter(|index| points[*index].exempt != Some(Exempt::OtherOwner));
    own.max_by_key(|index| {
        let point = &points[*index];
        (counts(point, now), point.time, &point.id)
    })
}

/// Whether a point counts towards the floor.
fn counts<Id>(point: &Point<Id>, now: Timestamp) -> bool {
    point.good && point.time <= now && point.exempt != Some(Exempt::OtherOwner)
}

#[cfg(test)]
#[path = "retention_tests.rs"]
mod tests;
