//! Commands that look: status, list, doctor, grants.

use super::*;

fn failing() -> Value {
    let conditions = json!([
        condition("Ready", "True", "AsConfigured", "Vault, policy and consent are as they should be."),
        condition(
            "BackupReady",
            "False",
            "PrivilegesMissing",
            "role \"app\" may not read app.invoices. Run the statements of the instance's `status.missingGrants` as the database's owner."
        ),
        condition(
            "LastBackupSucceeded",
            "False",
            "LastBackupFailed",
            "Job orders-20261122t0200z ended Failed."
        ),
    ]);
    let mut instance = but(orders(), "/status/conditions", conditions);
    let status = &mut instance["status"];
    status["state"] = json!("ProtectionError");
    status["lastBackup"]["state"] = json!("Failed");
    status["lastBackup"]["errorCode"] = json!("UserErrorMissingDBPermissions");
    status["jobs7d"] = json!({"completed": 6, "failed": 1, "expired": 0, "cancelled": 0});
    status["checks"] = json!([
        {"name": "Credentials", "result": "Passed"},
        {"name": "Privileges", "result": "Failed", "reason": "PrivilegesMissing",
         "message": "role \"app\" may not read app.invoices"},
    ]);
    status["missingGrants"] =
        json!(["GRANT USAGE ON SCHEMA app TO app;", "GRANT SELECT ON app.invoices TO app;"]);
    instance
}

#[tokio::test]
async fn row_b16_status_of_one_instance_answers_what_a_person_asks() {
    let desk = Desk::with(&orders());
    let ran = desk.run("status orders").await;
    assert_eq!(ran.exit, Exit::Done);
    insta::assert_snapshot!(ran.out, @r#"
    shop/orders: protected

      Source    database orders on postgres.shop.svc:5432, PostgreSQL 17.2
      Vault     backups/main
      Policy    backups/nightly, version 3
      Points    12, the newest of 2026-11-22 02:00 UTC (1 h 59 min ago)
      Last      orders-20261122t0200z Completed, 2026-11-22 02:04 UTC (1 h 55 min ago)
      Next      2026-11-23 02:00 UTC (in 22 h)
      Week      7 completed, 0 failed

    Nothing needs attention.
    "#);
    assert!(desk.writes().is_empty(), "looking changes nothing");
}

#[tokio::test]
async fn status_of_one_instance_tells_what_expires_next() {
    let next = |points: i64| {
        let next = json!({"time": "2026-11-27T02:00:00Z", "points": points});
        Desk::with(&but(orders(), "/status/nextExpiry", next))
    };
    let told = next(3).run("status orders").await.out;
    assert!(told.contains("  Expires   3 points, 2026-11-27 02:00 UTC (in 4 d 22 h)\n"), "{told}");
    assert!(next(1).run("status orders").await.out.contains(" 1 point, "));
    let json: Value = serde_json::from_str(&next(3).run("status orders -o json").await.out).unwrap();
    assert_eq!(json["nextExpiry"]["points"], 3);
}

#[tokio::test]
async fn row_a45_status_of_a_failing_instance_says_why_and_what_to_do() {
    let desk = Desk::with(&failing());
    let running = json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupJob",
        "metadata": {"name": "orders-ondemand-x7k2f", "namespace": "shop"},
        "spec": {"instanceRef": {"name": "orders"}, "retentionTag": "Default"},
        "status": {"state": "Running", "progress": {"stage": "Data", "bytesDone": 1288490188, "bytesTotal": 3221225472_i64,
                                                    "percent": 40, "bytesPerSecond": 12582912}},
    });
    desk.server.hold("backupjobs", &running);
    let ran = desk.run("status orders").await;
    assert_eq!(ran.exit, Exit::Warnings);
    insta::assert_snapshot!(ran.out, @r#"
    shop/orders: there are points, and NO NEW ONES can be made

      Source    database orders on postgres.shop.svc:5432, PostgreSQL 17.2
      Vault     backups/main
      Policy    backups/nightly, version 3
      Points    12, the newest of 2026-11-22 02:00 UTC (1 h 59 min ago)
      Last      orders-20261122t0200z Failed (UserErrorMissingDBPermissions), 2026-11-22 02:04 UTC (1 h 55 min ago)
      Running   orders-ondemand-x7k2f Running, Data, 40 % (1.1 GiB of 3.0 GiB), 12.0 MiB/s
      Next      2026-11-23 02:00 UTC (in 22 h)
      Week      6 completed, 1 failed

    Needs attention:
      PrivilegesMissing: role "app" may not read app.invoices. Run the statements of the instance's `status.missingGrants` as the database's owner.
      LastBackupFailed: Job orders-20261122t0200z ended Failed. UserErrorMissingDBPermissions: The server let the role in and refused it the rights a backup needs.
        Run the statements of the instance's `status.missingGrants` as the database's owner. `kubectl describe bjob orders-20261122t0200z` has the rest.
    "#);
}

