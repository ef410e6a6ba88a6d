//! The commands for people, from an identity to a compared restore, on a real server and without any cluster.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what failed by panicking"
)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use support::{Installation, Server};
use tempfile::TempDir;

/// A directory of one's own with a key and a vault in it.
struct Desk {
    directory: TempDir,
    recipient: String,
    fingerprint: String,
}

impl Desk {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("key.txt");
        let recipient = text(&ended(coffer().args(["keygen", "-o"]).arg(&key), 0));
        let mut desk = Self { directory, recipient, fingerprint: String::new() };
        let vault = desk.vault();
        let made =
            ended(coffer().args(["vault", "init", "--vault", &vault, "--recipient", &desk.recipient]), 0);
        desk.fingerprint = text(&made);
        desk
    }

    fn key(&self) -> PathBuf {
        self.directory.path().join("key.txt")
    }

    fn vault(&self) -> String {
        format!("file://{}", self.directory.path().join("vault").display())
    }

    /// A command on the vault, with everything that opens it.
    fn on_vault(&self, command: &str) -> Command {
        let mut coffer = coffer();
        coffer.arg(command).args(["--vault", &self.vault(), "--fingerprint", &self.fingerprint]);
        coffer.arg("--identity").arg(self.key());
        coffer
    }

    fn backup(&self, server: &Server, database: &str) -> Command {
        let mut backup = self.on_vault("backup");
        backup.args(["--source", &uri(server, database)]).env("PGPASSWORD", Server::PASSWORD);
        backup
    }
}

fn coffer() -> Command {
    let mut coffer = Command::new(env!("CARGO_BIN_EXE_coffer"));
    // Nothing of whoever runs the tests.
    coffer.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).stdin(Stdio::null());
    coffer
}

fn uri(server: &Server, database: &str) -> String {
    format!("postgresql://{}@127.0.0.1:{}/{database}", Server::USER, server.port)
}

/// Runs a command to its end; it has to end with this code.
fn ended(command: &mut Command, code: i32) -> Output {
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{command:?}\n{out}\n{err}");
    output
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap().trim().to_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(output)))
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const SHOP: &str = "
    CREATE SCHEMA shop;
    CREATE TABLE shop.article (id bigserial PRIMARY KEY, name text NOT NULL UNIQUE, price numeric(10,2), seen timestamptz);
    INSERT INTO shop.article (name, price, seen)
        SELECT 'article ' || g, g * 1.25, timestamptz '2026-01-01 00:00Z' + g * interval '1 min'
        FROM generate_series(1, 5000) g;
    CREATE TABLE shop.sale (article bigint REFERENCES shop.article, amount int CHECK (amount > 0));
    INSERT INTO shop.sale SELECT g, 1 + g % 7 FROM generate_series(1, 2000) g;
    CREATE VIEW shop.total AS SELECT article, sum(amount) FROM shop.sale GROUP BY article;
    CREATE TABLE \"Tür & \"\"Tor\"\"\" (\"Größe\" text);
    INSERT INTO \"Tür & \"\"Tor\"\"\" VALUES ('groß'), (NULL), (E'a\\tb\\nc');
";

/// The rows of a database, told by the server itself.
fn contents(server: &Server, database: &str) -> String {
    server.sql(
        database,
        "SELECT count(*), md5(string_agg(a::text, ',' ORDER BY id)) FROM shop.article a;
         SELECT count(*), sum(amount) FROM shop.sale;
         SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM \"Tür & \"\"Tor\"\"\" t;
         SELECT last_value, is_called FROM shop.article_id_seq;",
    )
}

