//! What Coffer writes to the API server, by the audit log: little for a backup, and nothing while nothing happens.

use std::time::Duration;

use e2e::world::audit::{Audit, Write, table};
use jiff::{SignedDuration, Timestamp};

use crate::scene::{Kind, Scene, advance_clock, scene, setting, until};

const MINUTE: Duration = Duration::from_secs(60);
/// Writes for one scheduled backup, besides events and one for each [`PACE`] in which progress was shown.
const MOST: usize = 14;
const MOST_EVENTS: usize = 4;
const PACE: SignedDuration = SignedDuration::from_secs(30);
/// Whoever has written nothing for so long has come to rest: longer than anything waits to be told with something else.
const REST: SignedDuration = SignedDuration::from_secs(90);
const IDLE: SignedDuration = SignedDuration::from_mins(5);

#[test]
fn one_scheduled_backup_is_few_writes_and_five_minutes_without_one_are_none() {
    let scene = scene(Kind::Claim, 200);
    scene.protect();
    let names = &scene.shop.names;
    let namespaces = ["coffer-system", &names.tenant, &names.vault_namespace];
    let log = setting().audit_log.as_deref().expect("COFFER_AUDIT_LOG names the API server's audit log");
    let mut audit = Audit::follow(log, &namespaces).expect("the audit log is followed");
    let slot = plan(&scene);
    rest(&mut audit);

    let before = audit.writes().len();
    let begun = time(&scene, "lastSlotTime");
    // Half a minute after the slot, by a clock that stood somewhere after `begun`.
    advance_clock((slot.duration_since(begun) + PACE).unsigned_abs());
    let job = until("the slot has its job", MINUTE, || job_of(&scene, slot));
    scene.shop.wait_for(&format!("bjob/{job}"), "Complete", 3 * MINUTE).expect("the backup completes");
    rest(&mut audit);
    let (events, writes) = split(&audit.writes()[before..]);
    let allowed = MOST + shown(&scene, &job);
    assert!(writes.len() <= allowed, "at most {allowed} are agreed on: {}", table(&writes));
    assert!(events.len() <= MOST_EVENTS, "at most {MOST_EVENTS} events are: {}", table(&events));
    println!("{}", table(&writes));

    let before = audit.writes().len();
    let from = audit.newest().expect("the API server has answered");
    advance_clock(60 * MINUTE);
    until("five minutes have passed by the audit log", 7 * MINUTE, || {
        audit.read().expect("the audit log is read");
        audit.newest().filter(|newest| newest.duration_since(from) >= IDLE)
    });
    let idle = &audit.writes()[before..];
    assert!(idle.is_empty(), "nothing was to be done: {}", table(idle));
}

/// Gives the policy one slot a day, some hours ahead, and says when it is. Nothing else comes due within a day.
fn plan(scene: &Scene) -> Timestamp {
    let begun = time(scene, "lastSlotTime");
    let ahead = jiff::tz::TimeZone::UTC.to_datetime(begun + SignedDuration::from_hours(3));
    scene.shop.apply_protection(&ahead.strftime("%-M %-H * * *").to_string()).expect("the policy is edited");
    let minute = ahead.strftime("%Y-%m-%dT%H:%M:00Z").to_string();
    let slot = minute.parse().expect("a time");
    until("the instance has taken up the policy's slot", MINUTE, || {
        (time(scene, "nextBackupTime") == slot).then_some(())
    });
    slot
}

/// A time of the instance's status, once it is there.
fn time(scene: &Scene, field: &str) -> Timestamp {
    let names = &scene.shop.names;
    until(field, MINUTE, || {
        let instance = scene.shop.kubectl.find("binst", &names.tenant, &names.instance).ok()??;
        instance["status"][field].as_str()?.parse().ok()
    })
}

fn job_of(scene: &Scene, slot: Timestamp) -> Option<String> {
    let time = jiff::tz::TimeZone::UTC.to_datetime(slot);
    let name = format!("{}-{}", scene.shop.names.instance, time.strftime("%Y%m%dt%H%Mz"));
    scene.shop.kubectl.find("bjob", &scene.shop.names.tenant, &name).ok()?.map(|_| name)
}

/// How often the job may have been written to for its progress alone.
fn shown(scene: &Scene, job: &str) -> usize {
    let job = scene
        .shop
        .kubectl
        .find("bjob", &scene.shop.names.tenant, job)
        .expect("it is read")
        .expect("it is there");
    let time = |field: &str| -> Option<Timestamp> { job["status"][field].as_str()?.parse().ok() };
    let (from, to) = (time("acceptedTime").expect("accepted"), time("completionTime").expect("ended"));
    usize::try_from(to.duration_since(from).as_secs() / PACE.as_secs()).unwrap_or(0)
}

/// Waits until Coffer has written nothing for a while, by the API server's own clock: renewed leases move it on.
fn rest(audit: &mut Audit) {
    let begun = until("the API server answers somebody", MINUTE, || {
        audit.read().expect("the audit log is read");
        audit.newest()
    });
    until("Coffer comes to rest", 5 * MINUTE, || {
        audit.read().expect("the audit log is read");
        let last = audit.writes().last().map_or(begun, |write| write.time.max(begun));
        (audit.newest()?.duration_since(last) >= REST).then_some(())
    });
}

fn split(writes: &[Write]) -> (Vec<Write>, Vec<Write>) {
    writes.iter().cloned().partition(|write| write.resource.starts_with("events"))
}