#[tokio::test]
async fn status_of_all_instances_is_a_table_and_one_that_fails_decides_the_exit_code() {
    let desk = Desk::with(&orders());
    assert_eq!(desk.run("status").await.exit, Exit::Done);
    desk.server.hold("backupinstances", &but(failing(), "/metadata/name", json!("payments")));
    let mut fresh = but(orders(), "/metadata/namespace", json!("lab"));
    fresh["status"] = json!({"observedGeneration": 2, "nextBackupTime": "2026-11-23T02:00:00Z",
        "conditions": [condition("Ready", "True", "AsConfigured", ""), condition("BackupReady", "True", "ChecksPassed", ""),
                       condition("LastBackupSucceeded", "Unknown", "NoBackupYet", "No backup has ended yet.")]});
    desk.server.hold("backupinstances", &fresh);
    let mut rests = but(orders(), "/metadata/namespace", json!("old"));
    rests["spec"]["protection"] = json!("Suspended");
    rests["status"]["nextBackupTime"] = Value::Null;
    desk.server.hold("backupinstances", &rests);
    let ran = desk.run("status -A").await;
    assert_eq!(ran.exit, Exit::Warnings);
    insta::assert_snapshot!(ran.out, @r#"
    NAMESPACE  INSTANCE  PROTECTED  NEWEST POINT    LAST       NEXT     POINTS  ATTENTION
    lab        orders    not yet    -               -          in 22 h  0       NoPointYet
    old        orders    paused     1 h 59 min ago  Completed  -        12      BackupsSuspended
    shop       orders    yes        1 h 59 min ago  Completed  in 22 h  12      -
    shop       payments  failing    1 h 59 min ago  Failed     in 22 h  12      PrivilegesMissing and 1 more
    "#);
    let one = desk.run("status -n lab").await;
    assert_eq!(one.exit, Exit::Warnings, "a database without any point is not protected");
    let none = desk.run("status -n empty").await;
    assert_eq!(none.exit, Exit::Done);
    assert!(none.out.contains("No database is protected in namespace empty"), "{}", none.out);
}

#[tokio::test]
async fn status_for_programs_has_the_answer_and_the_findings() {
    let desk = Desk::with(&failing());
    let ran = desk.run("status orders -o json").await;
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&told["protected"], &told["needsAttention"]), (&json!("Failing"), &json!(true)));
    assert_eq!(told["findings"][0]["reason"], "PrivilegesMissing");
    assert_eq!(told["lastBackup"]["errorCode"], "UserErrorMissingDBPermissions");
    let ran = desk.run("status -o yaml").await;
    assert!(ran.out.starts_with("items:\n- namespace: shop\n"), "{}", ran.out);
    assert_eq!(desk.run("status -o name").await.out, "backupinstance.coffer.dev/orders\n");
}

