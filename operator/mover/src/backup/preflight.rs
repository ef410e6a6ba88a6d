//! What stands in the way of a backup, judged from facts alone. The check of a source and the start of a backup ask the
//! same questions.

use std::collections::BTreeSet;

use contract::FailureCode;

use super::facts::{
    privileges::PrivilegeFacts,
    server::{ConnectionFacts, LockSettings, ServerFacts},
};

/// The oldest major version that is read: it has `pg_sequence` and declarative partitions.
pub const OLDEST_MAJOR: u32 = 10;
/// Since this version there is a role that may read everything.
const READ_ALL_DATA: u32 = 140_000;
/// Of all locks that the settings promise, how many per mille are really to be had beside other sessions'.
const USABLE_LOCKS: u64 = 900;

/// Something that has to be mended before a backup can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    pub code: FailureCode,
    /// What it is and what to do.
    pub message: String,
}

fn obstacle(code: FailureCode, message: String) -> Option<Obstacle> {
    Some(Obstacle { code, message })
}

/// `newest_client`: the newest pg_dump that is here.
pub fn version(server: &ServerFacts, newest_client: Option<u32>) -> Option<Obstacle> {
    let (major, text) = (server.major(), &server.version_text);
    if major < OLDEST_MAJOR {
        let message =
            format!("the server is PostgreSQL {text}; the oldest that is supported is {OLDEST_MAJOR}");
        return obstacle(FailureCode::VersionUnsupported, message);
    }
    match newest_client {
        None => obstacle(FailureCode::VersionUnsupported, "no pg_dump was found on this machine".to_owned()),
        Some(newest) if newest < major => obstacle(
            FailureCode::VersionUnsupported,
            format!(
                "the server is PostgreSQL {text} and the newest pg_dump here is of {newest}; use a newer Coffer"
            ),
        ),
        Some(_) => None,
    }
}

/// Damaged pages must fail a backup, not go missing from it.
pub fn damage_is_told(server: &ServerFacts) -> Option<Obstacle> {
    let settings = server.hiding_damage.as_ref()?;
    obstacle(
        FailureCode::SourceFailed,
        format!(
            "{settings} is on in this session: rows of damaged pages would be left out without a word; ALTER ROLE, \
             DATABASE or SYSTEM ... RESET it"
        ),
    )
}

/// `told`: the process that the server named at log-in.
pub fn pooler(server: &ServerFacts, told: i32) -> Option<Obstacle> {
    if server.backend == told {
        return None;
    }
    obstacle(
        FailureCode::PoolerUnsupported,
        format!(
            "a connection pooler stands before the server (process {} answers, {told} was named at log-in); give the \
             address of the server itself",
            server.backend
        ),
    )
}

pub fn privileges(facts: &PrivilegeFacts) -> Option<Obstacle> {
    if facts.denied.is_empty() {
        return None;
    }
    obstacle(
        FailureCode::PrivilegesMissing,
        format!(
            "role \"{}\" may not read {}; GRANT pg_read_all_data TO \"{}\" (PostgreSQL 14 and newer), or SELECT on \
             them and USAGE on their schemas",
            facts.role, facts.denied, facts.role
        ),
    )
}

/// The statements that would give the role what it lacks, for whoever may run them.
pub fn grants(version: u32, facts: &PrivilegeFacts) -> Vec<String> {
    let role = format!("\"{}\"", facts.role.replace('"', "\"\""));
    let mut grants = BTreeSet::new();
    if !facts.denied.is_empty() && version >= READ_ALL_DATA {
        grants.insert(format!("GRANT pg_read_all_data TO {role};"));
    } else {
        for name in &facts.denied.names {
            grants.insert(format!("GRANT USAGE ON SCHEMA {} TO {role};", schema_of(name)));
            grants.insert(format!("GRANT SELECT ON {name} TO {role};"));
        }
    }
    if !facts.hidden_by_policies.is_empty() {
        grants.insert(format!("ALTER ROLE {role} BYPASSRLS;"));
    }
    grants.into_iter().collect()
}

/// The part before the dot of a name that is quoted where it must be.
fn schema_of(name: &str) -> &str {
    let mut quoted = false;
    let dot = name.bytes().position(|byte| {
        quoted ^= byte == b'"';
        byte == b'.' && !quoted
    });
    &name[..dot.unwrap_or(name.len())]
}

pub fn row_security(facts: &PrivilegeFacts) -> Option<Obstacle> {
    if facts.hidden_by_policies.is_empty() {
        return None;
    }
    obstacle(
        FailureCode::RowSecurity,
        format!(
            "row security policies would hide rows of {} from role \"{}\"; ALTER ROLE \"{}\" BYPASSRLS, or use the \
             tables' owner where row security is not forced",
            facts.hidden_by_policies, facts.role, facts.role
        ),
    )
}

