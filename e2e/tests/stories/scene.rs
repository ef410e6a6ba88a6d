//! What every story begins with.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use std::{fs, thread};

use e2e::world::{
    Authority, ClaimStorage, HARDLY_EVER, Kubectl, Names, Postgres, PostgresOptions, S3Options, S3Server,
    Setting, Shop, Store, StoreOptions, TemporaryNamespace, VaultStorage, unique_name,
};
use serde_json::{Value, json};

/// Where this run's stories are played. The chart is installed once.
pub fn setting() -> &'static Setting {
    static SETTING: OnceLock<Setting> = OnceLock::new();
    SETTING.get_or_init(|| {
        let setting = Setting::from_environment().expect("the gate sets the stage");
        setting.chart().install(&setting.image, &[], &[]).expect("the chart installs");
        setting
    })
}

#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Claim,
    S3,
    Azure,
    Google,
}

/// A shop under protection, in two namespaces that go when the scene is dropped.
pub struct Scene {
    pub shop: Shop,
    pub authority: Authority,
    /// The superuser's password.
    pub password: String,
    /// Holds `recovery.key`, an age identity whose recipient opens the vault.
    pub recovery: tempfile::TempDir,
    /// That recipient.
    pub recipient: String,
    pub storage: Storage,
    _tenant: TemporaryNamespace,
    _vault: TemporaryNamespace,
}

/// What the vault lies in.
pub enum Storage {
    Claim(ClaimStorage),
    S3 {
        server: S3Server,
        /// The secret half of the server's root credentials.
        secret_key: String,
    },
    Azure(Store),
    Google(Store),
}

/// Two namespaces, a PostgreSQL server with `orders` orders in database `shop`, and a vault on `kind`. Not yet protected.
pub fn scene(kind: Kind, orders: u64) -> Scene {
    scene_on(setting(), kind, orders)
}

/// The same on another cluster than the one that stories are played on.
pub fn scene_on(setting: &Setting, kind: Kind, orders: u64) -> Scene {
    let scene = stage(setting, |authority, namespace| place(setting, kind, authority, namespace));
    scene.shop.fill(orders).expect("a filled database");
    scene.apply_vault(&scene.recipient);
    scene
}

/// Two namespaces, an empty PostgreSQL server, and what a vault can lie in, but no vault.
pub fn stage(setting: &Setting, place: impl FnOnce(&Authority, &str) -> Storage) -> Scene {
    let kubectl = &setting.kubectl;
    let tenant = TemporaryNamespace::create(kubectl, "shop").expect("a namespace for the tenant");
    let vault = TemporaryNamespace::create(kubectl, "vault").expect("a namespace for the vault");
    bind_vault_role(kubectl, vault.name());
    let authority = Authority::new("the story's authority").expect("an authority");
    let password = unique_name("pw");
    let options = PostgresOptions {
        name: "postgres",
        namespace: tenant.name(),
        image: &setting.postgres_image,
        password: &password,
    };
    let postgres = Postgres::start(kubectl, &authority, &options).expect("a PostgreSQL server");
    let names = Names {
        tenant: tenant.name().into(),
        vault_namespace: vault.name().into(),
        vault: "main".into(),
        policy: "each-minute".into(),
        instance: "shop".into(),
        database: "shop".into(),
        server: "postgres".into(),
    };
    let shop = Shop { kubectl: kubectl.clone(), names, postgres };
    let recovery = tempfile::tempdir().expect("a directory for the recovery identity");
    let recipient = keygen(&setting.coffer, &recovery);
    let storage = place(&authority, vault.name());
    Scene { shop, authority, password, recovery, recipient, storage, _tenant: tenant, _vault: vault }
}

/// Makes what a vault can lie in.
fn place(setting: &Setting, kind: Kind, authority: &Authority, namespace: &str) -> Storage {
    let kubectl = &setting.kubectl;
    let store = |name, image| StoreOptions {
        name,
        namespace,
        image,
        helper_image: &setting.helper_image,
        bucket: "backups",
    };
    match kind {
        Kind::Claim => Storage::Claim(
            ClaimStorage::create(kubectl, namespace, "backups", &setting.volumes).expect("a claim"),
        ),
        Kind::S3 => {
            let secret_key = unique_name("secret-key");
            Storage::S3 { server: s3_server(setting, authority, namespace, &secret_key), secret_key }
        }
        Kind::Azure => {
            let options = store("coffertest", &setting.azure_image);
            let secret = unique_name("account-key");
            Storage::Azure(Store::azure(kubectl, authority, &options, &secret).expect("an Azure Blob server"))
        }
        Kind::Google => Storage::Google(
            Store::google(kubectl, authority, &store("google", &setting.google_image))
                .expect("a Google Cloud Storage server"),
        ),
    }
}

