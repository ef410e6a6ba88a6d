//! Each thing that can be in the way of a restore, by itself and together.

use std::collections::HashMap;

use contract::{Connection, Credentials, PointId, Secret, Tls};
use jiff::Timestamp;

use super::{super::Role, *};
use crate::{
    format::{ExtensionEntry, FORMAT, SchemaStreamRef},
    restore::database::tests::source,
};

fn manifest() -> Manifest {
    Manifest {
        format: FORMAT,
        database: source(),
        snapshot_time: Timestamp::UNIX_EPOCH,
        server_version: 160_004,
        server_version_text: "16.4".into(),
        schema: SchemaStreamRef {
            entries: 0,
            plain_bytes: 0,
            spans: Vec::new(),
            archive_version: "1.15".into(),
            dump_version: "16.4".into(),
        },
        lists: Vec::new(),
        tables: 0,
        segments: 0,
        sequences: 0,
        large_objects: 0,
        rows: 0,
        plain_bytes: 0,
        roles: vec!["alice".into(), "bob".into()],
        extensions: vec![ExtensionEntry {
            name: "hstore".into(),
            version: "1.8".into(),
            schema: "public".into(),
        }],
        tablespaces: vec!["Fast".into()],
        coverage: Vec::new(),
        warnings: Vec::new(),
        tool: "coffer".into(),
    }
}

/// A target that can take everything.
fn facts() -> Facts {
    Facts {
        major: 16,
        version: "16.4".into(),
        is_standby: false,
        user: "loader".into(),
        is_superuser: false,
        may_create_databases: true,
        system_identifier: None,
        free_connections: 50,
        has_icu: true,
        roles: ["alice", "bob"].into_iter().map(|role| (role.into(), Role { is_open: true })).collect(),
        extensions: vec!["hstore".into()],
        tablespaces: HashMap::from([("Fast".into(), true), ("pg_default".into(), false)]),
        existing: None,
        unfinished: None,
    }
}

fn empty_database() -> ExistingDatabase {
    ExistingDatabase {
        encoding: "UTF8".into(),
        collate: "C.UTF-8".into(),
        ctype: "C.UTF-8".into(),
        comment: Some("ours".into()),
        is_owned: true,
        contents: Vec::new(),
    }
}

fn judged(manifest: &Manifest, facts: &Facts, owner: Option<&str>, outline: &Outline) -> Judged {
    let target = RestoreTarget {
        connection: Connection {
            host: "h".into(),
            port: 5432,
            database: "postgres".into(),
            credentials: Credentials::Password { username: "loader".into(), password: Secret::new("x") },
            tls: Tls { mode: contract::TlsMode::Disable, ca: None, client: None },
        },
        database: "shop".into(),
        owner: owner.map(Into::into),
    };
    let run = RunId("0123456789".into());
    judge(
        &Request { run: &run, manifest, target: &target, connections: 6, is_selection: false },
        facts,
        outline,
    )
}

fn outline() -> Outline {
    Outline { owners: ["alice".into()].into(), ..Outline::default() }
}

/// The only objection of a restore under changed facts.
fn objection(change: impl FnOnce(&mut Facts)) -> Objection {
    let mut facts = facts();
    change(&mut facts);
    let mut objections = judged(&manifest(), &facts, None, &outline()).objections;
    assert_eq!(objections.len(), 1, "{objections:?}");
    objections.remove(0)
}

#[test]
fn a_target_that_can_take_the_point_meets_no_objection() {
    let judged = judged(&manifest(), &facts(), None, &outline());
    assert_eq!((judged.objections, judged.warnings), (vec![], vec![]));
    assert_eq!(judged.owner, "alice".into());
    assert_eq!(judged.place, Place::New { name: "shop_incomplete_01234567".into(), left_before: false });
}

#[test]
fn a_target_that_nothing_could_be_taken_away_from_again_is_refused() {
    let manifest = Manifest { server_version: 120_022, ..manifest() };
    let facts = Facts { major: 12, ..facts() };
    let judged = judged(&manifest, &facts, None, &outline());
    assert_eq!(judged.objections.len(), 1);
    assert!(judged.objections[0].sentence.contains("restore into version 13 or newer"));
}