pub fn with_oids(facts: &PrivilegeFacts) -> Option<Obstacle> {
    if facts.with_oids.is_empty() {
        return None;
    }
    obstacle(
        FailureCode::VersionUnsupported,
        format!(
            "tables WITH OIDS cannot be restored to any newer server: {}; ALTER TABLE ... SET WITHOUT OIDS",
            facts.with_oids
        ),
    )
}

/// How many locks of the table of locks are to be had.
pub fn usable_locks(locks: LockSettings) -> u64 {
    locks.per_transaction * (locks.connections + locks.prepared).max(1) * USABLE_LOCKS / 1_000
}

/// Every table is locked twice: by the leader and by pg_dump.
pub fn relations(facts: &PrivilegeFacts, locks: LockSettings) -> Option<Obstacle> {
    tables(facts.tables, locks)
}

/// So many tables, of all databases together.
pub fn tables(tables: u64, locks: LockSettings) -> Option<Obstacle> {
    let sessions = (locks.connections + locks.prepared).max(1);
    let usable = usable_locks(locks);
    if tables <= usable {
        return None;
    }
    let needed = (tables * 1_000).div_ceil(USABLE_LOCKS).div_ceil(sessions);
    obstacle(
        FailureCode::TooManyRelations,
        format!(
            "{tables} tables have to be locked and the server has room for {usable} locks; set max_locks_per_transaction to at \
             least {needed} (it is {}) and restart the server",
            locks.per_transaction
        ),
    )
}

/// The first thing that stands in the way.
pub fn first_obstacle(
    server: &ServerFacts,
    privileges_facts: &PrivilegeFacts,
    told: i32,
    newest_client: Option<u32>,
) -> Option<Obstacle> {
    version(server, newest_client)
        .or_else(|| pooler(server, told))
        .or_else(|| damage_is_told(server))
        .or_else(|| with_oids(privileges_facts))
        .or_else(|| privileges(privileges_facts))
        .or_else(|| row_security(privileges_facts))
        .or_else(|| relations(privileges_facts, server.locks))
}

/// What will be missing from a backup that can be made, each in a sentence.
pub fn coverage(server: &ServerFacts, privileges: &PrivilegeFacts) -> Vec<String> {
    let mut missing = Vec::new();
    if server.is_standby && !privileges.unlogged.is_empty() {
        missing.push(format!(
            "a standby has neither the rows of unlogged tables nor the values of their sequences: {}",
            privileges.unlogged
        ));
    }
    if !privileges.hidden_mappings.is_empty() {
        missing.push(format!(
            "the server does not show role \"{}\" the options of user mappings, such as passwords: {}",
            privileges.role, privileges.hidden_mappings
        ));
    }
    if !privileges.sees_subscriptions {
        missing.push(format!(
            "role \"{}\" may not see which subscriptions there are; GRANT SELECT ON pg_subscription TO it, if there are any",
            privileges.role
        ));
    }
    missing
}

/// What is left out of a backup that is whole without it, each in a sentence.
pub fn warnings(privileges: &PrivilegeFacts) -> Vec<String> {
    let mut warnings = Vec::new();
    if !privileges.invalid_indexes.is_empty() {
        warnings.push(format!(
            "invalid indexes are not in the backup, REINDEX or DROP them: {}",
            privileges.invalid_indexes
        ));
    }
    warnings
}

/// Every database keeps one session; pg_dump and a lane need one each.
pub fn sessions(databases: usize, server: &ServerFacts) -> Option<Obstacle> {
    const BESIDES: u32 = 2;
    let ConnectionFacts { most, reserved, used } = server.connections;
    let free = most.saturating_sub(reserved).saturating_sub(used);
    let needed = u32::try_from(databases).unwrap_or(u32::MAX).saturating_add(BESIDES);
    // One database is tried whatever the figures: who is refused may be let in a moment later.
    if databases == 1 || needed <= free {
        return None;
    }
    obstacle(
        FailureCode::TooManyConnections,
        format!(
            "{databases} databases need {needed} connections at the same time and the server has {free} free; raise \
             max_connections, or back up fewer databases at once"
        ),
    )
}

