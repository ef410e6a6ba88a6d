//! Points made by the plainest means: whole tables by COPY, one after the other. An independent second opinion on what
//! restores read, and a way to make points that no backup would make.
#![allow(dead_code, reason = "each test program uses its own part of this")]

use std::sync::Mutex;

use contract::{
    DataStore, Decision, Failure, FailureCode, Owner, PointId, Progress, ReadGrant, RestoreOutcome, RunId,
    Settled, SourceServer, Stage, Storage, Trigger, WriteGrant, WriterId,
};
use jiff::{SignedDuration, Timestamp};
use mover::{
    archive::ArchiveReader,
    clock::Clock,
    custody::{Custody, RestoreStart},
    digest::StreamDigester,
    format::{
        DatabaseEntry, DatabaseSetting, Digest128, ExtensionEntry, FORMAT, FrameSpan, Id, LocaleProvider,
        Manifest, PgText, RowDigest, RowFormat, SchemaStreamRef, SegmentEntry, SequenceEntry, TableEntry,
        TableKind, push_span,
    },
    point::{Pack, PackKind, PointWriter, RecordDraft, WriterOptions},
    postgres::{BINARY_HEADER, BINARY_TRAILER, Endpoint, Session},
    schema,
    seal::{CatalogueKey, ChainKey},
    store,
};
use tempfile::TempDir;

use crate::support::Server;

const VAULT: Id = Id([7; 16]);
const WRITER: Id = Id([9; 16]);
const FRAME: usize = 64 << 10;

/// A point in a directory, and its custodian.
pub struct StoredPoint {
    pub directory: TempDir,
    pub grant: ReadGrant,
    pub manifest: Manifest,
    pub heard: Mutex<Vec<Heard>>,
}

/// What the custodian was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    Started(RestoreStart),
    Ended(RestoreOutcome),
}

/// How tables are stored.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    pub format: RowFormat,
    /// Text tables with more rows than this are cut into segments of so many rows.
    pub rows_per_segment: usize,
}

impl Default for Manner {
    fn default() -> Self {
        Self { format: RowFormat::Text, rows_per_segment: usize::MAX }
    }
}

