//! `verifyEveryDays`: how often a point is read.

use std::sync::Arc;

use jiff::SignedDuration;
use k8s_openapi::api::batch::v1::Job;
use serde_json::json;

use super::cluster::Cluster;
use crate::controller::verification;

fn policy() -> serde_json::Value {
    json!({"apiVersion": "coffer.dev/v1alpha1", "kind": "BackupPolicy",
           "metadata": {"name": "weekly", "namespace": "shop", "uid": "p1", "generation": 1},
           "spec": {"rules": [{"name": "Weekly", "schedule": {"cron": "0 20 * * 3"}, "timeZone": "UTC"}],
                    "retention": [{"name": "Default", "default": true, "keep": "P1M"}],
                    "verifyEveryDays": 1}})
}

/// Lets the driver of verifications look alone: nobody polls the keeper meanwhile. Returns how many Jobs there are then.
async fn look(cluster: &Cluster) -> usize {
    cluster.world.watch();
    let (instance, context) = (Arc::new(cluster.instance()), Arc::clone(&cluster.world.context));
    verification::reconcile(instance, context).await.unwrap();
    cluster.world.objects::<Job>("jobs").len()
}

#[tokio::test]
async fn what_was_read_back_is_known_at_once_and_not_read_again_before_the_next_poll() {
    let mut cluster = Cluster::new(&policy(), "2031-01-06T00:00:00Z".parse().unwrap()).await;
    cluster.move_to("2031-01-08T20:00:00Z".parse().unwrap());
    cluster.settle().await;
    assert_eq!(look(&cluster).await, 0, "the point is young");
    cluster.move_to(cluster.later(SignedDuration::from_hours(25)));
    assert_eq!(look(&cluster).await, 1, "it is read");
    assert!(cluster.run_pods().await);
    assert_eq!(look(&cluster).await, 0, "what was found is in the ledger");
    assert_eq!(look(&cluster).await, 0, "and nothing is read for another day");
}