#[test]
fn row_e17_a_database_is_saved_listed_shown_checked_and_restored() {
    let server = Server::shared();
    server.create_database("cli_shop");
    server.sql("cli_shop", SHOP);
    let desk = Desk::new();

    let nothing = json(&ended(desk.on_vault("list").args(["-o", "json"]), 0));
    assert_eq!(nothing["points"], serde_json::json!([]));

    let made = json(&ended(desk.backup(server, "cli_shop").args(["--label", "Evening", "-o", "json"]), 0));
    let id = made["point"]["id"].as_str().unwrap();
    assert_eq!(made["point"]["decision"]["tag"], "Evening");
    assert_eq!(made["summary"]["rows"], 7003);

    let listed = json(&ended(desk.on_vault("list").args(["-o", "json"]), 0));
    assert_eq!(listed["fingerprint"], Value::from(desk.fingerprint.clone()));
    assert_eq!(listed["points"][0]["id"], id);
    let table = text(&ended(&mut desk.on_vault("list"), 0));
    assert!(table.starts_with("ID ") && table.contains(id) && table.contains("cli_shop"), "{table}");

    let shown = json(&ended(desk.on_vault("show").args([&id[..8], "-o", "json"]), 0));
    let rows = |name: &str| {
        let tables = shown["tables"].as_array().unwrap();
        tables.iter().find(|table| table["name"] == name).map(|table| table["rows"].clone())
    };
    assert_eq!(rows("article"), Some(Value::from(5000)));
    assert_eq!(rows("Tür & \"Tor\""), Some(Value::from(3)));

    for level in ["1", "2", "3"] {
        let verified = json(&ended(desk.on_vault("verify").args([id, "--level", level, "-o", "json"]), 0));
        assert_eq!(verified[0]["damage"], serde_json::json!([]), "level {level}");
    }

    let mut rehearse = desk.on_vault("verify");
    rehearse.args([id, "--level", "4", "--scratch", &uri(server, "postgres"), "-o", "json"]);
    let rehearsed = json(&ended(rehearse.env("PGPASSWORD", Server::PASSWORD), 0));
    assert_eq!(rehearsed[0]["restored"][0]["differences"], serde_json::json!([]), "{rehearsed}");
    assert_eq!(rehearsed[0]["restored"][0]["schema"]["result"], "compared", "{rehearsed}");
    assert_eq!(server.sql("postgres", "SELECT count(*) FROM pg_database WHERE datname LIKE '%verify%'"), "0");

    let mut restore = desk.on_vault("restore");
    restore.args(["latest", "--target", &uri(server, "postgres"), "--as", "cli_shop_copy", "-o", "json"]);
    let restored = json(&ended(restore.env("PGPASSWORD", Server::PASSWORD), 0));
    assert_eq!(restored["summary"]["rows"], 7003);
    assert_eq!(contents(server, "cli_shop_copy"), contents(server, "cli_shop"));
    let schema = |database| {
        let dump = String::from_utf8(server.dump(database, &["--schema-only"])).unwrap();
        // Newer releases frame a dump with a random word.
        dump.lines().filter(|line| !line.contains("restrict ")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(schema("cli_shop_copy"), schema("cli_shop"));

    let kit = text(&ended(&mut desk.on_vault("recovery-kit"), 0));
    assert!(kit.contains(&desk.fingerprint) && kit.contains(&desk.recipient), "{kit}");
    let key = fs::read_to_string(desk.key()).unwrap();
    assert!(!kit.contains(key.lines().last().unwrap()), "the kit is no place for the key itself");
}

#[test]
fn a_target_that_is_in_use_is_left_alone() {
    let server = Server::shared();
    server.create_database("cli_used");
    server.sql("cli_used", "CREATE TABLE precious AS SELECT 1 AS one");
    let desk = Desk::new();
    ended(&mut desk.backup(server, "cli_used"), 0);
    let mut restore = desk.on_vault("restore");
    restore.args(["latest", "--target", &uri(server, "cli_used")]).env("PGPASSWORD", Server::PASSWORD);
    let refused = ended(restore.args(["-o", "json"]), 1);
    let problem: Value = serde_json::from_str(complaint(&refused).lines().last().unwrap()).unwrap();
    assert_eq!(problem["error"]["code"], "TargetNotEmpty", "{problem}");
    assert_eq!(server.sql("cli_used", "SELECT one FROM precious"), "1");
}

#[test]
fn damage_ends_with_code_12_and_names_the_object() {
    let server = Server::shared();
    server.create_database("cli_damaged");
    server.sql("cli_damaged", "CREATE TABLE t AS SELECT g, md5(g::text) FROM generate_series(1, 1000) g");
    let desk = Desk::new();
    ended(&mut desk.backup(server, "cli_damaged"), 0);
    let pack = first_pack(&desk.directory.path().join("vault/data"));
    let mut bytes = fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&pack, bytes).unwrap();

    let found = ended(desk.on_vault("verify").args(["--all", "--level", "2"]), 12);
    assert!(text(&found).contains("data/"), "{}", text(&found));
    let listed = json(&ended(desk.on_vault("list").args(["-o", "json"]), 0));
    assert_eq!(listed["points"][0]["state"], "Damaged");
    let mut restore = desk.on_vault("restore");
    restore.args(["latest", "--target", &uri(server, "postgres"), "--as", "never"]);
    let refused = ended(restore.env("PGPASSWORD", Server::PASSWORD), 1);
    assert!(complaint(&refused).contains("no good point"), "{}", complaint(&refused));
}

#[test]
fn a_point_that_cannot_even_be_opened_is_told_and_the_others_are_checked() {
    let server = Server::shared();
    server.create_database("cli_unopened");
    server.sql("cli_unopened", SHOP);
    let desk = Desk::new();
    let vault = desk.directory.path().join("vault");
    let point =
        || json(&ended(desk.backup(server, "cli_unopened").args(["-o", "json"]), 0))["point"]["id"].clone();
    let id = |point: &Value| point.as_str().unwrap().to_owned();
    let damaged = point();
    let before = fs::read_dir(vault.join("keys")).unwrap().map(|entry| entry.unwrap().path());
    let before: Vec<PathBuf> = before.collect();
    let locked = point();
    let mut keys = fs::read_dir(vault.join("keys")).unwrap().map(|entry| entry.unwrap().path());
    let key_of_locked = keys.find(|path| !before.contains(path)).unwrap();
    let good = point();

    let record = vault.join("points").join(id(&damaged));
    let mut bytes = fs::read(&record).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&record, bytes).unwrap();
    fs::remove_dir_all(key_of_locked).unwrap();

    let found = ended(desk.on_vault("verify").args(["--all", "-o", "json"]), 12);
    let found = json(&found);
    let of = |point: &Value| found.as_array().unwrap().iter().find(|found| found["point"] == *point).unwrap();
    assert_eq!(of(&damaged)["damage"][0]["object"], format!("points/{}", id(&damaged)));
    assert_eq!(of(&locked)["notChecked"]["code"], "KeyMissing", "{found}");
    assert_eq!(of(&good)["damage"], serde_json::json!([]), "{found}");
    let listed = json(&ended(desk.on_vault("list").args(["-o", "json"]), 0));
    let state = |point: &Value| {
        let points = listed["points"].as_array().unwrap();
        points.iter().find(|listed| listed["id"] == *point).unwrap()["state"].clone()
    };
    assert_eq!((state(&damaged), state(&good)), ("Damaged".into(), "Available".into()));
    ended(desk.on_vault("verify").args([&id(&locked)]), 11);
}

