//! The script itself. It is plain SQL but for the `\connect` between databases, so that any client runs that of one
//! database.

use super::{ClosedCatalogue, DatabaseFacts, GrantRequest};
use crate::{format::PgText, schema::Sql};

/// Since this version there is a role that may read everything.
const READ_ALL_DATA: u32 = 140_000;
/// Since this version large objects have default privileges.
const LARGE_OBJECT_DEFAULTS: u32 = 180_000;
/// Most names that a comment lists.
const LISTED: usize = 20;

/// The whole script.
pub fn write(request: &GrantRequest, databases: &[DatabaseFacts]) -> Vec<u8> {
    let mut script = Script { sql: Sql::default(), role: PgText::from(request.role.as_str()) };
    script.opening(databases);
    for (number, facts) in databases.iter().enumerate() {
        if databases.len() > 1 {
            script.connect(facts);
        }
        script.begin();
        if number == 0 {
            script.create_role();
        }
        script.allow_connecting(facts);
        if facts.version >= READ_ALL_DATA && !request.object_by_object {
            script.read_all_data(facts);
        } else {
            script.object_by_object(facts);
        }
        script.row_security(facts);
        script.line("COMMIT;");
    }
    script.sql.into_bytes()
}

struct Script {
    sql: Sql,
    role: PgText,
}

impl Script {
    fn opening(&mut self, databases: &[DatabaseFacts]) {
        let names: Vec<String> =
            databases.iter().map(|facts| format!("\"{}\"", facts.name.to_lossy())).collect();
        let version = databases.first().map_or("", |facts| facts.version_text.as_str());
        self.comment(&format!(
            "What role \"{}\" needs to back up {} on PostgreSQL {version}, and nothing beyond it.",
            self.role.to_lossy(),
            names.join(", ")
        ));
        self.comment(&format!(
            "Written by {}. Read it, then run it as a superuser or as the provider's administrator, in psql: \
             psql -v ON_ERROR_STOP=1 -f FILE. It may be run again, and should be when `coffer doctor` finds something missing.",
            crate::TOOL
        ));
        self.spelling();
    }

    /// As a URI, in which nothing of a name can end the line or mean anything else.
    fn connect(&mut self, facts: &DatabaseFacts) {
        self.line("");
        self.line(&format!(
            "\\connect -reuse-previous=on postgresql:///{}",
            percent_encoded(facts.name.as_bytes())
        ));
        self.spelling();
    }

    /// Names in here are UTF-8, and quotes in texts are doubled.
    fn spelling(&mut self) {
        self.line("SET client_encoding = 'UTF8';");
        self.line("SET standard_conforming_strings = on;");
    }

    fn begin(&mut self) {
        self.line("BEGIN;");
    }

    fn create_role(&mut self) {
        self.line("");
        self.comment(
            "The role may log in and nothing else. It gets no password here, where it would be read: set one with \
             \\password in psql, which hashes it first, and give it to Coffer in a Secret, in PGPASSWORD or in a password file.",
        );
        let role = self.role.clone();
        let create = Sql::default()
            .text("BEGIN\n    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ")
            .literal(role.as_bytes())
            .text(") THEN\n        CREATE ROLE ")
            .name(&role)
            .text(" LOGIN;\n    END IF;\nEND");
        self.anonymous_block(&create.into_bytes());
    }

    fn allow_connecting(&mut self, facts: &DatabaseFacts) {
        self.line("");
        self.comment(
            "Everybody may connect unless that was revoked. Only then the role is granted it: a grant becomes part of the \
             database, and a restore elsewhere would want the role there, too.",
        );
        let block = Sql::default()
            .text("BEGIN\n    IF NOT pg_catalog.has_database_privilege(")
            .literal(self.role.as_bytes())
            .text(", ")
            .literal(facts.name.as_bytes())
            .text(", 'CONNECT') THEN\n        GRANT CONNECT ON DATABASE ")
            .name(&facts.name)
            .text(" TO ")
            .name(&self.role)
            .text(";\n    END IF;\nEND");
        self.anonymous_block(&block.into_bytes());
    }

