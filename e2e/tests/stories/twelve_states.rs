//! Twelve states and a few more, brought about on a real cluster: what `kubectl get` and `kubectl describe` show of each is
//! enough to know what is the case and what to do.

mod golden;
mod normal;

use std::time::Duration;

use serde_json::Value;

use crate::scene::{Kind, Scene, scene, setting, until};
use golden::{Gallery, Portrait};

const MINUTES: Duration = Duration::from_secs(60);
/// As slow as the schema allows, so that a run of `ORDERS` orders can be watched.
const SLOWLY: &str = r#"{"spec":{"limits":{"bytesPerSecond":1048576}}}"#;
const ORDERS: u64 = 300_000;

#[test]
fn every_state_tells_its_story() {
    let scene = scene(Kind::Claim, ORDERS);
    let mut stage = Stage { scene: &scene, gallery: Gallery::default() };
    stage.set();
    stage.instances();
    stage.backups();
    stage.restores();
    stage.rest();
    stage.waits();
    stage.gallery.close();
}

/// The scene, and the pictures taken of it.
struct Stage<'a> {
    scene: &'a Scene,
    gallery: Gallery,
}

impl Stage<'_> {
    fn set(&self) {
        let names = &self.scene.shop.names;
        self.apply(include_str!("twelve_states/given.yaml"), &[]);
        let vault = format!("bvault/{}", names.vault);
        self.patch(&vault, &names.vault_namespace, SLOWLY);
        // Whose turn it is to become ready is chance, and no state of its own.
        setting()
            .kubectl
            .wait("condition=Ready", &vault, &names.vault_namespace, 2 * MINUTES)
            .expect("the vault is ready");
    }

    fn instances(&mut self) {
        self.instance("early", "later", "postgres-superuser");
        self.until("binst", "early", |object| reason(object, "Ready") == "VaultNotReady");
        self.show("instance-waits-for-its-vault", "binst", "early");

        self.instance("mistyped", "main", "wrong-password");
        self.until("binst", "mistyped", |object| reason(object, "BackupReady") == "AuthenticationFailed");
        self.show("instance-check-failed", "binst", "mistyped");
        for name in ["early", "mistyped"] {
            self.delete("binst", name);
        }

        self.instance("shop", "main", "postgres-superuser");
        self.until("binst", "shop", |object| reason(object, "BackupReady") == "ChecksPassed");
        self.show("instance-ready", "binst", "shop");
    }

    fn backups(&mut self) {
        let shop = &self.scene.shop;
        shop.apply_backup("first").expect("a backup is accepted");
        self.until("bjob", "first", is_halfway);
        shop.apply_backup("second").expect("a backup is accepted");
        self.until("bjob", "second", |object| reason(object, "Ready") == "Queued");
        self.show("job-running", "bjob", "first");
        self.show("job-queued", "bjob", "second");
        self.patch("bjob/second", &shop.names.tenant, r#"{"spec":{"cancel":true}}"#);
        self.until("bjob", "second", has_ended);
        self.show("job-cancelled", "bjob", "second");
        self.until("bjob", "first", has_ended);
        self.show("job-completed", "bjob", "first");

        self.apply(
            "apiVersion: coffer.dev/v1alpha1\nkind: BackupJob\nmetadata: {name: yearly, namespace: $(tenant)}\nspec:\n  \
             instanceRef: {name: shop}\n  retentionTag: Yearly\n",
            &[],
        );
        self.until("bjob", "yearly", has_ended);
        self.show("job-failed", "bjob", "yearly");

        self.patch(
            "secret/postgres-superuser",
            &shop.names.tenant,
            r#"{"stringData":{"password":"rotated"}}"#,
        );
        shop.apply_backup("locked-out").expect("a backup is accepted");
        self.until("bjob", "locked-out", |object| reason(object, "Ready") == "AuthenticationFailed");
        self.show("job-is-tried-again", "bjob", "locked-out");
        self.until("binst", "shop", |object| reason(object, "BackupReady") == "AuthenticationFailed");
        let right = format!(r#"{{"stringData":{{"password":"{}"}}}}"#, self.scene.password);
        self.patch("secret/postgres-superuser", &shop.names.tenant, &right);
        self.patch("bjob/locked-out", &shop.names.tenant, r#"{"spec":{"cancel":true}}"#);
        self.until("bjob", "locked-out", has_ended);
    }

    fn restores(&mut self) {
        let shop = &self.scene.shop;
        let point = shop.point_of("first").expect("the point of the backup");
        self.until("rpoint", &point, |object| object["status"]["state"] == "Available");
        self.show("point-available", "rpoint", &point);

        shop.apply_restore("back", &point, "back").expect("a restore is accepted");
        self.until("rjob", "back", is_halfway);
        self.show("restore-running", "rjob", "back");
        self.until("rjob", "back", has_ended);
        self.show("restore-completed", "rjob", "back");

        shop.apply_restore("over-it", &point, "back").expect("a restore is accepted");
        self.until("rjob", "over-it", has_ended);
        self.show("restore-failed", "rjob", "over-it");

        self.delete("rjob", "back");
        shop.apply_restore("back", &point, "back").expect("a restore is accepted");
        self.until("rjob", "back", has_ended);
        self.show("restore-already-done", "rjob", "back");
    }

    fn rest(&mut self) {
        self.patch("binst/shop", &self.scene.shop.names.tenant, r#"{"spec":{"protection":"Suspended"}}"#);
        self.until("binst", "shop", |object| object["status"]["state"] == "BackupsSuspended");
        self.show("instance-suspended", "binst", "shop");
    }

    /// What scripts and pipelines wait for.
    fn waits(&self) {
        let names = &self.scene.shop.names;
        for (condition, object, namespace) in [
            ("Complete", "bjob/first", &names.tenant),
            ("Ready", "bjob/first", &names.tenant),
            ("Failed", "bjob/yearly", &names.tenant),
            ("Complete", "rjob/back", &names.tenant),
            ("Failed", "rjob/over-it", &names.tenant),
            ("Ready", "binst/shop", &names.tenant),
            ("Ready", "bvault/main", &names.vault_namespace),
        ] {
            setting()
                .kubectl
                .wait(&format!("condition={condition}"), object, namespace, Duration::from_secs(5))
                .unwrap_or_else(|error| panic!("{object} {condition}: {error}"));
        }
    }

    fn instance(&self, name: &str, vault: &str, credentials: &str) {
        let values = [("name", name), ("vault", vault), ("credentials", credentials)];
        self.apply(include_str!("twelve_states/instance.yaml"), &values);
    }

    fn apply(&self, manifest: &str, values: &[(&str, &str)]) {
        let names = &self.scene.shop.names;
        let host = self.scene.shop.postgres.host();
        let own =
            [("tenant", names.tenant.as_str()), ("vaultNamespace", &names.vault_namespace), ("host", &host)];
        let fill = |text: String, (name, value): &(&str, &str)| text.replace(&format!("$({name})"), value);
        let manifest = values.iter().chain(&own).fold(manifest.to_owned(), fill);
        setting().kubectl.apply(&manifest).expect("the manifest is accepted");
    }

    fn patch(&self, object: &str, namespace: &str, patch: &str) {
        let line = ["patch", object, "-n", namespace, "--type=merge", "-p", patch];
        setting().kubectl.run(&line).expect("the patch holds");
    }

    fn delete(&self, kind: &str, name: &str) {
        let line = ["delete", kind, name, "-n", &self.scene.shop.names.tenant, "--timeout=60s"];
        setting().kubectl.run(&line).expect("the object goes");
    }

    /// Waits for an object of the tenant to be so.
    fn until(&self, kind: &str, name: &str, is_so: impl Fn(&Value) -> bool) {
        let namespace = &self.scene.shop.names.tenant;
        until(&format!("{kind} {name} is not as it should become"), 5 * MINUTES, || {
            let object = setting().kubectl.find(kind, namespace, name).expect("the object is read");
            object.filter(|object| is_so(object)).map(|_| ())
        });
    }

    fn show(&mut self, state: &str, kind: &str, name: &str) {
        let names = &self.scene.shop.names;
        let words = [(names.tenant.as_str(), "<tenant>"), (&names.vault_namespace, "<vault namespace>")];
        let portrait = Portrait { state, kind, name, namespace: &names.tenant };
        self.gallery.show(&portrait, &words);
    }
}

fn reason<'a>(object: &'a Value, condition: &str) -> &'a str {
    let conditions = object["status"]["conditions"].as_array();
    let found = conditions.into_iter().flatten().find(|held| held["type"] == condition);
    found.and_then(|held| held["reason"].as_str()).unwrap_or_default()
}

/// Some of the way, and not at its end.
fn is_halfway(object: &Value) -> bool {
    object["status"]["state"] == "Running"
        && !object["status"]["progress"]["bytesPerSecond"].is_null()
        && object["status"]["progress"]["percent"].as_i64().is_some_and(|percent| percent > 0)
}

/// At its end, with nothing left to tidy.
fn has_ended(object: &Value) -> bool {
    !object["status"]["completionTime"].is_null() && object["metadata"]["finalizers"].is_null()
}
