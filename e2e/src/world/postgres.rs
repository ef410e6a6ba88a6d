//! A PostgreSQL server as a pod, with TLS that clients can verify in full.

use std::time::Duration;

use super::{Authority, Kubectl, KubectlError, filled, indented};

/// What to start.
pub struct PostgresOptions<'a> {
    pub name: &'a str,
    pub namespace: &'a str,
    pub image: &'a str,
    pub password: &'a str,
}

/// A running server. Beside it are the Secrets `<name>-superuser` (username, password) and `<name>-ca` (ca.crt).
#[derive(Clone)]
pub struct Postgres {
    kubectl: Kubectl,
    name: String,
    namespace: String,
}

impl Postgres {
    /// Applies the server and waits until it accepts connections.
    pub fn start(
        kubectl: &Kubectl,
        authority: &Authority,
        options: &PostgresOptions<'_>,
    ) -> Result<Self, PostgresError> {
        let certificate = authority.issue(options.name, options.namespace)?;
        let manifest = filled(
            include_str!("manifests/postgres.yaml"),
            &[
                ("name", options.name),
                ("namespace", options.namespace),
                ("image", options.image),
                ("password", options.password),
                ("certificate", &indented(&certificate.certificate, 4)),
                ("privateKey", &indented(&certificate.private_key, 4)),
                ("authority", &indented(authority.certificate(), 4)),
            ],
        );
        kubectl.apply(&manifest)?;
        let server =
            Self { kubectl: kubectl.clone(), name: options.name.into(), namespace: options.namespace.into() };
        server.wait_until_ready()?;
        Ok(server)
    }

    pub fn wait_until_ready(&self) -> Result<(), KubectlError> {
        let pod = format!("pod/{}", self.name);
        self.kubectl.wait("condition=Ready", &pod, &self.namespace, Duration::from_secs(120))
    }

    /// The name under which the server's certificate verifies.
    pub fn host(&self) -> String {
        format!("{}.{}.svc", self.name, self.namespace)
    }

    /// Runs SQL as the superuser and gives the rows, one a line, columns joined by `|`. Stops at the first error.
    pub fn sql(&self, database: &str, statements: &str) -> Result<String, KubectlError> {
        let arguments = [
            "exec",
            "-i",
            "-n",
            &self.namespace,
            &self.name,
            "--",
            "psql",
            "--no-psqlrc",
            "-qAt",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            database,
            "-f",
            "-",
        ];
        self.kubectl.run_with_input(&arguments, Some(statements)).map(|text| text.trim_end().to_owned())
    }

    /// A program inside the server's pod, such as `pg_dump --schema-only`.
    pub fn exec(&self, program: &[&str]) -> Result<String, KubectlError> {
        let start = ["exec", "-n", &self.namespace, &self.name, "--"];
        self.kubectl.run(&[&start[..], program].concat())
    }
}

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    #[error("failed to issue the server's certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error(transparent)]
    Kubectl(#[from] KubectlError),
}