    fn read_all_data(&mut self, facts: &DatabaseFacts) {
        self.line("");
        self.comment(
            "Reading is all: every schema, table, sequence and large object, also those that come later. It opens every \
             database of the server that the role may connect to, and on servers as they are installed the hashes of \
             passwords in pg_authid; `coffer grants --object-by-object` opens this database only.",
        );
        let role = self.role.clone();
        // A role that was there before may be one that does not use what it is a member of.
        let inherit = if facts.version >= 160_000 { " WITH INHERIT TRUE" } else { "" };
        self.statement(Sql::default().text("GRANT pg_read_all_data TO ").name(&role).text(inherit));
    }

    fn object_by_object(&mut self, facts: &DatabaseFacts) {
        self.line("");
        self.comment(
            "What is there now. These grants become part of the database: a restore elsewhere wants the role there, too, \
             or --owner.",
        );
        for schema in &facts.schemas {
            for what in
                ["USAGE ON SCHEMA ", "SELECT ON ALL TABLES IN SCHEMA ", "SELECT ON ALL SEQUENCES IN SCHEMA "]
            {
                let grant =
                    Sql::default().text("GRANT ").text(what).name(schema).text(" TO ").name(&self.role);
                self.statement(grant);
            }
        }
        self.default_privileges(facts);
        self.large_objects(facts);
        self.catalogues(&facts.closed_catalogues);
    }

    fn default_privileges(&mut self, facts: &DatabaseFacts) {
        self.line("");
        self.comment(
            "What is made later, by each role that owns something today. Whoever runs this has to be a member of them. \
             A role that begins to make tables later needs the same: run the script again then.",
        );
        let mut rights = vec!["USAGE ON SCHEMAS", "SELECT ON TABLES", "SELECT ON SEQUENCES"];
        if facts.version >= LARGE_OBJECT_DEFAULTS {
            rights.push("SELECT ON LARGE OBJECTS");
        }
        for owner in &facts.owners {
            for right in &rights {
                let grant = Sql::default().text("ALTER DEFAULT PRIVILEGES FOR ROLE ").name(owner);
                self.statement(grant.text(" GRANT ").text(right).text(" TO ").name(&self.role));
            }
        }
    }

    /// All of them at once where that is allowed; one by one where the table of large objects is closed.
    fn large_objects(&mut self, facts: &DatabaseFacts) {
        self.line("");
        self.comment(&format!(
            "Large objects: {} now. Their table holds all of them; where nobody may grant it, each is granted, and those \
             that come later need this again.",
            facts.large_objects
        ));
        let block = Sql::default()
            .text("DECLARE\n    object oid;\nBEGIN\n    GRANT SELECT ON pg_catalog.pg_largeobject TO ")
            .name(&self.role)
            .text(
                ";\nEXCEPTION WHEN insufficient_privilege THEN\n    FOR object IN SELECT m.oid FROM \
                 pg_catalog.pg_largeobject_metadata m LOOP\n        EXECUTE pg_catalog.format('GRANT SELECT ON LARGE OBJECT \
                 %s TO %I', object, ",
            )
            .literal(self.role.as_bytes())
            .text(");\n    END LOOP;\nEND");
        self.anonymous_block(&block.into_bytes());
    }

