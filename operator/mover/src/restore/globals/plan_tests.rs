use super::*;
use crate::format::{DatabaseSetting, ParameterEntry};

fn role(name: &str) -> RoleEntry {
    RoleEntry {
        name: name.into(),
        is_superuser: false,
        inherits: true,
        may_create_roles: false,
        may_create_databases: false,
        may_log_in: false,
        may_replicate: false,
        bypasses_row_security: false,
        connection_limit: -1,
        valid_until: None,
        password: None,
        comment: None,
        security_labels: Vec::new(),
    }
}

fn member(role: &str, member: &str, grantor: &str, admin: bool) -> MembershipEntry {
    MembershipEntry {
        role: role.into(),
        member: member.into(),
        grantor: Some(grantor.into()),
        admin,
        inherit: Some(false),
        set: Some(true),
    }
}

fn stored(roles: Vec<RoleEntry>, memberships: Vec<MembershipEntry>) -> Stored {
    Stored {
        server_version: 170_002,
        bootstrap: "postgres".into(),
        passwords: Passwords::Stored,
        roles,
        memberships,
        settings: Vec::new(),
        parameters: Vec::new(),
    }
}

fn target(roles: &[&str]) -> Facts {
    let usual = Properties {
        flags: [false, true, false, false, false, false, false],
        connection_limit: -1,
        valid_until: None,
    };
    Facts {
        major: 17,
        is_superuser: true,
        bootstrap: "admin".into(),
        roles: roles.iter().map(|name| ((*name).into(), usual.clone())).collect(),
        ..Facts::default()
    }
}

fn said(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(|step| String::from_utf8_lossy(&step.sql).into_owned()).collect()
}

#[test]
fn a_missing_role_is_created_as_it_was_and_one_that_is_there_stays() {
    let mut login = role("a\"b");
    login.may_log_in = true;
    login.connection_limit = 3;
    login.valid_until = Some("2030-01-01 00:00:00+00".into());
    login.password = Some("SCRAM-SHA-256$4096:x".into());
    let mut there = role("there");
    there.may_create_databases = true;
    let plan = plan(&stored(vec![login, there, role("same")], Vec::new()), &target(&["there", "same"]));
    assert_eq!(
        said(&plan),
        [
            "CREATE ROLE \"a\"\"b\" WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS \
             CONNECTION LIMIT 3 VALID UNTIL '2030-01-01 00:00:00+00' PASSWORD 'SCRAM-SHA-256$4096:x'"
        ]
    );
    assert_eq!(plan.warnings.len(), 1);
    assert!(
        plan.warnings[0].contains("\"there\" is there already") && plan.warnings[0].contains(" CREATEDB")
    );
    assert!(plan.objections.is_empty());
    assert!(!format!("{plan:?}").contains("\"what\": \"SCRAM"));
}

#[test]
fn without_a_superuser_missing_roles_are_refused_by_name_and_none_missing_is_fine() {
    let facts = Facts { is_superuser: false, ..target(&["there"]) };
    let refused = plan(&stored(vec![role("gone"), role("there")], Vec::new()), &facts);
    assert_eq!(refused.objections[0].code, FailureCode::RoleMissing);
    assert!(refused.objections[0].sentence.contains("\"gone\""));
    assert!(plan(&stored(vec![role("there")], Vec::new()), &facts).objections.is_empty());
}

#[test]
fn who_grants_a_role_has_been_given_it_before() {
    let roles = ["group", "chief", "clerk"].map(role).to_vec();
    let memberships =
        vec![member("group", "clerk", "chief", false), member("group", "chief", "postgres", true)];
    let plan = plan(&stored(roles, memberships), &target(&[]));
    assert_eq!(
        said(&plan)[3..],
        [
            "GRANT \"group\" TO \"chief\" WITH ADMIN TRUE, INHERIT FALSE, SET TRUE GRANTED BY \"admin\"",
            "GRANT \"group\" TO \"clerk\" WITH ADMIN FALSE, INHERIT FALSE, SET TRUE GRANTED BY \"chief\""
        ]
    );
    assert_eq!(plan.warnings, [""; 0]);
}

#[test]
fn memberships_of_an_older_server_have_no_options_and_any_grantor() {
    let entry = MembershipEntry { inherit: None, set: None, ..member("group", "clerk", "somebody", true) };
    let old = Stored { server_version: 150_018, ..stored(vec![role("group"), role("clerk")], vec![entry]) };
    assert_eq!(said(&plan(&old, &target(&[])))[2..], ["GRANT \"group\" TO \"clerk\" WITH ADMIN TRUE"]);
    let facts = Facts { major: 15, ..target(&[]) };
    assert_eq!(said(&plan(&old, &facts))[2..], ["GRANT \"group\" TO \"clerk\" WITH ADMIN OPTION"]);
}

#[test]
fn between_roles_that_are_there_nothing_is_granted_and_that_is_told() {
    let memberships =
        vec![member("group", "clerk", "postgres", true), member("group", "new", "postgres", false)];
    let roles = ["group", "clerk", "new"].map(role).to_vec();
    let plan = plan(&stored(roles, memberships), &target(&["group", "clerk"]));
    assert_eq!(said(&plan).len(), 2, "{:?}", said(&plan));
    assert!(plan.warnings.iter().any(|warning| warning.contains("\"clerk\" is a member of \"group\"")));
}

#[test]
fn settings_and_parameters_come_back_with_their_role_only() {
    let mut stored = stored(vec![role("new"), role("there")], Vec::new());
    let setting = |role: Option<&str>, setting: &str| DatabaseSetting {
        role: role.map(Into::into),
        setting: setting.into(),
    };
    stored.settings = vec![
        setting(Some("new"), "search_path=a, \"B\""),
        setting(Some("there"), "work_mem=1MB"),
        setting(None, "jit=off"),
    ];
    stored.parameters = vec![ParameterEntry {
        name: "log_statement".into(),
        acl: vec!["new=s*A/postgres".into(), "there=s/postgres".into()],
    }];
    let plan = plan(&stored, &target(&["there"]));
    assert_eq!(
        said(&plan)[1..],
        [
            "ALTER ROLE \"new\" SET \"search_path\" TO 'a', 'B'",
            "GRANT SET ON PARAMETER \"log_statement\" TO \"new\" WITH GRANT OPTION",
            "GRANT ALTER SYSTEM ON PARAMETER \"log_statement\" TO \"new\""
        ]
    );
    assert_eq!(plan.warnings.len(), 2);
}
