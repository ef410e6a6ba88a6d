//! Sessions with a real server: who is let in, what TLS promises, statements, COPY in both directions, cancelling.

use crate::support::{Installation, Server};
use contract::{Connection, Credentials, Databases, FailureCode, Secret, Tls, TlsMode};
use mover::{
    check,
    postgres::{BINARY_HEADER, BINARY_TRAILER, Endpoint, PgError, Session, TransactionStatus, sqlstate},
};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    SanType,
};

const OFF: Tls = Tls { mode: TlsMode::Disable, ca: None, client: None };

async fn connect(connection: &Connection) -> Result<Session, PgError> {
    Endpoint::new(connection)?.connect("coffer test").await
}

async fn shared() -> Session {
    connect(&Server::shared().connection("postgres")).await.unwrap()
}

fn with_login(mut connection: Connection, user: &str, password: &str) -> Connection {
    connection.credentials = Credentials::Password { username: user.into(), password: Secret::new(password) };
    connection
}

fn code(result: Result<Session, PgError>) -> FailureCode {
    result.err().expect("it was let in").code()
}

#[tokio::test]
async fn rows_come_as_text_and_errors_leave_the_session_usable() {
    let mut session = shared().await;
    let rows = session.query("SELECT 1, NULL, 'ä'; SELECT 2, 'x', ''").await.unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0].parse::<i32>(0).unwrap(), rows[0].optional(1).unwrap()), (1, None));
    assert_eq!(rows[1].bytes(2).unwrap(), b"");
    let error = session.query("SELECT * FROM nowhere").await.unwrap_err();
    assert!(error.is(sqlstate::UNDEFINED_TABLE) && !error.ends_session(), "{error}");
    assert_eq!(session.query_one("SELECT 7").await.unwrap().parse::<i32>(0).unwrap(), 7);
    assert!(session.query_one("SELECT generate_series(1, 2)").await.is_err());
    session.execute("BEGIN").await.unwrap();
    assert_eq!(session.transaction_status(), TransactionStatus::Open);
    assert!(session.execute("SELECT 1/0").await.is_err());
    assert_eq!(session.transaction_status(), TransactionStatus::Failed);
    session.execute("ROLLBACK; DO $$BEGIN RAISE WARNING 'mind'; END$$").await.unwrap();
    assert_eq!(session.transaction_status(), TransactionStatus::Idle);
    assert_eq!(session.take_warnings()[0].message, "mind");
    let pid = session.query_one("SELECT pg_backend_pid()").await.unwrap().parse::<i32>(0).unwrap();
    assert_eq!(pid, session.process_id());
    session.close().await;
}

