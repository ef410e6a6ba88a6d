//! What a session that restores a schema says: its settings first, then for each entry the statements around its
//! definition.

use super::{Entry, Kind, Owners, SchemaError, Sql};
use crate::format::PgText;

/// `pg_class.relkind` of a partitioned table, which has no storage but passes its access method on.
const PARTITIONED_TABLE: u8 = b'p';

/// The settings that a schema brings with it: the database's encoding, how its strings are written, its search path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preamble {
    encoding: Option<PgText>,
    standard_strings: Option<PgText>,
    search_path: Option<PgText>,
}

impl Preamble {
    /// Takes note of an entry that sets something; `false` for any other.
    pub fn accept(&mut self, entry: &Entry) -> bool {
        let place = if entry.kind == Kind::Encoding {
            &mut self.encoding
        } else if entry.kind == Kind::StandardStrings {
            &mut self.standard_strings
        } else if entry.kind == Kind::SearchPath {
            &mut self.search_path
        } else {
            return false;
        };
        *place = Some(entry.definition.clone());
        true
    }

    /// The statements that begin every session of the restore on a server of this major version.
    pub fn statements(&self, major: u32) -> Vec<Vec<u8>> {
        let mut statements: Vec<Vec<u8>> = TIMEOUTS
            .iter()
            .filter(|(_, since)| major >= *since)
            .map(|(name, _)| format!("SET {name} = 0;").into_bytes())
            .collect();
        let own = [&self.encoding, &self.standard_strings, &self.search_path];
        statements.extend(own.into_iter().flatten().map(|statement| statement.as_bytes().to_vec()));
        statements.extend(FIXED.iter().map(|statement| statement.as_bytes().to_vec()));
        statements
    }
}

/// Settings that would end a long statement or an idle session, and the first major version that knows each.
const TIMEOUTS: [(&str, u32); 4] = [
    ("statement_timeout", 0),
    ("lock_timeout", 0),
    ("idle_in_transaction_session_timeout", 0),
    ("transaction_timeout", 17),
];

/// Bodies of functions may name what is not there yet, XML columns may hold documents and fragments, and a table whose
/// rows a policy hides must fail rather than look empty.
const FIXED: [&str; 4] = [
    "SET check_function_bodies = false;",
    "SET xmloption = content;",
    "SET client_min_messages = warning;",
    "SET row_security = off;",
];

/// What a session's defaults are, so that they are set only when they change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionState {
    tablespace: Option<PgText>,
    access_method: Option<PgText>,
}

/// One statement, to be sent by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub sql: Vec<u8>,
    /// Whether it is the entry's own definition, word for word; else it was made here.
    pub is_definition: bool,
}

impl SessionState {
    /// The statements that put an entry back in this session, in order.
    ///
    /// # Errors
    /// When nothing is known that gives the object to its owner.
    pub fn statements(&mut self, entry: &Entry, owners: &Owners) -> Result<Vec<Statement>, SchemaError> {
        let is_partitioned = entry.relation_kind == Some(PARTITIONED_TABLE);
        let mut statements = Vec::with_capacity(2);
        if let Some(tablespace) = changed(&mut self.tablespace, entry.tablespace.as_ref()) {
            statements.push(select_tablespace(tablespace));
        }
        if !is_partitioned
            && let Some(method) = changed(&mut self.access_method, entry.access_method.as_ref())
        {
            statements.push(made(Sql::default().text("SET default_table_access_method = ").name(method)));
        }
        statements.push(Statement { sql: entry.definition.as_bytes().to_vec(), is_definition: true });
        let owner = owners.statement(entry)?;
        statements.extend(owner.map(|sql| Statement { sql, is_definition: false }));
        if let (true, Some(namespace), Some(method)) =
            (is_partitioned, &entry.namespace, &entry.access_method)
        {
            let table = Sql::default().text("ALTER TABLE ").qualified(namespace, &entry.tag);
            statements.push(made(table.text(" SET ACCESS METHOD ").name(method)));
        }
        Ok(statements)
    }
}

fn made(sql: Sql) -> Statement {
    Statement { sql: sql.text(";").into_bytes(), is_definition: false }
}

/// What is wanted, where it is wanted and not there already.
fn changed<'a>(current: &mut Option<PgText>, wanted: Option<&'a PgText>) -> Option<&'a PgText> {
    let wanted = wanted.filter(|wanted| current.as_ref() != Some(wanted))?;
    *current = Some(wanted.clone());
    Some(wanted)
}

fn select_tablespace(name: &PgText) -> Statement {
    let set = Sql::default().text("SET default_tablespace = ");
    made(if name.is_empty() { set.literal(b"") } else { set.name(name) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::entry::tests::entry;

    fn texts(state: &mut SessionState, entry: &Entry) -> Vec<String> {
        let statements = state.statements(entry, &Owners::default()).unwrap();
        statements.into_iter().map(|statement| String::from_utf8(statement.sql).unwrap()).collect()
    }

    #[test]
    fn tablespace_and_access_method_are_set_when_they_change_and_only_then() {
        let mut state = SessionState::default();
        let mut table = entry(Kind::Table, "t");
        table.tablespace = Some("".into());
        table.access_method = Some("heap".into());
        assert_eq!(
            texts(&mut state, &table),
            [
                "SET default_tablespace = '';",
                "SET default_table_access_method = \"heap\";",
                "CREATE TABLE t;"
            ]
        );
        assert_eq!(texts(&mut state, &table), ["CREATE TABLE t;"]);
        assert_eq!(texts(&mut state, &entry(Kind::Function, "f()")), ["CREATE FUNCTION f();"]);
        table.tablespace = Some("Fast".into());
        assert_eq!(texts(&mut state, &table), ["SET default_tablespace = \"Fast\";", "CREATE TABLE t;"]);
    }

    #[test]
    fn a_partitioned_table_gets_its_access_method_afterwards() {
        let mut parent = entry(Kind::Table, "p");
        parent.relation_kind = Some(PARTITIONED_TABLE);
        parent.access_method = Some("columnar".into());
        assert_eq!(
            texts(&mut SessionState::default(), &parent),
            ["CREATE TABLE p;", "ALTER TABLE \"app\".\"p\" SET ACCESS METHOD \"columnar\";"]
        );
    }

    #[test]
    fn a_timeout_is_set_only_on_a_server_that_knows_it() {
        let mut preamble = Preamble::default();
        let mut encoding = entry(Kind::Encoding, "ENCODING");
        encoding.definition = "SET client_encoding = 'LATIN1';\n".into();
        assert!(preamble.accept(&encoding));
        assert!(!preamble.accept(&entry(Kind::Table, "t")));
        let has = |major, setting: &[u8]| {
            preamble
                .statements(major)
                .iter()
                .any(|text| text.windows(setting.len()).any(|part| part == setting))
        };
        assert!(!has(16, b"transaction_timeout"));
        assert!(has(17, b"transaction_timeout"));
        assert!(has(17, b"'LATIN1'"));
    }
}
