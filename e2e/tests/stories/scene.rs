//! What every story begins with.

use std::process::Command;
use std::sync::OnceLock;

use e2e::world::{
    Authority, ClaimStorage, Names, Postgres, PostgresOptions, S3Options, S3Server, Setting, Shop,
    TemporaryNamespace, VaultStorage, unique_name,
};

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
}

/// A shop under protection, in two namespaces that go when the scene is dropped.
#[expect(dead_code, reason = "what keeps the scene standing, and what later stories look at")]
pub struct Scene {
    pub shop: Shop,
    pub authority: Authority,
    /// The superuser's password.
    pub password: String,
    /// An age identity whose recipient opens the vault, in a file.
    pub recovery: tempfile::TempDir,
    /// The directory behind the vault's claim.
    pub claim: Option<ClaimStorage>,
    _tenant: TemporaryNamespace,
    _vault: TemporaryNamespace,
}

/// Two namespaces, a PostgreSQL server with `orders` orders in database `shop`, and a vault on `kind`. Not yet protected.
pub fn scene(kind: Kind, orders: u64) -> Scene {
    let setting = setting();
    let kubectl = &setting.kubectl;
    let tenant = TemporaryNamespace::create(kubectl, "shop").expect("a namespace for the tenant");
    let vault = TemporaryNamespace::create(kubectl, "vault").expect("a namespace for the vault");
    bind_vault_role(vault.name());
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
    shop.fill(orders).expect("a filled database");
    let recovery = tempfile::tempdir().expect("a directory for the recovery identity");
    let recipient = keygen(&recovery);
    let claim = match kind {
        Kind::Claim => {
            let claim =
                ClaimStorage::create(kubectl, vault.name(), "backups", &setting.volumes).expect("a claim");
            shop.apply_vault(&VaultStorage::Claim(&claim.claim), &recipient).expect("a vault");
            Some(claim)
        }
        Kind::S3 => {
            let options = S3Options {
                name: "s3",
                namespace: vault.name(),
                image: &setting.s3_image,
                helper_image: &setting.helper_image,
                bucket: "backups",
                secret_key: &unique_name("key"),
            };
            let server = S3Server::start(kubectl, &authority, &options).expect("an S3 server");
            shop.apply_vault(&VaultStorage::S3 { server: &server, authority: &authority }, &recipient)
                .expect("a vault");
            None
        }
    };
    Scene { shop, authority, password, recovery, claim, _tenant: tenant, _vault: vault }
}

/// As the chart's notes tell the platform team to do.
fn bind_vault_role(namespace: &str) {
    let arguments = [
        "create",
        "rolebinding",
        "coffer-vault",
        "-n",
        namespace,
        "--clusterrole=coffer-vault",
        "--serviceaccount=coffer-system:coffer",
    ];
    setting().kubectl.run(&arguments).expect("the operator may run pods in the vault's namespace");
}

/// Makes a recovery identity with the command line and gives its public half.
fn keygen(directory: &tempfile::TempDir) -> String {
    let output = Command::new(&setting().coffer)
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
