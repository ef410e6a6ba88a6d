//! The statements that make a database, and that give it at the end what belongs to it: settings, comment, owner,
//! privileges, limits, and its name.

use super::acl::{self, AclError, AclItem, Target};
use crate::{
    format::{DatabaseEntry, DatabaseSetting, LocaleProvider, PgText},
    schema::{Owners, Sql},
};

/// The first major version whose databases have a locale provider.
const WITH_PROVIDER: u32 = 15;
/// The first one that takes rules for ICU.
const WITH_ICU_RULES: u32 = 16;

/// Settings that are lists of names: each element is a value of its own.
const LISTS: [&str; 7] = [
    "local_preload_libraries",
    "oauth_validator_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// `CREATE DATABASE`, with the encoding and locale of the source.
pub fn create(name: &PgText, source: &DatabaseEntry, target_major: u32) -> Vec<u8> {
    let mut sql = Sql::default().text("CREATE DATABASE ").name(name).text(" TEMPLATE template0 ENCODING ");
    sql = sql.literal(source.encoding.as_bytes());
    sql = sql.text(" LC_COLLATE ").literal(source.collate.as_bytes());
    sql = sql.text(" LC_CTYPE ").literal(source.ctype.as_bytes());
    if target_major >= WITH_PROVIDER {
        let (provider, locale) = match source.locale_provider {
            LocaleProvider::Libc => ("libc", None),
            LocaleProvider::Icu => ("icu", Some(" ICU_LOCALE ")),
            LocaleProvider::Builtin => ("builtin", Some(" BUILTIN_LOCALE ")),
        };
        sql = sql.text(" LOCALE_PROVIDER ").text(provider);
        if let (Some(word), Some(locale)) = (locale, &source.locale) {
            sql = sql.text(word).literal(locale.as_bytes());
        }
    }
    if let Some(rules) = source.icu_rules.as_ref().filter(|_| target_major >= WITH_ICU_RULES) {
        sql = sql.text(" ICU_RULES ").literal(rules.as_bytes());
    }
    if source.tablespace.as_bytes() != b"pg_default" && !source.tablespace.is_empty() {
        sql = sql.text(" TABLESPACE ").name(&source.tablespace);
    }
    sql.into_bytes()
}

/// `COMMENT ON DATABASE`; `None` takes a comment away.
pub fn comment(name: &PgText, comment: Option<&[u8]>) -> Vec<u8> {
    let sql = Sql::default().text("COMMENT ON DATABASE ").name(name).text(" IS ");
    match comment {
        Some(comment) => sql.literal(comment),
        None => sql.text("NULL"),
    }
    .into_bytes()
}

/// Keeps everybody but owner and superusers out of a database that is not finished.
pub fn close(name: &PgText) -> Vec<u8> {
    Sql::default().text("REVOKE ALL ON DATABASE ").name(name).text(" FROM PUBLIC").into_bytes()
}

/// Asks what a database is known by.
pub fn oid(name: &PgText) -> Vec<u8> {
    let sql = Sql::default().text("SELECT oid FROM pg_catalog.pg_database WHERE datname = ");
    sql.literal(name.as_bytes()).into_bytes()
}

pub fn drop(name: &PgText) -> Vec<u8> {
    Sql::default().text("DROP DATABASE IF EXISTS ").name(name).text(" WITH (FORCE)").into_bytes()
}

/// How many may be connected at the same time, superusers aside; -1: as many as like.
pub fn limit(name: &PgText, connections: i32) -> Vec<u8> {
    let sql = Sql::default().text("ALTER DATABASE ").name(name).text(" WITH CONNECTION LIMIT ");
    sql.number(connections).into_bytes()
}

pub fn rename(name: &PgText, to: &PgText) -> Vec<u8> {
    Sql::default().text("ALTER DATABASE ").name(name).text(" RENAME TO ").name(to).into_bytes()
}

pub fn change_owner(name: &PgText, owner: &PgText) -> Vec<u8> {
    Sql::default().text("ALTER DATABASE ").name(name).text(" OWNER TO ").name(owner).into_bytes()
}

/// Who may connect, as in the source. The database must be owned by its final owner.
///
/// # Errors
/// When the manifest holds something that is no aclitem.
pub fn privileges(
    name: &PgText,
    source: &DatabaseEntry,
    owner: &PgText,
    owners: &Owners,
    may_become: bool,
) -> Result<Vec<Vec<u8>>, AclError> {
    let object = Sql::default().name(name).into_bytes();
    let Some(items) = &source.acl else {
        let usual = Sql::default().text("GRANT CONNECT, TEMPORARY ON DATABASE ").name(name);
        return Ok(vec![usual.text(" TO PUBLIC").into_bytes()]);
    };
    let items: Vec<AclItem> = items.iter().map(AclItem::parse).collect::<Result<_, _>>()?;
    Ok(acl::statements(Target::Database, &object, &items, owner, owners, may_become))
}

/// What cannot be given to a database when it is made; nothing where the source has the usual.
pub fn options(name: &PgText, source: &DatabaseEntry) -> Option<Vec<u8>> {
    let mut sql = Sql::default().text("ALTER DATABASE ").name(name).text(" WITH");
    let bare = sql.clone();
    if source.is_template {
        sql = sql.text(" IS_TEMPLATE true");
    }
    if !source.allow_connections {
        sql = sql.text(" ALLOW_CONNECTIONS false");
    }
    (sql != bare).then(|| sql.into_bytes())
}

/// `ALTER DATABASE … SET` or `ALTER ROLE … IN DATABASE … SET`; `None` for what is no setting.
pub fn setting(database: &PgText, setting: &DatabaseSetting) -> Option<Vec<u8>> {
    let sql = match &setting.role {
        Some(role) => Sql::default().text("ALTER ROLE ").name(role).text(" IN DATABASE "),
        None => Sql::default().text("ALTER DATABASE "),
    };
    set(sql.name(database), &setting.setting)
}

/// Goes on with `SET parameter TO value`; `None` for what is no setting.
pub fn set(sql: Sql, setting: &PgText) -> Option<Vec<u8>> {
    let text = setting.as_bytes();
    let equals = text.iter().position(|byte| *byte == b'=')?;
    let (name, value) = (std::str::from_utf8(&text[..equals]).ok()?, &text[equals + 1..]);
    let mut sql = parameter(sql.text(" SET "), name).text(" TO ");
    if LISTS.contains(&name.to_ascii_lowercase().as_str()) {
        for (at, element) in elements(value).iter().enumerate() {
            sql = sql.text(if at == 0 { "" } else { ", " }).literal(element);
        }
        if elements(value).is_empty() {
            sql = sql.literal(b"");
        }
    } else {
        sql = sql.literal(value);
    }
    Some(sql.into_bytes())
}

/// A parameter's name. That of an extension has a prefix: each part is a name.
pub fn parameter(mut sql: Sql, name: &str) -> Sql {
    for (at, part) in name.split('.').enumerate() {
        sql = sql.text(if at == 0 { "" } else { "." }).name(&part.into());
    }
    sql
}

/// The elements of a list of names: between commas, in quotes or not.
fn elements(list: &[u8]) -> Vec<Vec<u8>> {
    let mut elements = Vec::new();
    let mut current = Vec::new();
    let mut is_quoted = false;
    let mut was_quoted = false;
    let mut bytes = list.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if is_quoted && bytes.peek() == Some(&b'"') => {
                bytes.next();
                current.push(b'"');
            }
            b'"' => {
                is_quoted = !is_quoted;
                was_quoted = true;
            }
            b',' if !is_quoted => {
                elements.push(std::mem::take(&mut current));
                was_quoted = false;
            }
            b' ' if !is_quoted => {}
            _ => current.push(byte),
        }
    }
    if was_quoted || !current.is_empty() || !elements.is_empty() {
        elements.push(current);
    }
    elements
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A database as any other.
    pub fn source() -> DatabaseEntry {
        DatabaseEntry {
            name: "shop".into(),
            oid: 16_384,
            encoding: "UTF8".into(),
            locale_provider: LocaleProvider::Libc,
            collate: "C.UTF-8".into(),
            ctype: "C.UTF-8".into(),
            locale: None,
            icu_rules: None,
            collation_version: None,
            owner: "alice".into(),
            comment: None,
            tablespace: "pg_default".into(),
            connection_limit: -1,
            allow_connections: true,
            is_template: false,
            acl: None,
            settings: Vec::new(),
            security_labels: Vec::new(),
        }
    }

    fn text(sql: Vec<u8>) -> String {
        String::from_utf8(sql).unwrap()
    }

    #[test]
    fn a_database_is_made_with_the_locale_of_its_source() {
        let mut made = source();
        assert_eq!(
            text(create(&"s".into(), &made, 15)),
            "CREATE DATABASE \"s\" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8' \
             LOCALE_PROVIDER libc"
        );
        assert!(!text(create(&"s".into(), &made, 14)).contains("PROVIDER"));
        made.locale_provider = LocaleProvider::Icu;
        made.locale = Some("de-DE".into());
        made.icu_rules = Some("&a < b".into());
        made.tablespace = "Fast".into();
        assert!(
            text(create(&"s".into(), &made, 16))
                .ends_with("LOCALE_PROVIDER icu ICU_LOCALE 'de-DE' ICU_RULES '&a < b' TABLESPACE \"Fast\"")
        );
        assert!(!text(create(&"s".into(), &made, 15)).contains("RULES"));
    }

    #[test]
    fn a_list_of_names_is_set_element_by_element_and_any_other_value_as_one() {
        let set = |role: Option<&str>, value: &str| {
            let setting = DatabaseSetting { role: role.map(Into::into), setting: value.into() };
            super::setting(&"d".into(), &setting).map(text)
        };
        assert_eq!(
            set(None, "search_path=\"$user\", \"we\"\"ird\", public").unwrap(),
            "ALTER DATABASE \"d\" SET \"search_path\" TO '$user', 'we\"ird', 'public'"
        );
        assert_eq!(set(None, "search_path=").unwrap(), "ALTER DATABASE \"d\" SET \"search_path\" TO ''");
        assert_eq!(set(None, "search_path=\"\"").unwrap(), "ALTER DATABASE \"d\" SET \"search_path\" TO ''");
        assert_eq!(
            set(Some("bob"), "my.ext=it's, so").unwrap(),
            "ALTER ROLE \"bob\" IN DATABASE \"d\" SET \"my\".\"ext\" TO 'it''s, so'"
        );
        assert_eq!(set(None, "nonsense"), None);
    }

    #[test]
    fn options_are_given_only_where_they_are_not_the_usual_ones() {
        let mut made = source();
        assert_eq!(options(&"d".into(), &made), None);
        made.allow_connections = false;
        assert_eq!(
            options(&"d".into(), &made).map(text).unwrap(),
            "ALTER DATABASE \"d\" WITH ALLOW_CONNECTIONS false"
        );
    }

    #[test]
    fn a_database_without_privileges_of_its_own_gets_the_usual_ones_back() {
        let grant = privileges(&"d".into(), &source(), &"alice".into(), &Owners::default(), true).unwrap();
        assert_eq!(grant.len(), 1);
        let mut closed = source();
        closed.acl = Some(vec!["alice=CTc/alice".into()]);
        let grant = privileges(&"d".into(), &closed, &"alice".into(), &Owners::default(), true).unwrap();
        assert_eq!(grant.len(), 2 + 3);
    }
}
