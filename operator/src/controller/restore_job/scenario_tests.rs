//! Which calls the driver makes, in which order, and that it makes none when nothing has changed.

use std::sync::Arc;

use contract::{Appended, Head, PointId, PointState, Points, RestoreOutcome, RestoreSeen, RunId};
use crds::RestoreJob;
use crds::common::JobState;
use serde_json::{Value, json};

use super::build::spec_hash;
use super::reconcile;
use super::tests::{UID, latest, point, vault};
use crate::controller::scenario::World;
use crate::controller::{Error, Wake};

const JOB: &str = "restorejobs shop/back";
const STATUS: &str = "PATCH restorejobs/status shop/back";
const LEDGER: &str = "GET /v1/restores/shop/back";
const ATTEMPT: &str = "vaults/cj-0f8fad5b-1";

/// A restore of the latest point, with all that it needs.
async fn world() -> World {
    let mut world = World::new();
    world.hold("restorejobs", &latest());
    world.hold(
        "secrets",
        &json!({"metadata": {"name": "login", "namespace": "shop"},
                                  "data": {"username": "YXBw", "password": "cHc="}}),
    );
    world.start_keeper("v1", "vaults", "main").await;
    let head = Head { sequence: 9, hash: "h9".into() };
    world.answer("POST /v1/ledger", &Appended { head });
    let context = &world.context;
    context.known.vaults.hold(vault());
    context.known.restore_jobs.hold(latest());
    let namespace = json!({"metadata": {"name": "shop", "uid": "n1"}});
    world.hold("namespaces", &namespace);
    context.known.namespaces.hold(serde_json::from_value(namespace).unwrap());
    let points = vec![point("bb", "02:00:00", "n1", PointState::Available)];
    context.keepers.fold("v1", Points { head: None, points, owners: Vec::new() });
    world
}

async fn look(world: &World) -> Result<Wake, Error> {
    reconcile(Arc::new(world.object(JOB)), Arc::clone(&world.context)).await
}

fn completed(spec_hash: String) -> RestoreSeen {
    RestoreSeen {
        run: RunId("earlier".into()),
        point: Some(PointId("bb".repeat(16))),
        spec_hash,
        started: point("bb", "02:00:00", "n1", PointState::Available).point_time,
        outcome: Some(RestoreOutcome::Completed),
    }
}

#[tokio::test]
async fn a_restore_that_the_ledger_does_not_know_is_started_and_told_last() {
    let world = world().await;
    world.answer(LEDGER, &Value::Null);
    look(&world).await.unwrap();
    assert_eq!(
        world.writes(),
        [
            format!("POST jobs {ATTEMPT}"),
            format!("POST secrets {ATTEMPT}"),
            format!("PATCH jobs {ATTEMPT}"),
            STATUS.to_owned(),
        ]
    );
    look(&world).await.unwrap();
    world.writes();
    look(&world).await.unwrap();
    assert_eq!(world.writes(), [""; 0], "nothing has changed since");
}

#[tokio::test]
async fn a_restore_that_the_ledger_has_as_completed_makes_no_job() {
    let world = world().await;
    world.answer(LEDGER, &completed(spec_hash(&latest())));
    look(&world).await.unwrap();
    assert_eq!(world.writes(), ["keeper POST /v1/ledger", STATUS]);
    let job: RestoreJob = world.object(JOB);
    assert_eq!(job.state(), JobState::Completed);
    let point = job.status.and_then(|status| status.recovery_point).expect("the point that was restored");
    assert_eq!(point.id, "bb".repeat(16));
}

#[tokio::test]
async fn while_the_ledger_cannot_be_asked_nothing_is_made() {
    let world = world().await;
    look(&world).await.unwrap();
    assert_eq!(world.writes(), [STATUS]);
    assert_eq!(world.object::<RestoreJob>(JOB).state(), JobState::Pending);
}

#[tokio::test]
async fn a_cancelled_restore_stops_its_mover_before_it_says_so() {
    let world = world().await;
    world.answer(LEDGER, &Value::Null);
    look(&world).await.unwrap();
    world.writes();
    let mut job: RestoreJob = world.object(JOB);
    job.spec.cancel = true;
    world.hold("restorejobs", &job);
    look(&world).await.unwrap();
    assert_eq!(world.writes(), [format!("DELETE jobs {ATTEMPT}"), STATUS.to_owned()]);
    assert_eq!(world.object::<RestoreJob>(JOB).state(), JobState::Cancelling);
    look(&world).await.unwrap();
    assert_eq!(world.object::<RestoreJob>(JOB).state(), JobState::Cancelled);
    assert_eq!(job.metadata.uid.as_deref(), Some(UID));
}