#[test]
fn every_hindrance_is_told_with_its_code_and_what_to_do() {
    type Case = (fn(&mut Facts), FailureCode, &'static str);
    let cases: [Case; 10] = [
        (|facts| facts.major = 15, FailureCode::TargetVersionUnsupported, "restore into version 16 or newer"),
        (|facts| facts.is_standby = true, FailureCode::TargetPrivilegesMissing, "restore into its primary"),
        (|facts| facts.free_connections = 5, FailureCode::TooManyConnections, "5 free connections"),
        (|facts| facts.may_create_databases = false, FailureCode::TargetPrivilegesMissing, "CREATEDB"),
        (|facts| facts.unfinished = Some(None), FailureCode::TargetExists, "drop or rename it"),
        (
            |facts| assert!(facts.roles.remove(&"bob".into()).is_some()),
            FailureCode::RoleMissing,
            "\"bob\"; create them",
        ),
        (
            |facts| facts.roles.extend([("alice".into(), Role { is_open: false })]),
            FailureCode::TargetPrivilegesMissing,
            "GRANT \"alice\" TO \"loader\"",
        ),
        (|facts| facts.extensions.clear(), FailureCode::ExtensionMissing, "\"hstore\" 1.8"),
        (|facts| facts.tablespaces.clear(), FailureCode::TablespaceMissing, "\"Fast\""),
        (
            |facts| facts.tablespaces.extend([("Fast".into(), false)]),
            FailureCode::TargetPrivilegesMissing,
            "GRANT CREATE ON TABLESPACE \"Fast\" TO \"loader\"",
        ),
    ];
    for (change, code, words) in cases {
        let objection = objection(change);
        assert_eq!(objection.code, code, "{}", objection.sentence);
        assert!(objection.sentence.contains(words), "{}", objection.sentence);
    }
}

#[test]
fn an_existing_database_must_be_empty_owned_and_of_the_same_encoding() {
    type Case = (fn(&mut ExistingDatabase), FailureCode);
    let cases: [Case; 3] = [
        (|existing| existing.contents.push("relation t".into()), FailureCode::TargetNotEmpty),
        (|existing| existing.is_owned = false, FailureCode::TargetPrivilegesMissing),
        (|existing| existing.encoding = "LATIN1".into(), FailureCode::TargetEncodingMismatch),
    ];
    for (change, code) in cases {
        let mut existing = empty_database();
        change(&mut existing);
        assert_eq!(objection(|facts| facts.existing = Some(existing)).code, code);
    }
    let mut facts = facts();
    facts.existing = Some(empty_database());
    facts.may_create_databases = false;
    let judged = judged(&manifest(), &facts, None, &outline());
    assert_eq!(judged.objections, []);
    assert_eq!(judged.place, Place::Existing { name: "shop".into(), comment: Some("ours".into()) });
}

#[test]
fn what_this_run_left_unfinished_is_recognised_and_what_another_left_is_not() {
    let comment = |run: &str| names::unfinished_comment(&RunId(run.into()), &PointId("ff".into()));
    let mut facts = facts();
    facts.unfinished = Some(Some(comment("0123456789").as_str().into()));
    let place = judged(&manifest(), &facts, None, &outline()).place;
    assert!(matches!(place, Place::New { left_before: true, .. }));
    let other = comment("0123456780");
    let objection = objection(|facts| facts.unfinished = Some(Some(other.as_str().into())));
    assert_eq!(objection.code, FailureCode::TargetExists);
}

#[test]
fn what_a_missing_role_owned_goes_to_the_owner_that_was_asked_for() {
    let mut facts = facts();
    facts.roles.remove(&"alice".into());
    let given = judged(&manifest(), &facts, Some("bob"), &outline());
    assert_eq!(given.objections, []);
    assert_eq!(given.owners.of(&"alice".into()), &"bob".into());
    assert_eq!(given.owner, "bob".into());
    assert_eq!(given.warnings.len(), 1);
    // A grant to it cannot be made without it.
    let mut named = outline();
    named.named.insert("alice".into(), "ACL app.TABLE t".into());
    let refused = judged(&manifest(), &facts, Some("bob"), &named).objections;
    assert_eq!(refused[0].code, FailureCode::RoleMissing);
    assert!(refused[0].sentence.contains("\"alice\" (named by ACL app.TABLE t)"), "{}", refused[0].sentence);
    let refused = judged(&manifest(), &facts, Some("nobody"), &outline()).objections;
    assert!(
        refused[0].sentence.contains("\"nobody\" (the owner that was asked for)"),
        "{}",
        refused[0].sentence
    );
}

#[test]
fn a_superuser_needs_no_membership() {
    let mut facts = facts();
    facts.is_superuser = true;
    facts.roles.insert("alice".into(), Role { is_open: false });
    assert_eq!(judged(&manifest(), &facts, None, &outline()).objections, []);
}

#[test]
fn a_database_with_icu_needs_a_server_with_icu() {
    let mut manifest = manifest();
    manifest.database.locale_provider = LocaleProvider::Icu;
    let mut facts = facts();
    facts.has_icu = false;
    let objections = judged(&manifest, &facts, None, &outline()).objections;
    assert_eq!(objections[0].code, FailureCode::TargetEncodingMismatch);
}

#[test]
fn everything_in_the_way_is_told_at_once() {
    let mut facts = facts();
    facts.major = 15;
    facts.extensions.clear();
    facts.roles.clear();
    assert_eq!(judged(&manifest(), &facts, None, &outline()).objections.len(), 3);
}