#[tokio::test]
async fn a_row_of_many_megabytes_and_a_million_small_ones_are_read() {
    let mut session = shared().await;
    let large = session.query_one("SELECT repeat('x', 20000000)").await.unwrap();
    assert_eq!(large.bytes(0).unwrap().len(), 20_000_000);
    let mut sum = 0;
    session
        .query_each("SELECT generate_series(1, 1000000)", |row| {
            sum += row.parse::<u64>(0)?;
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(sum, 500_000_500_000);
    let error = session.query("SELECT repeat('x', 10000000) FROM generate_series(1, 8)").await.unwrap_err();
    assert!(matches!(error, PgError::Answer(_)), "{error}");
    assert!(session.execute("SELECT 1").await.is_err(), "half of an answer is left");
}

/// All of a COPY's bytes and the number of its messages.
async fn copied(session: &mut Session, sql: &str) -> (Vec<u8>, usize, Option<u64>) {
    let mut copy = session.copy_out(sql).await.unwrap();
    let (mut bytes, mut messages) = (Vec::new(), 0);
    loop {
        while let Some(piece) = copy.piece().unwrap() {
            bytes.extend_from_slice(piece.bytes);
            messages += usize::from(piece.ends_message);
        }
        if !copy.fill().await.unwrap() {
            return (bytes, messages, copy.rows());
        }
    }
}

#[tokio::test]
async fn copy_out_gives_every_byte_and_every_row_boundary() {
    let mut session = shared().await;
    let (bytes, rows, counted) =
        copied(&mut session, "COPY (SELECT generate_series(1, 100000)) TO STDOUT").await;
    let expected: String = (1..=100_000).map(|number| format!("{number}\n")).collect();
    assert!(bytes == expected.as_bytes());
    assert_eq!((rows, counted), (100_000, Some(100_000)));
    let (bytes, rows, _) = copied(&mut session, "COPY (SELECT repeat('y', 50000000)) TO STDOUT").await;
    assert_eq!((bytes.len(), rows), (50_000_001, 1), "far more than any buffer holds");
    let (bytes, _, _) = copied(&mut session, "COPY (SELECT WHERE false) TO STDOUT (FORMAT binary)").await;
    assert_eq!(bytes, [&BINARY_HEADER[..], &BINARY_TRAILER].concat());
}

#[tokio::test]
async fn statements_around_a_copy_run_and_their_rows_are_told() {
    let mut session = shared().await;
    session.execute("BEGIN").await.unwrap();
    let sql = "SAVEPOINT a; SELECT 5; COPY (SELECT 1) TO STDOUT; SELECT 6; ROLLBACK TO a; RELEASE a";
    let mut copy = session.copy_out(sql).await.unwrap();
    assert_eq!(copy.rows_before()[0].parse::<i32>(0).unwrap(), 5);
    while copy.piece().unwrap().is_some() || copy.fill().await.unwrap() {}
    assert_eq!(copy.rows_after()[0].parse::<i32>(0).unwrap(), 6);
    assert_eq!(session.transaction_status(), TransactionStatus::Open);
    let failing = "COPY (SELECT 1 / (3 - g) FROM generate_series(1, 5) g) TO STDOUT";
    let mut copy = session.copy_out(failing).await.unwrap();
    let error = loop {
        while copy.piece().unwrap().is_some() {}
        if let Err(error) = copy.fill().await {
            break error;
        }
    };
    assert!(error.is("22012"), "{error}");
    session.execute("ROLLBACK").await.unwrap();
    assert!(session.copy_out("SELECT 1").await.is_err());
    assert!(session.copy_out("COPY nowhere TO STDOUT").await.is_err());
    session.execute("SELECT 1").await.unwrap();
}

#[tokio::test]
async fn copy_in_takes_bytes_cut_anywhere_and_reports_what_the_server_says() {
    let mut session = shared().await;
    session.execute("CREATE TEMP TABLE numbers (n int)").await.unwrap();
    let mut copy = session.copy_in("COPY numbers FROM STDIN").await.unwrap();
    let text: String = (1..=300_000).map(|number| format!("{number}\n")).collect();
    for piece in text.as_bytes().chunks(77_777) {
        copy.send(piece).await.unwrap();
    }
    assert_eq!(copy.finish().await.unwrap(), 300_000);
    let row = session.query_one("SELECT count(*), sum(n) FROM numbers").await.unwrap();
    assert_eq!((row.parse::<u64>(0).unwrap(), row.parse::<u64>(1).unwrap()), (300_000, 45_000_150_000));

    let mut copy = session.copy_in("COPY numbers FROM STDIN").await.unwrap();
    copy.send(b"1\nno number\n").await.unwrap();
    let endless = vec![b'7'; 1 << 20];
    let error = loop {
        // The server's error is heard while there is still much to send.
        if let Err(error) = copy.send(&endless).await {
            break error;
        }
    };
    assert!(error.is("22P02"), "{error}");
    let copy = session.copy_in("COPY numbers FROM STDIN").await.unwrap();
    copy.abort("on second thoughts").await.unwrap();
    assert_eq!(
        session.query_one("SELECT count(*) FROM numbers").await.unwrap().parse::<u64>(0).unwrap(),
        300_000
    );
}

#[tokio::test]
async fn a_running_statement_is_cancelled_from_elsewhere() {
    let mut session = shared().await;
    let handle = session.cancel_handle();
    let (slept, cancelled) = tokio::join!(session.execute(SLEEP), async {
        let mut other = shared().await;
        let sleeping = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE pid = {} AND wait_event = 'PgSleep'",
            handle_pid(&mut other).await
        );
        while other.query_one(&sleeping).await.unwrap().bytes(0).unwrap() != b"1" {}
        handle.cancel().await
    });
    cancelled.unwrap();
    assert!(slept.unwrap_err().is(sqlstate::QUERY_CANCELED));
    session.execute("SELECT 1").await.unwrap();
}

/// What no other test on this server says.
const SLEEP: &str = "SELECT pg_sleep(599)";

/// The one session that sleeps.
async fn handle_pid(session: &mut Session) -> i32 {
    let sql = format!("SELECT max(pid) FROM pg_stat_activity WHERE query = '{SLEEP}'");
    loop {
        if let Some(pid) = session.query_one(&sql).await.unwrap().parse_optional(0).unwrap() {
            return pid;
        }
    }
}

#[tokio::test]
async fn whoever_is_not_let_in_is_told_why() {
    let server = Server::shared();
    let connection = || server.connection("postgres");
    assert_eq!(
        code(connect(&with_login(connection(), "postgres", "wrong")).await),
        FailureCode::AuthenticationFailed
    );
    assert_eq!(
        code(connect(&with_login(connection(), "nobody", "x")).await),
        FailureCode::AuthenticationFailed
    );
    assert_eq!(
        code(connect(&with_login(connection(), "postgres", "")).await),
        FailureCode::AuthenticationFailed
    );
    assert_eq!(code(connect(&server.connection("nowhere")).await), FailureCode::DatabaseNotFound);
    let refused = Connection { port: 1, ..connection() };
    assert_eq!(code(connect(&refused).await), FailureCode::ConnectionRefused);
    let unknown = Connection { host: "no-such-host.invalid".into(), ..connection() };
    assert_eq!(code(connect(&unknown).await), FailureCode::HostNotFound);
    let required = Tls { mode: TlsMode::Require, ca: None, client: None };
    assert_eq!(
        code(connect(&Connection { tls: required, ..connection() }).await),
        FailureCode::TlsNotOffered
    );
    server.sql("postgres", "CREATE ROLE one_session LOGIN PASSWORD 'one' CONNECTION LIMIT 1");
    let one = with_login(connection(), "one_session", "one");
    let _held = connect(&one).await.unwrap();
    assert_eq!(code(connect(&one).await), FailureCode::TooManyConnections);
}

#[tokio::test]
async fn a_connection_string_gives_user_and_password_and_may_not_lead_elsewhere() {
    let server = Server::shared();
    server.sql("postgres", "CREATE ROLE odd LOGIN PASSWORD 'p@ss/:;'' \\x'");
    let with = |text: &str| Connection {
        credentials: Credentials::ConnectionString(Secret::new(text)),
        ..server.connection("postgres")
    };
    for text in [
        "postgresql://odd:p%40ss%2F%3a;'%20%5Cx@127.0.0.1/postgres",
        r"user=odd password='p@ss/:;\' \\x'",
        r#"Username=odd;Password="p@ss/:;' \x""#,
    ] {
        connect(&with(text)).await.unwrap().close().await;
    }
    let elsewhere = connect(&with("postgresql://odd:x@evil.example.com/postgres")).await;
    assert_eq!(code(elsewhere), FailureCode::InvalidConnection);
}

#[tokio::test]
async fn something_that_is_no_server_is_named_so_and_one_that_says_nothing_is_not_waited_for() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connection =
        Connection { port: listener.local_addr().unwrap().port(), ..Server::shared().connection("x") };
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = [0; 8];
        stream.read_exact(&mut asked).await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream
    };
    let (refused, _stream) = tokio::join!(connect(&connection), server);
    assert_eq!(code(refused), FailureCode::NotPostgres);
    let (hung_up, ()) = tokio::join!(connect(&connection), async { drop(listener.accept().await.unwrap()) });
    let hung_up = hung_up.err().unwrap();
    assert_eq!(hung_up.code(), FailureCode::ConnectionLost);
    assert!(hung_up.to_string().contains("check `host` and `port`"), "{hung_up}");
    tokio::time::pause();
    let (silent, _stream) = tokio::join!(connect(&connection), async { listener.accept().await.unwrap() });
    assert_eq!(code(silent), FailureCode::ConnectionTimedOut);
}

