//! A keeper as a process of its own, and a client to it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use coffer::pinned;
use coffer::token::{Claims, VaultToken};
use contract::{
    Assignment, BackupTask, Connection, Databases, Decision, Exit, Head, KeeperConfig, KeeperEndpoint,
    KeyState, Limits, Owner, PointId, Purpose, Refusal, Report, RunId, ScratchServer, Secret, Storage, Task,
    Trigger, VERSION, VaultView, VerifyLevel, VerifyTask, WriterId, files,
};
use jiff::Timestamp;
use reqwest::{Client, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tempfile::TempDir;

use super::{PATIENCE, wait_for};

const ROOT_SECRET: &[u8] = b"the root secret of one test only";
const VAULT_UID: &str = "0b0e6a04-52d7-4f6c-9d8b-1d6a4c6f0a11";

/// The files of one keeper, and the vault that it keeps. Outlives the process, so that it can be started again.
pub struct Site {
    pub root: TempDir,
    pub vault: TempDir,
    certificate: String,
}

/// A running keeper.
pub struct Keeper {
    process: Child,
    pub address: SocketAddr,
    pub health: SocketAddr,
    pub metrics: SocketAddr,
    client: Client,
    certificate: String,
    log: Arc<Mutex<Vec<String>>>,
    /// Reads the log to its end.
    reader: Option<JoinHandle<()>>,
}

impl Site {
    /// Everything mounted but the vault's keys.
    pub fn without_keys() -> Self {
        let vault = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["keeper".to_owned()]).unwrap();
        let site = Self { root: tempfile::tempdir().unwrap(), vault, certificate: made.cert.pem() };
        site.write(files::KEEPER_CERTIFICATE, &site.certificate);
        site.write(files::KEEPER_PRIVATE_KEY, &made.signing_key.serialize_pem());
        site.write(files::KEEPER_TOKEN, token().to_secret().reveal());
        site.configure(&site.vault.path().display().to_string(), None);
        site
    }

    /// Everything mounted. The first keeper that starts here makes a vault.
    pub fn new() -> Self {
        let site = Self::without_keys();
        site.mount_new_keys();
        site
    }

    pub fn mount_new_keys(&self) {
        let keys = mover::vault::new_keys().unwrap();
        // As Kubernetes does it: both appear at once.
        let staged = self.path("/etc/coffer/keys.staged");
        fs::create_dir_all(&staged).unwrap();
        fs::write(staged.join("identity"), keys.identity.reveal()).unwrap();
        fs::write(staged.join("catalogue"), keys.catalogue.reveal()).unwrap();
        let keys = self.path(files::VAULT_KEYS);
        if keys.exists() {
            fs::remove_dir_all(&keys).unwrap();
        }
        fs::rename(staged, keys).unwrap();
    }

    pub fn configure(&self, directory: &str, known_head: Option<Head>) {
        let config = KeeperConfig {
            version: VERSION,
            namespace: "team".into(),
            vault: "main".into(),
            vault_uid: VAULT_UID.into(),
            storage: Storage::Filesystem { path: directory.into() },
            credentials_expected: false,
            recovery_recipients: Vec::new(),
            known_head,
        };
        self.write(files::KEEPER_CONFIG, &serde_json::to_string(&config).unwrap());
    }

    pub fn write(&self, file: &str, content: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Changes a bit of the first object that a writer has stored, and gives its name.
    pub fn damage(&self, writer: &WriterId) -> String {
        let name = "00000000";
        let object = self.vault.path().join("data").join(&writer.0).join(name);
        let mut bytes = fs::read(&object).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&object, bytes).unwrap();
        name.to_owned()
    }

    pub fn remove(&self, file: &str) {
        fs::remove_file(self.path(file)).unwrap();
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.root.path().join(file.trim_start_matches('/'))
    }

    /// Starts a keeper of the shipped program and waits until it listens.
    pub fn start(&self) -> Keeper {
        self.start_program(env!("CARGO_BIN_EXE_coffer"))
    }

    /// One whose clock can be put ahead.
    pub fn start_with_test_clock(&self) -> Keeper {
        self.start_program(env!("CARGO_BIN_EXE_coffer-test-clock"))
    }

    fn start_program(&self, program: &str) -> Keeper {
        let mut process = Command::new(program)
            .args(["keeper", "--root"])
            .arg(self.root.path())
            .args(["--listen", "127.0.0.1:0", "--health", "127.0.0.1:0", "--metrics", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (addresses, reader) = read_log(&mut process, Arc::clone(&log));
        let [address, health, metrics] = ["calls", "health", "metrics"].map(|purpose| {
            let (heard, address) =
                addresses.recv_timeout(PATIENCE).expect("the keeper says where it listens");
            assert_eq!(heard, purpose);
            address
        });
        let client = client(std::slice::from_ref(&self.certificate));
        let (certificate, reader) = (self.certificate.clone(), Some(reader));
        Keeper { process, address, health, metrics, client, certificate, log, reader }
    }
}

/// Collects the log, and tells the addresses that it names.
fn read_log(
    process: &mut Child,
    log: Arc<Mutex<Vec<String>>>,
) -> (Receiver<(String, SocketAddr)>, JoinHandle<()>) {
    let output = BufReader::new(process.stdout.take().unwrap());
    let (tell, told) = channel();
    let reader = thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            let entry: Value = serde_json::from_str(&line).unwrap_or_default();
            if let (Some(purpose), Some(address)) = (entry["purpose"].as_str(), entry["address"].as_str()) {
                let _ = tell.send((purpose.to_owned(), address.parse().unwrap()));
            }
            log.lock().unwrap().push(line);
        }
    });
    (told, reader)
}

