//! The demo itself, act by act.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use e2e::cluster::{Cache, Cluster, Tools};
use e2e::world::prepare::Program;
use e2e::world::{
    Authority, ClaimStorage, EACH_MINUTE, HARDLY_EVER, Names, Postgres, PostgresOptions, S3Options, S3Server,
    Setting, Shop, VaultStorage, prepare, unique_name,
};

use crate::size::Size;
use crate::tell::Teller;

/// The demo's cluster; the gate has another, so that neither disturbs the other.
const CLUSTER: &str = "demo";
const MINUTE: Duration = Duration::from_secs(60);

type Error = Box<dyn std::error::Error>;

/// Plays all acts. What an earlier demo left in the cluster is removed first.
pub fn play(size: Size, s3: bool) -> Result<(), Error> {
    let mut teller = Teller::new();
    teller.act("A Kubernetes on this machine, and Coffer in it");
    let setting = set_the_stage(&teller)?;
    teller.act("A PostgreSQL server with TLS, and a shop's database in it");
    let recovery = recovery_identity(&setting)?;
    let shop = open_shop(&setting, &teller, size, s3, &recovery.recipient)?;
    let before = shop.digest(&shop.names.database)?;
    teller.act("A scheduled and an on-demand backup, while the shop goes on working");
    let point = back_up(&shop, &teller)?;
    teller.act("The database is lost, and comes back");
    shop.postgres.sql("postgres", "DROP DATABASE orders WITH (FORCE)")?;
    teller.say("DROP DATABASE orders: done.");
    bring_back(&shop, &teller, &point)?;
    compare(&shop, &teller, &before)?;
    teller.act("What to try next");
    last_words(&setting, &teller, &recovery.path);
    Ok(())
}

/// Removes cluster, volumes and the demo's own files. From a cluster that the environment names it takes what it put there.
pub fn down() -> Result<(), Error> {
    let cache = Cache::locate()?;
    match Setting::given(Path::new("coffer"), &volumes(&cache)) {
        Some(given) => clear(&given)?,
        None => runtime()?.block_on(Cluster::remove(CLUSTER, &cache))?,
    }
    for folder in [volumes(&cache), cache.path(FILES)] {
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
    }
    println!("Nothing of the demo is left, save the built tools and images in the cache.");
    Ok(())
}

/// Where in the cache the demo keeps what is the user's: the recovery identity.
const FILES: &str = "demo";

fn set_the_stage(teller: &Teller) -> Result<Setting, Error> {
    let setting = match prepare::given(Program::Shipped, &volumes(&Cache::locate()?))? {
        Some(given) => given,
        None => boot(teller)?,
    };
    clear(&setting)?;
    for namespace in ["backups", "shop"] {
        setting.kubectl.run(&["create", "namespace", namespace])?;
    }
    setting.kubectl.run(&[
        "label",
        "namespace",
        "backups",
        "pod-security.kubernetes.io/enforce=restricted",
        "coffer.dev/holds-backups=true",
    ])?;
    setting.chart().install(&setting.image, &["backups"], &[])?;
    teller.show(&setting.kubectl, &["get", "deployment", "-n", "coffer-system"])?;
    Ok(setting)
}

/// A cluster of the demo's own, with all images in it.
fn boot(teller: &Teller) -> Result<Setting, Error> {
    let tools = Tools::ensure()?;
    let runtime = runtime()?;
    let cluster = match Cluster::find(CLUSTER, &tools)? {
        Some(cluster) => cluster,
        None => runtime.block_on(Cluster::boot(CLUSTER, &tools))?,
    };
    teller.say("the cluster runs; to look at it yourself:");
    teller.say(&format!(
        "  export KUBECONFIG={} PATH={}:$PATH",
        cluster.kubeconfig().display(),
        parent(&tools.kubernetes("kubectl"))
    ));
    let program = Program::Shipped.build()?;
    Ok(runtime.block_on(prepare::images(&cluster, &tools, &program, &volumes(tools.cache())))?)
}