#[tokio::test]
async fn an_instance_that_the_operator_has_not_seen_needs_attention() {
    let desk = Desk::with(&but(orders(), "/status", Value::Null));
    let ran = desk.run("status orders").await;
    assert!(ran.exit == Exit::Warnings && ran.out.contains("NotSeen"), "{}", ran.out);
    let desk = Desk::with(&but(orders(), "/metadata/generation", json!(3)));
    assert!(desk.run("status orders").await.out.contains("has not taken up the last change"));
}

fn point(name: &str, status: Value) -> Value {
    json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "RecoveryPoint",
        "metadata": {"name": name, "namespace": "shop", "labels": {"coffer.dev/instance": "orders"}},
        "spec": {"vaultRef": {"name": "main", "namespace": "backups"}, "pointId": "ab34cd00000000000000000000000000"},
        "status": status,
    })
}

#[tokio::test]
async fn row_e17_points_are_listed_oldest_first_with_tag_size_expiry_state_and_verification() {
    let desk = Desk::with(&orders());
    let newest = json!({"state": "Available", "pointTime": "2026-11-22T02:00:09Z", "tag": "Default", "size": "18.3 GiB",
                        "expirationTime": "2027-02-22T02:00:09Z"});
    let older = json!({"state": "Partial", "pointTime": "2026-11-01T02:00:00Z", "tag": "Monthly", "size": "17.9 GiB",
                       "expirationTime": "2027-05-01T02:00:00Z", "verified": {"objectsTime": "2026-11-01T03:00:00Z",
                       "fullTime": "2026-11-15T03:00:00Z"}});
    desk.server.hold("recoverypoints", &point("orders-a", newest));
    desk.server.hold("recoverypoints", &point("orders-b", older));
    let mut other = point("other-c", json!({"state": "Damaged"}));
    other["metadata"]["labels"]["coffer.dev/instance"] = json!("other");
    desk.server.hold("recoverypoints", &other);
    let ran = desk.run("list orders").await;
    insta::assert_snapshot!(ran.out, @r#"
    POINT     INSTANCE  TAKEN           TAG      SIZE      EXPIRES               STATE      VERIFIED
    orders-b  orders    21 d ago        Monthly  17.9 GiB  2027-05-01 02:00 UTC  Partial    read 7 d 1 h ago
    orders-a  orders    1 h 59 min ago  Default  18.3 GiB  2027-02-22 02:00 UTC  Available  no
    "#);
    assert!(ran.err.contains("2 of 12 points are shown"), "{}", ran.err);
    let ran = desk.run("list -o json").await;
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&told["kind"], told["items"].as_array().unwrap().len()), (&json!("List"), 3));
    let ran = desk.run("list orders -o name").await;
    assert_eq!(ran.out, "recoverypoint.coffer.dev/orders-b\nrecoverypoint.coffer.dev/orders-a\n");
    assert!(desk.run("list nobody").await.err.contains("no instance nobody"));
}

#[tokio::test]
async fn row_e17_points_of_one_vault_are_listed_whatever_their_namespace() {
    let desk = Desk::new();
    for (name, namespace, vault) in [("a", "shop", "main"), ("b", "crm", "main"), ("c", "shop", "other")] {
        let mut held = point(name, json!({"state": "Available"}));
        held["metadata"]["namespace"] = json!(namespace);
        held["metadata"]["labels"]["coffer.dev/vault"] = json!(vault);
        desk.server.hold("recoverypoints", &held);
    }
    let ran = desk.run("list -A --vault main -o name").await;
    assert_eq!(ran.out, "recoverypoint.coffer.dev/b\nrecoverypoint.coffer.dev/a\n", "{}", ran.err);
    let ran = desk.run("list orders --vault other -o name").await;
    assert_eq!(ran.out, "recoverypoint.coffer.dev/c\n", "both have to be so");
    assert_eq!(desk.run("list --vault nowhere").await.out, "There are no points.\n");
}

