//! Tests of schedules through the crate's public face: tables over moved clocks, refusals, a brute-force scan of
//! every minute, and a second implementation.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod croner;
mod intervals;
mod moved_clocks;
mod refused;
mod scan;
mod windows;

use jiff::Timestamp;
use policy::{Schedule, Zone};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn cron(text: &str, zone: &str) -> Schedule {
    Schedule::cron(text, Zone::parse(zone).unwrap()).unwrap()
}

/// The slots after one instant up to another, as RFC 3339 in UTC without the date's year and the seconds.
fn slots(schedule: &Schedule, after: &str, until: &str) -> Vec<String> {
    let short = |slot: Timestamp| slot.strftime("%m-%d %H:%M").to_string();
    schedule.slots_between(at(after), at(until)).map(short).collect()
}
