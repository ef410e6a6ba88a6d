//! The scene of demo and stories: a shop's database, a vault in a namespace of its own, and what ties them together.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Authority, Kubectl, KubectlError, Postgres, S3Server, Store, filled, indented};

/// A schedule that is due within a minute, whenever that is.
pub const EACH_MINUTE: &str = "* * * * *";
/// A schedule that is not due while anybody looks. A suspended instance would refuse backups on demand, too.
pub const HARDLY_EVER: &str = "0 3 1 6 *";

/// Between two looks at what kubectl cannot wait for.
const PAUSE: Duration = Duration::from_millis(500);

/// The names of everything in one scene.
#[derive(Debug, Clone)]
pub struct Names {
    pub tenant: String,
    pub vault_namespace: String,
    pub vault: String,
    pub policy: String,
    pub instance: String,
    pub database: String,
    /// The PostgreSQL server's pod and Service, in the tenant's namespace.
    pub server: String,
}

/// Where the scene's vault keeps its objects.
pub enum VaultStorage<'a> {
    Claim(&'a str),
    S3 { server: &'a S3Server, authority: &'a Authority },
    Azure { store: &'a Store, authority: &'a Authority },
    Google { store: &'a Store, authority: &'a Authority },
}

impl VaultStorage<'_> {
    /// The vault's manifest, and what it says of the place.
    fn place(&self) -> (&'static str, Vec<(&'static str, String)>) {
        match self {
            Self::Claim(claim) => {
                (include_str!("manifests/vault-claim.yaml"), vec![("claim", (*claim).to_owned())])
            }
            Self::S3 { server, authority } => (
                include_str!("manifests/vault-s3.yaml"),
                remote(&server.bucket, &server.endpoint, &server.credentials_secret, authority),
            ),
            Self::Azure { store, authority } => {
                let mut place = remote(&store.bucket, &store.endpoint, &store.credentials_secret, authority);
                place.push(("account", store.name.clone()));
                (include_str!("manifests/vault-azure.yaml"), place)
            }
            Self::Google { store, authority } => (
                include_str!("manifests/vault-gcs.yaml"),
                remote(&store.bucket, &store.endpoint, &store.credentials_secret, authority),
            ),
        }
    }
}

fn remote(
    bucket: &str,
    endpoint: &str,
    credentials: &str,
    authority: &Authority,
) -> Vec<(&'static str, String)> {
    vec![
        ("bucket", bucket.to_owned()),
        ("endpoint", endpoint.to_owned()),
        ("credentials", credentials.to_owned()),
        ("authority", indented(authority.certificate(), 4)),
    ]
}

/// A shop with its database, and the words to protect it.
pub struct Shop {
    pub kubectl: Kubectl,
    pub names: Names,
    pub postgres: Postgres,
}

impl Shop {
    /// Makes the database and fills it. One order is about 270 bytes of rows.
    pub fn fill(&self, orders: u64) -> Result<(), KubectlError> {
        self.postgres.sql("postgres", &format!("CREATE DATABASE {}", self.names.database))?;
        let script = format!("\\set orders {orders}\n{}", include_str!("sql/shop.sql"));
        self.postgres.sql(&self.names.database, &script).map(|_| ())
    }

    /// Everything in a database of the shop that a restore has to bring back exactly, as text to compare.
    pub fn digest(&self, database: &str) -> Result<String, KubectlError> {
        self.postgres.sql(database, include_str!("sql/digest.sql"))
    }

    /// A few hundred small transactions, none of which changes the digest.
    pub fn work(&self) -> Result<(), KubectlError> {
        self.postgres.sql(&self.names.database, include_str!("sql/workload.sql")).map(|_| ())
    }

    pub fn apply_vault(&self, storage: &VaultStorage<'_>, recipient: &str) -> Result<(), KubectlError> {
        let names = &self.names;
        let (manifest, place) = storage.place();
        let own = [
            ("vault", names.vault.as_str()),
            ("namespace", &names.vault_namespace),
            ("tenant", &names.tenant),
            ("recipient", recipient),
        ];
        let place = place.iter().map(|(name, value)| (*name, value.as_str()));
        let values: Vec<_> = own.into_iter().chain(place).collect();
        let manifest = filled(manifest, &values);
        self.kubectl.apply(&manifest).map(|_| ())
    }

