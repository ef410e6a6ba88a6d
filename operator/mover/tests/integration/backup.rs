//! Backups of real servers: what is stored equals what psql reads, and what cannot be stored whole is refused.

use crate::support::{Asked, Installation, Point, Server, TestCustody, fresh, rows_of};
use contract::FailureCode;
use mover::{
    format::{Manifest, PgText, RowFormat, SequenceEntry, TableKind},
    schema::SchemaReader,
};

const TYPES: &str = include_str!("../data/types.sql");

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
    let server = Server::start(&Installation::usual(), &[]);
    server.sql("postgres", include_str!("../data/roles.sql"));
    fresh(&server, "rich \"=' ä", include_str!("../data/rich.sql"));
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
            assert!(
                memchr::memmem::find(&bytes, marker).is_none(),
                "{name} shows {}",
                String::from_utf8_lossy(marker)
            );
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
        assert_eq!(
            server.sql(database, &sql),
            format!("{}|{called}", sequence.last_value),
            "{}",
            sequence.name
        );
    }
    assert!(sequences.iter().any(|sequence| sequence.name == "alone".into() && sequence.last_value == -50));
    assert!(sequences.iter().any(|sequence| sequence.name == "untouched".into() && !sequence.is_called));
}

/// The stored entries are those of the archive that pg_dump writes.
async fn expect_schema(server: &Server, database: &str, point: &Point) {
    let mut reader =
        SchemaReader::new(Box::pin(point.reader.schema(&point.manifest.schema).into_async_read()));
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
    let server = Server::start(&Installation::usual(), &[]);
    fresh(&server, "objects", LARGE_OBJECTS);
    let custody = TestCustody::new();
    let done = Asked::of(&server, "objects").run(&custody).await.unwrap();
    assert_eq!((done.summary.large_objects, done.summary.tables, done.summary.rows), (303, 0, 0));
    let point = Point::open(&custody, &done).await;
    let metadata =
        &point.stored(point.table("pg_catalog", "pg_largeobject_metadata")).await[&RowFormat::Text];
    let metadata = String::from_utf8(metadata.clone()).unwrap();
    assert_eq!(metadata.lines().count(), 303);
    assert!(
        metadata.contains("1001\tpostgres\t\\N\tremark\n") && metadata.contains("1003\tlo_owner\t\\N\t\\N\n")
    );
    assert!(
        metadata.contains("1002\tpostgres\t{postgres=rw/postgres,lo_owner=r/postgres}\t\\N\n"),
        "{metadata}"
    );
    let pages = point.table("pg_catalog", "pg_largeobject");
    assert_eq!(pages.kind, TableKind::LargeObjectPages);
    let stored = rows_of(RowFormat::Binary, &point.stored(pages).await[&RowFormat::Binary]);
    let sql = "COPY (SELECT loid, pageno, data FROM pg_largeobject ORDER BY loid, pageno) TO STDOUT (FORMAT binary)";
    let output = server.client("psql").args(["-X", "-d", "objects", "-c", sql]).output().unwrap().stdout;
    assert!(stored == rows_of(RowFormat::Binary, &output[19..output.len() - 2]), "in order, page by page");
}

#[tokio::test(flavor = "multi_thread")]
async fn d21_a_role_that_may_not_read_pg_largeobject_reads_what_it_may_and_says_what_it_may_not() {
    let server = Server::start(&Installation::usual(), &[]);
    fresh(&server, "objects", LARGE_OBJECTS);
    server.sql("objects", "ALTER ROLE lo_owner LOGIN PASSWORD 'x'");
    let custody = TestCustody::new();
    let done = Asked::of(&server, "objects").by("lo_owner", "x").run(&custody).await.unwrap();
    assert_eq!(done.summary.large_objects, 303);
    assert!(
        done.coverage[0].starts_with("the contents of 301 of 303 large objects cannot be read"),
        "{:?}",
        done.coverage
    );
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
    server.sql(
        "latin",
        "SET client_encoding = UTF8; CREATE TABLE häuser (straße text); INSERT INTO häuser VALUES ('Käse')",
    );
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
    let server = Server::start_with(&Installation::usual(), &["ssl=on"], &files);
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
async fn a8_a_row_too_large_for_text_is_named_or_read_in_binary() {
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
async fn settings_of_role_and_database_change_nothing() {
    let server = Server::shared();
    fresh(
        server,
        "settled",
        "CREATE TABLE t (at timestamptz, f float8, b bytea, m money, i interval, x xml); \
         INSERT INTO t SELECT '2024-03-31 02:30+02', 1.0/3 + g, 'x', '-1.5', '1 day -2 hours', '<a/>' FROM generate_series(1, 300000) g; \
         ALTER DATABASE settled SET timezone = 'Asia/Kathmandu'; ALTER DATABASE settled SET datestyle = 'SQL, DMY'; \
         ALTER DATABASE settled SET extra_float_digits = 0; ALTER DATABASE settled SET bytea_output = escape; \
         ALTER DATABASE settled SET intervalstyle = iso_8601; ALTER DATABASE settled SET statement_timeout = 100; \
         ALTER DATABASE settled SET idle_in_transaction_session_timeout = 1; ALTER DATABASE settled SET client_encoding = LATIN1; \
         ALTER DATABASE settled SET search_path = 'nowhere'; ALTER DATABASE settled SET enable_tidscan = off; \
         ALTER DATABASE settled SET default_transaction_isolation = serializable",
    );
    let custody = TestCustody::new();
    let done = Asked::of(server, "settled").run(&custody).await.unwrap();
    let point = Point::open(&custody, &done).await;
    let rows = String::from_utf8(point.stored(&point.tables[0]).await[&RowFormat::Text].clone()).unwrap();
    // So many take longer to copy than a statement of this database may.
    assert_eq!(rows.lines().count(), 300_000);
    assert_eq!(
        rows.lines().next(),
        Some("2024-03-31 00:30:00+00\t1.3333333333333333\t\\\\x78\t-$1.50\t1 day -02:00:00\t<a/>")
    );
}
