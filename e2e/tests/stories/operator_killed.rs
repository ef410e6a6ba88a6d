//! The operator dies five times during the main job, at moments drawn from a seed, and nothing is lost or doubled.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use e2e::world::{EACH_MINUTE, HARDLY_EVER, Shop};

use crate::scene::{Kind, scene, setting};

const MINUTES: Duration = Duration::from_secs(60);

/// The moments of the main job after which the operator may die: what is waited for before it is killed.
const MOMENTS: [(&str, &str); 8] = [
    ("binst/shop", "condition=Ready"),
    ("binst/shop", "condition=BackupReady"),
    ("bjob/killed", "jsonpath={.status.acceptedTime}"),
    ("bjob/killed", "jsonpath={.status.attempts[0].jobName}"),
    ("bjob/killed", "jsonpath={.status.startTime}"),
    ("bjob/killed", "jsonpath={.status.progress.stage}"),
    ("rjob/back", "jsonpath={.status.attempts[0].jobName}"),
    ("rjob/back", "jsonpath={.status.startTime}"),
];

#[test]
fn killing_the_operator_loses_and_doubles_nothing() {
    let seed = seed();
    println!("COFFER_SEED={seed}");
    let chosen = draw(seed);
    let scene = scene(Kind::Claim, 20_000);
    let shop = &scene.shop;
    shop.apply_protection(EACH_MINUTE).expect("policy and instance are accepted");
    let mut killer = Killer { chosen: &chosen, next: 0 };
    killer.reach(shop, 2);
    shop.wait_until_protected().expect("vault and instance become ready");
    let before = shop.digest("shop").expect("a digest of the source");
    shop.wait_for_slot_job(3 * MINUTES).expect("a slot comes due");
    shop.apply_backup("killed").expect("an on-demand backup is accepted");
    killer.reach(shop, 6);
    shop.wait_for("bjob/killed", "Complete", 5 * MINUTES).expect("the backup completes");
    shop.apply_protection(HARDLY_EVER).expect("the schedule rests");
    let point = shop.point_of("killed").expect("the point of the backup");
    shop.apply_restore("back", &point, "back").expect("a restore is accepted");
    killer.reach(shop, 8);
    shop.wait_for("rjob/back", "Complete", 5 * MINUTES).expect("the restore completes");
    assert_eq!(shop.digest("back").expect("a digest of the restored database"), before);
    no_slot_has_two_points(shop);
}

/// Kills the leader at each chosen moment, in the order in which they come.
struct Killer<'a> {
    chosen: &'a [usize],
    next: usize,
}

impl Killer<'_> {
    /// Waits for the moments before `end` and kills after those that were drawn.
    fn reach(&mut self, shop: &Shop, end: usize) {
        for (moment, (object, what)) in MOMENTS.iter().enumerate().take(end).skip(self.next) {
            shop.kubectl
                .wait(what, object, &shop.names.tenant, 5 * MINUTES)
                .unwrap_or_else(|error| panic!("moment {moment}: {error}"));
            if self.chosen.contains(&moment) {
                kill_operator(moment);
            }
        }
        self.next = end;
    }
}

/// Without grace: the process gets SIGKILL, not a chance to tidy up.
fn kill_operator(moment: usize) {
    println!("killing the operator after moment {moment}");
    let selector = "app.kubernetes.io/name=coffer,app.kubernetes.io/component=operator";
    setting()
        .kubectl
        .run(&[
            "delete",
            "pods",
            "-n",
            "coffer-system",
            "-l",
            selector,
            "--grace-period=0",
            "--force",
            "--wait=false",
        ])
        .expect("the operator's pods are killed");
}

fn no_slot_has_two_points(shop: &Shop) {
    let mut jobs_per_slot: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for job in shop.kubectl.list("bjob", &shop.names.tenant).expect("the jobs are listed") {
        if let (Some(slot), Some(name)) =
            (job["spec"]["slot"]["time"].as_str(), job["metadata"]["name"].as_str())
        {
            jobs_per_slot.entry(slot.to_owned()).or_default().push(name.to_owned());
        }
    }
    assert!(!jobs_per_slot.is_empty(), "no slot was served");
    assert!(jobs_per_slot.values().all(|jobs| jobs.len() == 1), "{jobs_per_slot:?}");
    let mut points_per_job: BTreeMap<String, usize> = BTreeMap::new();
    for point in shop.points().expect("the points are listed") {
        if let Some(job) = point["status"]["jobName"].as_str() {
            *points_per_job.entry(job.to_owned()).or_default() += 1;
        }
    }
    assert!(points_per_job.values().all(|points| *points == 1), "{points_per_job:?}");
}

/// `COFFER_SEED` repeats a run.
fn seed() -> u64 {
    match std::env::var("COFFER_SEED") {
        Ok(text) => text.parse().expect("COFFER_SEED is a number"),
        Err(_) => fresh_seed(),
    }
}

#[expect(clippy::disallowed_methods, reason = "a seed is drawn from the clock once and printed")]
fn fresh_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs())
}

/// Five different moments, in ascending order, by splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
/// generators, 2014).
fn draw(seed: u64) -> Vec<usize> {
    let mut state = seed;
    let mut left: Vec<usize> = (0..MOMENTS.len()).collect();
    while left.len() > 5 {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        let drop = usize::try_from(mixed % left.len() as u64).expect("a small number");
        left.remove(drop);
    }
    left
}