pub fn token() -> VaultToken {
    VaultToken::derive(ROOT_SECRET, VAULT_UID).unwrap()
}

/// A run's token as the operator would make it, good for an hour.
#[expect(clippy::disallowed_methods, reason = "tokens are judged by the wall clock of the keeper's process")]
pub fn run_token(run: &str, purpose: Purpose) -> Secret {
    signed(run, purpose, Timestamp::now() + jiff::SignedDuration::from_hours(1))
}

pub fn signed(run: &str, purpose: Purpose, deadline: Timestamp) -> Secret {
    token().sign(&Claims { run: RunId(run.into()), purpose, deadline })
}

fn client(certificates: &[String]) -> Client {
    let tls = pinned::client_config(certificates).unwrap();
    Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap()
}

impl Keeper {
    /// Asks as the operator.
    pub async fn get(&self, path: &str) -> Response {
        self.get_with(path, token().to_secret().reveal()).await
    }

    pub async fn get_with(&self, path: &str, token: &str) -> Response {
        self.client.get(self.url(path)).bearer_auth(token).send().await.unwrap()
    }

    /// Asks as the operator.
    pub async fn post<B: Serialize>(&self, path: &str, body: &B) -> Response {
        self.post_with(path, token().to_secret().reveal(), body).await
    }

    pub async fn post_with<B: Serialize>(&self, path: &str, token: &str, body: &B) -> Response {
        self.client.post(self.url(path)).bearer_auth(token).json(body).send().await.unwrap()
    }

    pub fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    /// A client that pins another certificate.
    pub async fn get_pinning(&self, certificate: &str) -> Result<Response, reqwest::Error> {
        let client = client(&[certificate.to_owned()]);
        client.get(self.url("/v1/vault")).bearer_auth(token().to_secret().reveal()).send().await
    }

    pub async fn view(&self) -> VaultView {
        answer(self.get("/v1/vault").await).await
    }

    /// Waits until the vault is open.
    pub async fn open(&self) -> VaultView {
        self.view_when("the vault to be open", |view| view.key == KeyState::Open).await
    }

    pub async fn view_when(&self, what: &str, good: impl Fn(&VaultView) -> bool) -> VaultView {
        wait_for(what, async || Some(self.view().await).filter(&good)).await
    }

