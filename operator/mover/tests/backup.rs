//! Backups of real servers: what is stored equals what psql reads, whatever happens meanwhile, and nothing is left behind.

mod support;

use std::{
    collections::HashMap,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use contract::{Connection, Credentials, Decision, Failure, FailureCode, Limits, Owner, RunId, Secret, Trigger};
use jiff::{SignedDuration, Timestamp};
use mover::{
    backup::{self, BackupDone, BackupJobInput},
    clock::Clock,
    digest::{Digest, RowDigester},
    format::{Manifest, PgText, RowFormat, SegmentEntry, SequenceEntry, TableEntry, TableKind},
    point::PointReader,
    progress::ProgressSink,
    schema::SchemaReader,
};
use support::{Installation, Server, TestCustody};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What a test asks of a backup.
struct Asked {
    connection: Connection,
    limits: Limits,
    deadline: SignedDuration,
    cancel: CancellationToken,
}

impl Asked {
    fn of(server: &Server, database: &str) -> Self {
        Self {
            connection: server.connection(database),
            limits: Limits { lanes: 3, lock_timeout_seconds: 20, bytes_per_second: None },
            deadline: SignedDuration::from_hours(1),
            cancel: CancellationToken::new(),
        }
    }

    fn by(mut self, user: &str, password: &str) -> Self {
        self.connection.credentials =
            Credentials::Password { username: user.into(), password: Secret::new(password) };
        self
    }

    fn slowly(mut self, bytes_per_second: u64) -> Self {
        self.limits.bytes_per_second = Some(bytes_per_second);
        self
    }

    fn with_lock_timeout(mut self, seconds: u32) -> Self {
        self.limits.lock_timeout_seconds = seconds;
        self
    }

    async fn run(self, custody: &TestCustody) -> Result<BackupDone, Failure> {
        let clock = Clock::system(SignedDuration::ZERO);
        let input = BackupJobInput {
            source: self.connection,
            owner: Owner::Cli { datasource_id: "test".into() },
            decision: Decision {
                tag: "test".into(),
                keep: None,
                time_zone: "UTC".into(),
                reason: "a test".into(),
                keep_at_least: 1,
                policy: None,
                trigger: Trigger::Cli,
            },
            limits: self.limits,
            deadline: clock.now().saturating_add(self.deadline).unwrap_or(Timestamp::MAX),
        };
        backup::run(&input, custody, &RunId("run-1".into()), &ProgressSink::new(1), self.cancel, &clock).await
    }

    /// In the background.
    fn start(self, custody: &Arc<TestCustody>) -> JoinHandle<Result<BackupDone, Failure>> {
        let custody = Arc::clone(custody);
        #[expect(clippy::disallowed_methods, reason = "the test waits for it")]
        tokio::spawn(async move { self.run(&custody).await })
    }
}

/// A point, read back.
struct Point {
    reader: PointReader,
    manifest: Manifest,
    tables: Vec<TableEntry>,
    segments: Vec<SegmentEntry>,
}

impl Point {
    async fn open(custody: &TestCustody, done: &BackupDone) -> Self {
        let clock = Clock::system(SignedDuration::ZERO);
        let reader = custody.open(&done.point, &done.writer, &clock).await;
        let manifest = reader.manifest(0).await.unwrap();
        let tables = reader.list::<TableEntry>(&manifest).await.unwrap();
        let segments = reader.list::<SegmentEntry>(&manifest).await.unwrap();
        assert_eq!(tables.len() as u64, manifest.tables);
        assert_eq!(segments.len() as u64, manifest.segments);
        Self { reader, manifest, tables, segments }
    }

    fn table(&self, schema: &str, name: &str) -> &TableEntry {
        let found = self.tables.iter().find(|table| table.schema == schema.into() && table.name == name.into());
        found.unwrap_or_else(|| panic!("{schema}.{name} is not in the point"))
    }

    /// A table's stored bytes, format by format.
    async fn stored(&self, table: &TableEntry) -> HashMap<RowFormat, Vec<u8>> {
        let mut stored: HashMap<RowFormat, Vec<u8>> = HashMap::new();
        let mut numbers = Vec::new();
        for segment in self.segments.iter().filter(|segment| segment.table == table.id) {
            let mut rows = self.reader.rows(segment);
            let bytes = stored.entry(segment.format).or_default();
            let before = bytes.len();
            while let Some(chunk) = rows.next().await.unwrap() {
                bytes.extend_from_slice(&chunk);
            }
            assert_eq!((bytes.len() - before) as u64, segment.plain_bytes);
            numbers.push(segment.number);
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (0..table.segments).collect::<Vec<_>>());
        stored
    }

    /// Compares every table of the point with what psql reads now.
    async fn expect_equal(&self, server: &Server, database: &str) {
        for table in self.tables.iter().filter(|table| table.kind == TableKind::Ordinary) {
            self.expect_table_equal(server, database, table).await;
        }
    }

    async fn expect_table_equal(&self, server: &Server, database: &str, table: &TableEntry) {
        let name = format!("{}.{}", table.schema, table.name);
        let stored = self.stored(table).await;
        assert!(stored.len() <= 1, "{name}");
        let format = stored.keys().next().copied().unwrap_or(RowFormat::Text);
        let mut ours = rows_of(format, stored.get(&format).map_or(&[], Vec::as_slice));
        let mut theirs = psql_rows(server, database, table, format);
        ours.sort_unstable();
        theirs.sort_unstable();
        assert!(ours == theirs, "{name}: {} rows stored, {} rows in the table", ours.len(), theirs.len());
        let digest = digest_of(&theirs);
        assert_eq!(table.rows(), digest.rows, "{name}");
        let expected: Vec<_> = (digest.rows > 0).then(|| digest.in_format(format)).into_iter().collect();
        assert_eq!(table.digests, expected, "{name}");
    }
}

/// Rows and sum, from the definition in FORMAT.md.
fn digest_of(rows: &[Vec<u8>]) -> Digest {
    let mut digester = RowDigester::default();
    for row in rows {
        let (head, tail) = row.split_at(row.len() / 2);
        digester.push(head, false);
        digester.push(tail, true);
    }
    let sum = rows.iter().fold(0_u128, |sum, row| sum.wrapping_add(xxhash_rust::xxh3::xxh3_128(row)));
    assert_eq!(digester.digest(), Digest { rows: rows.len() as u64, sum });
    digester.digest()
}

fn rows_of(format: RowFormat, mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut rows = Vec::new();
    while !bytes.is_empty() {
        let length = match format {
            RowFormat::Text => bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1,
            RowFormat::Binary => binary_row_length(bytes),
        };
        rows.push(bytes[..length].to_vec());
        bytes = &bytes[length..];
    }
    rows
}

fn binary_row_length(bytes: &[u8]) -> usize {
    let fields = u16::from_be_bytes([bytes[0], bytes[1]]);
    let mut at = 2;
    for _ in 0..fields {
        let length = i32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        at += 4 + usize::try_from(length.max(0)).unwrap();
    }
    at
}

/// A table's rows as psql copies them, under the settings that a backup promises.
fn psql_rows(server: &Server, database: &str, table: &TableEntry, format: RowFormat) -> Vec<Vec<u8>> {
    let quote = |name: &PgText| format!("\"{}\"", name.to_string().replace('"', "\"\""));
    let columns: Vec<String> = table.columns.iter().map(quote).collect();
    let suffix = if format == RowFormat::Binary { "(FORMAT binary)" } else { "" };
    let copy = format!(
        "COPY (SELECT {} FROM ONLY {}.{}) TO STDOUT {suffix}",
        columns.join(", "),
        quote(&table.schema),
        quote(&table.name)
    );
    let settings = "-c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=3 -c timezone=UTC \
                    -c bytea_output=hex -c lc_monetary=C -c search_path=";
    let mut psql = server.client("psql");
    psql.env("PGOPTIONS", settings).env("PGDATABASE", database).args(["-X", "-q", "-c", &copy]);
    let output = psql.output().unwrap();
    assert!(output.status.success(), "{copy}: {}", String::from_utf8_lossy(&output.stderr));
    let bytes = match format {
        RowFormat::Text => output.stdout.as_slice(),
        RowFormat::Binary => &output.stdout[19..output.stdout.len() - 2],
    };
    rows_of(format, bytes)
}

/// Waits until a query gives this answer.
async fn until(server: &Server, query: &str, answer: &str) {
    let start = std::time::Instant::now();
    while server.sql("postgres", query) != answer {
        assert!(start.elapsed() < Duration::from_secs(60), "{query} is still {}", server.sql("postgres", query));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Sessions of ours that the server still knows, in this database.
fn sessions(database: &str) -> String {
    format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'coffer run-1' AND datname = '{database}'")
}

async fn expect_nothing_left(server: &Server, database: &str, custody: &TestCustody) {
    until(server, &sessions(database), "0").await;
    assert!(!custody.stored().iter().any(|(name, _)| name.contains("/points/")), "a record was written");
}

/// A session of a test that goes on in the background, fed by hand.
struct Psql {
    child: std::process::Child,
}

impl Psql {
    fn start(server: &Server, database: &str) -> Self {
        let mut command = server.client("psql");
        command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database]);
        let child = command.env("PGAPPNAME", "by hand").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        Self { child }
    }

    fn say(&mut self, sql: &str) {
        use std::io::Write as _;
        let input = self.child.stdin.as_mut().unwrap();
        writeln!(input, "{sql}").unwrap();
    }

    fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

const TYPES: &str = include_str!("data/types.sql");

fn fresh(server: &Server, name: &str, sql: &str) {
    server.create_database(name);
    server.sql(name, sql);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_every_row_and_every_digest_is_what_psql_reads() {
    let server = Server::shared();
    fresh(server, "types", TYPES);
    let custody = TestCustody::new();
    let done = Asked::of(server, "types").run(&custody).await.unwrap();
    let point = Point::open(&custody, &done).await;
    point.expect_equal(server, "types").await;
    assert_eq!(point.table("public", "plain").digests[0].format, RowFormat::Binary);
    assert_eq!(point.table("public", "odd").digests[0].format, RowFormat::Text);
    assert!(point.table("public", "many").segments > 1, "{:?}", point.table("public", "many"));
    assert!(point.table("public", "wide").segments > 1, "what is in TOAST counts");
    assert_eq!(point.table("public", "no_columns").rows(), 2);
    assert_eq!(done.summary.rows, point.manifest.rows);
    assert_eq!(done.coverage, Vec::<String>::new());
    assert_eq!(done.warnings, Vec::<String>::new());
    assert!(done.summary.stored_bytes > 0 && done.summary.plain_bytes == point.manifest.plain_bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rich_database_is_stored_with_its_schema_and_nothing_of_it_can_be_read_in_storage() {
    let server = Server::start(&Installation::oldest(), &[]);
    server.sql("postgres", include_str!("data/roles.sql"));
    fresh(&server, "rich \"=' ä", include_str!("data/rich.sql"));
    let database = "rich \"=' ä";
    server.sql(
        database,
        "INSERT INTO app.customers (name) SELECT 'MARKER-IN-A-ROW ' || g FROM generate_series(1, 500) g; \
         INSERT INTO app.orders (customer, amount, note) SELECT id, id, name FROM app.customers; \
         INSERT INTO app.measures SELECT '2023-06-01'::date + g, g, g FROM generate_series(1, 600) g; \
         INSERT INTO app.base_table VALUES (1, 'parent'); INSERT INTO app.child_table VALUES (2, 'child', 3); \
         INSERT INTO app.no_columns DEFAULT VALUES; INSERT INTO app.other_method VALUES (5); \
         INSERT INTO \"Odd \"\"Schema\"\" ä\".\"Tab.le\nwith \"\"all\"\" of it\" VALUES (1, 'a', 'ü', '\\'); \
         ALTER DATABASE \"rich \"\"=' ä\" SET work_mem = '5MB'; COMMENT ON DATABASE \"rich \"\"=' ä\" IS 'a remark'; \
         GRANT CONNECT ON DATABASE \"rich \"\"=' ä\" TO bob; SELECT setval('app.alone', -50); \
         ALTER TABLE app.orders NO FORCE ROW LEVEL SECURITY",
    );
    let custody = TestCustody::new();
    let done = Asked::of(&server, database).run(&custody).await.unwrap();
    let point = Point::open(&custody, &done).await;
    point.expect_equal(&server, database).await;
    assert_eq!(point.table("app", "base_table").rows(), 1, "a parent has its own rows only");
    expect_properties(&point.manifest);
    expect_sequences(&server, database, &point).await;
    expect_schema(&server, database, &point).await;
    for (name, bytes) in custody.stored() {
        for marker in [&b"MARKER-IN-A-ROW"[..], b"customers", b"child_table", b"a remark", b"rich \"="] {
            assert!(!memchr::memmem::find(&bytes, marker).is_some(), "{name} shows {}", String::from_utf8_lossy(marker));
        }
    }
}

fn expect_properties(manifest: &Manifest) {
    let database = &manifest.database;
    assert_eq!(database.name, "rich \"=' ä".into());
    assert_eq!((database.encoding.as_str(), &database.owner), ("UTF8", &"postgres".into()));
    assert_eq!(database.comment, Some("a remark".into()));
    assert_eq!(database.settings[0].setting, "work_mem=5MB".into());
    let acl: Vec<String> = database.acl.iter().flatten().map(PgText::to_string).collect();
    assert!(acl.contains(&"bob=c/postgres".to_owned()), "{acl:?}");
    let roles: Vec<String> = manifest.roles.iter().map(PgText::to_string).collect();
    assert_eq!(roles, ["Role With \"Quotes\"", "alice", "bob", "postgres", "readers"]);
    assert!(manifest.extensions.iter().any(|extension| extension.name == "plpgsql".into()));
}

async fn expect_sequences(server: &Server, database: &str, point: &Point) {
    let sequences = point.reader.list::<SequenceEntry>(&point.manifest).await.unwrap();
    assert!(sequences.len() >= 5);
    for sequence in &sequences {
        let sql = format!("SELECT last_value, is_called FROM \"{}\".\"{}\"", sequence.schema, sequence.name);
        let called = if sequence.is_called { "t" } else { "f" };
        assert_eq!(server.sql(database, &sql), format!("{}|{called}", sequence.last_value), "{}", sequence.name);
    }
    assert!(sequences.iter().any(|sequence| sequence.name == "alone".into() && sequence.last_value == -50));
    assert!(sequences.iter().any(|sequence| sequence.name == "untouched".into() && !sequence.is_called));
}

/// The stored entries are those of the archive that pg_dump writes.
async fn expect_schema(server: &Server, database: &str, point: &Point) {
    let mut reader = SchemaReader::new(Box::pin(point.reader.schema(&point.manifest.schema).into_async_read()));
    let mut definitions = Vec::new();
    while let Some(entry) = reader.next_entry().await.unwrap() {
        definitions.push(entry.definition.to_string());
    }
    assert_eq!(definitions.len() as u64, point.manifest.schema.entries);
    let archive = server.archive_by(&server.installation, database);
    let mut archive = mover::archive::ArchiveReader::open(archive.as_slice()).await.unwrap();
    let mut expected = Vec::new();
    while let Some(entry) = archive.next_entry().await.unwrap() {
        expected.push(entry.definition.map(|definition| definition.to_string()).unwrap_or_default());
    }
    assert_eq!(definitions, expected);
}

const LARGE_OBJECTS: &str = "CREATE ROLE lo_owner; SELECT lo_from_bytea(1001, decode(repeat('ab', 3000), 'hex')); \
    SELECT lo_create(1002); SELECT lo_put(1002, 1000000, 'far'); SELECT lo_create(1003); \
    ALTER LARGE OBJECT 1003 OWNER TO lo_owner; COMMENT ON LARGE OBJECT 1001 IS 'remark'; GRANT SELECT ON LARGE OBJECT 1002 TO lo_owner; \
    DO $$BEGIN FOR i IN 1..300 LOOP PERFORM lo_from_bytea(0, convert_to(repeat('z', i * 1000), 'UTF8')); END LOOP; END$$";

#[tokio::test(flavor = "multi_thread")]
async fn large_objects_are_stored_with_holes_owners_and_remarks() {
    let server = Server::start(&Installation::oldest(), &[]);
    fresh(&server, "objects", LARGE_OBJECTS);
    let custody = TestCustody::new();
    let done = Asked::of(&server, "objects").run(&custody).await.unwrap();
    assert_eq!((done.summary.large_objects, done.summary.tables, done.summary.rows), (303, 0, 0));
    let point = Point::open(&custody, &done).await;
    let metadata = &point.stored(point.table("pg_catalog", "pg_largeobject_metadata")).await[&RowFormat::Text];
    let metadata = String::from_utf8(metadata.clone()).unwrap();
    assert_eq!(metadata.lines().count(), 303);
    assert!(metadata.contains("1001\tpostgres\t\\N\tremark\n") && metadata.contains("1003\tlo_owner\t\\N\t\\N\n"));
    assert!(metadata.contains("1002\tpostgres\t{postgres=rw/postgres,lo_owner=r/postgres}\t\\N\n"), "{metadata}");
    let pages = point.table("pg_catalog", "pg_largeobject");
    assert_eq!(pages.kind, TableKind::LargeObjectPages);
    let stored = rows_of(RowFormat::Binary, &point.stored(pages).await[&RowFormat::Binary]);
    let sql = "COPY (SELECT loid, pageno, data FROM pg_largeobject ORDER BY loid, pageno) TO STDOUT (FORMAT binary)";
    let output = server.client("psql").args(["-X", "-d", "objects", "-c", sql]).output().unwrap().stdout;
    assert!(stored == rows_of(RowFormat::Binary, &output[19..output.len() - 2]), "in order, page by page");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_read_pg_largeobject_reads_what_it_may_and_says_what_it_may_not() {
    let server = Server::start(&Installation::oldest(), &[]);
    fresh(&server, "objects", LARGE_OBJECTS);
    server.sql("objects", "ALTER ROLE lo_owner LOGIN PASSWORD 'x'");
    let custody = TestCustody::new();
    let done = Asked::of(&server, "objects").by("lo_owner", "x").run(&custody).await.unwrap();
    assert_eq!(done.summary.large_objects, 303);
    assert!(done.coverage[0].starts_with("the contents of 301 of 303 large objects cannot be read"), "{:?}", done.coverage);
    let point = Point::open(&custody, &done).await;
    let slices = point.table("pg_catalog", "pg_largeobject");
    assert_eq!((slices.kind, slices.rows()), (TableKind::LargeObjectSlices, 1));
    let row = &point.stored(slices).await[&RowFormat::Binary];
    assert_eq!((row.len(), &row[row.len() - 3..]), (2 + 4 + 4 + 4 + 8 + 4 + 1_000_003, &b"far"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_in_another_encoding_keeps_its_bytes() {
    let server = Server::shared();
    server.sql("postgres", "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    server.sql("latin", "SET client_encoding = UTF8; CREATE TABLE häuser (straße text); INSERT INTO häuser VALUES ('Käse')");
    let custody = TestCustody::new();
    let done = Asked::of(server, "latin").run(&custody).await.unwrap();
    let point = Point::open(&custody, &done).await;
    let table = &point.tables[0];
    assert_eq!(table.name.as_bytes(), b"h\xe4user");
    assert_eq!(table.columns[0].as_bytes(), b"stra\xdfe");
    assert_eq!(point.stored(table).await[&RowFormat::Binary], [&[0, 1, 0, 0, 0, 4][..], b"K\xe4se"].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_without_further_rights_can_back_up_over_tls_that_is_checked() {
    let mut ca = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = ca.self_signed(&key).unwrap().pem();
    let files = [("server.crt", certificate.as_str()), ("server.key", &key.serialize_pem())];
    let server = Server::start_with(&Installation::oldest(), &["ssl=on"], &files);
    fresh(
        &server,
        "readable",
        "CREATE ROLE reader LOGIN PASSWORD 'a:b\\c'; GRANT pg_read_all_data TO reader; CREATE TABLE t AS SELECT 1 AS x",
    );
    let mut asked = Asked::of(&server, "readable").by("reader", "a:b\\c");
    asked.connection.host = "localhost".into();
    asked.connection.tls =
        contract::Tls { mode: contract::TlsMode::VerifyFull, ca: Some(certificate), client: None };
    let custody = TestCustody::new();
    let done = asked.run(&custody).await.unwrap();
    assert_eq!(done.summary.rows, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_sees_one_instant_while_others_write() {
    let server = Server::shared();
    fresh(
        server,
        "busy",
        "CREATE TABLE accounts (id int PRIMARY KEY, balance bigint, pad text); CREATE TABLE log (n serial, moved bigint); \
         INSERT INTO accounts SELECT g, 1000, repeat('x', 700) FROM generate_series(1, 100000) g; \
         CREATE PROCEDURE work() LANGUAGE plpgsql AS $$DECLARE a int; b int; v int; BEGIN FOR i IN 1..1000000 LOOP \
         a := 1 + random() * 99999; b := 1 + random() * 99999; v := random() * 100; \
         UPDATE accounts SET balance = balance - v WHERE id = a; UPDATE accounts SET balance = balance + v WHERE id = b; \
         INSERT INTO log (moved) VALUES (v); COMMIT; END LOOP; END$$",
    );
    let mut writers: Vec<Psql> = (0..2).map(|_| Psql::start(server, "busy")).collect();
    for writer in &mut writers {
        writer.say("CALL work();");
    }
    until(server, "SELECT count(*) > 1 FROM pg_stat_activity WHERE query = 'CALL work();'", "t").await;
    let custody = TestCustody::new();
    let done = Asked::of(server, "busy").slowly(30_000_000).run(&custody).await.unwrap();
    server.sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'CALL work();'");
    for mut writer in writers {
        writer.child.wait().unwrap();
    }
    let point = Point::open(&custody, &done).await;
    let accounts = rows_of(RowFormat::Binary, &point.stored(point.table("public", "accounts")).await[&RowFormat::Binary]);
    let balance = |row: &[u8]| i64::from_be_bytes(row[14..22].try_into().unwrap());
    assert_eq!(accounts.len(), 100_000);
    assert_eq!(accounts.iter().map(|row| balance(row)).sum::<i64>(), 100_000_000);
    assert!(point.table("public", "accounts").segments > 1);
    let sequences = point.reader.list::<SequenceEntry>(&point.manifest).await.unwrap();
    let logged = rows_of(RowFormat::Binary, &point.stored(point.table("public", "log")).await[&RowFormat::Binary]);
    let newest = logged.iter().map(|row| i32::from_be_bytes(row[6..10].try_into().unwrap())).max().unwrap();
    assert!(sequences[0].last_value >= i64::from(newest), "the sequence is never behind the rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_change_between_list_and_lock_are_stored_as_the_snapshot_has_them() {
    let server = Server::shared();
    fresh(
        server,
        "changing",
        "CREATE TABLE held (i int); CREATE TABLE dropped (i int); CREATE TABLE truncated (i int); CREATE SCHEMA a; \
         CREATE SCHEMA b; CREATE TABLE a.t (i int); CREATE TABLE b.t (i int); INSERT INTO a.t VALUES (1); \
         INSERT INTO b.t VALUES (2); INSERT INTO dropped VALUES (1); INSERT INTO truncated SELECT generate_series(1, 99)",
    );
    let mut holder = Psql::start(server, "changing");
    holder.say("BEGIN; LOCK held IN ACCESS EXCLUSIVE MODE;");
    let held = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation IS NOT NULL";
    until(server, held, "1").await;
    let custody = Arc::new(TestCustody::new());
    let backup = Asked::of(server, "changing").start(&custody);
    until(server, "SELECT count(*) FROM pg_locks WHERE NOT granted", "1").await;
    server.sql(
        "changing",
        "DROP TABLE dropped; TRUNCATE truncated; INSERT INTO truncated VALUES (7); CREATE TABLE new (i int); \
         INSERT INTO new VALUES (8); ALTER SCHEMA a RENAME TO c; ALTER SCHEMA b RENAME TO a; ALTER SCHEMA c RENAME TO b",
    );
    holder.say("COMMIT;");
    let done = backup.await.unwrap().unwrap();
    holder.end();
    let point = Point::open(&custody, &done).await;
    point.expect_equal(server, "changing").await;
    let rows: Vec<(String, u64)> =
        point.tables.iter().map(|table| (format!("{}.{}", table.schema, table.name), table.rows())).collect();
    for expected in [("public.new", 1), ("public.truncated", 1), ("a.t", 1), ("b.t", 1), ("public.held", 0)] {
        assert!(rows.contains(&(expected.0.to_owned(), expected.1)), "{expected:?} in {rows:?}");
    }
    assert_eq!(rows.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_never_granted_ends_the_run_with_a_reason() {
    let server = Server::shared();
    fresh(server, "locked", "CREATE TABLE held (i int)");
    let mut holder = Psql::start(server, "locked");
    holder.say("BEGIN; LOCK held IN ACCESS EXCLUSIVE MODE;");
    until(server, "SELECT count(*) FROM pg_stat_activity WHERE datname = 'locked' AND state = 'idle in transaction'", "1").await;
    let custody = TestCustody::new();
    let failure = Asked::of(server, "locked").with_lock_timeout(1).run(&custody).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::LockTimeout);
    assert!(failure.message.contains("\"public\".\"held\""), "{}", failure.message);
    holder.end();
    expect_nothing_left(server, "locked", &custody).await;
}

const BIG: &str = "CREATE TABLE big (id int PRIMARY KEY, x text); ALTER TABLE big ALTER x SET STORAGE PLAIN; \
    INSERT INTO big SELECT g, repeat(md5(g::text), 60) FROM generate_series(1, 60000) g";

/// Waits until a lane of ours reads.
async fn until_reading(server: &Server, database: &str) {
    let reading = format!(
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = '{database}' AND query LIKE 'SAVEPOINT segment%' \
         AND state = 'active'"
    );
    until(server, &reading, "t").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_that_is_killed_costs_nothing_but_its_segment() {
    let server = Server::shared();
    fresh(server, "lanes", BIG);
    let custody = Arc::new(TestCustody::new());
    let backup = Asked::of(server, "lanes").slowly(20_000_000).start(&custody);
    for _ in 0..2 {
        until_reading(server, "lanes").await;
        let kill = "SELECT pg_terminate_backend(max(pid)) FROM pg_stat_activity WHERE datname = 'lanes' \
                    AND query LIKE 'SAVEPOINT segment%' AND state = 'active'";
        assert_eq!(server.sql("postgres", kill), "t");
    }
    let done = backup.await.unwrap().unwrap();
    let point = Point::open(&custody, &done).await;
    point.expect_equal(server, "lanes").await;
    assert_eq!(done.summary.rows, 60_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_killed_ends_the_run() {
    let server = Server::shared();
    fresh(server, "leader", BIG);
    let custody = Arc::new(TestCustody::new());
    let backup = Asked::of(server, "leader").slowly(10_000_000).start(&custody);
    until_reading(server, "leader").await;
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'leader' \
                AND application_name = 'coffer run-1' ORDER BY backend_start LIMIT 1";
    assert_eq!(server.sql("postgres", kill), "t");
    let failure = backup.await.unwrap().unwrap_err();
    assert_eq!(failure.code, FailureCode::ConnectionLost, "{}", failure.message);
    expect_nothing_left(server, "leader", &custody).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_ends_its_sessions_and_writes_no_record() {
    let server = Server::shared();
    fresh(server, "cancelled", BIG);
    let custody = Arc::new(TestCustody::new());
    let asked = Asked::of(server, "cancelled").slowly(5_000_000);
    let cancel = asked.cancel.clone();
    let backup = asked.start(&custody);
    until_reading(server, "cancelled").await;
    cancel.cancel();
    assert_eq!(backup.await.unwrap().unwrap_err().code, FailureCode::Cancelled);
    expect_nothing_left(server, "cancelled", &custody).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_for_a_lock_is_cancelled_at_once() {
    let server = Server::shared();
    fresh(server, "waiting", "CREATE TABLE held (i int)");
    let mut holder = Psql::start(server, "waiting");
    holder.say("BEGIN; LOCK held IN ACCESS EXCLUSIVE MODE;");
    until(server, "SELECT count(*) FROM pg_stat_activity WHERE datname = 'waiting' AND state = 'idle in transaction'", "1").await;
    let custody = Arc::new(TestCustody::new());
    let asked = Asked::of(server, "waiting").with_lock_timeout(600);
    let cancel = asked.cancel.clone();
    let backup = asked.start(&custody);
    until(server, "SELECT count(*) FROM pg_stat_activity WHERE datname = 'waiting' AND wait_event_type = 'Lock'", "1").await;
    cancel.cancel();
    assert_eq!(backup.await.unwrap().unwrap_err().code, FailureCode::Cancelled);
    // The lock is still held: the waiting backend was told to give up, though nobody listens to it any more.
    expect_nothing_left(server, "waiting", &custody).await;
    holder.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_past_its_deadline_stops_itself() {
    let server = Server::shared();
    fresh(server, "late", BIG);
    let custody = TestCustody::new();
    let mut asked = Asked::of(server, "late").slowly(1_000_000);
    asked.deadline = SignedDuration::from_secs(5);
    let failure = asked.run(&custody).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::DeadlineExceeded);
    expect_nothing_left(server, "late", &custody).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_too_long_for_our_locks_goes_first() {
    let server = Server::shared();
    fresh(server, "blocking", BIG);
    let custody = Arc::new(TestCustody::new());
    let backup = Asked::of(server, "blocking").slowly(1_000_000).with_lock_timeout(2).start(&custody);
    until_reading(server, "blocking").await;
    let mut impatient = Psql::start(server, "blocking");
    impatient.say("ALTER TABLE big ADD COLUMN y int;");
    let failure = backup.await.unwrap().unwrap_err();
    assert_eq!(failure.code, FailureCode::LockTimeout);
    assert!(failure.message.contains("by hand") && failure.message.contains("big"), "{}", failure.message);
    impatient.end();
    expect_nothing_left(server, "blocking", &custody).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_whose_index_is_locked_is_read_as_a_whole_by_the_leader() {
    let server = Server::shared();
    fresh(server, "indexed", BIG);
    let mut holder = Psql::start(server, "indexed");
    holder.say("BEGIN; REINDEX INDEX big_pkey;");
    let held = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'indexed' AND state = 'idle in transaction'";
    until(server, held, "1").await;
    let custody = TestCustody::new();
    let done = Asked::of(server, "indexed").run(&custody).await.unwrap();
    holder.say("COMMIT;");
    holder.end();
    let point = Point::open(&custody, &done).await;
    assert_eq!(point.table("public", "big").segments, 1);
    point.expect_equal(server, "indexed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_too_large_for_text_is_named_or_read_in_binary() {
    let server = Server::shared();
    fresh(
        server,
        "huge",
        "CREATE TABLE huge (b bytea, p point); ALTER TABLE huge ALTER b SET STORAGE EXTERNAL; \
         INSERT INTO huge SELECT decode(repeat('00', 300000000), 'hex'), '(1,2)'; \
         UPDATE huge SET b = b || b; INSERT INTO huge VALUES ('x', NULL)",
    );
    let custody = TestCustody::new();
    let done = Asked::of(server, "huge").run(&custody).await.unwrap();
    let point = Point::open(&custody, &done).await;
    let table = point.table("public", "huge");
    assert_eq!(table.rows(), 2);
    assert!(table.digests.iter().any(|digest| digest.format == RowFormat::Binary), "{table:?}");
    server.sql("huge", "ALTER TABLE huge ADD c money");
    let failure = Asked::of(server, "huge").run(&TestCustody::new()).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::RowTooLarge);
    assert!(failure.message.contains("\"public\".\"huge\""), "{}", failure.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sequence_that_was_set_back_meanwhile_is_told_and_the_further_value_kept() {
    let server = Server::shared();
    fresh(server, "counting", &format!("{BIG}; CREATE SEQUENCE forth; CREATE SEQUENCE back; SELECT setval('back', 900)"));
    let custody = Arc::new(TestCustody::new());
    let backup = Asked::of(server, "counting").slowly(20_000_000).start(&custody);
    until_reading(server, "counting").await;
    server.sql("counting", "SELECT setval('forth', 500), setval('back', 5)");
    let done = backup.await.unwrap().unwrap();
    assert_eq!(done.warnings, ["sequence public.back was set back during the backup; the value further on is stored"]);
    let point = Point::open(&custody, &done).await;
    let sequences = point.reader.list::<SequenceEntry>(&point.manifest).await.unwrap();
    let value = |name: &str| sequences.iter().find(|sequence| sequence.name == name.into()).unwrap().last_value;
    assert_eq!((value("forth"), value("back")), (500, 900));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_before_the_server_is_recognised() {
    // Enough of a pooler: it names a process that is not the one that answers.
    let server = Server::shared();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut asked = Asked::of(server, "postgres");
    asked.connection.port = listener.local_addr().unwrap().port();
    let upstream = server.port;
    let pooler = async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut backend = tokio::net::TcpStream::connect(("127.0.0.1", upstream)).await.unwrap();
        let (mut from_client, mut to_client) = client.split();
        let (mut from_backend, mut to_backend) = backend.split();
        let disguised = async {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            let mut buffer = vec![0; 65_536];
            loop {
                let read = from_backend.read(&mut buffer).await.unwrap_or(0);
                if read == 0 {
                    break;
                }
                if let Some(at) = memchr::memmem::find(&buffer[..read], b"K\0\0\0\x0c") {
                    buffer[at + 8] ^= 1;
                }
                if to_client.write_all(&buffer[..read]).await.is_err() {
                    break;
                }
            }
        };
        let _ = tokio::join!(disguised, tokio::io::copy(&mut from_client, &mut to_backend));
    };
    let custody = TestCustody::new();
    let failure = tokio::select! {
        failed = asked.run(&custody) => failed.unwrap_err(),
        () = pooler => panic!("the pooler ended first"),
    };
    assert_eq!(failure.code, FailureCode::PoolerUnsupported);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_cannot_be_whole_is_refused_before_anything_is_locked() {
    let server = Server::shared();
    fresh(server, "guarded", "CREATE ROLE guard LOGIN PASSWORD 'x'; CREATE TABLE secret (i int)");
    let custody = TestCustody::new();
    let failure = Asked::of(server, "guarded").by("guard", "x").run(&custody).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::PrivilegesMissing);
    assert!(failure.message.contains("public.secret"), "{}", failure.message);
    server.sql("guarded", "GRANT SELECT ON secret TO guard; ALTER TABLE secret ENABLE ROW LEVEL SECURITY");
    let failure = Asked::of(server, "guarded").by("guard", "x").run(&custody).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::RowSecurity);
    assert!(custody.stored().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_role_and_database_change_nothing() {
    let server = Server::shared();
    fresh(
        server,
        "settled",
        "CREATE TABLE t (at timestamptz, f float8, b bytea, m money, i interval, x xml); \
         INSERT INTO t SELECT '2024-03-31 02:30+02', 1.0/3 + g, 'x', '-1.5', '1 day -2 hours', '<a/>' FROM generate_series(1, 1000) g; \
         ALTER DATABASE settled SET timezone = 'Asia/Kathmandu'; ALTER DATABASE settled SET datestyle = 'SQL, DMY'; \
         ALTER DATABASE settled SET extra_float_digits = 0; ALTER DATABASE settled SET bytea_output = escape; \
         ALTER DATABASE settled SET intervalstyle = iso_8601; ALTER DATABASE settled SET statement_timeout = 1; \
         ALTER DATABASE settled SET idle_in_transaction_session_timeout = 1; ALTER DATABASE settled SET client_encoding = LATIN1; \
         ALTER DATABASE settled SET search_path = 'nowhere'; ALTER DATABASE settled SET enable_tidscan = off; \
         ALTER DATABASE settled SET default_transaction_isolation = serializable",
    );
    let custody = TestCustody::new();
    let done = Asked::of(server, "settled").run(&custody).await.unwrap();
    let point = Point::open(&custody, &done).await;
    let rows = String::from_utf8(point.stored(&point.tables[0]).await[&RowFormat::Text].clone()).unwrap();
    assert_eq!(rows.lines().count(), 1_000);
    assert_eq!(rows.lines().next(), Some("2024-03-31 00:30:00+00\t1.3333333333333333\t\\\\x78\t-$1.50\t1 day -02:00:00\t<a/>"));
}

/// Not a test of correctness: `cargo test --release --test backup -- --ignored --nocapture` prints how long a table of
/// about 1 GiB takes beside pg_dump.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn measure() {
    let settings = ["shared_buffers=2GB", "max_wal_size=8GB", "autovacuum=off"];
    let server = Server::start(&Installation::oldest(), &settings);
    fresh(
        &server,
        "measured",
        "CREATE TABLE orders (id bigint, made timestamptz, amount numeric(12,2), note text, key uuid, extra jsonb, a int, b int, c text, d date); \
         INSERT INTO orders SELECT g, '2024-01-01'::timestamptz + g * '1 second'::interval, g % 100000 / 100.0, \
         'note ' || md5(g::text), md5(g::text)::uuid, jsonb_build_object('n', g, 'k', md5((g % 1000)::text)), g % 7, g % 1000, \
         'status ' || g % 5, '2024-01-01'::date + g % 1000 FROM generate_series(1, 4000000) g; VACUUM ANALYZE orders",
    );
    eprintln!("heap: {}", server.sql("measured", "SELECT pg_size_pretty(pg_table_size('orders'))"));
    let client = |arguments: &str| {
        let program = server.installation.program("pg_dump");
        let mut shell = server.client("psql");
        let environment: Vec<_> = shell.get_envs().map(|(n, v)| (n.to_owned(), v.map(ToOwned::to_owned))).collect();
        shell = Command::new("sh");
        shell.arg("-c").arg(arguments.replace("pg_dump", &program.display().to_string()));
        for (name, value) in environment {
            shell.env(name, value.unwrap_or_default());
        }
        let start = std::time::Instant::now();
        assert!(shell.status().unwrap().success());
        start.elapsed()
    };
    for round in 1..=3 {
        let custody = TestCustody::new();
        let start = std::time::Instant::now();
        let mut asked = Asked::of(&server, "measured");
        asked.limits.lanes = 2;
        let done = asked.run(&custody).await.unwrap();
        eprintln!("{round}: coffer {:?}, {} plain, {} stored", start.elapsed(), done.summary.plain_bytes, done.summary.stored_bytes);
        drop(custody);
        eprintln!("{round}: pg_dump -Fc -Z0 | zstd -1 {:?}", client("pg_dump -Fc -Z0 -d measured | zstd -1 > /tmp/coffer-measure; stat -c %s /tmp/coffer-measure; rm /tmp/coffer-measure"));
        if round == 1 {
            eprintln!("{round}: pg_dump -Fc {:?}", client("pg_dump -Fc -d measured > /tmp/coffer-measure; stat -c %s /tmp/coffer-measure; rm /tmp/coffer-measure"));
        }
    }
}
