//! Markers in data, names and passwords turn up nowhere: not in storage, logs, events, Jobs, pods or our objects, in no
//! encoding. Planted ones do, so the search can find.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use e2e::world::{KubectlError, unique_name};
use serde_json::{Value, json};

use crate::scene::{Kind, Scene, Storage, scene, setting, until};

const MINUTE: Duration = Duration::from_secs(60);
const OURS: &str = "bvault,bpol,binst,bjob,rjob,rpoint";

#[test]
fn row_b04_names_rows_and_passwords_are_found_nowhere_and_planted_ones_are() {
    let mut scene = scene(Kind::S3, 60_000);
    let markers = Markers::new(&scene);
    mark_the_database(&mut scene, &markers);
    let listening = Listening::begin(&scene);
    scene.protect();
    // So slow for so much that its pod is met while it runs, however busy the machine is.
    let slowly = json!({"spec": {"limits": {"bytesPerSecond": 1 << 20}}}).to_string();
    let names = &scene.shop.names;
    let vault = format!("bvault/{}", names.vault);
    let patch = ["patch", &vault, "-n", &names.vault_namespace, "--type=merge", "-p", &slowly];
    scene.shop.kubectl.run(&patch).expect("the vault takes a limit");
    let backup_log = log_of(&scene, "bjob/now", || scene.shop.apply_backup("now"));
    let point = scene.shop.point_of("now").expect("the backup made a point");
    let restore_log = log_of(&scene, "rjob/again", || scene.shop.apply_restore("again", &point, "restored"));
    refuse_a_password(&scene, &markers);
    let listened = listening.end();

    let mut places = places(&scene);
    for (what, log) in [("backup", backup_log), ("restore", restore_log)] {
        places.push(Place::new(&format!("log of the {what}'s mover"), log, "\"level\":\"INFO\""));
    }
    places.extend(listened);
    for place in &places {
        assert!(place.holds(&place.witness), "{} was not captured: {} bytes", place.name, place.text.len());
    }
    let found: Vec<String> = places.iter().flat_map(|place| markers.found_in(place)).collect();
    assert_eq!(found, Vec::<String>::new());
    planted_markers_are_found(&scene, &markers);
}

/// What must not be found, and what it was.
struct Markers {
    table: String,
    column: String,
    row: String,
    database: String,
    password: String,
    wrong_password: String,
    secret_key: String,
}

impl Markers {
    fn new(scene: &Scene) -> Self {
        let name = |what: &str| unique_name(&format!("{what}marker")).replace('-', "x");
        let Storage::S3 { secret_key, .. } = &scene.storage else { panic!("the vault lies in a bucket") };
        Self {
            table: name("table"),
            column: name("column"),
            row: name("row"),
            database: name("database"),
            password: scene.password.clone(),
            wrong_password: name("wrongpassword"),
            secret_key: secret_key.clone(),
        }
    }

    /// A sentence for each marker that a place has.
    fn found_in(&self, place: &Place) -> Vec<String> {
        let mut markers = vec![
            ("the table's name", &self.table),
            ("the column's name", &self.column),
            ("a row", &self.row),
            ("the password", &self.password),
            ("the wrong password", &self.wrong_password),
            ("the storage's secret key", &self.secret_key),
        ];
        if !place.may_name_database {
            markers.push(("the database's name", &self.database));
        }
        let encodings = |marker: &str| encodings(marker).into_iter().find(|text| place.holds(text));
        markers
            .into_iter()
            .filter_map(|(what, marker)| Some(format!("{what} as {} in {}", encodings(marker)?, place.name)))
            .collect()
    }
}

/// Somewhere to look.
struct Place {
    name: String,
    /// What is not UTF-8 is replaced, character by character: markers are ASCII.
    text: String,
    /// A text that it is known to have.
    witness: String,
    may_name_database: bool,
}

impl Place {
    fn new(name: &str, bytes: impl AsRef<[u8]>, witness: &str) -> Self {
        let text = String::from_utf8_lossy(bytes.as_ref()).into_owned();
        Self { name: name.into(), text, witness: witness.into(), may_name_database: false }
    }

    fn holds(&self, text: &str) -> bool {
        self.text.contains(text)
    }
}

