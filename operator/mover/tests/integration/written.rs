//! What points are said to be that tests write by hand.

use contract::{DataStore, Decision, Owner, SourceServer, Trigger};
use jiff::Timestamp;
use mover::{
    format::{DatabaseEntry, FORMAT, ListRef, LocaleProvider, Manifest, SchemaStreamRef},
    point::RecordDraft,
};

/// What a point is said to be that is written by hand: of nothing, unless its data stores are given.
pub fn draft(point_time: Timestamp) -> RecordDraft {
    RecordDraft {
        owner: Owner::Cli { datasource_id: "1/app".into() },
        decision: Decision {
            tag: "manual".into(),
            keep: None,
            time_zone: "UTC".into(),
            reason: "test".into(),
            keep_at_least: 1,
            policy: None,
            trigger: Trigger::Cli,
        },
        source: SourceServer {
            server_version: "15.18".into(),
            system_identifier: None,
            size_bytes: 1,
            standby: false,
            role: None,
            program: None,
        },
        point_time,
        data_stores: Vec::new(),
        coverage: Vec::new(),
        warnings: Vec::new(),
    }
}

/// A database of a point, with two rows in one table.
pub fn data_store(snapshot_time: Timestamp) -> DataStore {
    DataStore { database: "app".into(), snapshot_time, tables: 1, rows: 2, large_objects: 0, plain_bytes: 28 }
}

/// The manifest of a database with one table, in one segment, without rows unless their number is given.
pub fn manifest(snapshot_time: Timestamp, schema: SchemaStreamRef, lists: Vec<ListRef>) -> Manifest {
    Manifest {
        format: FORMAT,
        database: database(),
        snapshot_time,
        server_version: 150_018,
        server_version_text: "15.18".into(),
        schema,
        lists,
        tables: 1,
        segments: 1,
        sequences: 0,
        large_objects: 0,
        rows: 0,
        plain_bytes: 0,
        roles: Vec::new(),
        extensions: Vec::new(),
        tablespaces: Vec::new(),
        coverage: Vec::new(),
        warnings: Vec::new(),
        tool: "test".into(),
    }
}

/// A schema without entries.
pub fn no_schema() -> SchemaStreamRef {
    SchemaStreamRef {
        entries: 0,
        plain_bytes: 0,
        spans: Vec::new(),
        archive_version: "1.14".into(),
        dump_version: "15.18".into(),
    }
}

fn database() -> DatabaseEntry {
    DatabaseEntry {
        name: "app".into(),
        oid: 5,
        encoding: "UTF8".into(),
        locale_provider: LocaleProvider::Libc,
        collate: "C".into(),
        ctype: "C".into(),
        locale: None,
        icu_rules: None,
        collation_version: None,
        owner: "app".into(),
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