/// A demo before this one may have left its objects.
fn clear(setting: &Setting) -> Result<(), Error> {
    if setting.kubectl.find("deployment", "coffer-system", "coffer")?.is_some() {
        setting.chart().uninstall()?;
    }
    setting.kubectl.run(&[
        "delete",
        "namespace",
        "shop",
        "backups",
        "--ignore-not-found",
        "--timeout=120s",
    ])?;
    setting.kubectl.run(&["delete", "persistentvolume", "backups-backups", "--ignore-not-found"])?;
    match fs::remove_dir_all(&setting.volumes) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn open_shop(
    setting: &Setting,
    teller: &Teller,
    size: Size,
    s3: bool,
    recipient: &str,
) -> Result<Shop, Error> {
    let authority = Authority::new("the demo's authority")?;
    let options = PostgresOptions {
        name: "postgres",
        namespace: "shop",
        image: &setting.postgres_image,
        password: &unique_name("demo"),
    };
    let postgres = Postgres::start(&setting.kubectl, &authority, &options)?;
    let names = Names {
        tenant: "shop".into(),
        vault_namespace: "backups".into(),
        vault: "main".into(),
        policy: "each-minute".into(),
        instance: "orders".into(),
        database: "orders".into(),
        server: "postgres".into(),
    };
    let shop = Shop { kubectl: setting.kubectl.clone(), names, postgres };
    teller.say("filling it …");
    shop.fill(size.orders())?;
    let bytes = shop.postgres.sql("orders", "SELECT pg_size_pretty(pg_database_size('orders'))")?;
    teller.say(&format!("{} orders, {bytes}.", size.orders()));
    if s3 {
        let options = S3Options {
            name: "s3",
            namespace: "backups",
            image: &setting.s3_image,
            helper_image: &setting.helper_image,
            bucket: "backups",
            secret_key: &unique_name("key"),
        };
        let server = S3Server::start(&setting.kubectl, &authority, &options)?;
        shop.apply_vault(&VaultStorage::S3 { server: &server, authority: &authority }, recipient)?;
    } else {
        let claim = ClaimStorage::create(&setting.kubectl, "backups", "backups", &setting.volumes)?;
        shop.apply_vault(&VaultStorage::Claim(&claim.claim), recipient)?;
    }
    shop.apply_protection(EACH_MINUTE)?;
    shop.wait_until_protected()?;
    teller.show(&setting.kubectl, &["get", "bvault,bpol,binst", "-A"])?;
    Ok(shop)
}

/// Gives the name of the newest point.
fn back_up(shop: &Shop, teller: &Teller) -> Result<String, Error> {
    let working = AtomicBool::new(true);
    thread::scope(|scope| {
        let workload = scope.spawn(|| {
            while working.load(Ordering::Relaxed) {
                shop.work()?;
            }
            Ok::<(), e2e::world::KubectlError>(())
        });
        let point = back_up_twice(shop, teller);
        working.store(false, Ordering::Relaxed);
        match workload.join() {
            Ok(worked) => worked?,
            Err(panic) => std::panic::resume_unwind(panic),
        }
        point
    })
}

fn back_up_twice(shop: &Shop, teller: &Teller) -> Result<String, Error> {
    teller.say("waiting for the next slot of `* * * * *` …");
    let slot = shop.wait_for_slot_job(3 * MINUTE)?;
    shop.wait_for(&format!("bjob/{slot}"), "Complete", 20 * MINUTE)?;
    shop.apply_protection(HARDLY_EVER)?;
    teller.say("the schedule has made a point and rests until June; now one on demand:");
    shop.apply_backup("before-the-upgrade")?;
    shop.wait_for("bjob/before-the-upgrade", "Complete", 20 * MINUTE)?;
    let point = shop.wait_for_point("before-the-upgrade", MINUTE)?;
    teller.show(&shop.kubectl, &["get", "bvault,bpol,binst,bjob,rpoint", "-A"])?;
    Ok(point)
}

fn bring_back(shop: &Shop, teller: &Teller, point: &str) -> Result<(), Error> {
    shop.apply_restore("bring-it-back", point, "orders")?;
    shop.wait_for("rjob/bring-it-back", "Complete", 30 * MINUTE)?;
    teller.show(&shop.kubectl, &["get", "rjob", "-n", "shop"])?;
    teller.show(&shop.kubectl, &["describe", "rpoint", point, "-n", "shop"]).map_err(Into::into)
}

/// The digest holds what the workload never changes, the sum over all accounts included.
fn compare(shop: &Shop, teller: &Teller, before: &str) -> Result<(), Error> {
    let after = shop.digest(&shop.names.database)?;
    if after != before {
        return Err(format!("the restored database differs.\nbefore:\n{before}\nafter:\n{after}").into());
    }
    teller.say("rows, sequences, large objects, owners, indexes and constraints are what the point held:");
    for line in after.lines().take(6) {
        teller.say(&format!("  {line}"));
    }
    Ok(())
}

fn last_words(setting: &Setting, teller: &Teller, recovery: &Path) {
    teller.say(&format!("Keep {}: with it the vault opens without this cluster.", recovery.display()));
    teller.say(&format!("  export KUBECONFIG={}", setting.kubectl.kubeconfig().display()));
    teller.say("  kubectl describe bjob -n shop                  the story of each run");
    teller.say("  kubectl get events -n shop --sort-by=.metadata.creationTimestamp");
    teller.say("  kubectl edit bpol each-minute -n backups           another schedule: `* * * * *`");
    if setting.volumes.join("backups-backups").is_dir() {
        let vault = setting.volumes.join("backups-backups");
        teller.say("and without any cluster:");
        teller.say(&format!(
            "  {} list --vault file://{} --identity {}",
            setting.coffer.display(),
            vault.display(),
            recovery.display()
        ));
    }
    teller.say("  cargo demo --down                              removes all of it");
}

/// The key that people keep, outside the cluster.
struct Recovery {
    path: PathBuf,
    recipient: String,
}

fn recovery_identity(setting: &Setting) -> Result<Recovery, Error> {
    let folder = Cache::locate()?.path(FILES);
    fs::create_dir_all(&folder)?;
    let path = folder.join("recovery.key");
    if path.exists() {
        fs::remove_file(&path)?;
    }
    let output = Command::new(&setting.coffer).args(["keygen", "-o"]).arg(&path).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let recipient = text.split_whitespace().find(|word| word.starts_with("age1"));
    let recipient = recipient.ok_or_else(|| {
        format!("`coffer keygen` printed no recipient: {}", String::from_utf8_lossy(&output.stderr))
    })?;
    Ok(Recovery { path, recipient: recipient.to_owned() })
}

/// Where the demo's `local` volumes keep their directories.
fn volumes(cache: &Cache) -> PathBuf {
    cache.path("volumes").join(CLUSTER)
}

fn parent(path: &Path) -> String {
    path.parent().unwrap_or(path).display().to_string()
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
