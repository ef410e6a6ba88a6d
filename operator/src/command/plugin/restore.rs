//! `kubectl coffer restore`: the usual restore, into a new database. Everything else is YAML.

use crds::common::{AuthorityRef, DatabaseCredentialsRef, LocalPointReference, Tls, TlsMode, VaultReference};
use crds::restore_job::{IfExists, LatestOf, OnError, RestoreSource, RestoreTarget, TargetDatabase};
use crds::{BackupInstance, RecoveryPoint, RestoreJob, RestoreJobSpec, labels};
use kube::ResourceExt as _;

use super::cluster::Cluster;
use super::follow::WaitOptions;
use super::job::Job;
use super::making::{self, Making};
use super::output::{OutputOption, Screen};
use super::problem::Problem;
use crate::command::people::Exit;

/// The word for the newest good point.
const LATEST: &str = "latest";
const PORT: u16 = 5432;

const AFTER_HELP: &str = "\
Examples:
  kubectl coffer restore latest --instance orders --as orders_copy --credentials orders-owner --wait
  kubectl coffer restore orders-20261120t200509z-ab34cd --as orders_friday --credentials orders-owner
  kubectl coffer restore latest --instance orders --as orders --host db2.shop.svc --credentials db2-owner --ca db2-ca
  kubectl coffer restore latest --instance orders --as orders_copy --dry-run > restore.yaml   # for all else: edit this";

/// Restore a point into a new database, beside the one that was backed up or on another server, by a RestoreJob.
///
/// Nothing that exists is overwritten: the database is made, or must be empty. Its role needs CREATEDB. The exit code is 0
/// once the job is made; with --wait 0 when it is Completed, 3 with warnings, else that of its error.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// Name of the RecoveryPoint, or `latest` for the newest good one of --instance.
    #[arg(value_name = "POINT")]
    pub point: String,
    /// The BackupInstance. Left out: the one that the point is of.
    #[arg(long, value_name = "NAME", required_if_eq("point", LATEST))]
    pub instance: Option<String>,
    /// Name of the new database.
    #[arg(long = "as", value_name = "NAME")]
    pub database: String,
    /// Which database of a point that holds several. Left out: the only one, or the one called like the new one.
    #[arg(long = "database", value_name = "NAME")]
    pub source_database: Option<String>,
    /// Another server than the instance's.
    #[arg(long, requires = "credentials")]
    pub host: Option<String>,
    /// Its port. Left out: 5432 with --host, else the instance's.
    #[arg(long)]
    pub port: Option<u16>,
    /// Secret of the namespace with the log-in of a role that may create databases. Left out: the instance's.
    #[arg(long, value_name = "SECRET")]
    pub credentials: Option<String>,
    /// Secret of the namespace with the authority of the other server's certificate, in key ca.crt.
    #[arg(long, value_name = "SECRET", requires = "host")]
    pub ca: Option<String>,
    /// Role that is to own the new database, and all that owners of the point who are missing had.
    #[arg(long, value_name = "ROLE")]
    pub owner: Option<String>,
    /// Name of the RestoreJob. Left out: one that is made up.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    #[command(flatten)]
    pub wait: WaitOptions,
    /// Print the RestoreJob as YAML, and make nothing.
    #[arg(long, conflicts_with = "wait")]
    pub dry_run: bool,
    #[command(flatten)]
    pub output: OutputOption,
}

pub async fn run(cluster: &Cluster, arguments: &Arguments, screen: &mut Screen<'_>) -> Result<Exit, Problem> {
    let source = Source::find(cluster, arguments).await?;
    let instance = match &source.instance {
        Some(name) => cluster.find::<BackupInstance>(&cluster.namespace, name).await?,
        None => None,
    };
    let vault_ref = match (&source.vault, &instance) {
        (Some(vault), _) => vault.clone(),
        (None, Some(instance)) => instance.spec.vault_ref.clone(),
        (None, None) => return Err(no_instance(&source, "its vault is not known")),
    };
    let target = target(arguments, instance.as_ref(), &source)?;
    let spec = RestoreJobSpec {
        vault_ref,
        source: source.reference,
        target: RestoreTarget { database: Some(target), databases: None, files: None },
        select: None,
        roles: None,
        if_exists: IfExists::Fail,
        swap: None,
        on_error: OnError::Stop,
        rehydrate: None,
        validate_only: None,
        cancel: false,
    };
    let of = source.instance.as_deref().unwrap_or("point");
    let name = arguments.name.clone().unwrap_or_else(|| making::name(of, "restore"));
    let same = |one: &RestoreJob, other: &RestoreJob| {
        (&one.spec.source, &one.spec.target) == (&other.spec.source, &other.spec.target)
    };
    let vault = spec.vault_ref.name.clone();
    let making = Making {
        cluster,
        output: arguments.output,
        wait: arguments.wait,
        dry_run: arguments.dry_run,
        vault: &vault,
        instance: source.instance.as_deref(),
    };
    let job = |job| Job::Restore(Box::new(job));
    making.make(RestoreJob::new(&name, spec), same, job, screen).await
}

