//! The statements that make roles, memberships, and what else belongs to a server.

use crate::{
    format::{DatabaseSetting, MembershipEntry, PgText, RoleEntry, SecurityLabel},
    restore::{acl::AclItem, database},
    schema::Sql,
};

/// Who is made the one who granted a membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Granted {
    By(PgText),
    /// Whoever restores.
    ByUs,
    /// Whoever restores, because the one who did may not here.
    ByNobodyKnown,
}

/// `CREATE ROLE`. A password that the server kept encrypted is taken as it is.
pub fn create(role: &RoleEntry) -> Vec<u8> {
    let mut sql = Sql::default().text("CREATE ROLE ").name(&role.name).text(" WITH ").text(&properties(role));
    if let Some(until) = &role.valid_until {
        sql = sql.text(" VALID UNTIL ").literal(until.as_bytes());
    }
    if let Some(password) = &role.password {
        sql = sql.text(" PASSWORD ").literal(password.as_bytes());
    }
    sql.into_bytes()
}

/// What a role may, in the words of `CREATE ROLE`.
pub fn properties(role: &RoleEntry) -> String {
    let words = [
        (role.is_superuser, "SUPERUSER"),
        (role.inherits, "INHERIT"),
        (role.may_create_roles, "CREATEROLE"),
        (role.may_create_databases, "CREATEDB"),
        (role.may_log_in, "LOGIN"),
        (role.may_replicate, "REPLICATION"),
        (role.bypasses_row_security, "BYPASSRLS"),
    ];
    let words = words.map(|(is_so, word)| if is_so { word.to_owned() } else { format!("NO{word}") });
    format!("{} CONNECTION LIMIT {}", words.join(" "), role.connection_limit)
}

pub fn comment(role: &PgText, comment: &PgText) -> Vec<u8> {
    let sql = Sql::default().text("COMMENT ON ROLE ").name(role).text(" IS ");
    sql.literal(comment.as_bytes()).into_bytes()
}

pub fn label(role: &PgText, label: &SecurityLabel) -> Vec<u8> {
    let sql = Sql::default().text("SECURITY LABEL FOR ").name(&label.provider).text(" ON ROLE ").name(role);
    sql.text(" IS ").literal(label.label.as_bytes()).into_bytes()
}

/// `GRANT role TO member`. `knows_options`: the target's memberships have them.
pub fn grant(entry: &MembershipEntry, granted: &Granted, knows_options: bool) -> Vec<u8> {
    let mut sql = Sql::default().text("GRANT ").name(&entry.role).text(" TO ").name(&entry.member);
    let options = match (knows_options, entry.inherit, entry.set) {
        (true, inherit, set) => {
            let option = |name: &str, is_on: bool| format!("{name} {}", if is_on { "TRUE" } else { "FALSE" });
            let mut options = vec![option("ADMIN", entry.admin)];
            options.extend(inherit.map(|inherit| option("INHERIT", inherit)));
            options.extend(set.map(|set| option("SET", set)));
            format!(" WITH {}", options.join(", "))
        }
        (false, ..) if entry.admin => " WITH ADMIN OPTION".to_owned(),
        (false, ..) => String::new(),
    };
    sql = sql.text(&options);
    if let Granted::By(grantor) = granted {
        sql = sql.text(" GRANTED BY ").name(grantor);
    }
    sql.into_bytes()
}

/// `ALTER ROLE … SET`; `None` for what is no setting.
pub fn setting(role: &PgText, setting: &DatabaseSetting) -> Option<Vec<u8>> {
    let sql = Sql::default().text("ALTER ROLE ").name(role);
    database::set(sql, &setting.setting)
}

/// `GRANT … ON PARAMETER`, each privilege for itself.
pub fn parameter(name: &PgText, item: &AclItem) -> Vec<Vec<u8>> {
    let words = |letter: u8| match letter {
        b's' => Some("SET"),
        b'A' => Some("ALTER SYSTEM"),
        _ => None,
    };
    let granted = item.privileges().iter().filter_map(|(letter, may_pass_on)| {
        let sql = Sql::default().text("GRANT ").text(words(*letter)?).text(" ON PARAMETER ");
        let sql = database::parameter(sql, &name.to_lossy()).text(" TO ");
        let sql = match item.grantee() {
            Some(role) => sql.name(role),
            None => sql.text("PUBLIC"),
        };
        Some(sql.text(if *may_pass_on { " WITH GRANT OPTION" } else { "" }).into_bytes())
    });
    granted.collect()
}
