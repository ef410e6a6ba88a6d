use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> ConnectionString {
    ConnectionString::parse(text).unwrap()
}

fn app_at_db() -> ConnectionString {
    ConnectionString {
        user: Some("app".into()),
        password: Some(Secret::new("s3cret")),
        host: Some("db.example.com".into()),
        port: Some(6432),
        database: Some("orders".into()),
        tls: Some(TlsMode::VerifyFull),
    }
}

#[test]
fn row_b04_the_three_forms_say_the_same() {
    for text in [
        "postgresql://app:s3cret@db.example.com:6432/orders?sslmode=verify-full",
        "postgres://db.example.com:6432/orders?user=app&password=s3cret&sslmode=verify-full",
        "jdbc:postgresql://db.example.com:6432/orders?user=app&password=s3cret&sslmode=verify-full&reWriteBatchedInserts=true",
        "host=db.example.com port=6432 dbname=orders user=app password=s3cret sslmode=verify-full",
        " user = app password='s3cret' host=db.example.com\n port=6432 dbname=orders sslmode=verify-full connect_timeout=3",
        "Host=db.example.com;Port=6432;Database=orders;Username=app;Password=s3cret;SSL Mode=VerifyFull",
        "Server = db.example.com ; port = 6432 ; Initial Catalog = orders ; User Id = app ; pwd = \"s3cret\"; SslMode=verify-full; Pooling=true;",
    ] {
        assert!(parse(text) == app_at_db(), "{text}");
    }
}

#[test]
fn what_is_not_said_is_none() {
    assert!(parse("postgresql://") == ConnectionString::default());
    assert!(parse("postgresql:///?sslmode=prefer") == ConnectionString::default());
    assert!(parse("user=app").password.is_none());
    assert!(parse("Username=app").password.is_none());
    assert!(parse("postgres://app@db").password.is_none());
}

#[test]
fn a_password_keeps_every_character() {
    let password = |text: &str| parse(text).password.unwrap().reveal().to_owned();
    assert_eq!(password("postgres://app:p%40ss%2F%3a%25;%20+@db/x"), "p@ss/:%; +");
    assert_eq!(password("postgres://app:a:b@db"), "a:b");
    assert_eq!(password(r"user=app password='it\'s \\ a = pass;word'"), r"it's \ a = pass;word");
    assert_eq!(password(r"user=app password=a\ b;c"), "a b;c");
    assert_eq!(password("user=app password=a;b"), "a;b");
    assert_eq!(password("Username=app;Password='a;''b\"'"), "a;'b\"");
    assert_eq!(password("Username=app;Password=\"a\"\"=b c\" ; Host=x"), "a\"=b c");
    assert_eq!(password("Username=app;Password=a=b c"), "a=b c");
    assert_eq!(password("password=s3;user=app"), "s3");
}

#[test]
fn an_ipv6_address_and_a_socket_directory_are_hosts() {
    let parsed = parse("postgres://[2001:db8::1]:5433/x");
    assert_eq!((parsed.host.as_deref(), parsed.port), (Some("2001:db8::1"), Some(5433)));
    assert_eq!(parse("postgres://%2Fvar%2Frun/x").host.as_deref(), Some("/var/run"));
    assert_eq!(parse("host=/var/run/postgresql user=app").host.as_deref(), Some("/var/run/postgresql"));
}

#[test]
fn what_cannot_be_done_is_refused_with_its_reason() {
    use ConnectionStringError as E;
    for (text, error) in [
        ("  ", E::Empty),
        ("postgres://a,b/x", E::SeveralHosts),
        ("host=a,b user=x", E::SeveralHosts),
        ("Host=a,b;Username=x", E::SeveralHosts),
        ("postgres://h:0/x", E::BadPort),
        ("postgres://h:65536/x", E::BadPort),
        ("host=h port=x", E::BadPort),
        ("postgres://[::1/x", E::UnclosedBracket),
        ("postgres://u:%zz@h", E::BadEscape),
        ("postgres://h:%2", E::BadEscape),
        ("postgres://u:%2@h", E::BadEscape),
        ("postgres://u:%00@h", E::ControlCharacter),
        ("postgres://u:%ff@h", E::NotUtf8),
        ("postgres://h/x?sslmode=full", E::UnknownTlsMode),
        ("postgres://h/x?colour=blue", E::UnknownKeyword("colour".into())),
        ("postgres://h/x?password", E::MissingEquals("password".into())),
        ("hots=h user=x", E::UnknownKeyword("hots".into())),
        ("user=app password='abc", E::UnclosedQuote("password".into())),
        ("Username=app;Password='abc", E::UnclosedQuote("Password".into())),
        ("Username=app;Password='abc'd;", E::AfterQuote("Password".into())),
    ] {
        assert_eq!(ConnectionString::parse(text).err(), Some(error), "{text}");
    }
    assert_eq!(ConnectionString::parse(&"x".repeat(LIMIT + 1)).err(), Some(E::TooLong));
}

#[test]
fn row_b04_a_message_never_holds_part_of_a_value() {
    for text in [
        "user=app password=correct horse battery",
        "user=app password='correct' horse",
        "user=app password=correct horse=1",
        "postgres://db?password=correct&horse=1",
        "Username=app;Password=ok;horse",
        "postgres://app:horse%zz@db",
        "postgres://app:x@db:horse/x",
    ] {
        let message = ConnectionString::parse(text).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(!message.is_empty() && !message.contains("horse"), "{text}: {message}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_fail_otherwise_than_by_an_error(text in "\\PC{0,80}") {
        drop(ConnectionString::parse(&text));
    }

    #[test]
    fn quoted_as_each_form_asks_any_password_survives(password in "[ -~ü€]{1,40}") {
        let libpq = password.replace('\\', "\\\\").replace('\'', "\\'");
        let uri: String = password.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let ado = password.replace('"', "\"\"");
        for text in [
            format!("user=app password='{libpq}'"),
            format!("postgres://app:{uri}@db"),
            format!("Username=app;Password=\"{ado}\""),
        ] {
            let parsed = ConnectionString::parse(&text).unwrap();
            prop_assert_eq!(parsed.password.as_ref().map(Secret::reveal), Some(password.as_str()), "{}", text);
        }
    }
}