#[test]
fn a_vault_that_may_only_be_read_is_listed_shown_checked_and_restored() {
    let server = Server::shared();
    server.create_database("cli_reader");
    server.sql("cli_reader", SHOP);
    let desk = Desk::new();
    ended(&mut desk.backup(server, "cli_reader"), 0);
    let vault = desk.directory.path().join("vault");
    let before = files(&vault);

    allow_writing(&vault, false);
    let reading = |command: &str, arguments: &[&str]| {
        without_right_to_write(desk.on_vault(command).args(arguments).args(["-o", "json"]))
    };
    let listed = json(&ended(&mut reading("list", &[]), 0));
    assert_eq!(listed["points"][0]["state"], "Available");
    let shown = json(&ended(&mut reading("show", &["latest"]), 0));
    assert!(shown["tables"].as_array().is_some_and(|tables| tables.len() >= 3), "{shown}");
    let checked = ended(&mut reading("verify", &["latest", "--level", "3"]), 0);
    assert_eq!(json(&checked)[0]["damage"], serde_json::json!([]));
    assert!(complaint(&checked).contains("read only"), "{}", complaint(&checked));
    let mut restore = desk.on_vault("restore");
    restore.args(["latest", "--target", &uri(server, "postgres"), "--as", "cli_reader_back"]);
    ended(&mut without_right_to_write(restore.env("PGPASSWORD", Server::PASSWORD)), 0);
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname !~ '^(pg_|information_schema)'";
    assert_eq!(server.sql("cli_reader_back", tables), server.sql("cli_reader", tables));
    allow_writing(&vault, true);
    assert_eq!(files(&vault), before, "something was written");

    let pack = first_pack(&vault.join("data"));
    let mut bytes = fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&pack, bytes).unwrap();
    allow_writing(&vault, false);
    let found = ended(&mut reading("verify", &["--all"]), 12);
    assert!(text(&found).contains("data/"), "{}", text(&found));
    allow_writing(&vault, true);
}