/// How many connections the server can spare for lanes, besides one for each database: some stay free for others.
pub fn free_connections(server: &ServerFacts, databases: usize) -> u16 {
    let facts = server.connections;
    let reserved = facts.reserved + facts.most / 10;
    let others = u32::try_from(databases).unwrap_or(u32::MAX).saturating_sub(1);
    let free = facts.most.saturating_sub(reserved).saturating_sub(facts.used).saturating_sub(others);
    u16::try_from(free).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::facts::privileges::Listed;

    fn server() -> ServerFacts {
        ServerFacts {
            version: 150_018,
            version_text: "15.18".into(),
            encoding: "UTF8".into(),
            is_standby: false,
            block_size: 8_192,
            database_bytes: 1,
            system_identifier: None,
            knows_restrict: false,
            locks: LockSettings { per_transaction: 64, connections: 100, prepared: 0 },
            connections: ConnectionFacts { most: 100, reserved: 3, used: 20 },
            backend: 77,
            hiding_damage: None,
            role: "app".into(),
        }
    }

    fn code(found: Option<Obstacle>) -> Option<FailureCode> {
        found.map(|obstacle| obstacle.code)
    }

    #[test]
    fn only_a_pg_dump_as_new_as_the_server_will_do() {
        assert_eq!(version(&server(), Some(15)), None);
        assert_eq!(version(&server(), Some(18)), None);
        for newest in [None, Some(14)] {
            assert_eq!(code(version(&server(), newest)), Some(FailureCode::VersionUnsupported));
        }
        let old = ServerFacts { version: 90_624, ..server() };
        assert_eq!(code(version(&old, Some(18))), Some(FailureCode::VersionUnsupported));
    }

    #[test]
    fn a_proxy_that_answers_by_another_process_is_refused() {
        assert_eq!(pooler(&server(), 77), None);
        assert_eq!(code(pooler(&server(), 78)), Some(FailureCode::PoolerUnsupported));
    }

    #[test]
    fn a_source_that_hides_damaged_pages_is_refused_and_the_setting_named() {
        assert_eq!(damage_is_told(&server()), None);
        let hiding = ServerFacts { hiding_damage: Some("zero_damaged_pages".into()), ..server() };
        assert!(damage_is_told(&hiding).unwrap().message.contains("zero_damaged_pages"));
    }

    #[test]
    fn as_many_tables_as_there_are_locks_for_and_the_value_that_is_needed_is_told() {
        let facts = |tables| PrivilegeFacts { tables, ..PrivilegeFacts::default() };
        assert_eq!(relations(&facts(5_760), server().locks), None);
        let refused = relations(&facts(5_761), server().locks).unwrap();
        assert_eq!(refused.code, FailureCode::TooManyRelations);
        assert!(
            refused.message.contains("max_locks_per_transaction to at least 65 (it is 64)"),
            "{}",
            refused.message
        );
        let enough = LockSettings { per_transaction: 65, ..server().locks };
        assert_eq!(relations(&facts(5_761), enough), None, "what is asked for is enough");
    }

    #[test]
    fn what_the_role_may_not_read_is_named() {
        let mut facts = PrivilegeFacts { role: "backup".into(), ..PrivilegeFacts::default() };
        assert_eq!(first_obstacle(&server(), &facts, 77, Some(15)), None);
        facts.hidden_by_policies = Listed { names: vec!["app.secrets".into()], count: 1 };
        let hidden = first_obstacle(&server(), &facts, 77, Some(15)).unwrap();
        assert_eq!(hidden.code, FailureCode::RowSecurity);
        facts.denied = Listed { names: vec!["app.a".into()], count: 12 };
        let denied = first_obstacle(&server(), &facts, 77, Some(15)).unwrap();
        assert_eq!(denied.code, FailureCode::PrivilegesMissing);
        assert!(denied.message.contains("app.a and 11 more"), "{}", denied.message);
    }

    #[test]
    fn what_the_role_lacks_is_told_as_statements() {
        let role = || PrivilegeFacts { role: "we\"ird".into(), ..PrivilegeFacts::default() };
        assert_eq!(grants(170_002, &role()), [""; 0]);
        let names = vec!["app.a".into(), "\"x.y\".b".into()];
        let facts = PrivilegeFacts {
            denied: Listed { names, count: 2 },
            hidden_by_policies: Listed { names: vec!["app.secrets".into()], count: 1 },
            ..role()
        };
        assert_eq!(
            grants(170_002, &facts),
            ["ALTER ROLE \"we\"\"ird\" BYPASSRLS;", "GRANT pg_read_all_data TO \"we\"\"ird\";"]
        );
        assert_eq!(
            grants(130_010, &facts),
            [
                "ALTER ROLE \"we\"\"ird\" BYPASSRLS;",
                "GRANT SELECT ON \"x.y\".b TO \"we\"\"ird\";",
                "GRANT SELECT ON app.a TO \"we\"\"ird\";",
                "GRANT USAGE ON SCHEMA \"x.y\" TO \"we\"\"ird\";",
                "GRANT USAGE ON SCHEMA app TO \"we\"\"ird\";",
            ]
        );
    }

    #[test]
    fn lanes_leave_connections_to_others() {
        assert_eq!(free_connections(&server(), 1), 67);
        assert_eq!(free_connections(&server(), 60), 8);
        let full = ConnectionFacts { most: 10, reserved: 3, used: 9 };
        assert_eq!(free_connections(&ServerFacts { connections: full, ..server() }, 1), 0);
        assert_eq!(sessions(75, &server()), None);
        assert_eq!(code(sessions(76, &server())), Some(FailureCode::TooManyConnections));
        assert_eq!(sessions(1, &ServerFacts { connections: full, ..server() }), None);
    }
}
