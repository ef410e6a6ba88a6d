//! Commands that make, follow and stop jobs: backup, restore, logs, cancel.

use super::*;

const JOB: &str = "backupjobs shop/now";

fn backup(state: &str, more: &Value) -> Value {
    let mut job = json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupJob",
        "metadata": {"name": "now", "namespace": "shop", "uid": "r1"},
        "spec": {"instanceRef": {"name": "orders"}, "retentionTag": "Default"},
        "status": {"state": state, "vaultRef": {"name": "main", "namespace": "backups"}},
    });
    for (key, value) in more.as_object().unwrap() {
        job["status"][key] = value.clone();
    }
    job
}

fn completed() -> Value {
    backup(
        "Completed",
        &json!({
            "recoveryPoint": {"name": "orders-20261122t040002z-ab34cd", "id": "ab34cd", "pointTime": "2026-11-22T04:00:02Z"},
            "size": "18.3 GiB", "duration": "4m 12s",
            "retention": {"tag": "Default", "keep": "P3M", "timeZone": "UTC", "reason": "The job asked for the tag Default.",
                          "expirationTime": "2027-02-22T04:00:02Z"},
        }),
    )
}

fn failed() -> Value {
    backup(
        "Failed",
        &json!({"errors": [{"code": "UserErrorDBUserAuthFailed", "message": "the server refused the password of app",
                            "recommendedAction": "Correct user name and password in the Secret, or give the role LOGIN.",
                            "retryable": true, "userError": true}]}),
    )
}

#[tokio::test]
async fn row_a41_b15_a_backup_now_gets_the_default_tag_and_says_who_asked() {
    let desk = Desk::with(&orders());
    let ran = desk.run("backup orders -o name").await;
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    let name = ran.out.trim().strip_prefix("backupjob.coffer.dev/").unwrap().to_owned();
    assert!(name.starts_with("orders-ondemand-"), "{name}");
    assert_eq!(desk.writes(), [format!("POST backupjobs shop/{name}")]);
    let made: Value = desk.server.object(&format!("backupjobs shop/{name}"));
    assert_eq!(
        made["spec"],
        json!({"instanceRef": {"name": "orders"}, "retentionTag": "Default", "cancel": false})
    );
    assert_eq!(made["metadata"]["annotations"]["coffer.dev/requested-by"], "jane@example.com");
    // `kubectl get bjob -A -l coffer.dev/instance=orders` shows it beside those of the schedule.
    assert_eq!(
        made["metadata"]["labels"],
        json!({"coffer.dev/instance": "orders", "coffer.dev/vault": "main"})
    );
}

#[tokio::test]
async fn row_b15_a_tag_that_the_policy_lacks_is_refused_with_those_that_it_has() {
    let desk = Desk::with(&orders());
    let policy = json!({"apiVersion": "coffer.dev/v1alpha1", "kind": "BackupPolicy",
        "metadata": {"name": "nightly", "namespace": "backups"},
        "spec": {"rules": [], "retention": [{"name": "Default", "default": true, "keep": "P3M"},
                                            {"name": "Yearly", "priority": 10, "keep": "P10Y"}]}});
    desk.server.hold("backuppolicies", &policy);
    let ran = desk.run("backup orders --tag Weekly").await;
    assert_eq!(ran.exit, Exit::Usage);
    assert!(ran.err.contains("no retention rule called Weekly; it has Default, Yearly"), "{}", ran.err);
    assert!(desk.writes().is_empty());
    assert_eq!(desk.run("backup orders --tag Yearly --name y").await.exit, Exit::Done);
    // Who may not read the policy in the vault's namespace sees it in the instance.
    desk.server.refuse("GET backuppolicies", 403, "Forbidden");
    assert!(desk.run("backup orders --tag Yearly --name z").await.err.contains("it has Default"));
}

#[tokio::test]
async fn row_e12_a_name_that_is_used_again_makes_no_second_job() {
    let desk = Desk::with(&orders());
    assert_eq!(desk.run("backup orders --name now").await.exit, Exit::Done);
    let ran = desk.run("backup orders --name now -o name").await;
    assert_eq!((ran.exit, ran.out.as_str()), (Exit::Done, "backupjob.coffer.dev/now\n"));
    assert!(ran.err.contains("nothing new was made"), "{}", ran.err);
    desk.server.hold("backupinstances", &but(orders(), "/metadata/name", json!("payments")));
    let ran = desk.run("backup payments --name now").await;
    assert_eq!(ran.exit, Exit::Usage, "the name is that of another backup");
    assert!(ran.err.contains("asks for something else"), "{}", ran.err);
}

