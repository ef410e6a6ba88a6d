//! Tests of [`super`]: whole documents of both kinds, and one change to each that must not pass.

use serde_json::json;

use super::*;

/// A document and the policy that comes of it.
macro_rules! document {
    ($name:literal) => {
        (
            include_str!(concat!("../../../../../tests/data/policy/", $name, ".json")),
            include_str!(concat!("../../../../../tests/data/policy/", $name, ".yaml")),
        )
    };
}

fn becomes((text, expected): (&str, &str)) -> Vec<String> {
    let converted = convert("document.json", text, None).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(converted.yaml, expected);
    converted.warnings
}

/// The refusal of a document in which one place has another value; null takes the field away.
fn refusal(document: &str, place: &str, value: Value) -> String {
    let mut document: Value = serde_json::from_str(document).expect("the data are JSON");
    match document.pointer_mut(place) {
        Some(found) => *found = value,
        None => {
            let (parent, name) = place.rsplit_once('/').expect("a place has a parent");
            document.pointer_mut(parent).expect("the parent is there")[name] = value;
        }
    }
    convert("document.json", &document.to_string(), None).expect_err(place).to_string()
}

#[test]
fn row_a32_a39_the_default_policy_of_a_rule_tree_is_converted_without_a_word() {
    assert_eq!(becomes(document!("tree-default")), [""; 0]);
}

#[test]
fn row_a32_a33_a34_b11_two_weekdays_with_a_monthly_and_a_default_rule_are_converted() {
    assert_eq!(becomes(document!("tree-monthly")), [""; 0]);
}

#[test]
fn row_a36_a37_calendar_criteria_and_archives_are_converted_and_what_changes_is_told() {
    let root = "properties.policyRules";
    assert_eq!(
        becomes(document!("tree-criteria")),
        [
            format!(
                "`{root}[0].trigger.schedule.repeatingTimeIntervals[1]`: the start is an instant, which is Sunday \
                 05:00 in Europe/Berlin: backups are due at that time of day"
            ),
            format!(
                "`{root}[0].trigger.taggingCriteria[2].criteria[0].scheduleTimes`: of each the time of day in \
                 Europe/Berlin was taken, 21:00, and the date left out"
            ),
            format!(
                "`{root}[2].lifecycles[0].targetDataStoreCopySettings[0].copyAfter`: there is no second store: \
                 points stay in the vault for the whole time, P120M"
            ),
        ]
    );
}

#[test]
fn row_e04_e06_a_plan_is_converted_and_each_field_without_counterpart_is_told() {
    let warnings = becomes(document!("plan-nightly"));
    let fields: Vec<&str> =
        warnings.iter().filter_map(|line| line.split_once("`:").map(|(field, _)| &field[1..])).collect();
    assert_eq!(
        fields,
        [
            "BackupPlan.AdvancedBackupSettings",
            "BackupPlan.Rules[0].Lifecycle.MoveToColdStorageAfterDays",
            "BackupPlan.Rules[0].EnableContinuousBackup",
            "BackupPlan.Rules[0].CopyActions",
            "BackupPlan.Rules[0].RecoveryPointTags",
            "BackupPlan.Rules[0].FutureSetting",
            "BackupPlan.BackupPlanName",
        ]
    );
}

#[test]
fn row_e04_e06_rules_of_a_plan_keep_their_own_lifecycles() {
    assert_eq!(becomes(document!("plan-generations")), [""; 0]);
    assert_eq!(becomes(document!("plan-usual")), [""; 0]);
}

/// Each place with another value, and a part of the refusal, which begins with the path of the rules.
fn refused_in_a_rule_tree<const N: usize>(table: [(String, Value, &str); N]) {
    for (place, value, expected) in table {
        let told = refusal(document!("tree-monthly").0, &place, value);
        assert!(told.starts_with("`properties.policyRules") && told.contains(expected), "{place}: {told}");
    }
}

