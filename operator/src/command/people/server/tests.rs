//! What a person writes, and which server that is.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use contract::TlsMode;

use super::*;

fn resolved(uri: &str, environment: &Environment) -> Result<(String, u16, String, String, String), String> {
    let server = resolve(uri, environment).map_err(|error| error.to_string())?;
    let Credentials::Password { username, password } = server.connection.credentials else {
        return Err("not a password".into());
    };
    let Connection { host, port, database, .. } = server.connection;
    Ok((host, port, database, username, password.reveal().to_owned()))
}

fn is(
    host: &str,
    port: u16,
    database: &str,
    user: &str,
    password: &str,
) -> (String, u16, String, String, String) {
    (host.into(), port, database.into(), user.into(), password.into())
}

#[test]
fn uris_are_read_as_libpq_reads_them() {
    let none = Environment::from([("USER", "me")]);
    for (uri, expected) in [
        ("postgresql://app@db.example:5433/shop", is("db.example", 5433, "shop", "app", "")),
        ("postgres://db.example", is("db.example", 5432, "me", "me", "")),
        ("postgresql://app@db.example", is("db.example", 5432, "app", "app", "")),
        ("postgresql://a%40b@db.example/sh%2Fop+x", is("db.example", 5432, "sh/op+x", "a@b", "")),
        ("postgresql://[::1]:1/x", is("::1", 1, "x", "me", "")),
        ("postgresql://%2Frun%2Fpostgresql/x", is("/run/postgresql", 5432, "x", "me", "")),
        ("postgresql:///x?host=/run/postgresql&port=7", is("/run/postgresql", 7, "x", "me", "")),
        ("postgresql://app@:7/x?host=db.example", is("db.example", 7, "x", "app", "")),
        ("postgresql://db.example/x?user=app&application_name=y", is("db.example", 5432, "x", "app", "")),
    ] {
        assert_eq!(resolved(uri, &none).unwrap(), expected, "{uri}");
    }
}

#[test]
fn keywords_are_read_as_libpq_reads_them() {
    let none = Environment::from([("USER", "me")]);
    for (text, expected) in [
        ("host=db.example port=5433 dbname=shop user=app", is("db.example", 5433, "shop", "app", "")),
        (
            "host = '/run/postgresql' dbname='it\\'s' connect_timeout=3",
            is("/run/postgresql", 5432, "it's", "me", ""),
        ),
    ] {
        assert_eq!(resolved(text, &none).unwrap(), expected, "{text}");
    }
    for (text, part) in [
        ("host=db.example password=hunter2", "PGPASSWORD"),
        ("host=one,two dbname=x", "more than one host"),
        ("host=db.example options=-cx", "`options`"),
        ("host=db.example dbname='x", "quoted value"),
        ("service=nowhere", "`nowhere`"),
    ] {
        let refused = resolved(text, &none).unwrap_err();
        assert!(refused.contains(part) && !refused.contains("hunter2"), "{text}: {refused}");
    }
}

#[test]
fn what_cannot_be_done_is_refused_without_repeating_a_password() {
    let none = Environment::from([("USER", "me")]);
    for (uri, part) in [
        ("db.example", "no URI"),
        ("mysql://db.example/x", "no URI"),
        ("postgresql://app:hunter2@db.example/x", "PGPASSWORD"),
        ("postgresql://app:@db.example/x?password=hunter2", "PGPASSWORD"),
        ("postgresql://db.example/x?password=hunter2", "PGPASSWORD"),
        ("postgresql://one,two/x", "more than one host"),
        ("postgresql:///x?host=one,two", "more than one host"),
        ("postgresql://db.example:0/x", "port"),
        ("postgresql:///x", "PGHOST"),
        ("postgresql://db.example/x?options=-csearch_path%3Dy", "`options`"),
        ("postgresql://db.example/x?sslmode=prefer", "plain text"),
        ("postgresql://db.example/x?sslmode=verify_full", "not an sslmode"),
        ("postgresql://db.example/x?service=nowhere", "`nowhere`"),
        ("postgresql://db.example/x?sslrootcert=/nonexistent/ca.crt", "/nonexistent/ca.crt"),
    ] {
        let refused = resolved(uri, &none).unwrap_err();
        assert!(refused.contains(part), "{uri}: {refused}");
        assert!(!refused.contains("hunter2"), "{uri}: {refused}");
    }
    assert!(resolved("postgresql://db.example/x", &Environment::default()).unwrap_err().contains("PGUSER"));
}