impl StoredPoint {
    /// Stores a database as it is now; nobody may be changing it.
    pub async fn of(server: &Server, database: &str, manner: Manner) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::system(SignedDuration::ZERO);
        let storage = Storage::Filesystem { path: directory.path().to_str().unwrap().to_owned() };
        let run = RunId("backup".into());
        let point = Id::of_point(VAULT, &run);
        let record_key = CatalogueKey::from_bytes(&[1; 32]).record_key(VAULT, point, WRITER).to_base64();
        let chain_key = ChainKey::from_bytes(&[2; 32]).to_base64();
        let write = WriteGrant {
            vault_id: VAULT.to_string(),
            point: point.into(),
            storage: storage.clone(),
            chain_key: chain_key.clone(),
            record_key: record_key.clone(),
        };
        let store = store::connect(&storage, &clock).unwrap();
        let deadline = Timestamp::MAX;
        let writer =
            PointWriter::begin(store, &write, &run, WRITER, deadline, clock, WriterOptions::default())
                .await
                .unwrap();
        let manifest = Plain::new(server, database, manner, &writer).await.manifest().await;
        writer.add_database(&manifest).await.unwrap();
        let committed = writer.commit(draft(&manifest)).await.unwrap();
        let grant = ReadGrant {
            vault_id: VAULT.to_string(),
            point: point.into(),
            writer: WRITER.into(),
            storage,
            chain_key,
            record_key,
            record_hash: committed.record_hash.to_string(),
        };
        Self { directory, grant, manifest, heard: Mutex::default() }
    }

    pub fn point(&self) -> PointId {
        self.grant.point.clone()
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

impl Custody for StoredPoint {
    async fn write_grant(&self, _: &RunId, _: &WriterId) -> Result<WriteGrant, Failure> {
        Err(refused())
    }

    async fn read_grant(&self, _: &RunId, point: &PointId, _: &WriterId) -> Result<ReadGrant, Failure> {
        if *point == self.grant.point { Ok(self.grant.clone()) } else { Err(refused()) }
    }

    async fn progress(&self, _: &RunId, _: Progress) -> Result<(), Failure> {
        Ok(())
    }

    async fn restore_started(&self, _: &RunId, start: RestoreStart) -> Result<(), Failure> {
        self.heard.lock().unwrap().push(Heard::Started(start));
        Ok(())
    }

    async fn restore_ended(&self, _: &RunId, outcome: RestoreOutcome) -> Result<(), Failure> {
        self.heard.lock().unwrap().push(Heard::Ended(outcome));
        Ok(())
    }

    async fn read_ended(&self, _: &RunId) -> Result<(), Failure> {
        Ok(())
    }

    async fn settle(&self, _: &RunId, _: bool) -> Result<Settled, Failure> {
        Err(refused())
    }
}

fn refused() -> Failure {
    Failure {
        code: FailureCode::KeeperRefused,
        stage: Stage::Connecting,
        message: "no such point".into(),
        cause: None,
    }
}

fn draft(manifest: &Manifest) -> RecordDraft {
    RecordDraft {
        owner: Owner::Cli { datasource_id: "test".into() },
        decision: Decision {
            tag: "test".into(),
            keep: None,
            time_zone: "UTC".into(),
            reason: "test".into(),
            keep_at_least: 0,
            policy: None,
            trigger: Trigger::Cli,
        },
        source: SourceServer {
            server_version: manifest.server_version_text.clone(),
            system_identifier: None,
            size_bytes: 0,
            standby: false,
            role: None,
            program: None,
        },
        point_time: Timestamp::UNIX_EPOCH,
        data_stores: vec![DataStore {
            database: manifest.database.name.to_string(),
            snapshot_time: Timestamp::UNIX_EPOCH,
            tables: manifest.tables,
            rows: manifest.rows,
            large_objects: manifest.large_objects,
            plain_bytes: manifest.plain_bytes,
        }],
        coverage: Vec::new(),
        warnings: Vec::new(),
    }
}

/// A backup at work.
struct Plain<'a> {
    server: &'a Server,
    database: &'a str,
    manner: Manner,
    writer: &'a PointWriter,
    session: Session,
}

impl<'a> Plain<'a> {
    async fn new(server: &'a Server, database: &'a str, manner: Manner, writer: &'a PointWriter) -> Self {
        let endpoint = Endpoint::new(&server.connection(database)).unwrap();
        let mut session = endpoint.connect("plain backup").await.unwrap();
        let pins = "SET search_path = ''; SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres'; \
                    SET TimeZone = 'UTC'; SET extra_float_digits = 3; SET lc_monetary = 'C'; SET client_encoding = ";
        session.execute(format!("{pins} '{}'", server.sql(database, "SHOW server_encoding"))).await.unwrap();
        Self { server, database, manner, writer, session }
    }