#[test]
fn row_a40_what_a_backup_rule_would_come_to_mean_otherwise_is_refused_by_its_path() {
    let rule = "/properties/policyRules/0";
    let trigger = format!("{rule}/trigger");
    refused_in_a_rule_tree([
        (
            format!("{rule}/backupParameters/backupType"),
            json!("Incremental"),
            "[0].backupParameters.backupType`",
        ),
        (format!("{rule}/objectType"), json!("AzureWormRule"), "[0].objectType`"),
        (format!("{rule}/trigger"), json!(null), "[0].trigger` cannot be converted: it is missing"),
        (format!("{trigger}/objectType"), json!("AdhocBasedTriggerContext"), "[0].trigger.objectType`"),
        (format!("{trigger}/schedule/timeZone"), json!("Mars"), "[0].trigger.schedule.timeZone`"),
        (
            format!("{trigger}/schedule/repeatingTimeIntervals/0"),
            json!("R/2024-01-03/P1W"),
            "[0].trigger.schedule.repeatingTimeIntervals`",
        ),
        (
            format!("{trigger}/schedule/repeatingTimeIntervals/0"),
            json!("R/2024-01-06T20:00:00+00:00/P1W"),
            "[0].trigger.schedule.repeatingTimeIntervals[1]` cannot be converted: it is there twice",
        ),
    ]);
}

#[test]
fn row_a34_a35_b11_tags_that_would_be_given_otherwise_are_refused_by_their_path() {
    let trigger = "/properties/policyRules/0/trigger";
    let criterion = format!("{trigger}/taggingCriteria/1");
    refused_in_a_rule_tree([
        (
            format!("{criterion}/tagInfo/tagName"),
            json!("Quarterly"),
            "[0].trigger.taggingCriteria[1].tagInfo.tagName` cannot be converted: no AzureRetentionRule",
        ),
        (
            format!("{trigger}/taggingCriteria"),
            json!([]),
            "[1].name` cannot be converted: no tagging criterion gives",
        ),
        (
            format!("{criterion}/taggingPriority"),
            json!(99),
            "[0].trigger.taggingCriteria[1].taggingPriority`",
        ),
        (
            format!("{criterion}/taggingPriority"),
            json!(100),
            "[0].trigger.taggingCriteria[1].taggingPriority`",
        ),
        (format!("{criterion}/isDefault"), json!(true), "[0].trigger.taggingCriteria[1].criteria`"),
        (format!("{criterion}/criteria"), json!([]), "[0].trigger.taggingCriteria[1].criteria`"),
        (
            format!("{criterion}/criteria/0/absoluteCriteria/0"),
            json!("FirstOfCentury"),
            "[0].trigger.taggingCriteria[1].criteria[0].absoluteCriteria`",
        ),
        (
            format!("{criterion}/criteria/0/daysOfTheWeek"),
            json!(["Friday"]),
            "[0].trigger.taggingCriteria[1].criteria[0].absoluteCriteria` cannot be converted: it stands beside",
        ),
        (
            format!("{criterion}/criteria/0/daysOfMonth"),
            json!([{"date": 31}]),
            "[0].trigger.taggingCriteria[1].criteria[0].daysOfMonth[0].date`",
        ),
        ("/properties/policyRules/1/isDefault".to_owned(), json!(false), "taggingCriteria[0].isDefault`"),
    ]);
}

#[test]
fn row_a37_ends_that_would_come_to_lie_elsewhere_are_refused_by_their_path() {
    let lifecycle = "/properties/policyRules/1/lifecycles/0";
    refused_in_a_rule_tree([
        ("/properties/policyRules/1/lifecycles".to_owned(), json!([]), "[1].lifecycles`"),
        (
            format!("{lifecycle}/deleteAfter/objectType"),
            json!("Never"),
            "[1].lifecycles[0].deleteAfter.objectType`",
        ),
        (
            format!("{lifecycle}/deleteAfter/duration"),
            json!("P1M2D"),
            "[1].lifecycles[0].deleteAfter.duration`",
        ),
        (
            format!("{lifecycle}/deleteAfter/duration"),
            json!("P1DT1H"),
            "[1].lifecycles[0].deleteAfter.duration`",
        ),
        (
            format!("{lifecycle}/deleteAfter/duration"),
            json!("P101Y"),
            "[1].lifecycles[0].deleteAfter.duration`",
        ),
        (
            format!("{lifecycle}/targetDataStoreCopySettings"),
            json!([{"copyAfter": {"objectType": "ImmediateCopyOption"}}]),
            "[1].lifecycles` cannot be converted: a copy setting leads to a store",
        ),
    ]);
}

