//! Three years of two backups a week, with failures of every kind mixed in.

use std::collections::BTreeMap;

use contract::{PointState, PointView, Trigger};
use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::cluster::Cluster;
use super::oracle::{self, Kept, Night, Slot};
use super::pods::Play;

fn policy() -> serde_json::Value {
    json!({"apiVersion": "coffer.dev/v1alpha1", "kind": "BackupPolicy",
           "metadata": {"name": "weekly", "namespace": "shop", "uid": "p1", "generation": 1},
           "spec": {"rules": [{"name": "Weekly", "schedule": {"cron": "0 20 * * 3,6"}, "timeZone": "Europe/Berlin",
                               "startWindowMinutes": 480}],
                    "retention": [
                        {"name": "Yearly", "priority": 10, "criteria": [{"first": "Year"}], "keep": "P2Y"},
                        {"name": "Monthly", "priority": 20, "criteria": [{"first": "Month"}], "keep": "P6M"},
                        {"name": "Default", "default": true, "keep": "P1M"}],
                    "keepAtLeast": 2}})
}

/// One of five does not succeed, in no order that a calendar has, and for seven weeks none.
fn night(number: usize) -> Night {
    if (100..114).contains(&number) {
        return Night::Failed;
    }
    match draw(number as u64) % 20 {
        0..3 => Night::Failed,
        3 => Night::Silent,
        4 => Night::Late,
        5 => Night::Missed,
        _ => Night::Good,
    }
}

/// SplitMix64: the same numbers everywhere and for ever.
fn draw(number: u64) -> u64 {
    let mut state = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

fn play(night: Night) -> Play {
    match night {
        Night::Good | Night::Late | Night::Missed => Play::Succeeds,
        Night::Silent => Play::StoresAndVanishes,
        Night::Failed => Play::Fails,
    }
}

/// The points that can be restored, by their slot, with their tag.
fn restorable(cluster: &Cluster) -> BTreeMap<Timestamp, String> {
    let points = cluster.site.keeper.vault().points(0);
    let slot = |point: &PointView| match &point.decision.trigger {
        Trigger::Slot { slot, .. } => *slot,
        other => panic!("not of a slot: {other:?}"),
    };
    let good = points.iter().filter(|point| point.state == PointState::Available);
    good.map(|point| (slot(point), point.decision.tag.clone())).collect()
}

/// The tags of the points that are shown as restorable, oldest first.
fn shown(cluster: &Cluster) -> Vec<String> {
    let mut points = cluster.shown();
    points.sort_by_key(|point| Some(point.status.as_ref()?.point_time.as_ref()?.0));
    points.into_iter().filter_map(|point| point.status?.tag).collect()
}

fn expected(made: &[Kept], today: Slot) -> BTreeMap<Timestamp, String> {
    oracle::left(made, today.day).iter().map(|kept| (kept.slot.time, kept.tag.to_owned())).collect()
}

/// Plays so many slots, and compares after each.
async fn play_out(count: usize) {
    let slots = oracle::slots(date(2031, 1, 6), date(2034, 1, 6));
    let nights: Vec<(Slot, Night)> =
        slots.iter().take(count).enumerate().map(|(number, slot)| (*slot, night(number))).collect();
    let mut cluster = Cluster::new(&policy(), "2031-01-06T00:00:00Z".parse().unwrap()).await;
    cluster.script = nights.iter().map(|(slot, night)| (slot.time, play(*night))).collect();
    let mut answered = None;
    for (number, (slot, night)) in nights.iter().enumerate() {
        let delay = match night {
            Night::Missed => continue,
            Night::Late => SignedDuration::from_hours(3),
            Night::Good | Night::Silent | Night::Failed => SignedDuration::ZERO,
        };
        cluster.move_to(slot.time.checked_add(delay).unwrap());
        cluster.settle().await;
        // Before the day is over, and after the hour at which any point of a late night ends.
        cluster.move_to(slot.time.checked_add(SignedDuration::from_mins(200)).unwrap());
        cluster.settle().await;
        cluster.site.keeper.sweep().await;
        answered = Some(slot.time);
        let made = oracle::points(&nights[..=number]);
        let found = restorable(&cluster);
        assert_eq!(found, expected(&made, *slot), "after {night:?} at {}", slot.time);
        assert_eq!(found.keys().next_back(), made.last().map(|kept| &kept.slot.time), "the newest is there");
        assert_eq!(
            shown(&cluster),
            found.into_values().collect::<Vec<_>>(),
            "after {night:?} at {}",
            slot.time
        );
    }
    cluster.move_to(cluster.later(SignedDuration::from_hours(2)));
    cluster.settle().await;
    cluster.site.keeper.sweep().await;
    assert_eq!(cluster.site.writers(), restorable(&cluster).len(), "of the others nothing is in storage");
    let last_slot = cluster.instance().status.unwrap_or_default().last_slot_time;
    assert_eq!(last_slot.map(|time| time.0), answered, "each slot was answered");
}

#[tokio::test]
async fn after_every_slot_of_a_quarter_exactly_those_points_are_left_that_were_promised() {
    play_out(26).await;
}

#[tokio::test]
#[ignore = "long: three years, half a minute"]
async fn after_every_slot_of_three_years_exactly_those_points_are_left_that_were_promised() {
    play_out(usize::MAX).await;
}