impl Storage {
    /// As a vault's manifest has it.
    fn of_vault<'a>(&'a self, authority: &'a Authority) -> VaultStorage<'a> {
        match self {
            Self::Claim(claim) => VaultStorage::Claim(&claim.claim),
            Self::S3 { server, .. } => VaultStorage::S3 { server, authority },
            Self::Azure(store) => VaultStorage::Azure { store, authority },
            Self::Google(store) => VaultStorage::Google { store, authority },
        }
    }
}

impl Scene {
    /// Applies the vault. A story that begins with one that was there before gives the recipient that this one had.
    pub fn apply_vault(&self, recipient: &str) {
        self.shop.apply_vault(&self.storage.of_vault(&self.authority), recipient).expect("a vault");
    }

    /// The vault's objects, behind the back of keeper and movers: name below the vault's root, and size in bytes.
    pub fn objects(&self) -> Vec<(String, u64)> {
        let mut objects = match &self.storage {
            Storage::Claim(claim) => files(&claim.directory),
            Storage::S3 { server, .. } => {
                let root = format!("/data/buckets/{}/postgresql", server.bucket);
                let listing = self.in_storage(&format!(
                    "test -d {root} && cd {root} && find . -type f -exec stat -c '%s %n' {{}} + || true"
                ));
                let line = |line: &str| {
                    let (size, name) = line.split_once(" ./")?;
                    Some((name.to_owned(), size.parse().ok()?))
                };
                listing.lines().filter_map(line).collect()
            }
            Storage::Azure(_) | Storage::Google(_) => panic!("these stores are not looked into"),
        };
        objects.sort();
        objects
    }

    /// Runs a shell command beside the S3 server, where its buckets are folders below `/data/buckets`.
    pub fn in_storage(&self, command: &str) -> String {
        let arguments =
            ["exec", "-n", &self.shop.names.vault_namespace, "s3", "-c", "helper", "--", "sh", "-c", command];
        self.shop.kubectl.run(&arguments).expect("a command beside the S3 server")
    }

    /// A merge patch of an object of the tenant.
    pub fn patch(&self, object: &str, patch: &str) {
        let namespace = &self.shop.names.tenant;
        self.shop
            .kubectl
            .run(&["patch", object, "-n", namespace, "--type=merge", "-p", patch])
            .expect("the patch holds");
    }

    /// `kubectl coffer` in the tenant's namespace, as kubectl finds and runs a plugin.
    pub fn plugin(&self, arguments: &[&str]) -> Output {
        let folder = tempfile::tempdir().expect("a folder for the plugin");
        symlink(&setting().coffer, folder.path().join("kubectl-coffer")).expect("the plugin's name");
        let path = std::env::var("PATH").unwrap_or_default();
        self.shop
            .kubectl
            .command()
            .arg("coffer")
            .args(arguments)
            .args(["-n", &self.shop.names.tenant])
            .env("PATH", format!("{}:{path}", folder.path().display()))
            .output()
            .expect("kubectl starts")
    }

    /// The instance as it is told now; `None` where there is none, or the API server does not answer.
    pub fn instance(&self) -> Option<Value> {
        let names = &self.shop.names;
        self.shop.kubectl.find("binst", &names.tenant, &names.instance).ok()?
    }

    /// A BackupJob of the tenant; `None` as in [`Scene::instance`].
    pub fn job(&self, name: &str) -> Option<Value> {
        self.shop.kubectl.find("bjob", &self.shop.names.tenant, name).ok()?
    }

    /// A backup on demand, until it is complete.
    pub fn back_up(&self, name: &str) {
        self.shop.apply_backup(name).expect("a backup on demand is accepted");
        let limit = Duration::from_secs(300);
        self.shop.wait_for(&format!("bjob/{name}"), "Complete", limit).expect("the backup completes");
    }