#[test]
fn backup_rules_that_tag_differently_need_a_policy_each() {
    let mut tree: Value = serde_json::from_str(document!("tree-monthly").0).expect("the data are JSON");
    let rules = tree.pointer_mut("/properties/policyRules").and_then(Value::as_array_mut).expect("rules");
    let mut second = rules[0].clone();
    second["name"] = json!("BackupDaily");
    rules.push(second);
    let both = convert("document.json", &tree.to_string(), None).expect("the same tags in both");
    assert!(both.yaml.contains("- name: BackupDaily"), "{}", both.yaml);
    tree["properties"]["policyRules"][3]["trigger"]["taggingCriteria"][1]["taggingPriority"] = json!(16);
    let told = convert("document.json", &tree.to_string(), None).expect_err("other tags").to_string();
    assert!(
        told.starts_with(
            "`properties.policyRules[3].trigger.taggingCriteria` cannot be converted: it differs from \
             `properties.policyRules[0].trigger.taggingCriteria`"
        ),
        "{told}"
    );
}

#[test]
fn row_a37_a_move_to_another_store_adds_its_time() {
    let tree = document!("tree-criteria").0;
    let place = "/properties/policyRules/2/lifecycles/0/targetDataStoreCopySettings/0/copyAfter";
    let keep = |copy: Value| -> Result<String, String> {
        let mut tree: Value = serde_json::from_str(tree).expect("the data are JSON");
        *tree.pointer_mut(place).expect("a copy setting") = copy;
        let converted =
            convert("document.json", &tree.to_string(), None).map_err(|error| error.to_string())?;
        let policy: Value = serde_yaml::from_str(&converted.yaml).expect("a policy");
        Ok(policy["spec"]["retention"][1]["keep"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(keep(json!({"objectType": "CopyOnExpiryOption"})), Ok("P120M".to_owned()));
    assert_eq!(keep(json!({"objectType": "ImmediateCopyOption"})), Ok("P114M".to_owned()));
    assert_eq!(keep(json!({"objectType": "CustomCopyOption", "duration": "P2M"})), Ok("P116M".to_owned()));
    let mixed =
        keep(json!({"objectType": "CustomCopyOption", "duration": "P30D"})).expect_err("days and months");
    assert!(mixed.contains("targetDataStoreCopySettings[0].copyAfter` cannot be converted"), "{mixed}");
}

#[test]
fn row_e04_e06_what_a_plan_would_come_to_mean_otherwise_is_refused_by_its_path() {
    let generations = document!("plan-generations").0;
    let table = [
        ("/Rules/0/ScheduleExpression", json!("cron(0 5 ? * * 2027)"), "`Rules[0].ScheduleExpression`"),
        ("/Rules/0/ScheduleExpression", json!("cron(0 5 30 2 ? *)"), "`Rules[0].ScheduleExpression`"),
        ("/Rules/0/ScheduleExpressionTimezone", json!("UTC+3"), "`Rules[0].ScheduleExpressionTimezone`"),
        ("/Rules/0/Lifecycle", json!(null), "`Rules[0].Lifecycle` cannot be converted: without it points"),
        ("/Rules/0/Lifecycle/DeleteAfterDays", json!(-1), "`Rules[0].Lifecycle.DeleteAfterDays`"),
        ("/Rules/0/Lifecycle/DeleteAfterDays", json!(40_000), "`Rules[0].Lifecycle.DeleteAfterDays`"),
        (
            "/Rules/0/Lifecycle/DeleteAfterEvent",
            json!("DELETE_AFTER_COPY"),
            "`Rules[0].Lifecycle.DeleteAfterEvent`",
        ),
        ("/Rules/0/CompletionWindowMinutes", json!(60), "`Rules` cannot be converted: rule \"Daily\""),
        ("/Rules/0/RuleName", json!("Weekly"), "`Rules`"),
        // Told apart neither by day nor by time of day: each Sunday's daily point would be kept as the weekly one.
        ("/Rules/1/ScheduleExpressionTimezone", json!("Europe/Berlin"), "`Rules[2].Lifecycle`"),
        ("/Rules/2/ScheduleExpression", json!("cron(0 7 31 * ? *)"), "`Rules[2].Lifecycle`"),
        ("/Rules", json!([]), "`Rules` cannot be converted: there are no rules"),
    ];
    for (place, value, expected) in table {
        let told = refusal(generations, place, value);
        assert!(told.starts_with(expected), "{place}: {told}");
    }
}

#[test]
fn lifecycles_that_days_and_times_cannot_tell_apart_are_refused() {
    // The hourly rule is due at each of the weekly one's times, half a year of weeks on.
    let plan = json!({"BackupPlanName": "p", "Rules": [
        {"RuleName": "Weekly", "ScheduleExpression": "cron(0 5 ? * SUN *)", "Lifecycle": {"DeleteAfterDays": 35}},
        {"RuleName": "Hourly", "ScheduleExpression": "cron(0 * ? * * *)", "Lifecycle": {"DeleteAfterDays": 90}},
        {"RuleName": "Often", "ScheduleExpression": "cron(0/30 * ? * * *)", "Lifecycle": {"DeleteAfterDays": 7}},
    ]});
    let converted =
        convert("document.json", &plan.to_string(), None).expect("full hours are told from half ones");
    assert!(converted.yaml.contains("keep: P90D"), "{}", converted.yaml);
    let mut confused = plan;
    confused["Rules"][1]["ScheduleExpression"] = json!("cron(0 6,7 ? * * *)");
    confused["Rules"][2]["ScheduleExpression"] = json!("cron(0/10 6-7 ? * * *)");
    confused["Rules"][1]["Lifecycle"]["DeleteAfterDays"] = json!(7);
    confused["Rules"][2]["Lifecycle"]["DeleteAfterDays"] = json!(90);
    assert!(
        convert("document.json", &confused.to_string(), None).is_ok(),
        "what is due together is one point"
    );
    confused["Rules"][1]["ScheduleExpression"] = json!("cron(5/20 6,7,8 ? * * *)");
    confused["Rules"][2]["ScheduleExpression"] = json!("cron(0/5 0-23/2 ? * * *)");
    let told = convert("document.json", &confused.to_string(), None).expect_err("too many times").to_string();
    assert!(told.contains("Lifecycle` cannot be converted"), "{told}");
}

#[test]
fn several_vaults_and_a_document_without_a_name_are_told() {
    let mut plan: Value = serde_json::from_str(document!("plan-usual").0).expect("the data are JSON");
    plan["BackupPlan"]["Rules"][1]["TargetBackupVaultName"] = json!("far");
    let converted = convert("document.json", &plan.to_string(), Some("named")).expect("a plan");
    assert_eq!(
        converted.warnings,
        [
            "`BackupPlan.Rules[].TargetBackupVaultName`: several vaults are named (Default, far): all points of an instance go to its one vault"
        ]
    );
    assert!(converted.yaml.contains("name: named"), "{}", converted.yaml);
    plan["BackupPlan"]["BackupPlanName"] = json!(null);
    let told = convert("document.json", &plan.to_string(), None).expect_err("no name").to_string();
    assert!(told.contains("give one with --name"), "{told}");
}

#[test]
fn what_is_neither_kind_is_refused() {
    for (text, expected) in [
        ("{}", "document.json is no backup policy of a managed service"),
        ("[]", "`.` cannot be converted: it is not an object"),
        ("{", "failed to read `.` of document.json"),
        ("{\"policyRules\": 3}", "`policyRules` cannot be converted: it is not a list"),
        ("{\"policyRules\": []}", "`policyRules` cannot be converted: there is no AzureBackupRule"),
    ] {
        let told = convert("document.json", text, None).expect_err(text).to_string();
        assert!(told.starts_with(expected), "{text}: {told}");
    }
}