    /// Applies policy and instance, with the policy's schedule.
    pub fn apply_protection(&self, cron: &str) -> Result<(), KubectlError> {
        let names = &self.names;
        let values = [
            ("policy", names.policy.as_str()),
            ("vaultNamespace", &names.vault_namespace),
            ("namespace", &names.tenant),
            ("instance", &names.instance),
            ("vault", &names.vault),
            ("host", &self.postgres.host()),
            ("database", &names.database),
            ("credentials", &format!("{}-superuser", names.server)),
            ("authority", &format!("{}-ca", names.server)),
            ("cron", cron),
        ];
        self.kubectl.apply(&filled(include_str!("manifests/protection.yaml"), &values)).map(|_| ())
    }

    pub fn wait_until_protected(&self) -> Result<(), KubectlError> {
        let names = &self.names;
        let limit = Duration::from_secs(180);
        self.kubectl.wait(
            "condition=Ready",
            &format!("bvault/{}", names.vault),
            &names.vault_namespace,
            limit,
        )?;
        self.kubectl.wait("condition=BackupReady", &format!("binst/{}", names.instance), &names.tenant, limit)
    }

    /// Waits until the schedule has made a job, and gives the name of its first.
    pub fn wait_for_slot_job(&self, limit: Duration) -> Result<String, KubectlError> {
        let begun = Instant::now();
        loop {
            let jobs = self.kubectl.list("bjob", &self.names.tenant)?;
            let slots = jobs.iter().filter(|job| job["spec"]["slot"].is_object());
            if let Some(first) = slots.filter_map(|job| job["metadata"]["name"].as_str()).min() {
                return Ok(first.to_owned());
            }
            if begun.elapsed() >= limit {
                return Err(KubectlError::Missing(format!("a BackupJob of a slot after {limit:?}")));
            }
            thread::sleep(PAUSE);
        }
    }

    /// Asks for a backup now.
    pub fn apply_backup(&self, name: &str) -> Result<(), KubectlError> {
        let values =
            [("name", name), ("namespace", self.names.tenant.as_str()), ("instance", &self.names.instance)];
        self.kubectl.apply(&filled(include_str!("manifests/backup.yaml"), &values)).map(|_| ())
    }

    /// Asks for a point's return into a database of the same server.
    pub fn apply_restore(&self, name: &str, point: &str, database: &str) -> Result<(), KubectlError> {
        let names = &self.names;
        let values = [
            ("name", name),
            ("namespace", names.tenant.as_str()),
            ("vault", &names.vault),
            ("vaultNamespace", &names.vault_namespace),
            ("point", point),
            ("host", &self.postgres.host()),
            ("database", database),
            ("credentials", &format!("{}-superuser", names.server)),
            ("authority", &format!("{}-ca", names.server)),
        ];
        self.kubectl.apply(&filled(include_str!("manifests/restore.yaml"), &values)).map(|_| ())
    }

    /// Waits for `condition` of a job of the tenant, such as `Complete` of `bjob/x`.
    pub fn wait_for(&self, object: &str, condition: &str, limit: Duration) -> Result<(), KubectlError> {
        self.kubectl.wait(&format!("condition={condition}"), object, &self.names.tenant, limit)
    }

    /// The RecoveryPoint objects of the instance, oldest first.
    pub fn points(&self) -> Result<Vec<Value>, KubectlError> {
        let mut points = self.kubectl.list("rpoint", &self.names.tenant)?;
        points.sort_by_key(|point| point["status"]["pointTime"].as_str().map(str::to_owned));
        Ok(points)
    }

    /// Waits until the point of a backup job that is complete is shown and ready, and gives its name. The job may be complete
    /// some moments before.
    pub fn wait_for_point(&self, job: &str, limit: Duration) -> Result<String, KubectlError> {
        let point = self.point_of(job)?;
        let object = format!("rpoint/{point}");
        self.kubectl.wait("create", &object, &self.names.tenant, limit)?;
        self.wait_for(&object, "Ready", limit)?;
        Ok(point)
    }

    /// The name of the RecoveryPoint that a backup job made.
    pub fn point_of(&self, job: &str) -> Result<String, KubectlError> {
        let found = self.kubectl.find("bjob", &self.names.tenant, job)?;
        let name = found.as_ref().and_then(|job| job["status"]["recoveryPoint"]["name"].as_str());
        name.map(str::to_owned).ok_or_else(|| KubectlError::Missing(format!("the point of backup job {job}")))
    }
}
