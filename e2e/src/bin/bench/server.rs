//! A PostgreSQL of the benchmark's own, set up as a server with a few gigabytes to spare would be.

use std::error::Error;
use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use e2e::cluster::command;

use super::processor;

const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";
const PASSWORD: &str = "bench";
const SETTINGS: [&str; 8] = [
    "listen_addresses=127.0.0.1",
    "shared_buffers=4GB",
    "max_wal_size=16GB",
    "checkpoint_timeout=1h",
    "maintenance_work_mem=256MB",
    "max_locks_per_transaction=512",
    "autovacuum=off",
    "log_min_messages=fatal",
];

/// It ends when this is dropped.
pub struct Postgres {
    process: Child,
    pub port: u16,
}

impl Postgres {
    pub fn start(directory: &Path) -> Result<Self, Box<dyn Error>> {
        fs::create_dir_all(directory)?;
        let (data, password) = (directory.join("data"), directory.join("password"));
        fs::write(&password, PASSWORD)?;
        let mut initdb = as_nobody("initdb");
        initdb.arg("-D").arg(&data).arg(format!("--pwfile={}", password.display()));
        command::run(initdb.args([
            "-U",
            "postgres",
            "-A",
            "scram-sha-256",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ]))?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut postgres = as_nobody("postgres");
        postgres.arg("-D").arg(&data).args(["-k", "", "-p", &port.to_string()]);
        for setting in SETTINGS {
            postgres.args(["-c", setting]);
        }
        let log = fs::File::create(directory.join("log"))?;
        postgres.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let server = Self { process: postgres.spawn()?, port };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// libpq's variables, for whoever connects.
    pub fn variables(&self) -> [(&'static str, String); 4] {
        [
            ("PGHOST", "127.0.0.1".to_owned()),
            ("PGPORT", self.port.to_string()),
            ("PGUSER", "postgres".to_owned()),
            ("PGPASSWORD", PASSWORD.to_owned()),
        ]
    }

    /// Runs SQL and gives the answer, without ornaments.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String, Box<dyn Error>> {
        let mut psql = Command::new(format!("{PROGRAMS}/psql"));
        psql.envs(self.variables()).args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database]);
        Ok(command::run(psql.args(["-c", sql]))?.trim().to_owned())
    }

    /// Processor time of all its processes so far.
    pub fn cpu_seconds(&self) -> io::Result<f64> {
        processor::seconds(self.process.id())
    }

    fn wait_until_ready(&self) -> Result<(), Box<dyn Error>> {
        let begun = Instant::now();
        while self.sql("postgres", "SELECT 1").is_err() {
            if begun.elapsed() > Duration::from_secs(60) {
                return Err("PostgreSQL did not start within a minute".into());
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let stop = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status();
        if stop.is_ok_and(|status| status.success()) {
            let _ended = self.process.wait();
        }
    }
}

/// PostgreSQL refuses to run as root; in a user namespace root is nobody to it.
fn as_nobody(program: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-user=65534", "--map-group=65534", "--", "setpriv", "--pdeathsig=INT"]);
    command.arg(format!("{PROGRAMS}/{program}"));
    command
}