/// The text itself, in hexadecimal, and in base64 wherever it begins within three bytes.
fn encodings(text: &str) -> Vec<String> {
    let lower: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut all = vec![text.to_owned(), lower.to_uppercase(), lower];
    for before in 0..3 {
        let padded: Vec<u8> = std::iter::repeat_n(0, before).chain(text.bytes()).collect();
        let encoded = STANDARD_NO_PAD.encode(&padded);
        // The first and last characters depend on the neighbours, too.
        let (first, whole) = ([0, 2, 3][before], padded.len() / 3 * 4);
        all.push(encoded[first..whole].to_owned());
        all.push(encoded[first..whole].replace('+', "-").replace('/', "_"));
    }
    all
}

/// A database of that name, a table, a column and rows, in place of the shop.
fn mark_the_database(scene: &mut Scene, markers: &Markers) {
    let Markers { table, column, row, database, .. } = markers;
    let rename = format!("ALTER DATABASE shop RENAME TO {database}");
    scene.shop.postgres.sql("postgres", &rename).expect("the database gets its name");
    scene.shop.names.database.clone_from(database);
    let fill = format!(
        "CREATE TABLE shop.{table} (id int PRIMARY KEY, {column} text DEFAULT '{row}');
         COMMENT ON COLUMN shop.{table}.{column} IS '{row}';
         INSERT INTO shop.{table} SELECT i FROM generate_series(1, 1000) AS i;
         SELECT lo_from_bytea(70010, '{row}');"
    );
    scene.shop.postgres.sql(database, &fill).expect("a marked table");
}

/// Has a job done, and gives what its mover logged.
fn log_of(scene: &Scene, job: &str, ask: impl FnOnce() -> Result<(), KubectlError>) -> String {
    let shop = &scene.shop;
    let namespace = shop.names.vault_namespace.as_str();
    ask().expect("the job is accepted");
    let pod = until("the mover runs", 2 * MINUTE, || {
        let pods = shop.kubectl.list("pods", namespace).expect("pods are listed");
        let moves = |pod: &&Value| {
            pod["metadata"]["labels"]["coffer.dev/role"] == "mover" && pod["status"]["phase"] == "Running"
        };
        pods.iter().find(moves).and_then(|pod| pod["metadata"]["name"].as_str().map(str::to_owned))
    });
    // To its end: the pod goes as soon as its result is recorded.
    let log = shop.kubectl.run(&["logs", "--follow", &pod, "-n", namespace]).expect("the mover's log");
    shop.wait_for(job, "Complete", 2 * MINUTE).expect("the job completes");
    log
}

/// A password that the server refuses, and what is said about it.
fn refuse_a_password(scene: &Scene, markers: &Markers) {
    let names = &scene.shop.names;
    let wrong = json!({"stringData": {"password": markers.wrong_password}}).to_string();
    scene.patch("secret/postgres-superuser", &wrong);
    let instance = format!("binst/{}", names.instance);
    let again = ["annotate", &instance, "-n", &names.tenant, "--overwrite", "coffer.dev/revalidate=wrong"];
    scene.shop.kubectl.run(&again).expect("the annotation is set");
    let refused = "jsonpath={.status.conditions[?(@.type=='BackupReady')].reason}=AuthenticationFailed";
    scene.shop.kubectl.wait(refused, &instance, &names.tenant, 2 * MINUTE).expect("the password is refused");
}

/// Everything that can be looked at when all is over.
fn places(scene: &Scene) -> Vec<Place> {
    let kubectl = &scene.shop.kubectl;
    let names = &scene.shop.names;
    let get = |what: &str, namespace: &str| {
        kubectl.run(&["get", what, "-n", namespace, "-o", "json"]).expect("objects are listed")
    };
    let logs = |selector: &str, namespace: &str| {
        let arguments =
            ["logs", "-n", namespace, "-l", selector, "--tail=-1", "--all-containers", "--prefix"];
        kubectl.run(&arguments).expect("logs are read")
    };
    let operator = "app.kubernetes.io/name=coffer,app.kubernetes.io/component=operator";
    vec![
        storage(scene),
        our_objects(scene),
        our_words(scene),
        Place::new("logs of the operator", logs(operator, "coffer-system"), "\"level\""),
        Place::new(
            "logs of the keeper",
            logs("coffer.dev/role=keeper", &names.vault_namespace),
            "vault open",
        ),
        Place::new("events of the tenant", get("events", &names.tenant), &names.instance),
        Place::new("events of the vault's namespace", get("events", &names.vault_namespace), "main-keeper"),
        Place::new(
            "ConfigMaps and Deployments of the vault's namespace",
            get("configmaps,deployments,services,networkpolicies", &names.vault_namespace),
            "main-keeper",
        ),
    ]
}