#[test]
fn a_check_tells_how_far_it_is() {
    let server = Server::shared();
    server.create_database("cli_progress");
    server.sql("cli_progress", SHOP);
    let desk = Desk::new();
    ended(&mut desk.backup(server, "cli_progress"), 0);
    let verify = |how: &str| {
        let arguments = ["--all", "--level", "3", "--progress", how, "-o", "jsonl"];
        ended(desk.on_vault("verify").args(arguments), 0)
    };
    for how in ["auto", "json"] {
        let checked = verify(how);
        let lines: Vec<Value> =
            complaint(&checked).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let told = |line: Option<&Value>, name: &str| line.unwrap()["progress"][name].as_u64().unwrap();
        assert!(told(lines.first(), "bytesTotal") > 0, "{lines:?}");
        assert!(told(lines.last(), "bytesDone") > 0, "{lines:?}");
        assert_eq!(json(&checked)["damage"], serde_json::json!([]), "the result is not mixed with it");
    }
    for how in ["none", "bar"] {
        assert_eq!(complaint(&verify(how)), "", "{how}: there is no terminal here");
    }
    ended(desk.on_vault("verify").args(["--all", "--progress", "loud"]), 2);
}

/// Every file below a directory, with its size.
fn files(directory: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.clone(), fs::metadata(&path).unwrap().len()));
        }
    }
    found.sort();
    found
}

fn allow_writing(directory: &Path, allowed: bool) {
    let mode = |mode| fs::Permissions::from_mode(mode);
    for (file, _) in files(directory) {
        for parent in file.ancestors().skip(1).take_while(|parent| parent.starts_with(directory)) {
            fs::set_permissions(parent, mode(if allowed { 0o755 } else { 0o555 })).unwrap();
        }
        fs::set_permissions(&file, mode(if allowed { 0o644 } else { 0o444 })).unwrap();
    }
}

/// Root may write whatever the permissions say, unless it lets go of that right.
fn without_right_to_write(command: &Command) -> Command {
    let user = Command::new("id").arg("-u").output().unwrap();
    let mut limited = if text(&user) == "0" {
        let mut setpriv = Command::new("setpriv");
        setpriv.args(["--bounding-set=-dac_override", "--inh-caps=-dac_override"]).arg(command.get_program());
        setpriv
    } else {
        Command::new(command.get_program())
    };
    limited.args(command.get_args()).env_clear().stdin(Stdio::null());
    limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    limited
}

fn first_pack(data: &Path) -> PathBuf {
    let writer = fs::read_dir(data).unwrap().next().unwrap().unwrap().path();
    let mut packs: Vec<PathBuf> = fs::read_dir(writer).unwrap().map(|entry| entry.unwrap().path()).collect();
    packs.sort();
    packs.swap_remove(0)
}