    /// What is served without TLS at an address of this keeper.
    pub async fn plain(&self, address: SocketAddr, path: &str) -> (StatusCode, String) {
        let response = reqwest::get(format!("http://{address}{path}")).await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    /// Tells the keeper to put its clock ahead, as the operator of a program for tests does.
    pub async fn raise_clock(&self, offset_seconds: i64) {
        let request = self.client.get(self.url("/v1/vault")).bearer_auth(token().to_secret().reveal());
        let answered = request.header("coffer-clock-offset", offset_seconds).send().await.unwrap();
        assert_eq!(answered.status(), StatusCode::OK);
    }

    pub fn endpoint(&self, token: Secret) -> KeeperEndpoint {
        KeeperEndpoint {
            url: format!("https://{}", self.address),
            certificates: vec![self.certificate.clone()],
            token,
        }
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(&mut self) -> i32 {
        let kill = Command::new("kill").arg(self.process.id().to_string()).status().unwrap();
        assert!(kill.success());
        let code = self.process.wait().unwrap().code().unwrap_or(-1);
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        code
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // Both fail when it has ended already, which is just as well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The document of an answer.
pub async fn answer<T: DeserializeOwned>(response: Response) -> T {
    let status = response.status();
    let text = response.text().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// The status and the reason of a refusal.
pub async fn refusal(response: Response) -> (StatusCode, String) {
    let status = response.status();
    let text = response.text().await.unwrap();
    assert_ne!(status, StatusCode::OK, "{text}");
    let refusal: Refusal = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    (status, refusal.reason)
}

/// A decision such as the operator makes for a slot.
pub fn decision(keep: &str) -> Decision {
    Decision {
        tag: "Default".into(),
        keep: Some(keep.into()),
        time_zone: "Europe/Berlin".into(),
        reason: "it is the default rule".into(),
        keep_at_least: 1,
        policy: None,
        trigger: Trigger::OnDemand { requested: Timestamp::UNIX_EPOCH },
    }
}

pub fn owner() -> Owner {
    Owner::Instance {
        cluster_id: "c".into(),
        namespace: "team".into(),
        namespace_uid: "n".into(),
        instance: "shop".into(),
        instance_uid: "i".into(),
        // By host and port, so that it is the same of whatever server a test meets.
        datasource_id: "db.shop:5432/shop".into(),
    }
}

pub fn limits() -> Limits {
    Limits { lanes: 2, lock_timeout_seconds: 10, bytes_per_second: None }
}

/// An assignment to back up one database.
pub fn backup(keeper: &Keeper, run: &str, source: Connection, offset_seconds: i64) -> Assignment {
    let task = BackupTask {
        keeper: keeper.endpoint(run_token(run, Purpose::Write)),
        source,
        databases: Databases::Connected,
        owner: owner(),
        decision: decision("P30D"),
        limits: limits(),
    };
    assignment(run, offset_seconds, Task::Backup(Box::new(task)))
}

/// An assignment to restore a point's databases on a server, compare them and drop them.
pub fn verification(keeper: &Keeper, run: &str, point: &PointId, scratch: Connection) -> Assignment {
    let task = VerifyTask {
        keeper: keeper.endpoint(run_token(run, Purpose::Read { point: point.clone() })),
        point: point.clone(),
        level: VerifyLevel::Scratch,
        scratch: Some(ScratchServer { connection: scratch, owner: None, limits: limits() }),
    };
    assignment(run, 0, Task::Verify(Box::new(task)))
}

#[expect(clippy::disallowed_methods, reason = "the mover's process goes by the wall clock")]
fn assignment(run: &str, offset_seconds: i64, task: Task) -> Assignment {
    let deadline = Timestamp::now() + jiff::SignedDuration::from_mins(30);
    Assignment {
        version: VERSION,
        run: RunId(run.into()),
        attempt: 1,
        clock_offset_seconds: offset_seconds,
        deadline: deadline + jiff::SignedDuration::from_secs(offset_seconds),
        task,
    }
}

/// A mover that was started and not yet waited for.
pub struct Mover {
    directory: TempDir,
    process: Child,
}

impl Mover {
    pub fn start(assignment: &Assignment) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("assignment.json");
        fs::write(&file, serde_json::to_string(assignment).unwrap()).unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_coffer"))
            .arg("mover")
            .arg(&file)
            .arg("--report")
            .arg(directory.path().join("report"))
            .stdin(Stdio::null())
            .stdout(fs::File::create(directory.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        Self { directory, process }
    }

    pub fn terminate(&self) {
        let kill = Command::new("kill").arg(self.process.id().to_string()).status().unwrap();
        assert!(kill.success());
    }

    /// How it ended, and its report.
    pub fn wait(mut self) -> (Option<Exit>, Report) {
        let code = self.process.wait().unwrap().code();
        let text = fs::read_to_string(self.directory.path().join("report")).unwrap_or_default();
        let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        let report = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}\n{log}"));
        (code.and_then(Exit::from_code), report)
    }
}