    async fn manifest(mut self) -> Manifest {
        let schema = self.schema().await;
        let mut tables = self.tables().await;
        tables.extend(self.large_objects().await);
        let (mut lists, mut rows, mut plain_bytes, mut segment_count) = (Vec::new(), 0, 0, 0);
        let mut table_list = self.writer.list::<TableEntry>(0);
        let mut segment_list = self.writer.list::<SegmentEntry>(0);
        for (table, segments) in &tables {
            plain_bytes += table.plain_bytes;
            rows += if table.kind == TableKind::Ordinary { table.rows() } else { 0 };
            table_list.push(table.clone()).await.unwrap();
            for segment in segments {
                segment_count += 1;
                segment_list.push(segment.clone()).await.unwrap();
            }
        }
        lists.extend(table_list.finish().await.unwrap());
        lists.extend(segment_list.finish().await.unwrap());
        let sequences = self.sequences().await;
        let mut sequence_list = self.writer.list::<SequenceEntry>(0);
        for sequence in &sequences {
            sequence_list.push(sequence.clone()).await.unwrap();
        }
        lists.extend(sequence_list.finish().await.unwrap());
        let objects = tables.iter().filter(|(table, _)| table.kind == TableKind::LargeObjects);
        Manifest {
            format: FORMAT,
            database: self.entry().await,
            snapshot_time: Timestamp::UNIX_EPOCH,
            server_version: self.number("SHOW server_version_num").await,
            server_version_text: self.text("SHOW server_version").await.to_string(),
            schema,
            lists,
            tables: tables.len() as u64,
            segments: segment_count,
            sequences: sequences.len() as u64,
            large_objects: objects.map(|(table, _)| table.rows()).sum(),
            rows,
            plain_bytes,
            roles: self.names(ROLES).await,
            extensions: self.extensions().await,
            tablespaces: self.names(TABLESPACES).await,
            coverage: Vec::new(),
            warnings: Vec::new(),
            tool: "test".into(),
        }
    }

    async fn schema(&mut self) -> SchemaStreamRef {
        let archive = self.server.archive_by(&self.server.installation, self.database);
        let mut reader = ArchiveReader::open(&archive[..]).await.unwrap();
        let (mut stream, mut entries) = (Vec::new(), 0);
        while let Some(entry) = reader.next_entry().await.unwrap() {
            schema::encode(&entry.try_into().unwrap(), &mut stream).unwrap();
            entries += 1;
        }
        let plain_bytes = stream.len() as u64;
        let spans = self.put(PackKind::Schema, &stream).await;
        let (archive_version, dump_version) = ("1.14".into(), "15".into());
        SchemaStreamRef { entries, plain_bytes, spans, archive_version, dump_version }
    }

    async fn tables(&mut self) -> Vec<(TableEntry, Vec<SegmentEntry>)> {
        let mut tables = Vec::new();
        for row in self.session.query(TABLES).await.unwrap() {
            let id = u32::try_from(tables.len() + 1).unwrap();
            let entry = TableEntry {
                id,
                oid: row.parse(0).unwrap(),
                schema: row.text(1).unwrap(),
                name: row.text(2).unwrap(),
                kind: TableKind::Ordinary,
                columns: row.array(3).unwrap(),
                segments: 0,
                plain_bytes: 0,
                digests: Vec::new(),
            };
            let columns = schema::Sql::default().names(&entry.columns).into_bytes();
            let select = schema::Sql::default().text("SELECT ").raw(&columns).text(" FROM ONLY ");
            let select = select.qualified(&entry.schema, &entry.name).into_bytes();
            tables.push(self.store(entry, &select, self.manner).await);
        }
        tables
    }

    async fn large_objects(&mut self) -> Vec<(TableEntry, Vec<SegmentEntry>)> {
        let own = |id: u32, name: &str, kind, columns: &[&str]| TableEntry {
            id,
            oid: 0,
            schema: "pg_catalog".into(),
            name: name.into(),
            kind,
            columns: columns.iter().map(|name| (*name).into()).collect(),
            segments: 0,
            plain_bytes: 0,
            digests: Vec::new(),
        };
        let objects = own(
            1_000_001,
            "pg_largeobject_metadata",
            TableKind::LargeObjects,
            &["loid", "owner", "acl", "comment"],
        );
        let select = b"SELECT o.oid, pg_catalog.pg_get_userbyid(o.lomowner), o.lomacl, \
            pg_catalog.obj_description(o.oid, 'pg_largeobject') FROM pg_catalog.pg_largeobject_metadata o";
        let text = Manner { format: RowFormat::Text, ..self.manner };
        let objects = self.store(objects, select, text).await;
        let pages =
            own(1_000_002, "pg_largeobject", TableKind::LargeObjectPages, &["loid", "pageno", "data"]);
        let select = b"SELECT loid, pageno, data FROM pg_catalog.pg_largeobject";
        let pages = self.store(pages, select, self.manner).await;
        vec![objects, pages]
    }

