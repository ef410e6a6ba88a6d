//! A scheduled and an on-demand backup while a workload writes, and their return into new databases, on both storages.

use std::time::Duration;

use e2e::world::{EACH_MINUTE, HARDLY_EVER};

use crate::scene::{Kind, scene, until};

const MINUTES: Duration = Duration::from_secs(60);

#[test]
fn a_database_comes_back_from_a_claim() {
    comes_back(Kind::Claim);
}

#[test]
fn a_database_comes_back_from_s3() {
    comes_back(Kind::S3);
}

fn comes_back(kind: Kind) {
    let scene = scene(kind, 20_000);
    let shop = &scene.shop;
    shop.apply_protection(EACH_MINUTE).expect("policy and instance are accepted");
    shop.wait_until_protected().expect("vault and instance become ready");
    let before = shop.digest("shop").expect("a digest of the source");

    // The slot of the next minute, taken while money moves.
    let slot = shop.wait_for_slot_job(3 * MINUTES).expect("a slot comes due");
    shop.work().expect("the workload runs");
    shop.wait_for(&format!("bjob/{slot}"), "Complete", 5 * MINUTES).expect("the scheduled backup completes");
    shop.apply_protection(HARDLY_EVER).expect("the schedule rests");

    shop.apply_backup("now").expect("an on-demand backup is accepted");
    shop.work().expect("the workload runs");
    shop.wait_for("bjob/now", "Complete", 5 * MINUTES).expect("the on-demand backup completes");

    // A job is told that its point is made, and the object that shows the point follows.
    let made = [slot.as_str(), "now"].map(|job| shop.point_of(job).expect("the job has made a point"));
    let points = until("both points are shown", MINUTES, || {
        let points = shop.points().expect("the points are listed");
        let shown = |name: &String| points.iter().any(|point| point["metadata"]["name"] == name.as_str());
        made.iter().all(shown).then_some(points)
    });
    let schema = shop
        .postgres
        .exec(&["pg_dump", "--schema-only", "--restrict-key=x", "shop"])
        .expect("the source's schema");
    shop.postgres.sql("postgres", "DROP DATABASE shop WITH (FORCE)").expect("the database is lost");

    for (number, point) in points.iter().enumerate() {
        let name = point["metadata"]["name"].as_str().expect("a point's name");
        let database = format!("restored_{number}");
        let job = format!("restore-{number}");
        shop.apply_restore(&job, name, &database).expect("a restore is accepted");
        shop.wait_for(&format!("rjob/{job}"), "Complete", 5 * MINUTES).expect("the restore completes");
        assert_eq!(shop.digest(&database).expect("a digest of the restored database"), before, "{name}");
        let restored = shop
            .postgres
            .exec(&["pg_dump", "--schema-only", "--restrict-key=x", &database])
            .expect("its schema");
        assert_eq!(restored, schema, "the schema that {name} brought back");
    }
}
