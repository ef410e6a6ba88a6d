//! A PgBouncer before a server.

use std::{
    env, fs,
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{Server, free_port};

/// Where the program is, when it is not Debian's.
const PROGRAM: &str = "COFFER_TEST_PGBOUNCER";
const DEBIAN: &str = "/usr/sbin/pgbouncer";

/// A running pooler, stopped when dropped. It lets the superuser in without a password.
pub struct PgBouncer {
    pub port: u16,
    psql: PathBuf,
    process: Child,
    _directory: TempDir,
}

impl PgBouncer {
    /// `mode` is a pool_mode: `session` or `transaction`.
    pub fn before(server: &Server, mode: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("coffer-pooler-").tempdir_in("/tmp").unwrap();
        let port = free_port();
        let (users, settings) = (directory.path().join("users"), directory.path().join("settings"));
        fs::write(&users, format!("\"{}\" \"{}\"\n", Server::USER, Server::PASSWORD)).unwrap();
        let ini = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = {mode}\n",
            server.port,
            users.display()
        );
        fs::write(&settings, ini).unwrap();
        let mut command = super::server::as_server_user(&program());
        command.arg(&settings).env("LD_LIBRARY_PATH", libraries());
        let process =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(60), "PgBouncer does not listen on port {port}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { port, psql: server.installation.client("psql"), process, _directory: directory }
    }

    /// What a query answers through the pooler.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let mut psql = Command::new(&self.psql);
        psql.args(["-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-U", Server::USER, "-d", database, "-c", sql]);
        let output = psql.env("PGPORT", self.port.to_string()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program() -> PathBuf {
    env::var_os(PROGRAM).map_or_else(|| PathBuf::from(DEBIAN), PathBuf::from)
}

/// Those that lie beside a program that was unpacked and not installed: `usr/lib` of `usr/sbin/pgbouncer`.
fn libraries() -> PathBuf {
    let root = program().ancestors().nth(2).map(PathBuf::from).unwrap_or_default();
    root.join("lib").join(format!("{}-linux-gnu", env::consts::ARCH))
}