#[test]
fn whoever_looks_into_a_damaged_point_is_told_which_object_it_is() {
    let server = Server::shared();
    server.create_database("cli_torn");
    server.sql("cli_torn", SHOP);
    let desk = Desk::new();
    ended(&mut desk.backup(server, "cli_torn"), 0);
    let stored = files(&desk.directory.path().join("vault/data"));
    let (contents, _) = stored.iter().find(|(path, _)| path.ends_with("c0000")).unwrap();
    fs::write(contents, "torn").unwrap();
    let told = complaint(&ended(desk.on_vault("show").arg("latest"), 12));
    assert!(told.contains("c0000"), "{told}");
}

#[test]
fn each_way_to_be_kept_out_has_its_code() {
    let server = Server::shared();
    server.create_database("cli_codes");
    let desk = Desk::new();
    let source = uri(server, "cli_codes");

    // Refused credentials.
    let mut wrong = desk.on_vault("backup");
    let refused = ended(wrong.args(["--source", &source]).env("PGPASSWORD", "wrong"), 11);
    assert!(!complaint(&refused).contains("wrong\""), "{}", complaint(&refused));
    // Not reachable: a port that nobody listens to.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = format!("postgresql://me@127.0.0.1:{closed}/app");
    ended(desk.on_vault("backup").args(["--source", &nobody]), 10);
    // Another vault than the one that is trusted.
    let other = Desk::new();
    let mut swapped = coffer();
    swapped.args(["list", "--vault", &desk.vault(), "--fingerprint", &other.fingerprint]);
    ended(swapped.arg("--identity").arg(desk.key()), 12);
    // A key of somebody else.
    let mut foreign = coffer();
    ended(foreign.args(["list", "--vault", &desk.vault()]).arg("--identity").arg(other.key()), 11);
    // A point that is not there.
    ended(desk.on_vault("show").arg("latest"), 1);
}

#[test]
fn the_doctor_finds_what_a_backup_would_stumble_over_and_leaves_no_trace() {
    let server = Server::shared();
    server.create_database("cli_doctor");
    server.sql("cli_doctor", SHOP);
    server.sql("cli_doctor", "CREATE ROLE cli_guest LOGIN PASSWORD 'guest'");
    let desk = Desk::new();
    let before = files(&desk.directory.path().join("vault"));
    let doctor = |user: &str, password: &str| {
        let mut doctor = desk.on_vault("doctor");
        let source = format!("host=127.0.0.1 port={} user={user} dbname=cli_doctor", server.port);
        doctor.args(["--source", &source, "-o", "json"]).env("PGPASSWORD", password);
        doctor
    };
    let well = json(&ended(&mut doctor(Server::USER, Server::PASSWORD), 0));
    let states = |found: &Value| -> Vec<String> {
        let checks = found["checks"].as_array().unwrap().iter();
        checks.map(|check| check["state"].as_str().unwrap().to_owned()).collect()
    };
    assert!(states(&well).iter().all(|state| state == "Passed") && states(&well).len() > 15, "{well}");
    assert_eq!(files(&desk.directory.path().join("vault")), before, "something was left in the vault");

    let denied = json(&ended(&mut doctor("cli_guest", "guest"), 1));
    let check = |found: &Value, name: &str| {
        let checks = found["checks"].as_array().unwrap();
        checks.iter().find(|check| check["check"] == name).unwrap().clone()
    };
    let privileges = check(&denied, "Privileges");
    assert_eq!(privileges["code"], "PrivilegesMissing", "{privileges}");
    assert!(privileges["detail"].as_str().unwrap().contains("shop.article"), "{privileges}");
    assert!(!denied["missingGrants"].as_array().unwrap().is_empty(), "{denied}");

    let other = Desk::new();
    let mut swapped = coffer();
    swapped.args(["doctor", "--vault", &desk.vault(), "--fingerprint", &other.fingerprint]);
    swapped.args(["--source", &uri(server, "cli_doctor")]).env("PGPASSWORD", "wrong");
    swapped.arg("--identity").arg(desk.key());
    let told = text(&ended(&mut swapped, 12));
    assert!(told.contains("LogIn") && told.contains("Fingerprint"), "both are told: {told}");
    let nowhere = format!("{}/nowhere", desk.vault());
    let missing = ended(coffer().args(["doctor", "--vault", &nowhere]), 1);
    assert!(text(&missing).contains("coffer vault"), "{}", text(&missing));
    ended(coffer().args(["doctor"]), 2);
}