    fn catalogues(&mut self, closed: &[ClosedCatalogue]) {
        if closed.is_empty() {
            return;
        }
        self.line("");
        self.comment(
            "Catalogues that were closed on this server, and that pg_dump reads. Where nobody may open them, the backup \
             goes without, and its coverage says what is missing.",
        );
        for ClosedCatalogue { name, columns } in closed {
            let mut grant = Sql::default().text("GRANT SELECT ");
            if !columns.is_empty() {
                grant = grant.text("(").names(columns).text(") ");
            }
            let grant = grant.text("ON pg_catalog.").name(name).text(" TO ").name(&self.role);
            let block = Sql::default()
                .text("BEGIN\n    ")
                .raw(grant.as_bytes())
                .text(";\nEXCEPTION WHEN insufficient_privilege THEN\n    RAISE NOTICE ")
                .literal(format!("{} stays closed", name.to_lossy().replace('%', "%%")).as_bytes())
                .text(";\nEND");
            self.anonymous_block(&block.into_bytes());
        }
    }

    fn row_security(&mut self, facts: &DatabaseFacts) {
        self.line("");
        if facts.row_security.is_empty() {
            self.comment(
                "No table has row security, so that the role need not bypass it. A backup from which policies would hide \
                 rows is refused.",
            );
            return;
        }
        let named: Vec<String> =
            facts.row_security.iter().take(LISTED).map(|name| name.to_lossy().into_owned()).collect();
        let more = match facts.row_security.len().saturating_sub(LISTED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        self.comment(&format!(
            "Row security would hide rows of {}{more}. A backup without them is refused, so that the role has to bypass \
             policies. It takes a superuser, or from PostgreSQL 16 on a role that bypasses them itself. Leave this out \
             where the role owns these tables and row security is not forced.",
            named.join(", ")
        ));
        self.statement(Sql::default().text("ALTER ROLE ").name(&self.role.clone()).text(" BYPASSRLS"));
    }

    /// `DO` with the body between marks that it does not contain.
    fn anonymous_block(&mut self, body: &[u8]) {
        let tags = std::iter::once("$coffer$".to_owned()).chain((1..).map(|n| format!("$coffer{n}$")));
        let is_free = |tag: &String| !body.windows(tag.len()).any(|window| window == tag.as_bytes());
        let tag = tags.into_iter().find(is_free).unwrap_or_default();
        let block = Sql::default().text("DO ").text(&tag).text("\n").raw(body).text("\n").text(&tag);
        self.statement(block);
    }

    fn statement(&mut self, sql: Sql) {
        let mut line = sql.into_bytes();
        line.push(b';');
        self.raw_line(&line);
    }

    /// Names in comments come from databases: nothing in them may end the comment.
    fn comment(&mut self, text: &str) {
        const WIDTH: usize = 110;
        let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let mut line = String::from("--");
        for word in plain.split(' ') {
            if line.len() > 2 && line.len() + word.len() >= WIDTH {
                self.line(&line);
                "--".clone_into(&mut line);
            }
            line.push(' ');
            line.push_str(word);
        }
        self.line(&line);
    }

    fn line(&mut self, text: &str) {
        self.raw_line(text.as_bytes());
    }

    fn raw_line(&mut self, line: &[u8]) {
        self.sql = std::mem::take(&mut self.sql).raw(line).text("\n");
    }
}

fn percent_encoded(name: &[u8]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    name.iter()
        .map(|&byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(version: u32) -> DatabaseFacts {
        DatabaseFacts {
            version,
            version_text: "17.2".into(),
            name: "app".into(),
            schemas: vec!["public".into(), "sh\"op".into()],
            owners: vec!["owner".into()],
            ..DatabaseFacts::default()
        }
    }

    fn script(object_by_object: bool, databases: &[DatabaseFacts]) -> String {
        let request = GrantRequest::new("back'\"up", object_by_object).unwrap();
        String::from_utf8(request.script(databases)).unwrap()
    }

    /// The statements, without comments.
    fn statements(script: &str) -> String {
        script.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn from_14_on_one_role_is_enough_and_nothing_of_the_database_is_changed() {
        let script = statements(&script(false, &[facts(170_002)]));
        assert!(script.contains("GRANT pg_read_all_data TO \"back'\"\"up\" WITH INHERIT TRUE;"), "{script}");
        assert!(!script.contains("IN SCHEMA") && !script.contains("DEFAULT PRIVILEGES"), "{script}");
        assert!(!script.contains("BYPASSRLS") && !script.contains("PASSWORD"), "{script}");
        assert!(!statements(&self::script(false, &[facts(140_000)])).contains("INHERIT"));
    }

    #[test]
    fn before_14_and_on_request_each_schema_is_granted_with_what_comes_later() {
        for (object_by_object, version) in [(false, 130_010), (true, 170_002)] {
            let script = statements(&script(object_by_object, &[facts(version)]));
            assert!(!script.contains("pg_read_all_data"), "{script}");
            for part in [
                "GRANT USAGE ON SCHEMA \"sh\"\"op\" TO \"back'\"\"up\";",
                "GRANT SELECT ON ALL TABLES IN SCHEMA \"public\" TO",
                "GRANT SELECT ON ALL SEQUENCES IN SCHEMA \"public\" TO",
                "ALTER DEFAULT PRIVILEGES FOR ROLE \"owner\" GRANT SELECT ON TABLES TO \"back'\"\"up\";",
                "GRANT SELECT ON pg_catalog.pg_largeobject TO",
                "IF NOT pg_catalog.has_database_privilege('back''\"up', 'app', 'CONNECT')",
            ] {
                assert!(script.contains(part), "{part}: {script}");
            }
            assert!(!script.contains("ON LARGE OBJECTS"), "{script}");
        }
        assert!(script(true, &[facts(180_000)]).contains("GRANT SELECT ON LARGE OBJECTS TO"));
    }

    #[test]
    fn bypassing_row_security_is_granted_only_where_a_table_has_it_and_the_tables_are_named() {
        let with = DatabaseFacts { row_security: vec!["app.secret".into()], ..facts(170_002) };
        let script = script(false, &[with]);
        assert!(
            script.contains("app.secret") && script.contains("ALTER ROLE \"back'\"\"up\" BYPASSRLS;"),
            "{script}"
        );
    }

    #[test]
    fn a_name_cannot_leave_its_comment_nor_its_block() {
        let hostile = DatabaseFacts {
            name: "a$coffer$\n; DROP TABLE x; --".into(),
            row_security: vec!["app.\"b\nDROP TABLE y;\"".into()],
            ..facts(170_002)
        };
        let script = script(false, &[hostile]);
        assert!(script.contains("DO $coffer1$") && script.contains("\n$coffer1$;"), "{script}");
        assert!(!script.lines().any(|line| line.starts_with("DROP")), "{script}");
    }

    #[test]
    fn of_several_databases_each_is_connected_to_and_the_role_is_made_once() {
        let other = DatabaseFacts { name: "it's \"b\\".into(), ..facts(170_002) };
        let script = script(false, &[facts(170_002), other]);
        assert_eq!(script.matches("CREATE ROLE").count(), 1);
        assert!(script.contains("\\connect -reuse-previous=on postgresql:///app\n"), "{script}");
        assert!(script.contains("postgresql:///it%27s%20%22b%5C\n"), "{script}");
    }

    #[test]
    fn closed_catalogues_are_opened_where_somebody_may_and_told_where_not() {
        let closed = vec![
            ClosedCatalogue { name: "pg_user_mappings".into(), columns: Vec::new() },
            ClosedCatalogue { name: "pg_subscription".into(), columns: vec!["oid".into(), "subdbid".into()] },
        ];
        let script = script(true, &[DatabaseFacts { closed_catalogues: closed, ..facts(130_010) }]);
        assert!(script.contains("GRANT SELECT ON pg_catalog.\"pg_user_mappings\" TO"), "{script}");
        assert!(script.contains("GRANT SELECT (\"oid\", \"subdbid\") ON pg_catalog.\"pg_subscription\" TO"));
        assert!(script.contains("WHEN insufficient_privilege"), "{script}");
    }
}