/// What is restored.
struct Source {
    reference: RestoreSource,
    /// The instance that it is of, which may be gone.
    instance: Option<String>,
    /// Known of a point.
    vault: Option<VaultReference>,
}

impl Source {
    async fn find(cluster: &Cluster, arguments: &Arguments) -> Result<Self, Problem> {
        let mut reference = RestoreSource {
            recovery_point_ref: None,
            instance: None,
            point_id: None,
            database: arguments.source_database.clone(),
        };
        if arguments.point == LATEST {
            let name = arguments.instance.clone().unwrap_or_default();
            reference.instance = Some(LatestOf { name: name.clone(), latest: Some(true), before: None });
            return Ok(Self { reference, instance: Some(name), vault: None });
        }
        let point: RecoveryPoint = cluster.get(&cluster.namespace, &arguments.point).await?;
        let state = point.status.as_ref().and_then(|status| status.state);
        if let Some(state) = state.filter(|state| !state.is_restorable()) {
            return Err(Problem::usage(
                format!("point {} is {state:?}: it cannot be restored", arguments.point),
                "`kubectl coffer list` shows the others",
            ));
        }
        let of = point.labels().get(labels::INSTANCE).cloned();
        if let (Some(asked), Some(of)) = (&arguments.instance, &of)
            && asked != of
        {
            return Err(Problem::usage(
                format!("point {} is of instance {of}, and not of {asked}", arguments.point),
                "leave --instance out",
            ));
        }
        reference.recovery_point_ref = Some(LocalPointReference { name: arguments.point.clone() });
        let instance = arguments.instance.clone().or(of);
        Ok(Self { reference, instance, vault: Some(point.spec.vault_ref) })
    }
}

fn target(
    arguments: &Arguments,
    instance: Option<&BackupInstance>,
    source: &Source,
) -> Result<TargetDatabase, Problem> {
    let named = arguments.credentials.as_ref().map(|name| DatabaseCredentialsRef {
        name: name.clone(),
        username_key: None,
        password_key: None,
        uri_key: None,
    });
    let (name, owner) = (arguments.database.clone(), arguments.owner.clone());
    if let (Some(host), Some(credentials_secret_ref)) = (&arguments.host, named.clone()) {
        let authority = arguments.ca.as_ref().map(|name| AuthorityRef { name: name.clone(), key: None });
        let tls = authority.map(|authority| Tls {
            mode: TlsMode::VerifyFull,
            ca_secret_ref: Some(authority),
            client_certificate_secret_ref: None,
        });
        let port = i32::from(arguments.port.unwrap_or(PORT));
        return Ok(TargetDatabase { host: host.clone(), port, name, credentials_secret_ref, tls, owner });
    }
    let server = match instance {
        Some(instance) => &instance.spec.postgresql,
        None => return Err(no_instance(source, "its server is not known")),
    };
    Ok(TargetDatabase {
        host: server.host.clone(),
        port: arguments.port.map_or(server.port, i32::from),
        name,
        credentials_secret_ref: named.unwrap_or_else(|| server.credentials_secret_ref.clone()),
        tls: server.tls.clone(),
        owner,
    })
}

fn no_instance(source: &Source, consequence: &str) -> Problem {
    let name = source.instance.as_deref().unwrap_or("of the point");
    Problem::usage(
        format!("instance {name} is not there, so {consequence}"),
        "name a point, and the server with --host and --credentials",
    )
}
