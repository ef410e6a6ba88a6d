//! A backup, its verification and its return, with a vault in the stores of the two other providers.

use std::time::Duration;

use e2e::world::{CommandPod, Store};
use serde_json::{Value, json};

use crate::scene::{Kind, Scene, Storage, scene, setting};

const MINUTES: Duration = Duration::from_secs(60);
const AUTHORITY: &str = "/recovery/ca.crt";

#[test]
fn a_database_comes_back_from_azure_blob_storage() {
    comes_back(Kind::Azure);
}

#[test]
fn a_database_comes_back_from_google_cloud_storage() {
    comes_back(Kind::Google);
}

fn comes_back(kind: Kind) {
    let scene = scene(kind, 2_000);
    let shop = &scene.shop;
    scene.protect();
    let before = shop.digest("shop").expect("a digest of the source");
    shop.apply_backup("now").expect("a backup is accepted");
    shop.wait_for("bjob/now", "Complete", 5 * MINUTES).expect("the backup completes");
    let point = shop.wait_for_point("now", MINUTES).expect("the point is shown");

    let said = verified(&scene);
    let told = shop.points().expect("the points are listed");
    let id = told[0]["spec"]["pointId"].as_str().expect("a point's id");
    assert!(said.contains(id), "{said}");

    shop.apply_restore("back", &point, "back").expect("a restore is accepted");
    shop.wait_for("rjob/back", "Complete", 5 * MINUTES).expect("the restore completes");
    assert_eq!(shop.digest("back").expect("a digest of the restored database"), before);
}

/// What `coffer verify` says to somebody who has the recovery key and the store's, and no operator.
fn verified(scene: &Scene) -> String {
    let (url, store, environment) = reached(&scene.storage);
    let arguments =
        ["verify", "--vault", &url, "--all", "--level", "3", "--identity", "/recovery/recovery.key"];
    let identity = std::fs::read_to_string(scene.recovery.path().join("recovery.key")).expect("the identity");
    let pod = CommandPod {
        name: "verify",
        namespace: &scene.shop.names.vault_namespace,
        image: &setting().image,
        arguments: &arguments,
        environment: &environment,
        credentials: &store.credentials_secret,
        identity: &identity,
        authority: &scene.authority,
    };
    pod.run(&setting().kubectl).expect("every object and row is as it was stored")
}

/// The vault's URL, and the environment by which the provider's own tools would find it.
fn reached(storage: &Storage) -> (String, &Store, Value) {
    match storage {
        Storage::Azure(store) => {
            let key = json!({"secretKeyRef": {"name": store.credentials_secret, "key": "accountKey"}});
            let environment = json!([
                {"name": "AZURE_STORAGE_KEY", "valueFrom": key},
                {"name": "AZURE_STORAGE_SERVICE_ENDPOINT", "value": store.endpoint},
                {"name": "REQUESTS_CA_BUNDLE", "value": AUTHORITY},
            ]);
            (format!("az://{}/{}/postgresql", store.name, store.bucket), store, environment)
        }
        Storage::Google(store) => {
            let environment = json!([
                {"name": "GOOGLE_APPLICATION_CREDENTIALS", "value": "/credentials/serviceAccountKey"},
                {"name": "STORAGE_EMULATOR_HOST", "value": store.endpoint},
                {"name": "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "value": AUTHORITY},
            ]);
            (format!("gs://{}/postgresql", store.bucket), store, environment)
        }
        Storage::Claim(_) | Storage::S3 { .. } => panic!("this story is of the other stores"),
    }
}