#[test]
fn a_role_that_has_what_grants_prints_can_make_a_backup() {
    let server = Server::shared();
    server.create_database("cli_grants");
    server.sql("cli_grants", SHOP);
    let desk = Desk::new();
    let mut grants = coffer();
    grants.args(["grants", "--source", &uri(server, "cli_grants"), "--role", "cli \"saver\""]);
    let script = text(&ended(grants.env("PGPASSWORD", Server::PASSWORD), 0));
    server.sql("cli_grants", &script);
    server.sql("cli_grants", "ALTER ROLE \"cli \"\"saver\"\"\" PASSWORD 'saver'");
    let source = format!("postgresql://cli%20%22saver%22@127.0.0.1:{}/cli_grants", server.port);
    let mut backup = desk.on_vault("backup");
    ended(backup.args(["--source", &source]).env("PGPASSWORD", "saver"), 0);
    let mut refused = coffer();
    refused.args(["grants", "--source", &uri(server, "cli_grants"), "--role", "pg_saver"]);
    assert!(complaint(&ended(&mut refused, 2)).contains("pg_"));
}

#[test]
fn doctor_and_grants_go_through_every_database_of_a_server() {
    let server = Server::start(&Installation::usual(), &[]);
    for name in ["crm", "orders", "scratch_1"] {
        server.create_database(name);
    }
    server.sql("crm", "CREATE ROLE saver LOGIN PASSWORD 'saver'; CREATE TABLE deals (id int)");
    server.sql("postgres", "REVOKE CONNECT ON DATABASE orders FROM PUBLIC");
    let on_all = |command: &str, user: &str| {
        let mut run = coffer();
        let source = format!("postgresql://{user}@127.0.0.1:{}", server.port);
        run.args([command, "--source", &source, "--all-databases", "--exclude-database", "scratch_*"]);
        run
    };
    let doctor = |user: &str, password: &str, code: i32| {
        let mut doctor = on_all("doctor", user);
        json(&ended(doctor.args(["-o", "json"]).env("PGPASSWORD", password), code))
    };
    let denied = doctor("saver", "saver", 1);
    let first = &denied["checks"][0];
    assert_eq!(
        (&first["check"], &first["code"]),
        (&"Databases".into(), &"PrivilegesMissing".into()),
        "{denied}"
    );
    assert!(first["whatToDo"].as_str().unwrap().contains("GRANT CONNECT ON DATABASE \"orders\""), "{first}");
    let well = doctor(Server::USER, Server::PASSWORD, 0);
    let subjects: BTreeSet<&str> =
        well["checks"].as_array().unwrap().iter().filter_map(|check| check["subject"].as_str()).collect();
    assert_eq!(subjects.into_iter().collect::<Vec<_>>(), ["source crm", "source orders", "source postgres"]);

    let mut grants = on_all("grants", Server::USER);
    let script = text(&ended(grants.args(["--role", "saver"]).env("PGPASSWORD", Server::PASSWORD), 0));
    for database in ["crm", "orders", "postgres"] {
        assert!(script.contains(&format!("postgresql:///{database}\n")), "{database}: {script}");
    }
    assert!(!script.contains("scratch"), "{script}");
    server.sql("postgres", &script);
    assert!(doctor("saver", "saver", 0)["missingGrants"].as_array().unwrap().is_empty());
}

#[test]
fn a_failure_comes_with_a_hint() {
    let desk = Desk::new();
    let mut list = coffer();
    list.args(["list", "--vault", &format!("{}/nowhere", desk.vault())]).arg("--identity").arg(desk.key());
    let refused = ended(&mut list, 1);
    assert!(complaint(&refused).contains("\nhint: ") && complaint(&refused).contains("vault init"));
}