/// An authority, and what it signs.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(DnType::CommonName, name);
        Self { issuer: CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap() }
    }

    fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Certificate and key for a server of this name, or a client that is this user.
    fn sign(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        if let Ok(address) = name.parse() {
            parameters.subject_alt_names = vec![SanType::IpAddress(address)];
        }
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.extended_key_usages = vec![usage];
        (parameters.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

fn tls_server(certificate: &str, key: &str, client_ca: &str) -> Server {
    let hba = "hostssl all cert_user all cert\nhostssl all old_user all md5\nhostssl all clear_user all password\n\
               hostnossl all clear_user all password\nhostssl all all all scram-sha-256\n\
               hostnossl all postgres all scram-sha-256\n";
    let files =
        [("server.crt", certificate), ("server.key", key), ("ca.crt", client_ca), ("pg_hba.conf", hba)];
    let server = Server::start_with(&Installation::usual(), &["ssl=on", "ssl_ca_file=ca.crt"], &files);
    server.sql(
        "postgres",
        "CREATE ROLE cert_user LOGIN; CREATE ROLE clear_user LOGIN PASSWORD 'clear'; \
         SET password_encryption = md5; CREATE ROLE old_user LOGIN PASSWORD 'old'",
    );
    server
}

#[tokio::test]
async fn each_tls_mode_promises_what_it_says() {
    let (authority, stranger) = (Authority::new("ours"), Authority::new("another"));
    let (certificate, key) = authority.sign("localhost", ExtendedKeyUsagePurpose::ServerAuth);
    let server = tls_server(&certificate, &key, &authority.pem());
    let with = |host: &str, mode: TlsMode, ca: Option<String>| Connection {
        host: host.into(),
        tls: Tls { mode, ca, client: None },
        ..server.connection("postgres")
    };
    let (ours, theirs) = (Some(authority.pem()), Some(stranger.pem()));
    for (host, mode, ca, expected) in [
        ("localhost", TlsMode::VerifyFull, ours.clone(), None),
        ("127.0.0.1", TlsMode::VerifyFull, ours.clone(), Some("is not for \"127.0.0.1\"")),
        ("localhost", TlsMode::VerifyFull, theirs.clone(), Some("authority that is not known")),
        ("localhost", TlsMode::VerifyFull, None, Some("authority that is not known")),
        ("127.0.0.1", TlsMode::VerifyCa, ours.clone(), None),
        ("127.0.0.1", TlsMode::VerifyCa, theirs.clone(), Some("authority that is not known")),
        ("127.0.0.1", TlsMode::Require, None, None),
        ("127.0.0.1", TlsMode::Require, theirs, Some("authority that is not known")),
        ("127.0.0.1", TlsMode::Require, ours, None),
        ("127.0.0.1", TlsMode::Disable, None, None),
    ] {
        let result = connect(&with(host, mode, ca)).await;
        match (result, expected) {
            (Ok(mut session), None) => {
                let row = session
                    .query_one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
                    .await
                    .unwrap();
                assert_eq!(row.boolean(0).unwrap(), mode != TlsMode::Disable);
            }
            (Err(error), Some(reason)) => {
                assert_eq!(error.code(), FailureCode::TlsFailed);
                assert!(error.to_string().contains(reason), "{error}");
            }
            (Ok(_), Some(reason)) => panic!("{host} {mode:?} was let in; expected: {reason}"),
            (Err(error), None) => panic!("{host} {mode:?}: {error}"),
        }
    }
}

#[tokio::test]
async fn every_way_to_log_in_over_tls_works_and_clear_text_only_there() {
    let authority = Authority::new("ours");
    let (certificate, key) = authority.sign("127.0.0.1", ExtendedKeyUsagePurpose::ServerAuth);
    let server = tls_server(&certificate, &key, &authority.pem());
    let tls = |client| Tls { mode: TlsMode::VerifyFull, ca: Some(authority.pem()), client };
    let with = |user: &str, password: &str, tls: Tls| {
        with_login(Connection { tls, ..server.connection("postgres") }, user, password)
    };
    for (user, password) in [("old_user", "old"), ("clear_user", "clear"), (Server::USER, Server::PASSWORD)] {
        connect(&with(user, password, tls(None))).await.unwrap().close().await;
    }
    let clear = connect(&with("clear_user", "clear", OFF)).await;
    assert_eq!(code(clear), FailureCode::AuthenticationFailed);
    let (chain, key) = authority.sign("cert_user", ExtendedKeyUsagePurpose::ClientAuth);
    let with_certificate = tls(Some((chain, Secret::new(key))));
    connect(&with("cert_user", "", with_certificate)).await.unwrap().close().await;
    assert_eq!(code(connect(&with("cert_user", "", tls(None))).await), FailureCode::AuthenticationFailed);
}

#[tokio::test]
async fn a_certificate_that_the_server_signed_itself_is_believed_when_it_is_the_one_given() {
    let mut parameters = CertificateParams::new(vec!["localhost".into()]).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap().pem();
    let server = tls_server(&certificate, &key.serialize_pem(), &certificate);
    let with = |host: &str| Connection {
        host: host.into(),
        tls: Tls { mode: TlsMode::VerifyFull, ca: Some(certificate.clone()), client: None },
        ..server.connection("postgres")
    };
    connect(&with("localhost")).await.unwrap().close().await;
    assert_eq!(
        code(connect(&with("127.0.0.1")).await),
        FailureCode::TlsFailed,
        "the name counts all the same"
    );
}

#[tokio::test]
async fn a_check_says_what_is_well_and_stops_at_what_is_not() {
    use contract::CheckResult::{Failed, Passed, Skipped};
    let server = Server::shared();
    let results =
        |report: &contract::CheckReport| report.items.iter().map(|item| item.result).collect::<Vec<_>>();
    let report = check::run(&server.connection("postgres"), &Databases::Connected).await;
    assert_eq!(results(&report), [Passed; 14], "{report:?}");
    assert!(report.datasource_id.unwrap().ends_with("/postgres"));
    assert!(report.size_bytes.unwrap() > 1_000_000);
    let report = check::run(&server.connection("nowhere"), &Databases::Connected).await;
    assert_eq!(results(&report), [[Passed; 4].as_slice(), &[Failed], &[Skipped; 9]].concat());
    let found = |report: &contract::CheckReport, name: &str| {
        let item = report.items.iter().find(|item| item.name == name).unwrap();
        (item.result, item.failure.clone().unwrap())
    };
    assert_eq!(found(&report, "Database").1.code, FailureCode::DatabaseNotFound);
    server.create_database("checked");
    server.sql(
        "checked",
        "CREATE ROLE checker LOGIN PASSWORD 'checker'; CREATE TABLE \"Odd one\" (); CREATE SEQUENCE s; \
         CREATE TABLE seen (i int); GRANT SELECT ON seen TO checker",
    );
    let checker = with_login(server.connection("checked"), "checker", "checker");
    let report = check::run(&checker, &Databases::Connected).await;
    let (result, denied) = found(&report, "Privileges");
    assert_eq!((result, denied.code), (Failed, FailureCode::PrivilegesMissing));
    assert!(denied.message.contains("public.\"Odd one\", public.s;"), "{}", denied.message);
    assert_eq!(report.relations, Some(3));
    server.sql("checked", "GRANT pg_read_all_data TO checker; ALTER TABLE seen ENABLE ROW LEVEL SECURITY");
    let report = check::run(&checker, &Databases::Connected).await;
    let (result, hidden) = found(&report, "RowSecurity");
    assert_eq!((result, hidden.code), (Failed, FailureCode::RowSecurity));
    server.sql("checked", "ALTER ROLE checker BYPASSRLS");
    assert_eq!(results(&check::run(&checker, &Databases::Connected).await), [Passed; 14]);
}

#[tokio::test]
async fn row_a07_a_source_is_its_servers_identity_and_database_whatever_its_host_is_called() {
    let server = Server::shared();
    server.create_database("identified");
    let identity = server.sql("postgres", "SELECT system_identifier FROM pg_control_system()");
    for (host, database) in
        [("127.0.0.1", "postgres"), ("localhost", "postgres"), ("localhost", "identified")]
    {
        let connection = Connection { host: host.into(), ..server.connection(database) };
        let report = check::run(&connection, &Databases::Connected).await;
        assert_eq!(report.datasource_id, Some(format!("{identity}/{database}")), "{host}");
    }
}

/// The checks up to the first that is not well, and its code.
fn led_to(report: &contract::CheckReport) -> (Vec<&str>, Option<FailureCode>) {
    use contract::CheckResult::Passed;
    let passed = report.items.iter().take_while(|item| item.result == Passed).map(|item| item.name.as_str());
    let failed = report.items.iter().find_map(|item| item.failure.as_ref());
    (passed.collect(), failed.map(|failure| failure.code))
}

#[tokio::test]
async fn row_b03_name_connection_and_tls_are_checked_one_by_one() {
    let (authority, stranger) = (Authority::new("ours"), Authority::new("another"));
    let (certificate, key) = authority.sign("localhost", ExtendedKeyUsagePurpose::ServerAuth);
    let server = tls_server(&certificate, &key, &authority.pem());
    let trusting = |ca: &Authority| Connection {
        host: "localhost".into(),
        tls: Tls { mode: TlsMode::VerifyFull, ca: Some(ca.pem()), client: None },
        ..server.connection("postgres")
    };
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let steps = ["Resolve", "Connect", "Tls"];
    let cases = [
        (Connection { host: "nobody.invalid".into(), ..trusting(&authority) }, FailureCode::HostNotFound, 0),
        (
            Connection { host: "127.0.0.1".into(), port: closed, ..trusting(&authority) },
            FailureCode::ConnectionRefused,
            1,
        ),
        (trusting(&stranger), FailureCode::TlsFailed, 2),
    ];
    for (connection, code, well) in cases {
        let report = check::run(&connection, &Databases::Connected).await;
        assert_eq!(led_to(&report), (steps[..well].to_vec(), Some(code)), "{report:?}");
        let after = report.items.iter().skip(well + 1);
        assert!(after.clone().count() > 0 && after.clone().all(|item| item.failure.is_none()), "{report:?}");
    }
    let report = check::run(&trusting(&authority), &Databases::Connected).await;
    assert_eq!(led_to(&report).0[..3], steps);
    assert_eq!(led_to(&report).1, None);
}