    /// Stores the rows of a query as those of a table.
    async fn store(
        &mut self,
        mut entry: TableEntry,
        select: &[u8],
        manner: Manner,
    ) -> (TableEntry, Vec<SegmentEntry>) {
        let rows = self.rows(select, manner.format).await;
        entry.plain_bytes = rows.len() as u64;
        if rows.is_empty() {
            return (entry, Vec::new());
        }
        entry.digests.push(digest(manner.format, &rows));
        let mut segments = Vec::new();
        for part in cut(&rows, manner) {
            segments.push(SegmentEntry {
                table: entry.id,
                number: u32::try_from(segments.len()).unwrap(),
                format: manner.format,
                rows: digest(manner.format, part).rows,
                plain_bytes: part.len() as u64,
                spans: self.put(PackKind::Rows, part).await,
            });
        }
        entry.segments = u32::try_from(segments.len()).unwrap();
        (entry, segments)
    }

    async fn rows(&mut self, select: &[u8], format: RowFormat) -> Vec<u8> {
        let binary = if format == RowFormat::Binary { " (FORMAT binary)" } else { "" };
        let copy = schema::Sql::default().text("COPY (").raw(select).text(") TO STDOUT").text(binary);
        let mut copy = self.session.copy_out(copy.into_bytes()).await.unwrap();
        let mut rows = Vec::new();
        loop {
            while let Some(piece) = copy.piece().unwrap() {
                rows.extend_from_slice(piece.bytes);
            }
            if !copy.fill().await.unwrap() {
                break;
            }
        }
        match format {
            RowFormat::Text => rows,
            RowFormat::Binary => {
                let rows = rows.strip_prefix(&BINARY_HEADER).unwrap();
                rows.strip_suffix(&BINARY_TRAILER).unwrap().to_vec()
            }
        }
    }

    async fn put(&self, kind: PackKind, bytes: &[u8]) -> Vec<FrameSpan> {
        let mut spans = Vec::new();
        let mut pack: Pack = self.writer.open_pack(kind).await.unwrap();
        for frame in bytes.chunks(FRAME) {
            if !pack.fits(frame.len()) {
                self.writer.put(pack).await.unwrap();
                pack = self.writer.open_pack(kind).await.unwrap();
            }
            push_span(&mut spans, pack.push(frame).unwrap());
        }
        self.writer.put(pack).await.unwrap();
        spans
    }

    async fn sequences(&mut self) -> Vec<SequenceEntry> {
        let mut sequences = Vec::new();
        for row in self.session.query(SEQUENCES).await.unwrap() {
            let (schema, name) = (row.text(0).unwrap(), row.text(1).unwrap());
            let select =
                schema::Sql::default().text("SELECT last_value, is_called FROM ").qualified(&schema, &name);
            let value = self.session.query_one(select.into_bytes()).await.unwrap();
            sequences.push(SequenceEntry {
                schema,
                name,
                last_value: value.parse(0).unwrap(),
                is_called: value.boolean(1).unwrap(),
            });
        }
        sequences
    }

    async fn entry(&mut self) -> DatabaseEntry {
        let row = self.session.query_one(DATABASE).await.unwrap();
        let settings = self.session.query(SETTINGS).await.unwrap();
        DatabaseEntry {
            name: row.text(0).unwrap(),
            oid: row.parse(1).unwrap(),
            encoding: row.text(2).unwrap().to_string(),
            locale_provider: LocaleProvider::Libc,
            collate: row.text(3).unwrap(),
            ctype: row.text(4).unwrap(),
            locale: None,
            icu_rules: None,
            collation_version: row.optional_text(5).unwrap(),
            owner: row.text(6).unwrap(),
            comment: row.optional_text(7).unwrap(),
            tablespace: "pg_default".into(),
            connection_limit: row.parse(8).unwrap(),
            allow_connections: true,
            is_template: false,
            acl: row.optional_array(9).unwrap(),
            settings: settings
                .iter()
                .map(|row| DatabaseSetting {
                    role: row.optional_text(0).unwrap(),
                    setting: row.text(1).unwrap(),
                })
                .collect(),
            security_labels: Vec::new(),
        }
    }