#[test]
fn without_a_fingerprint_the_vault_is_said_to_be_unauthenticated() {
    let desk = Desk::new();
    let mut list = coffer();
    let listed = ended(list.args(["list", "--vault", &desk.vault()]).arg("--identity").arg(desk.key()), 0);
    assert!(complaint(&listed).contains("UNAUTHENTICATED"), "{}", complaint(&listed));
    let listed = ended(&mut desk.on_vault("list"), 0);
    assert!(!complaint(&listed).contains("UNAUTHENTICATED"), "{}", complaint(&listed));
}

#[test]
fn what_this_release_cannot_do_is_refused_as_usage() {
    let desk = Desk::new();
    let target = "postgresql://postgres@127.0.0.1:1";
    for (command, arguments, part) in [
        ("restore", vec!["latest", "--target", target, "--schema", "s.t"], "name of a schema"),
        ("restore", vec!["latest", "--target", target, "--table", "t"], "SCHEMA.TABLE"),
        ("restore", vec!["latest", "--target", target, "--rename", "a"], "SCHEMA=NEW"),
        ("restore", vec!["latest", "--files", "x", "--target", target], "--target"),
        ("restore", vec!["latest"], "--target"),
        ("verify", vec!["latest", "--level", "4"], "--scratch"),
        ("verify", vec![], "POINT"),
        ("backup", vec!["--source", "postgresql://me:hunter2@127.0.0.1/app"], "PGPASSWORD"),
        ("backup", vec!["--source", target], "which database"),
        ("backup", vec!["--source", target, "--database", "a", "--keep", "3 months"], "P3M"),
        ("backup", vec!["--source", target, "--database", "a", "--time-zone", "Mars"], "time-zone"),
        ("show", vec!["abc"], "at least 6"),
    ] {
        let refused = ended(desk.on_vault(command).args(&arguments), 2);
        assert!(complaint(&refused).contains(part), "{arguments:?}: {}", complaint(&refused));
        assert!(!complaint(&refused).contains("hunter2"), "{}", complaint(&refused));
    }
    let mut elsewhere = coffer();
    elsewhere.args(["list", "--vault", "ftp://host/vault", "--identity", "/nonexistent"]);
    assert!(complaint(&ended(&mut elsewhere, 2)).contains("gs://bucket/prefix"));
    ended(coffer().args(["list", "--vault", &desk.vault()]), 2);
    ended(&mut coffer(), 2);

    let unmounted = format!("{}/unmounted/vault", desk.vault());
    let made =
        ended(coffer().args(["vault", "init", "--vault", &unmounted, "--recipient", &desk.recipient]), 2);
    assert!(complaint(&made).contains("unmounted/vault"), "{}", complaint(&made));
}

#[test]
fn nothing_that_is_there_is_overwritten() {
    let desk = Desk::new();
    let before = fs::read(desk.key()).unwrap();
    ended(coffer().args(["keygen", "-o"]).arg(desk.key()), 2);
    assert_eq!(fs::read(desk.key()).unwrap(), before);
    let again =
        ended(coffer().args(["vault", "init", "--vault", &desk.vault(), "--recipient", &desk.recipient]), 2);
    assert!(complaint(&again).contains("already"), "{}", complaint(&again));
    ended(&mut desk.on_vault("list"), 0);
}

#[test]
fn the_version_tells_whether_a_test_clock_is_obeyed() {
    let for_tests = Command::new(env!("CARGO_BIN_EXE_coffer-test-clock"));
    for (mut program, clock) in [(coffer(), "off"), (for_tests, "on")] {
        let version = text(&ended(program.arg("--version"), 0));
        assert_eq!(version, format!("coffer {} (test-clock: {clock})", env!("CARGO_PKG_VERSION")));
    }
    let help = text(&ended(coffer().arg("--help"), 0));
    assert!(help.contains("Exit codes") && help.contains("coffer keygen"), "{help}");
}
