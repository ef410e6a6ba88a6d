//! RecoveryPoint: views of a vault's catalogue, and the deletion of what has expired.
//!
//! One vault is one unit of work, since its keeper holds the catalogue:
//!
//! ```text
//! observe   catalogue, instances, namespaces, the objects that are there    (index)
//! decide    shown: which points appear where; expiry, removed: which of them go; preview: which go next; requests: what is
//!           asked of single ones; ranges: of which time they are to be shown    (pure)
//! act       tombstones and requests, then objects, each status last         (client, keeper)
//! ```

mod act;
mod deleted;
mod expiry;
mod facts;
mod memory;
mod observe;
mod preview;
mod ranges;
mod removed;
mod requests;
mod shown;
mod view;

#[cfg(test)]
mod scenario_tests;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crds::common::NextExpiry;
use crds::{BackupInstance, BackupVault, Reason, annotations};
use jiff::Timestamp;
use kube::ResourceExt as _;

use super::{Error, Wake, vault};
use crate::cluster::Note;
use crate::context::Context;
use expiry::Expiry;
use facts::Facts;
use ranges::{MOST, Ranges, SHOWN};

pub use memory::Memory;

pub use expiry::expire_by;
pub use preview::of_instance as next_expiry_of;
pub use ranges::Range;

/// What retention will delete next in a vault; `None` while its catalogue is not known.
pub fn next_expiry(vault: &BackupVault, context: &Context) -> Option<Option<NextExpiry>> {
    let seen = observe::observe(vault, context)?;
    Some(preview::of_vault(&seen.facts(vault, context)))
}

/// The catalogue is the operator's own memory: looking at it costs nothing and writes nothing.
const AGAIN: Wake = Wake::seconds(5);

/// Brings the points of one vault to where they should be.
///
/// # Errors
/// An object could not be written, or no call to the keeper be prepared. What the keeper refuses is told in the vault's
/// status.
pub async fn reconcile(vault: Arc<BackupVault>, context: Arc<Context>) -> Result<Wake, Error> {
    let Some(mut seen) = observe::observe(&vault, &context) else { return Ok(AGAIN) };
    let now = context.clock.now();
    // Whoever wants to keep a point is heard before any goes.
    let asked = requests::asked(&seen.facts(&vault, &context), now.time);
    if !asked.is_empty() {
        act::answer(&vault, &context, &asked, now.wall).await?;
        let Some(after) = observe::observe(&vault, &context) else { return Ok(AGAIN) };
        seen = after;
    }
    let expiry = due(&seen.facts(&vault, &context), now.time);
    let next = expiry.next.map_or(AGAIN, Wake::At);
    // What is in storage now may not be what was promised: nothing is deleted until somebody has looked.
    if !vault::is_told_rolled_back(&vault) {
        act::expire(&vault, &context, expiry).await?;
    }
    seen.ranges = ranges(&context, seen.instances(), now.time).await;
    let changes = shown::changes(&seen.facts(&vault, &context), now.time);
    act::show(&context, changes).await?;
    Ok(AGAIN.or(next, now))
}

/// What is to go now.
fn due(facts: &Facts<'_>, now: Timestamp) -> Expiry {
    let mut expiry = expiry::expiry(facts, now);
    removed::add_due(facts, now, &mut expiry);
    requests::spare(facts, &mut expiry);
    expiry
}

/// The ranges of points that annotations ask for and whose day is not over. Whoever set one is told once.
async fn ranges(context: &Context, instances: &[Arc<BackupInstance>], now: Timestamp) -> Ranges {
    let mut ranges = Ranges::new();
    for instance in instances {
        let uid = instance.uid().unwrap_or_default();
        let Some(value) = instance.annotations().get(annotations::SHOW_POINTS) else {
            context.asked.no_range(&uid);
            continue;
        };
        let (since, is_new) = context.asked.range_since(&uid, value, now);
        let until = since + SHOWN;
        let range = Range::parse(value);
        if is_new {
            context.notes.publish(instance.as_ref(), &told(&range, until)).await;
        }
        if let Ok(range) = range
            && now < until
        {
            ranges.insert(uid, range);
        }
    }
    ranges
}

fn told(range: &Result<Range, String>, until: Timestamp) -> Note {
    match range {
        Ok(_) => Note::normal(
            Reason::PointsShown,
            format!(
                "The newest {MOST} points of the time that annotation {} names are shown until {until}.",
                annotations::SHOW_POINTS
            ),
        ),
        Err(error) => Note::warning(
            Reason::ShowPointsInvalid,
            format!(
                "Annotation {}: {error}. Write FROM/TO, such as 2026-11-01/2026-11-07.",
                annotations::SHOW_POINTS
            ),
        ),
    }
}
