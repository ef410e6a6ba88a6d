//! One server.

use std::{
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Mutex, OnceLock, mpsc},
    thread,
    time::{Duration, Instant},
};

use super::{Installation, free_port};
use contract::{Connection, Credentials, Secret, Tls, TlsMode};

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. It is stopped and its files are removed when this is dropped.
pub struct Server {
    pub installation: Installation,
    pub port: u16,
    directory: Directory,
    process: Mutex<Child>,
}

impl Server {
    /// The superuser.
    pub const USER: &str = "postgres";
    pub const PASSWORD: &str = "pass 'word\\";

    /// The server of the usual major, shared by all tests of the program. It ends with the program.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&Installation::usual(), &["max_prepared_transactions=4"]))
    }

    /// The shared server, with the roles and the tablespace that scripts speak of.
    pub fn shared_with_roles() -> &'static Self {
        static READY: OnceLock<()> = OnceLock::new();
        let server = Self::shared();
        READY.get_or_init(|| {
            server.sql("postgres", include_str!("../../data/roles.sql"));
        });
        server
    }

    /// A server of one's own, with further settings (`name=value`).
    pub fn start(installation: &Installation, settings: &[&str]) -> Self {
        Self::start_with(installation, settings, &[])
    }

    /// A server of one's own, with further settings and files of its data directory: `pg_hba.conf`, certificates.
    pub fn start_with(installation: &Installation, settings: &[&str], files: &[(&str, &str)]) -> Self {
        let directory = Directory::new();
        initialise(installation, &directory.path);
        for (name, content) in files {
            write_private(&directory.path.join("data").join(name), content);
        }
        let port = free_port();
        let process = Mutex::new(start(installation, &directory.path, port, settings));
        let server = Self { installation: installation.clone(), port, directory, process };
        server.wait_until_ready();
        server
    }

    /// A standby of a primary that follows it by streaming, once it has caught up with all there is now.
    pub fn standby_of(primary: &Self, settings: &[&str]) -> Self {
        let directory = Directory::new();
        let data = directory.path.join("data");
        let mut copy = primary.client("pg_basebackup");
        run(copy.arg("-D").arg(&data).args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]));
        let port = free_port();
        let process = Mutex::new(start(&primary.installation, &directory.path, port, settings));
        let standby = Self { installation: primary.installation.clone(), port, directory, process };
        standby.wait_until_ready();
        standby.catch_up_with(primary);
        standby
    }

    /// Waits until this standby has replayed what its primary has written by now.
    pub fn catch_up_with(&self, primary: &Self) {
        let written = primary.sql("postgres", "SELECT pg_current_wal_lsn()");
        let replayed = format!("SELECT pg_last_wal_replay_lsn() >= '{written}'");
        let start = Instant::now();
        while self.sql("postgres", &replayed) != "t" {
            assert!(start.elapsed() < PATIENCE, "the standby does not follow:\n{}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn data_directory(&self) -> PathBuf {
        self.directory.path.join("data")
    }

    /// How a mover reaches a database of this server.
    pub fn connection(&self, database: &str) -> Connection {
        Self::connection_on(self.port, database)
    }

    /// As [`Server::connection`], of a server that another process has started.
    pub fn connection_on(port: u16, database: &str) -> Connection {
        Connection {
            host: "127.0.0.1".into(),
            port,
            database: database.into(),
            credentials: Credentials::Password {
                username: Server::USER.into(),
                password: Secret::new(Server::PASSWORD),
            },
            tls: Tls { mode: TlsMode::Disable, ca: None, client: None },
        }
    }

    /// A client program of the server's own version, with its connection in the environment.
    pub fn client(&self, program: &str) -> Command {
        self.client_of(&self.installation, program)
    }

    /// A client program of another version.
    pub fn client_of(&self, installation: &Installation, program: &str) -> Command {
        let mut command = Command::new(installation.client(program));
        command.env("PGHOST", "127.0.0.1").env("PGPORT", self.port.to_string());
        command.env("PGUSER", Server::USER).env("PGPASSWORD", Server::PASSWORD);
        command
    }

    /// Makes an empty database from template0.
    pub fn create_database(&self, name: &str) {
        run(self.client("createdb").args(["-T", "template0", name]));
    }

    /// Runs SQL; fails the test where the server reports an error. The answer has one line per row, with `|` between
    /// columns.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let mut command = self.client("psql");
        command
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-"])
            .env("PGDATABASE", database);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let sql = sql.to_owned();
        let writer = thread::spawn(move || input.write_all(sql.as_bytes()));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap().unwrap();
        expect_success("psql", &output);
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// What `pg_dump` of this server's version writes with these arguments.
    pub fn dump(&self, database: &str, arguments: &[&str]) -> Vec<u8> {
        run(self.client("pg_dump").args(arguments).env("PGDATABASE", database))
    }

    /// The archive of a database's schema, as a backup asks pg_dump for it.
    pub fn archive_by(&self, client: &Installation, database: &str) -> Vec<u8> {
        let arguments = ["-Fc", "-Z0", "--section=pre-data", "--section=post-data", "--no-blobs"];
        run(self.client_of(client, "pg_dump").args(arguments).env("PGDATABASE", database))
    }

    /// Stops the server at once, as a power failure would.
    pub fn kill(&self) {
        let mut process = self.process.lock().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Stops the server, ending its sessions, as an administrator would.
    pub fn stop(&self) {
        let mut process = self.process.lock().unwrap();
        run(Command::new("kill").args(["-INT", &process.id().to_string()]));
        process.wait().unwrap();
    }

    /// Stops the server in an orderly way and starts it again.
    pub fn restart(&self, settings: &[&str]) {
        self.stop();
        self.start_again(settings);
    }

    /// Starts the server again after it was stopped or killed.
    pub fn start_again(&self, settings: &[&str]) {
        let mut process = self.process.lock().unwrap();
        *process = start(&self.installation, &self.directory.path, self.port, settings);
        drop(process);
        self.wait_until_ready();
    }

    fn wait_until_ready(&self) {
        let start = Instant::now();
        while !self.client("pg_isready").arg("-q").status().unwrap().success() {
            let ended = self.process.lock().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "the server ended: {ended:?}\n{}", self.log());
            assert!(start.elapsed() < PATIENCE, "the server did not start:\n{}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path.join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut process = self.process.lock().unwrap();
        // An immediate stop also ends the backends that the postmaster has started.
        let _ = Command::new("kill").args(["-QUIT", &process.id().to_string()]).status();
        let _ = process.wait();
    }
}

/// A directory of the server. It is removed when this process has ended, however it ends: statics are not dropped,
/// and a killed test drops nothing.
struct Directory {
    path: PathBuf,
    /// Ends when its input does.
    remover: Child,
}

impl Directory {
    fn new() -> Self {
        let path = tempfile::Builder::new().prefix("coffer-postgres-").tempdir_in("/tmp").unwrap().keep();
        let script = "cat >/dev/null; until rm -rf \"$0\" 2>/dev/null; do sleep 0.1; done";
        let mut remover = Command::new("setsid");
        remover.args(["sh", "-c", script]).arg(&path).stdin(Stdio::piped());
        Self { path, remover: remover.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap() }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        drop(self.remover.stdin.take());
        let _ = self.remover.wait();
    }
}

/// Writes a file that only the server may read, as it wants its private key to be.
fn write_private(path: &Path, content: &str) {
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn initialise(installation: &Installation, directory: &Path) {
    let password = directory.join("password");
    std::fs::write(&password, Server::PASSWORD).unwrap();
    let mut command = as_server_user(&installation.server("initdb"));
    command.arg("-D").arg(directory.join("data")).arg(format!("--pwfile={}", password.display()));
    run(command.args([
        "-U",
        Server::USER,
        "-A",
        "scram-sha-256",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
        "--no-sync",
    ]));
}

fn start(installation: &Installation, directory: &Path, port: u16, settings: &[&str]) -> Child {
    let mut command = as_server_user(&installation.server("postgres"));
    command.arg("-D").arg(directory.join("data")).args(["-p", &port.to_string(), "-k", ""]);
    let usual = ["listen_addresses=127.0.0.1", "fsync=off", "max_connections=60", "log_statement=ddl"];
    for setting in usual.iter().chain(settings) {
        command.args(["-c", setting]);
    }
    let log = std::fs::File::create(directory.join("log")).unwrap();
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    spawn_for_the_process(command)
}

/// Starts a child that ends with this process, not with the test's thread: the kernel's parent-death signal looks at the
/// thread, so one that never ends does the starting.
fn spawn_for_the_process(mut command: Command) -> Child {
    static STARTER: OnceLock<mpsc::Sender<(Command, mpsc::Sender<Child>)>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (sender, receiver) = mpsc::channel::<(Command, mpsc::Sender<Child>)>();
        thread::spawn(move || {
            for (mut command, reply) in receiver {
                reply.send(command.spawn().unwrap()).unwrap();
            }
        });
        sender
    });
    let (reply, child) = mpsc::channel();
    command.env("LC_ALL", "C.UTF-8");
    starter.send((command, reply)).unwrap();
    child.recv().unwrap()
}

/// PostgreSQL refuses to run as root. In a user namespace root is nobody to it, and still root to the file system, so that
/// programs and data may lie anywhere.
pub(super) fn as_server_user(program: &Path) -> Command {
    let mut command = Command::new(if is_root() { "unshare" } else { "setpriv" });
    if is_root() {
        command.args(["--user", "--map-user=65534", "--map-group=65534", "--", "setpriv"]);
    }
    command.arg("--pdeathsig=QUIT").arg(program).current_dir("/tmp");
    command
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}

/// Runs a program to its end and gives what it printed.
fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    expect_success(&command.get_program().to_string_lossy(), &output);
    output.stdout
}

fn expect_success(program: &str, output: &Output) {
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}