#[tokio::test(start_paused = true)]
async fn row_a44_waiting_tells_each_stage_and_ends_with_the_outcome() {
    let desk = Desk::with(&orders());
    let operator = async {
        later().await;
        let queued = condition("Ready", "Unknown", "Queued", "waits for job orders-20261122t0200z");
        desk.server.hold("backupjobs", &backup("Pending", &json!({"conditions": [queued]})));
        for (done, percent) in [(300, 10), (400, 13), (1500, 50)] {
            later().await;
            let progress = json!({"stage": "Data", "bytesDone": done << 20, "bytesTotal": 3000_i64 << 20, "percent": percent});
            desk.server.hold("backupjobs", &backup("Running", &json!({"progress": progress})));
        }
        later().await;
        desk.server.hold("backupjobs", &completed());
    };
    let (ran, ()) = tokio::join!(desk.run("backup orders --name now --wait"), operator);
    assert_eq!(ran.exit, Exit::Done);
    insta::assert_snapshot!(ran.err, @r#"
    waiting for backupjob.coffer.dev/now; Ctrl-C ends the waiting, not the job
    now: Created
    now: Pending, waits for job orders-20261122t0200z
    now: Running, Data, 10 % (300.0 MiB of 2.9 GiB)
    now: Running, Data, 50 % (1.4 GiB of 2.9 GiB)
    now: Completed
    "#);
    insta::assert_snapshot!(ran.out, @"backupjob.coffer.dev/now Completed: point orders-20261122t040002z-ab34cd of 2026-11-22 04:00 UTC, 18.3 GiB stored, Default until 2027-02-22 04:00 UTC, in 4m 12s");
}

#[tokio::test(start_paused = true)]
async fn row_a45_e16_the_outcome_of_a_job_is_the_exit_code() {
    let warned =
        json!({"warnings": [{"code": "ObjectsSkipped", "message": "large object 16401 could not be read"}]});
    for (job, exit, told) in [
        (failed(), Exit::Credentials, "Correct user name and password in the Secret"),
        (backup("CompletedWithWarnings", &warned), Exit::Warnings, "large object 16401"),
        (backup("Expired", &json!({})), Exit::Failed, "Expired"),
        (backup("Cancelled", &json!({})), Exit::Failed, "Cancelled"),
    ] {
        let desk = Desk::with(&orders());
        desk.server.hold("backupjobs", &job);
        let ran = desk.run("backup orders --name now --wait").await;
        assert_eq!(ran.exit, exit, "{}", ran.out);
        assert!(ran.out.contains(told), "{}", ran.out);
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_after_its_time_and_the_job_goes_on() {
    let desk = Desk::with(&orders());
    let ran = desk.run("backup orders --name now --wait --timeout 90s").await;
    assert_eq!(ran.exit, Exit::TimedOut);
    assert!(ran.err.contains("backupjob.coffer.dev/now had not ended after 90 s; it goes on"), "{}", ran.err);
    assert_eq!(desk.writes(), ["POST backupjobs shop/now"], "it is not cancelled");
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_restarts_does_not_end_the_waiting() {
    let desk = Desk::with(&orders());
    let operator = async {
        later().await;
        desk.server.refuse("GET backupjobs", 503, "ServiceUnavailable");
        desk.server.refuse("GET backupjobs", 503, "ServiceUnavailable");
        later().await;
        desk.server.hold("backupjobs", &completed());
    };
    let (ran, ()) = tokio::join!(desk.run("backup orders --name now --wait"), operator);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
}

#[tokio::test]
async fn a_restore_of_the_newest_point_goes_beside_the_original() {
    let desk = Desk::with(&orders());
    let ran = desk
        .run("restore latest --instance orders --as orders_copy --credentials owner --name r --dry-run")
        .await;
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    assert!(desk.writes().is_empty(), "a dry run makes nothing");
    insta::assert_snapshot!(ran.out, @r#"
    apiVersion: coffer.dev/v1alpha1
    kind: RestoreJob
    metadata:
      labels:
        coffer.dev/instance: orders
        coffer.dev/vault: main
      name: r
      namespace: shop
    spec:
      vaultRef:
        name: main
        namespace: backups
      source:
        instance:
          name: orders
          latest: true
      target:
        database:
          host: postgres.shop.svc
          port: 5432
          name: orders_copy
          credentialsSecretRef:
            name: owner
          tls:
            mode: VerifyFull
            caSecretRef:
              name: postgres-ca
      ifExists: Fail
      onError: Stop
      cancel: false
    "#);
    let ran = desk.run("restore latest --instance orders --as orders_copy --name r -o name").await;
    assert_eq!(ran.out, "restorejob.coffer.dev/r\n", "{}", ran.err);
    let made: Value = desk.server.object("restorejobs shop/r");
    assert_eq!(made["spec"]["target"]["database"]["credentialsSecretRef"], json!({"name": "orders-backup"}));
    assert_eq!(made["metadata"]["annotations"]["coffer.dev/requested-by"], "jane@example.com");
}

#[tokio::test]
async fn a_restore_of_a_point_needs_no_instance_where_the_server_is_named() {
    let desk = Desk::new();
    let mut point = json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "RecoveryPoint",
        "metadata": {"name": "orders-a", "namespace": "shop", "labels": {"coffer.dev/instance": "orders"}},
        "spec": {"vaultRef": {"name": "main", "namespace": "backups"}, "pointId": "ab34cd00000000000000000000000000"},
        "status": {"state": "Available"},
    });
    desk.server.hold("recoverypoints", &point);
    let ran = desk
        .run("restore orders-a --as copy --host db2 --port 5433 --credentials owner --ca db2-ca --name r")
        .await;
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    let made: Value = desk.server.object("restorejobs shop/r");
    assert_eq!(made["spec"]["vaultRef"], json!({"name": "main", "namespace": "backups"}));
    assert_eq!(made["spec"]["source"], json!({"recoveryPointRef": {"name": "orders-a"}}));
    assert_eq!(
        made["spec"]["target"]["database"],
        json!({"host": "db2", "port": 5433, "name": "copy", "credentialsSecretRef": {"name": "owner"},
               "tls": {"mode": "VerifyFull", "caSecretRef": {"name": "db2-ca"}}})
    );
    let ran = desk.run("restore orders-a --as copy").await;
    assert!(ran.exit == Exit::Usage && ran.err.contains("its server is not known"), "{}", ran.err);
    let ran = desk.run("restore orders-a --as copy --instance payments").await;
    assert!(ran.err.contains("is of instance orders, and not of payments"), "{}", ran.err);
    point["status"]["state"] = json!("Damaged");
    desk.server.hold("recoverypoints", &point);
    assert!(desk.run("restore orders-a --as copy").await.err.contains("is Damaged: it cannot be restored"));
}

#[tokio::test(start_paused = true)]
async fn row_a43_e13_cancelling_sets_the_field_and_waits_for_the_end() {
    let desk = Desk::new();
    desk.server.hold("backupjobs", &backup("Running", &json!({})));
    let operator = async {
        later().await;
        let held: Value = desk.server.object(JOB);
        assert_eq!(held["spec"]["cancel"], true);
        desk.server.hold("backupjobs", &backup("Cancelling", &json!({})));
        later().await;
        desk.server.hold("backupjobs", &backup("Cancelled", &json!({})));
    };
    let (ran, ()) = tokio::join!(desk.run("cancel now --wait"), operator);
    assert_eq!(ran.exit, Exit::Done, "it was stopped, as asked: {}", ran.err);
    assert_eq!(desk.writes(), ["PATCH backupjobs shop/now"]);
    let ran = desk.run("cancel bjob/now").await;
    assert_eq!(ran.exit, Exit::Done);
    assert!(ran.err.contains("has ended already"), "{}", ran.err);
    assert!(desk.writes().is_empty(), "an ended job is left alone");
    desk.server.hold("backupjobs", &completed());
    assert_eq!(desk.run("cancel now").await.exit, Exit::Warnings, "the point stays");
}

#[tokio::test]
async fn a_job_is_found_by_its_kind_where_two_have_its_name() {
    let desk = Desk::new();
    desk.server.hold("backupjobs", &failed());
    assert!(desk.run("cancel now").await.out.starts_with("backupjob.coffer.dev/now Failed"));
    let restore = json!({"apiVersion": "coffer.dev/v1alpha1", "kind": "RestoreJob",
        "metadata": {"name": "now", "namespace": "shop", "uid": "r2"},
        "spec": {"vaultRef": {"name": "main"}, "source": {"instance": {"name": "orders", "latest": true}},
                 "target": {"database": {"host": "db", "name": "copy", "credentialsSecretRef": {"name": "owner"}}}},
        "status": {"state": "Completed", "target": "copy", "restored": {"tables": 3, "rows": 1000, "largeObjects": 0}}});
    desk.server.hold("restorejobs", &restore);
    let ran = desk.run("cancel now").await;
    assert!(ran.exit == Exit::Usage && ran.err.contains("write bjob/now or rjob/now"), "{}", ran.err);
    let ran = desk.run("cancel rjob/now").await;
    assert_eq!(ran.out, "restorejob.coffer.dev/now Completed: restored copy: 3 tables, 1000 rows\n");
    assert!(desk.run("cancel pod/now").await.err.contains("names no job"));
}

fn pod(attempt: u32, phase: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
           "metadata": {"name": format!("cj-r1-{attempt}-abcde"), "namespace": "backups",
                        "labels": {"coffer.dev/run": "r1", "coffer.dev/attempt": attempt.to_string()}},
           "status": {"phase": phase}})
}

#[tokio::test(start_paused = true)]
async fn logs_follow_one_attempt_after_the_other_until_the_job_has_ended() {
    let desk = Desk::new();
    desk.server.hold("backupjobs", &backup("Pending", &json!({})));
    desk.server.hold("pods", &pod(1, "Pending"));
    let operator = async {
        later().await;
        desk.server.log("backups/cj-r1-1-abcde", "one\n");
        desk.server.hold("pods", &pod(1, "Running"));
        later().await;
        desk.server.drop("pods backups/cj-r1-1-abcde");
        desk.server.log("backups/cj-r1-2-abcde", "two\n");
        desk.server.hold("pods", &pod(2, "Running"));
        later().await;
        desk.server.hold("backupjobs", &completed());
    };
    let (ran, ()) = tokio::join!(desk.run("logs -f now"), operator);
    assert_eq!((ran.exit, ran.out.as_str()), (Exit::Done, "one\ntwo\n"));
    insta::assert_snapshot!(ran.err, @r#"
    now: Pending
    == attempt 1, pod backups/cj-r1-1-abcde
    == attempt 2, pod backups/cj-r1-2-abcde
    backupjob.coffer.dev/now Completed: point orders-20261122t040002z-ab34cd of 2026-11-22 04:00 UTC, 18.3 GiB stored, Default until 2027-02-22 04:00 UTC, in 4m 12s
    "#);
}

#[tokio::test]
async fn a_job_whose_pods_are_gone_is_told_by_its_status() {
    let desk = Desk::new();
    let mut job = failed();
    job["status"]["attempts"] = json!([{"number": 1, "jobName": "cj-r1-1", "startTime": "2026-11-22T04:00:00Z",
        "outcome": "PermanentFailure", "message": "the server refused the password of app"}]);
    desk.server.hold("backupjobs", &job);
    let ran = desk.run("logs now").await;
    assert_eq!((ran.exit, ran.out.as_str()), (Exit::Done, ""));
    assert!(ran.err.contains("attempt 1 PermanentFailure: the server refused"), "{}", ran.err);
    assert!(ran.err.contains("UserErrorDBUserAuthFailed"), "{}", ran.err);
    assert_eq!(desk.run("logs -f now").await.exit, Exit::Credentials);
}

#[tokio::test]
async fn who_may_not_read_logs_is_told_which_right_is_missing_and_where() {
    let desk = Desk::new();
    desk.server.hold("backupjobs", &backup("Running", &json!({})));
    desk.server.hold("pods", &pod(1, "Running"));
    desk.server.refuse("GET pods/log", 403, "Forbidden");
    let ran = desk.run("logs now").await;
    assert_eq!(ran.exit, Exit::Credentials);
    assert!(ran.err.contains("error: you may not get pods/log in namespace backups"), "{}", ran.err);
    assert!(
        ran.err.contains("kubectl create rolebinding NAME -n backups --clusterrole=coffer-logs"),
        "{}",
        ran.err
    );
    desk.server.refuse("LIST pods", 403, "Forbidden");
    assert!(desk.run("logs now").await.err.contains("you may not list pods in namespace backups"));
}
