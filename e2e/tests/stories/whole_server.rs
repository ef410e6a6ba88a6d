//! A whole server in one point: what goes in and what is told to be left out; then one of its databases, a part of one, and
//! all of them with their roles on another server.

use std::time::Duration;

use e2e::world::{Names, Postgres, PostgresOptions, Shop};
use serde_json::Value;

use crate::scene::{Kind, Scene, scene, setting, until};

const MINUTES: Duration = Duration::from_secs(60);
const CRM: &str = include_str!("whole_server/crm_digest.sql");

#[test]
fn row_b01_b02_e16_a_server_comes_back_whole_or_in_parts() {
    let scene = scene(Kind::Claim, 2_000);
    let server = &scene.shop.postgres;
    server.sql("postgres", include_str!("whole_server/given.sql")).expect("more databases and roles");
    server.sql("crm", include_str!("whole_server/crm.sql")).expect("a filled database");
    apply(&scene, include_str!("whole_server/instance.yaml"), &[]);
    let crm = server.sql("crm", CRM).expect("a digest of the source");
    // The other server starts while the backup runs.
    let other = other_server(&scene);
    scene.shop.wait_for("bjob/all", "Complete", 5 * MINUTES).expect("the backup completes");
    let point = scene.shop.point_of("all").expect("the job has made a point");
    is_told(&scene, &point);

    // What `part` brings back; its schema stays, and the other one is in use.
    server.sql("crm", "DROP TABLE sales.deals").expect("a table is lost");
    let others = other.postgres.host();
    let values = [("point", point.as_str()), ("other", &others)];
    apply(&scene, include_str!("whole_server/restores.yaml"), &values);
    for job in ["one", "part", "whole"] {
        scene.shop.wait_for(&format!("rjob/{job}"), "Complete", 5 * MINUTES).expect("the restore completes");
    }
    is_back(&scene, &other, &crm);
    refuses_what_the_point_lacks(&scene);
    takes_up_what_is_made_later(&scene);
}

fn is_told(scene: &Scene, point: &str) {
    let shown = until("the point is shown", MINUTES, || {
        let found = object(scene, "rpoint", point);
        (!found["status"]["state"].is_null()).then_some(found)
    });
    let status = &shown["status"];
    assert_eq!(status["source"]["databases"], serde_json::json!(["crm", "postgres", "shop"]));
    assert_eq!(status["dataStores"].as_array().map(Vec::len), Some(3));
    let told = status["coverage"]["names"].to_string();
    assert!(told.contains("sealed") && told.contains("template1") && !told.contains("scratch"), "{told}");
    assert_eq!(status["coverage"]["missing"], 1, "only the one that nobody can read is missed: {told}");
    assert_eq!(status["state"], "Partial");
    let job = object(scene, "bjob", "all");
    // A database that was meant and not read is more than a remark.
    assert_eq!(job["status"]["state"], "CompletedWithWarnings");
    let said = job["status"]["conditions"].to_string();
    assert!(said.contains("3 databases with") && said.contains("`status.warnings`"), "{said}");
    assert_eq!(object(scene, "binst", "server")["status"]["state"], "ProtectionConfigured");
}

fn is_back(scene: &Scene, other: &Shop, crm: &str) {
    const ROLES: &str = include_str!("whole_server/roles.sql");
    let source = &scene.shop.postgres;
    let said = |server: &Postgres, database: &str, sql| server.sql(database, sql).expect("an answer");
    assert_eq!(said(source, "crm_copy", CRM), crm, "one database");
    assert_eq!(said(&other.postgres, "crm_moved", CRM), crm, "the same on another server");
    assert_eq!(said(&other.postgres, "postgres", ROLES), said(source, "postgres", ROLES), "roles");
    let digest = |shop: &Shop| shop.digest("shop").expect("a digest");
    assert_eq!(digest(other), digest(&scene.shop), "the shop on another server");
    let part = "SELECT (SELECT count(*) FROM notes_back.calls), (SELECT sum(worth) FROM sales.deals_back)";
    assert_eq!(said(source, "crm", part), "300|187875.0", "a part beside what is in use");
    let whole = object(scene, "rjob", "whole");
    assert_eq!(whole["status"]["target"], "crm_moved, postgres, shop");
}

fn refuses_what_the_point_lacks(scene: &Scene) {
    scene.shop.wait_for("rjob/unknown", "Failed", MINUTES).expect("the restore is refused");
    let refused = object(scene, "rjob", "unknown");
    let message = refused["status"]["errors"][0]["message"].as_str().unwrap_or_default();
    assert!(message.contains("scratch_1") && message.contains("crm, postgres, shop"), "{message}");
    assert!(refused["status"]["attempts"].is_null(), "no pod was needed to say so");
}

/// Whatever matches at the time of the backup, without an edit of anything.
fn takes_up_what_is_made_later(scene: &Scene) {
    for database in ["later", "scratch_2"] {
        let made = format!("CREATE DATABASE {database}");
        scene.shop.postgres.sql("postgres", &made).expect("another database");
    }
    apply(scene, include_str!("whole_server/again.yaml"), &[]);
    scene.shop.wait_for("bjob/again", "Complete", 5 * MINUTES).expect("the backup completes");
    let point = scene.shop.point_of("again").expect("the job has made a point");
    let databases = until("the point is shown", MINUTES, || {
        let databases = object(scene, "rpoint", &point)["status"]["source"]["databases"].clone();
        databases.is_array().then_some(databases)
    });
    // What `one` restored onto this server is among them by now.
    let databases = databases.as_array().expect("names").clone();
    assert!(databases.contains(&"later".into()) && databases.contains(&"crm_copy".into()), "{databases:?}");
    assert!(!databases.iter().any(|name| name.as_str().is_some_and(|name| name.starts_with("scratch"))));
}

fn other_server(scene: &Scene) -> Shop {
    let (setting, names) = (setting(), &scene.shop.names);
    let options = PostgresOptions {
        name: "other",
        namespace: &names.tenant,
        image: &setting.postgres_image,
        password: &scene.password,
    };
    let postgres = Postgres::start(&setting.kubectl, &scene.authority, &options).expect("another server");
    let names = Names { server: "other".into(), ..names.clone() };
    Shop { kubectl: setting.kubectl.clone(), names, postgres }
}

fn apply(scene: &Scene, manifest: &str, values: &[(&str, &str)]) {
    let names = &scene.shop.names;
    let host = scene.shop.postgres.host();
    let own =
        [("tenant", names.tenant.as_str()), ("vaultNamespace", &names.vault_namespace), ("host", &host)];
    let fill = |text: String, (name, value): &(&str, &str)| text.replace(&format!("$({name})"), value);
    let manifest = values.iter().chain(&own).fold(manifest.to_owned(), fill);
    setting().kubectl.apply(&manifest).expect("the manifest is accepted");
}

fn object(scene: &Scene, kind: &str, name: &str) -> Value {
    let found = setting().kubectl.find(kind, &scene.shop.names.tenant, name).expect("the object is read");
    found.unwrap_or_default()
}