    async fn extensions(&mut self) -> Vec<ExtensionEntry> {
        let rows = self.session.query(EXTENSIONS).await.unwrap();
        let entry = |name: PgText| ExtensionEntry { name, version: "1".into(), schema: "public".into() };
        rows.iter().map(|row| entry(row.text(0).unwrap())).collect()
    }

    async fn names(&mut self, sql: &str) -> Vec<PgText> {
        self.session.query(sql).await.unwrap().iter().map(|row| row.text(0).unwrap()).collect()
    }

    async fn text(&mut self, sql: &str) -> PgText {
        self.session.query_one(sql).await.unwrap().text(0).unwrap()
    }

    async fn number(&mut self, sql: &str) -> u32 {
        self.session.query_one(sql).await.unwrap().parse(0).unwrap()
    }
}

fn digest(format: RowFormat, rows: &[u8]) -> RowDigest {
    let mut digester = StreamDigester::new(format);
    digester.push(rows).unwrap();
    let digest = digester.finish().unwrap();
    RowDigest { format, rows: digest.rows, sum: Digest128(digest.sum) }
}

/// Text rows in runs of so many.
fn cut(rows: &[u8], manner: Manner) -> Vec<&[u8]> {
    if manner.format == RowFormat::Binary {
        return vec![rows];
    }
    let mut parts = Vec::new();
    let (mut start, mut count) = (0, 0);
    for (at, byte) in rows.iter().enumerate() {
        count += usize::from(*byte == b'\n');
        if count == manner.rows_per_segment {
            parts.push(&rows[start..=at]);
            (start, count) = (at + 1, 0);
        }
    }
    if start < rows.len() {
        parts.push(&rows[start..]);
    }
    parts
}

const TABLES: &str = "\
    SELECT c.oid, n.nspname, c.relname, ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a \
       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum) \
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') ORDER BY c.oid";
const SEQUENCES: &str = "\
    SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relkind = 'S' ORDER BY c.oid";
const ROLES: &str = "\
    SELECT DISTINCT r.rolname FROM pg_catalog.pg_shdepend d JOIN pg_catalog.pg_roles r ON r.oid = d.refobjid \
     WHERE d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass \
       AND (d.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) \
            OR d.objid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))";
const TABLESPACES: &str = "\
    SELECT DISTINCT t.spcname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_tablespace t ON t.oid = c.reltablespace \
     WHERE t.spcname NOT IN ('pg_global', 'pg_default')";
const EXTENSIONS: &str = "SELECT extname FROM pg_catalog.pg_extension WHERE extname <> 'plpgsql'";
const DATABASE: &str = "\
    SELECT datname, oid, pg_catalog.pg_encoding_to_char(encoding), datcollate, datctype, pg_catalog.to_jsonb(d)->>'datcollversion', \
           pg_catalog.pg_get_userbyid(datdba), pg_catalog.shobj_description(oid, 'pg_database'), datconnlimit, datacl \
      FROM pg_catalog.pg_database d WHERE datname = pg_catalog.current_database()";
const SETTINGS: &str = "\
    SELECT r.rolname, pg_catalog.unnest(s.setconfig) FROM pg_catalog.pg_db_role_setting s \
      LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole \
     WHERE s.setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())";

/// A point's files, for tests that damage them.
pub fn objects(point: &StoredPoint) -> Vec<std::path::PathBuf> {
    let data = point.directory.path().join("data").join(WRITER.to_string());
    let mut objects: Vec<_> = std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path()).collect();
    objects.sort();
    objects
}

/// The file of a point's record.
pub fn record(point: &StoredPoint) -> std::path::PathBuf {
    let records = point.directory.path().join("points");
    let mut files: Vec<_> = std::fs::read_dir(records).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.pop().unwrap()
}
