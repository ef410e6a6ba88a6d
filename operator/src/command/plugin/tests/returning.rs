//! Commands that bring instances and points back into sight: undelete, resume, show-points.

use super::*;

/// The record of an instance that was deleted.
pub(super) fn record() -> Value {
    json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "DeletedBackupInstance",
        "metadata": {"name": "shop-orders-1", "namespace": "backups", "uid": "d1"},
        "spec": {"vaultRef": {"name": "main"}, "undelete": false},
        "status": {"owner": {"namespace": "shop", "namespaceUid": "n", "name": "orders", "uid": "i0",
                             "datasourceId": "7/orders"}, "recoveryPoints": 12},
    })
}

/// The instance that it was brought back as.
pub(super) fn waiting() -> Value {
    but(
        but(orders(), "/status/broughtBackFrom", json!("shop-orders-1")),
        "/spec/protection",
        json!("Stopped"),
    )
}

#[tokio::test]
async fn undelete_sets_the_field_once_and_names_what_comes_then() {
    let desk = Desk::new();
    desk.server.hold("deletedbackupinstances", &record());
    let ran = desk.run("undelete shop-orders-1 -n backups").await;
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    assert_eq!(desk.writes(), ["PATCH deletedbackupinstances backups/shop-orders-1"]);
    let held: Value = desk.server.object("deletedbackupinstances backups/shop-orders-1");
    assert_eq!(held["spec"]["undelete"], true);
    assert!(ran.out.contains("as shop/orders") && ran.out.contains("resume orders -n shop"), "{}", ran.out);
    let ran = desk.run("undelete shop-orders-1 -n backups -o name").await;
    assert_eq!(ran.out, "deletedbackupinstance.coffer.dev/shop-orders-1\n");
    assert!(ran.err.contains("already") && desk.writes().is_empty(), "{}", ran.err);
    assert_eq!(desk.run("undelete nobody -n backups").await.exit, Exit::Failed);
}

#[tokio::test]
async fn who_may_not_undelete_is_told_the_role_of_the_vaults_administrators() {
    let desk = Desk::new();
    desk.server.hold("deletedbackupinstances", &record());
    desk.server.refuse("PATCH deletedbackupinstances", 403, "Forbidden");
    let ran = desk.run("undelete shop-orders-1 -n backups").await;
    assert_eq!(ran.exit, Exit::Credentials);
    assert!(ran.err.contains("coffer-admin") && ran.err.contains("-n backups"), "{}", ran.err);
}

#[tokio::test]
async fn resume_names_the_record_that_the_instance_was_brought_back_from() {
    let desk = Desk::with(&waiting());
    let ran = desk.run("resume orders").await;
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    assert_eq!(desk.writes(), ["PATCH backupinstances shop/orders"]);
    let held: Value = desk.server.object("backupinstances shop/orders");
    assert_eq!(held["metadata"]["annotations"]["coffer.dev/resume"], "shop-orders-1");
    assert!(ran.out.contains("nothing runs until") && ran.out.contains("\"Enabled\""), "{}", ran.out);

    let desk = Desk::with(&orders());
    let ran = desk.run("resume orders").await;
    assert!(ran.exit == Exit::Done && ran.err.contains("does not wait to be resumed"), "{}", ran.err);
    assert!(ran.out.contains("backups run") && desk.writes().is_empty(), "{}", ran.out);
}

#[tokio::test]
async fn show_points_asks_for_a_time_and_refuses_what_is_none() {
    let desk = Desk::with(&orders());
    let ran = desk.run("show-points orders 2026-03-01/2026-03-31").await;
    assert_eq!((ran.exit, ran.err.as_str()), (Exit::Done, ""));
    assert!(ran.out.contains("kubectl coffer list orders -n shop"), "{}", ran.out);
    let held: Value = desk.server.object("backupinstances shop/orders");
    assert_eq!(held["metadata"]["annotations"]["coffer.dev/show-points"], "2026-03-01/2026-03-31");
    let ran = desk.run("show-points orders 2026-03-01/2026-03-31").await;
    assert!(ran.err.contains("asked for before"), "{}", ran.err);
    for wrong in ["2026-03-01", "2026-03-31/2026-03-01", "March/April"] {
        let line = ["kubectl-coffer", "show-points", "orders", wrong];
        let refused = CommandLine::try_parse_from(line).expect_err(wrong).to_string();
        assert!(refused.contains("FROM/TO"), "{refused}");
    }
    assert_eq!(desk.writes().len(), 2, "what is refused is not sent");
}