fn our_objects(scene: &Scene) -> Place {
    let names = &scene.shop.names;
    let text: String = [&names.tenant, &names.vault_namespace]
        .map(|namespace| scene.shop.kubectl.run(&["get", OURS, "-n", namespace, "-o", "json"]))
        .map(|listed| listed.expect("our objects are listed"))
        .concat();
    Place { may_name_database: true, ..Place::new("our objects", text, "RecoveryPoint") }
}

/// Our objects without what people wrote themselves, and without the fields whose purpose is to tell which database it
/// is: nothing that Coffer says, such as a condition's message, repeats its name.
fn our_words(scene: &Scene) -> Place {
    let names = &scene.shop.names;
    let mut objects: Vec<Value> = [&names.tenant, &names.vault_namespace]
        .into_iter()
        .flat_map(|namespace| scene.shop.kubectl.list(OURS, namespace).expect("our objects are listed"))
        .collect();
    for object in &mut objects {
        for field in ["/spec", "/metadata/annotations", "/status/datasourceId", "/status/source/databases"] {
            if let Some(told) = object.pointer_mut(field) {
                told.take();
            }
        }
        for held in
            object.pointer_mut("/status/dataStores").and_then(Value::as_array_mut).into_iter().flatten()
        {
            held["database"].take();
        }
    }
    Place::new("what Coffer says in our objects", Value::from(objects).to_string(), "RecoveryPoint")
}

/// Every byte of the bucket, names included.
fn storage(scene: &Scene) -> Place {
    let namespace = scene.shop.names.vault_namespace.as_str();
    let archive =
        ["exec", "-n", namespace, "s3", "-c", "helper", "--", "tar", "-c", "-f", "-", "/data/buckets"];
    let output = scene.shop.kubectl.command().args(archive).output().expect("kubectl starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Place::new("storage", output.stdout, "/vault.json")
}

/// Jobs and pods in all their states: they are gone when all is over.
struct Listening {
    watches: Vec<(&'static str, Child)>,
    directory: tempfile::TempDir,
}

impl Listening {
    fn begin(scene: &Scene) -> Self {
        let directory = tempfile::tempdir().expect("a directory for what is heard");
        let namespace = scene.shop.names.vault_namespace.as_str();
        let watch = |kind: &'static str| {
            let file = fs::File::create(directory.path().join(kind)).expect("a file for what is heard");
            let watching = ["get", kind, "-n", namespace, "--watch", "-o", "json"];
            let child = scene
                .shop
                .kubectl
                .command()
                .args(watching)
                .stdin(Stdio::null())
                .stdout(file)
                .spawn()
                .expect("kubectl starts");
            (kind, child)
        };
        let watches = ["pods", "jobs"].into_iter().map(watch).collect();
        Self { watches, directory }
    }

    fn end(mut self) -> Vec<Place> {
        self.stop();
        let heard = |kind: &str, witness: &str| {
            let path: &Path = self.directory.path();
            Place::new(
                &format!("{kind} as they ran"),
                fs::read(path.join(kind)).expect("it is read"),
                witness,
            )
        };
        // The pod's report at its end, in which a check names the data source; and the decision on the Job.
        let pods = Place { may_name_database: true, ..heard("pods", "terminated") };
        vec![pods, heard("jobs", "coffer.dev/decision")]
    }

    fn stop(&mut self) {
        for (kind, child) in &mut self.watches {
            // It may have ended by itself; a story that failed must not leave it behind either.
            if let Err(error) = child.kill().and_then(|()| child.wait().map(|_| ())) {
                eprintln!("failed to end the watch of {kind}: {error}");
            }
        }
        self.watches.clear();
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The same search over the same places finds what was put there, in each encoding.
fn planted_markers_are_found(scene: &Scene, markers: &Markers) {
    let names = &scene.shop.names;
    for (encoding, text) in encodings(&markers.row).into_iter().enumerate() {
        scene.in_storage(&format!("printf 'around%saround' '{text}' > /data/buckets/backups/planted"));
        let vault = format!("bvault/{}", names.vault);
        let planted = format!("planted=around-{text}-around");
        let annotate = ["annotate", &vault, "-n", &names.vault_namespace, "--overwrite", &planted];
        setting().kubectl.run(&annotate).expect("the vault is annotated");
        let found: Vec<String> =
            [storage(scene), our_objects(scene)].iter().flat_map(|place| markers.found_in(place)).collect();
        let in_place = |place: &str| found.iter().filter(|found| found.ends_with(place)).count();
        assert_eq!((in_place("in storage"), in_place("in our objects")), (1, 1), "{encoding}: {found:?}");
    }
}