#[tokio::test]
async fn row_b07_doctor_shows_every_check_with_reason_and_what_to_do() {
    let desk = Desk::with(&failing());
    let ran = desk.run("doctor orders").await;
    assert_eq!(ran.exit, Exit::Failed);
    insta::assert_snapshot!(ran.out, @r#"
    CHECK          RESULT  WHAT IS FOUND, AND WHAT TO DO
    Configuration  ok
    Credentials    ok
    Privileges     FAILED  PrivilegesMissing: role "app" may not read app.invoices
                           -> Run the statements of the instance's `status.missingGrants` as the
                           database's owner.

    This is missing, run by the database's owner (`kubectl coffer grants` prints it alone):
      GRANT USAGE ON SCHEMA app TO app;
      GRANT SELECT ON app.invoices TO app;

    Checked 2026-11-20 04:00 UTC (2 d ago).
    "#);
    assert_eq!(Desk::with(&orders()).run("doctor orders").await.exit, Exit::Done);
}

#[tokio::test]
async fn a_secret_that_is_missing_is_no_check_and_is_told_all_the_same() {
    let conditions = json!([
        condition("Ready", "True", "AsConfigured", ""),
        condition(
            "BackupReady",
            "False",
            "SecretNotFound",
            "credentialsSecretRef: Secret shop/orders-backup is not there."
        ),
    ]);
    let desk = Desk::with(&but(orders(), "/status/conditions", conditions));
    let ran = desk.run("doctor orders").await;
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.out.contains("Readiness      FAILED  SecretNotFound: credentialsSecretRef"), "{}", ran.out);
}

#[tokio::test(start_paused = true)]
async fn row_b07_a_revalidation_waits_for_the_round_that_it_asked_for() {
    let desk = Desk::with(&failing());
    let mended = async {
        later().await;
        let held: Value = desk.server.object("backupinstances shop/orders");
        let token = held["metadata"]["annotations"]["coffer.dev/revalidate"].clone();
        assert_eq!(token, "2026-11-22T04:00:00Z");
        // The operator has seen it, and the old round still stands.
        let mut seen = failing();
        seen["status"]["revalidated"] = token.clone();
        desk.server.hold("backupinstances", &seen);
        later().await;
        let mut checked = orders();
        checked["status"]["revalidated"] = token;
        checked["status"]["lastCheck"] =
            json!({"time": "2026-11-22T04:00:09Z", "inputs": "b", "result": "Passed"});
        desk.server.hold("backupinstances", &checked);
    };
    let (ran, ()) = tokio::join!(desk.run("doctor orders --revalidate"), mended);
    assert_eq!(ran.exit, Exit::Done, "{}{}", ran.out, ran.err);
    assert_eq!(desk.writes(), ["PATCH backupinstances shop/orders"]);
    let ran = desk.run("doctor orders --revalidate --timeout 30s").await;
    assert_eq!(ran.exit, Exit::TimedOut);
    assert!(ran.err.contains("had not ended after 30 s"), "{}", ran.err);
}

#[tokio::test]
async fn row_b08_the_missing_grants_are_sql_that_psql_takes() {
    let desk = Desk::with(&failing());
    let ran = desk.run("grants orders").await;
    assert_eq!(ran.exit, Exit::Done);
    insta::assert_snapshot!(ran.out, @r#"
    -- What the role of shop/orders lacked at 2026-11-20 04:00 UTC.
    -- Run it as an administrator of postgres.shop.svc:5432/orders.
    GRANT USAGE ON SCHEMA app TO app;
    GRANT SELECT ON app.invoices TO app;
    "#);
    let ran = Desk::with(&orders()).run("grants orders").await;
    assert_eq!((ran.exit, ran.out.as_str()), (Exit::Done, ""), "nothing is piped into psql");
    assert!(ran.err.contains("nothing was missing"), "{}", ran.err);
    let unchecked = Desk::with(&but(orders(), "/status/lastCheck", Value::Null));
    let ran = unchecked.run("grants orders").await;
    assert!(ran.exit == Exit::Usage && ran.err.contains("has not been checked yet"), "{}", ran.err);
}
