//! Backups as tests ask for them, and points read back.

use std::{collections::HashMap, process::Stdio, sync::Arc, time::Duration};

use contract::{
    Connection, Credentials, Databases, Decision, Failure, Limits, Owner, RunId, Secret, Trigger,
};
use jiff::{SignedDuration, Timestamp};
use mover::{
    backup::{self, BackupDone, BackupJobInput},
    clock::Clock,
    custody::Custody,
    digest::{Digest, RowDigester},
    format::{Manifest, PgText, RowFormat, SegmentEntry, TableEntry, TableKind},
    point::PointReader,
    progress::ProgressSink,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Proxy, Server, TestCustody};

/// What a test asks of a backup.
pub struct Asked {
    pub connection: Connection,
    pub databases: Databases,
    pub limits: Limits,
    pub deadline: SignedDuration,
    pub cancel: CancellationToken,
}

impl Asked {
    pub fn of(server: &Server, database: &str) -> Self {
        Self::at(server.connection(database))
    }

    pub fn at(connection: Connection) -> Self {
        Self {
            connection,
            databases: Databases::Connected,
            limits: Limits { lanes: 3, lock_timeout_seconds: 20, bytes_per_second: None },
            deadline: SignedDuration::from_hours(1),
            cancel: CancellationToken::new(),
        }
    }

    pub fn by(mut self, user: &str, password: &str) -> Self {
        self.connection.credentials =
            Credentials::Password { username: user.into(), password: Secret::new(password) };
        self
    }

    pub fn of_databases(mut self, databases: Databases) -> Self {
        self.databases = databases;
        self
    }

    /// Reaches the server through a proxy.
    pub fn through(mut self, proxy: &Proxy) -> Self {
        self.connection.port = proxy.port;
        self
    }

    pub fn slowly(mut self, bytes_per_second: u64) -> Self {
        self.limits.bytes_per_second = Some(bytes_per_second);
        self
    }

    pub fn with_lock_timeout(mut self, seconds: u32) -> Self {
        self.limits.lock_timeout_seconds = seconds;
        self
    }

    pub async fn run(self, custody: &TestCustody) -> Result<BackupDone, Failure> {
        self.run_as(custody, &RunId("run-1".into()), &Clock::system(SignedDuration::ZERO)).await
    }

    /// With another custodian, as another run, at another time.
    pub async fn run_as(
        self,
        custody: &impl Custody,
        run: &RunId,
        clock: &Clock,
    ) -> Result<BackupDone, Failure> {
        let input = BackupJobInput {
            source: self.connection,
            databases: self.databases,
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
        backup::run(&input, custody, run, &ProgressSink::new(1), self.cancel, clock).await
    }

    /// In the background.
    pub fn start(self, custody: &Arc<TestCustody>) -> JoinHandle<Result<BackupDone, Failure>> {
        let custody = Arc::clone(custody);
        #[expect(clippy::disallowed_methods, reason = "the test waits for it")]
        tokio::spawn(async move { self.run(&custody).await })
    }
}

/// A point, read back.
pub struct Point {
    pub reader: PointReader,
    pub manifest: Manifest,
    pub tables: Vec<TableEntry>,
    pub segments: Vec<SegmentEntry>,
}

impl Point {
    pub async fn open(custody: &TestCustody, done: &BackupDone) -> Self {
        let clock = Clock::system(SignedDuration::ZERO);
        let reader = custody.open(&done.point, &done.writer, &clock).await;
        let manifest = reader.manifest(0).await.unwrap();
        let tables = reader.list::<TableEntry>(&manifest).await.unwrap();
        let segments = reader.list::<SegmentEntry>(&manifest).await.unwrap();
        assert_eq!(tables.len() as u64, manifest.tables);
        assert_eq!(segments.len() as u64, manifest.segments);
        Self { reader, manifest, tables, segments }
    }

    pub fn table(&self, schema: &str, name: &str) -> &TableEntry {
        let found =
            self.tables.iter().find(|table| table.schema == schema.into() && table.name == name.into());
        found.unwrap_or_else(|| panic!("{schema}.{name} is not in the point"))
    }

    /// A table's stored bytes, format by format.
    pub async fn stored(&self, table: &TableEntry) -> HashMap<RowFormat, Vec<u8>> {
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
    pub async fn expect_equal(&self, server: &Server, database: &str) {
        for table in self.tables.iter().filter(|table| table.kind == TableKind::Ordinary) {
            self.expect_table_equal(server, database, table).await;
        }
    }

    pub async fn expect_table_equal(&self, server: &Server, database: &str, table: &TableEntry) {
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
pub fn digest_of(rows: &[Vec<u8>]) -> Digest {
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

pub fn rows_of(format: RowFormat, mut bytes: &[u8]) -> Vec<Vec<u8>> {
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

pub fn binary_row_length(bytes: &[u8]) -> usize {
    let fields = u16::from_be_bytes([bytes[0], bytes[1]]);
    let mut at = 2;
    for _ in 0..fields {
        let length = i32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        at += 4 + usize::try_from(length.max(0)).unwrap();
    }
    at
}

/// A table's rows as psql copies them, under the settings that a backup promises.
pub fn psql_rows(server: &Server, database: &str, table: &TableEntry, format: RowFormat) -> Vec<Vec<u8>> {
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
pub async fn until(server: &Server, query: &str, answer: &str) {
    until_in(server, "postgres", query, answer).await;
}

/// As [`until`], of a query in another database.
pub async fn until_in(server: &Server, database: &str, query: &str, answer: &str) {
    let start = std::time::Instant::now();
    while server.sql(database, query) != answer {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "{query} is still {}",
            server.sql(database, query)
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Sessions of ours that the server still knows, in this database.
pub fn sessions(database: &str) -> String {
    format!(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'coffer run-1' AND datname = '{database}'"
    )
}

pub async fn expect_nothing_left(server: &Server, database: &str, custody: &TestCustody) {
    until(server, &sessions(database), "0").await;
    assert!(!custody.stored().iter().any(|(name, _)| name.contains("/points/")), "a record was written");
}

/// A session of a test that goes on in the background, fed by hand.
pub struct Psql {
    pub child: std::process::Child,
}

impl Psql {
    pub fn start(server: &Server, database: &str) -> Self {
        let mut command = server.client("psql");
        command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database]);
        let child =
            command.env("PGAPPNAME", "by hand").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        Self { child }
    }

    /// Statements with `\;` between them go as one: nobody sees the session between them.
    pub fn say(&mut self, sql: &str) {
        use std::io::Write as _;
        let input = self.child.stdin.as_mut().unwrap();
        writeln!(input, "{sql}").unwrap();
    }

    pub fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

pub fn fresh(server: &Server, name: &str, sql: &str) {
    server.create_database(name);
    server.sql(name, sql);
}