    /// Another table, of `mib` rows of a mebibyte each that are sent as they lie there: what a limited backup takes as many
    /// seconds for.
    pub fn add_bulk(&self, mib: u32) {
        let bulk = format!(
            "CREATE TABLE shop.bulk (id int, filler text);
             ALTER TABLE shop.bulk ALTER filler SET STORAGE EXTERNAL;
             INSERT INTO shop.bulk SELECT mib, repeat(md5(mib::text), 32768) FROM generate_series(1, {mib}) AS mib;
             ANALYZE shop.bulk;"
        );
        self.shop.postgres.sql(&self.shop.names.database, &bulk).expect("a large table");
    }

    /// Backup `running` is in the middle of its work, at 1 MiB a second.
    pub fn leave_a_backup_running(&self) {
        let slowly = json!({"spec": {"postgresql": {"bytesPerSecond": 1 << 20}}}).to_string();
        self.patch(&format!("binst/{}", self.shop.names.instance), &slowly);
        self.shop.apply_backup("running").expect("another backup is accepted");
        until("a mover runs", Duration::from_secs(120), || {
            let pods = self.shop.kubectl.list("pods", &self.shop.names.vault_namespace).ok()?;
            let runs = |pod: &Value| {
                pod["metadata"]["labels"]["coffer.dev/role"] == "mover" && pod["status"]["phase"] == "Running"
            };
            pods.iter().any(runs).then_some(())
        });
    }

    /// Vault and instance are ready and the schedule rests.
    pub fn protect(&self) {
        self.shop.apply_protection(HARDLY_EVER).expect("policy and instance are accepted");
        self.shop.wait_until_protected().expect("vault and instance become ready");
    }
}

/// The condition of this type that an object's status has.
pub fn condition(object: &Value, type_: &str) -> Option<Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|held| held["type"] == type_).cloned()
}

/// Asks until there is an answer. A story waits for what it needs and never for a time.
pub fn until<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < limit, "after {} s: {what}", limit.as_secs());
        thread::sleep(Duration::from_millis(200));
    }
}

/// Moves the clock of operator, keepers and new runs ahead of where it is.
pub fn advance_clock(by: Duration) {
    let kubectl = &setting().kubectl;
    let namespace = "coffer-system";
    let map = kubectl.find("configmap", namespace, "coffer-test-clock").expect("the test clock is read");
    let before = map.and_then(|map| map["data"]["offsetSeconds"].as_str()?.parse::<u64>().ok()).unwrap_or(0);
    let offset = before + by.as_secs();
    kubectl
        .apply(&format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: coffer-test-clock, namespace: {namespace}}}\ndata: \
             {{offsetSeconds: \"{offset}\"}}\n"
        ))
        .expect("the test clock is moved");
}

fn s3_server(setting: &Setting, authority: &Authority, namespace: &str, secret_key: &str) -> S3Server {
    let options = S3Options {
        name: "s3",
        namespace,
        image: &setting.s3_image,
        helper_image: &setting.helper_image,
        bucket: "backups",
        secret_key,
    };
    S3Server::start(&setting.kubectl, authority, &options).expect("an S3 server")
}

/// Every file below a directory. What vanishes while it is looked at was not there.
fn files(root: &Path) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) => {
                    let path = entry.path();
                    let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
                    found.push((name, metadata.len()));
                }
                Err(_) => {}
            }
        }
    }
    found
}

/// As the chart's notes tell the platform team to do.
fn bind_vault_role(kubectl: &Kubectl, namespace: &str) {
    let arguments = [
        "create",
        "rolebinding",
        "coffer-vault",
        "-n",
        namespace,
        "--clusterrole=coffer-vault",
        "--serviceaccount=coffer-system:coffer",
    ];
    kubectl.run(&arguments).expect("the operator may run pods in the vault's namespace");
}

/// Makes a recovery identity with the command line and gives its public half.
fn keygen(coffer: &Path, directory: &tempfile::TempDir) -> String {
    let output = Command::new(coffer)
        .args(["keygen", "-o"])
        .arg(directory.path().join("recovery.key"))
        .output()
        .expect("coffer keygen starts");
    assert!(output.status.success(), "coffer keygen: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace()
        .find(|word| word.starts_with("age1"))
        .expect("keygen prints a recipient")
        .to_owned()
}