#[test]
fn the_uri_ranks_above_the_service_and_the_service_above_the_variables() {
    let home = tempfile::tempdir().unwrap();
    let services = home.path().join("services");
    fs::write(&services, "[shop]\nhost=service.example\ndbname=shop\npassword=of-service\n").unwrap();
    let environment = Environment::from([
        ("PGSERVICEFILE", services.to_str().unwrap()),
        ("PGSERVICE", "shop"),
        ("PGHOST", "variable.example"),
        ("PGUSER", "of-variable"),
        ("PGPASSWORD", "of-variable"),
        ("PGDATABASE", "of-variable"),
    ]);
    let expected = is("service.example", 5432, "shop", "of-variable", "of-service");
    assert_eq!(resolved("postgresql://", &environment).unwrap(), expected);
    let expected = is("uri.example", 5432, "shop", "app", "of-service");
    assert_eq!(resolved("postgresql://app@uri.example", &environment).unwrap(), expected);
}

#[test]
fn a_password_file_is_asked_last() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(".pgpass");
    fs::write(&file, "db.example:*:x:app:of-file\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let path = home.path().to_str().unwrap();
    let uri = "postgresql://app@db.example/x";
    assert_eq!(resolved(uri, &[("HOME", path)].into()).unwrap().4, "of-file");
    assert_eq!(
        resolved(uri, &[("HOME", path), ("PGPASSWORD", "of-variable")].into()).unwrap().4,
        "of-variable"
    );
    assert!(!resolve("postgresql://app@db.example/y", &[("HOME", path)].into()).unwrap().has_password);
    let (named, home) = ("x".to_owned(), [("HOME", path)].into());
    for uri in ["postgresql://app@db.example", "postgresql://app@db.example/y"] {
        let server = resolve_in(uri, Some(&named), &home).unwrap();
        assert_eq!((server.connection.database.as_str(), server.has_password), ("x", true), "{uri}");
    }
}

#[test]
fn tls_is_verified_in_full_unless_the_server_is_this_machine_or_less_is_asked() {
    let mode = |uri: &str, environment: &Environment| resolve(uri, environment).unwrap().connection.tls.mode;
    let me = Environment::from([("USER", "me")]);
    for (uri, expected) in [
        ("postgresql://db.example/x", TlsMode::VerifyFull),
        ("postgresql://192.0.2.1/x", TlsMode::VerifyFull),
        ("postgresql://localhost/x", TlsMode::Disable),
        ("postgresql://127.0.0.7/x", TlsMode::Disable),
        ("postgresql://[::1]/x", TlsMode::Disable),
        ("postgresql:///x?host=/run/postgresql", TlsMode::Disable),
        ("postgresql://localhost/x?sslmode=verify-ca", TlsMode::VerifyCa),
        ("postgresql://db.example/x?sslmode=require", TlsMode::Require),
        ("postgresql://db.example/x?sslmode=disable", TlsMode::Disable),
    ] {
        assert_eq!(mode(uri, &me), expected, "{uri}");
    }
    let asked = Environment::from([("USER", "me"), ("PGSSLMODE", "verify-full")]);
    assert_eq!(mode("postgresql://localhost/x", &asked), TlsMode::VerifyFull);
}

#[test]
fn half_a_client_certificate_names_the_missing_half() {
    let home = tempfile::tempdir().unwrap();
    let certificate = home.path().join("client.crt");
    fs::write(&certificate, "pem").unwrap();
    let uri = format!("postgresql://db.example/x?sslcert={}", certificate.display());
    let refused = resolved(&uri, &[("USER", "me")].into()).unwrap_err();
    assert!(refused.contains("sslkey is not set"), "{refused}");
}
