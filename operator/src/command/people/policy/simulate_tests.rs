//! Tests of [`super`]: policies as they are written in files, over ranges of time.

use super::*;

/// Wednesdays and Saturdays at 20:00; the first point of a month for ten years, every other for one.
const MONTHLY: &str = "
kind: BackupPolicy
spec:
  rules:
  - {name: Weekly, schedule: {cron: '0 20 * * 3,6'}, timeZone: Europe/Berlin}
  retention:
  - {name: Monthly, priority: 15, criteria: [{first: Month}], keep: P10Y}
  - {name: Default, default: true, keep: P1Y}
";

fn rows(text: &str, from: &str, to: &str, fail: &[&str]) -> Vec<Row> {
    let fail: Vec<String> = fail.iter().map(|given| (*given).to_owned()).collect();
    Policy::read("p.yaml", text).and_then(|policy| policy.rows(from, to, &fail)).expect(text)
}

/// Slot and tag of each row.
fn tags(rows: &[Row]) -> Vec<(String, &str)> {
    rows.iter().map(|row| (row.slot.to_string(), row.tag.as_str())).collect()
}

/// A policy of one rule in UTC with these retention rules beside the default of a year.
fn with(cron: &str, retention: &str) -> String {
    format!(
        "rules: [{{name: R, schedule: {{cron: '{cron}'}}}}]\n\
         retention:\n{retention}\n- {{name: Default, default: true, keep: P1Y}}"
    )
}

#[test]
fn row_a33_b10_slots_keep_their_hour_on_the_wall_over_a_change_of_the_clocks() {
    let walked = rows(MONTHLY, "2026-03-25", "2026-04-05", &[]);
    let slots: Vec<String> = walked.iter().map(|row| row.slot.to_string()).collect();
    let expected =
        ["2026-03-25T19:00:00Z", "2026-03-28T19:00:00Z", "2026-04-01T18:00:00Z", "2026-04-04T18:00:00Z"];
    assert_eq!(slots, expected);
}

#[test]
fn row_a34_a35_a37_only_the_first_success_of_each_month_is_kept_for_ten_years() {
    let walked = rows(MONTHLY, "2026-01-01", "2026-03-04", &[]);
    let monthly: Vec<&Row> = walked.iter().filter(|row| row.tag == "Monthly").collect();
    let slots: Vec<String> = monthly.iter().map(|row| row.slot.to_string()).collect();
    assert_eq!(slots, ["2026-01-03T19:00:00Z", "2026-02-04T19:00:00Z"]);
    assert_eq!(monthly[0].expires.to_string(), "2036-01-03T19:00:00Z");
    assert!(walked.iter().all(|row| ["Monthly", "Default"].contains(&row.tag.as_str())));
    assert_eq!(walked.len(), 17, "Wednesdays and Saturdays from 3 January to 28 February");

    let failed = rows(MONTHLY, "2026-01-01", "2026-01-11", &["Weekly@2026-01-03T20:00"]);
    let expected = [("2026-01-07T19:00:00Z", "Monthly"), ("2026-01-10T19:00:00Z", "Default")];
    assert_eq!(tags(&failed), expected.map(|(slot, tag)| (slot.to_owned(), tag)));
}

#[test]
fn row_a36_fields_of_a_criterion_are_joined_by_and_members_of_a_list_by_or() {
    let friday = with(
        "0 20 * * *",
        "- {name: Last, priority: 5, criteria: [{daysOfWeek: [Friday], weeksOfMonth: [Last]}], keep: P5Y}",
    );
    let walked = rows(&friday, "2026-01-01", "2026-04-01", &[]);
    let last: Vec<_> = tags(&walked).into_iter().filter(|(_, tag)| *tag == "Last").collect();
    let expected = ["2026-01-30T20:00:00Z", "2026-02-27T20:00:00Z", "2026-03-27T20:00:00Z"];
    assert_eq!(last, expected.map(|slot| (slot.to_owned(), "Last")));

    let two_days = with(
        "0 20 * * 0,3,5",
        "- {name: Long, priority: 5, criteria: [{daysOfWeek: [Sunday, Friday]}], keep: P5Y}",
    );
    let walked = rows(&two_days, "2026-01-05", "2026-01-12", &[]);
    let expected = [
        ("2026-01-07T20:00:00Z", "Default"),
        ("2026-01-09T20:00:00Z", "Long"),
        ("2026-01-11T20:00:00Z", "Long"),
    ];
    assert_eq!(tags(&walked), expected.map(|(slot, tag)| (slot.to_owned(), tag)));
}

#[test]
fn row_b14_year_before_month_before_week_and_one_tag_each() {
    let conventional = with(
        "0 20 * * *",
        "- {name: Weekly, priority: 20, criteria: [{first: Week}], keep: P12W}\n\
         - {name: Yearly, priority: 10, criteria: [{first: Year}], keep: P10Y}\n\
         - {name: Monthly, priority: 15, criteria: [{first: Month}], keep: P6M}",
    );
    let walked = rows(&conventional, "2026-12-01", "2027-01-11", &[]);
    let (december, january) = walked.split_at(27);
    assert_eq!(december[0].tag, "Yearly", "nothing was backed up before");
    let tagged: Vec<_> = tags(january).into_iter().filter(|(_, tag)| *tag != "Default").collect();
    let expected = [
        ("2026-12-28T20:00:00Z", "Weekly"),
        ("2027-01-01T20:00:00Z", "Yearly"),
        ("2027-01-04T20:00:00Z", "Weekly"),
    ];
    // The first of January has been the first of its month as well: no later day is.
    assert_eq!(tagged, expected.map(|(slot, tag)| (slot.to_owned(), tag)));
}

#[test]
fn row_a39_b13_the_default_alone_takes_every_point() {
    let weekly = "rules: [{name: BackupWeekly, schedule: {intervals: ['R/2021-08-15T06:30:00+00:00/P1W']}}]\n\
                  retention: [{name: Default, default: true, keep: P3M}]";
    let walked = rows(weekly, "2026-11-20", "2026-12-07", &[]);
    let seen: Vec<_> =
        walked.iter().map(|row| (row.slot.to_string(), row.tag.as_str(), row.expires.to_string())).collect();
    let expected = [
        ("2026-11-22T06:30:00Z", "Default", "2027-02-22T06:30:00Z"),
        ("2026-11-29T06:30:00Z", "Default", "2027-02-28T06:30:00Z"),
        ("2026-12-06T06:30:00Z", "Default", "2027-03-06T06:30:00Z"),
    ];
    assert_eq!(seen, expected.map(|(slot, tag, end)| (slot.to_owned(), tag, end.to_owned())));
}

#[test]
fn row_a37_a_year_after_29_february_is_28_february() {
    let walked = rows(&with("0 2 29 2 *", ""), "2024-02-29", "2024-03-01", &[]);
    assert_eq!(walked[0].expires.to_string(), "2025-02-28T02:00:00Z");
}

#[test]
fn row_e04_e10_rules_at_one_instant_are_one_row_that_names_the_others() {
    let two = "rules: [{name: Night, schedule: {cron: '0 2 * * *'}}, {name: Week, schedule: {cron: '0 2 * * 0'}}]\n\
               retention: [{name: Default, default: true, keep: P30D}]";
    let walked = rows(two, "2026-01-03", "2026-01-05", &[]);
    assert_eq!(walked.len(), 2);
    assert_eq!((walked[1].rule.as_str(), walked[1].merged_rules.join(",")), ("Night", "Week".to_owned()));
    assert_eq!(rows(two, "2026-01-04", "2026-01-05", &["Week@2026-01-04T02:00"]), []);
}

#[test]
fn json_has_four_fields_with_times_in_utc() {
    let walked = rows(MONTHLY, "2026-01-01", "2026-01-04", &[]);
    assert_eq!(
        serde_json::to_string(&walked).expect("rows are plain data"),
        "[{\"rule\":\"Weekly\",\"slot\":\"2026-01-03T19:00:00Z\",\"tag\":\"Monthly\",\"expires\":\"2036-01-03T19:00:00Z\"}]"
    );
}

#[test]
fn the_table_shows_the_wall_of_the_rule_the_reason_and_merged_rules() {
    let policy = Policy::read("p.yaml", MONTHLY).expect("a policy");
    let shown = |from: &str, to: &str| policy.table(&policy.rows(from, to, &[]).expect("rows"));
    assert_eq!(
        shown("2026-07-01", "2026-07-02"),
        "SLOT                         RULE    TAG      EXPIRES                      ALSO FOR  WHY\n\
         Wed 2026-07-01 20:00 +02:00  Weekly  Monthly  Tue 2036-07-01 20:00 +02:00  -         \
         It is the first successful point of July 2026 in Europe/Berlin.\n"
    );
    assert_eq!(shown("2026-07-02", "2026-07-03"), "no backup is due and succeeds in this time\n");
}

#[test]
fn a_policy_that_does_not_hold_together_is_refused_with_its_field() {
    for (text, expected) in [
        (
            with("61 * * * *", ""),
            "the policy in p.yaml cannot be used: rule \"R\": `schedule.cron` \"61 * * * *\" was refused",
        ),
        (
            with("@daily", "- {name: M, priority: 3, criteria: [{daysOfMonth: [31]}], keep: P1Y}"),
            "retention rule \"M\": `criteria[0]`: `daysOfMonth` cannot be 31",
        ),
    ] {
        let error = Policy::read("p.yaml", &text).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn more_rows_than_anybody_reads_are_refused() {
    let policy = Policy::read("p.yaml", &with("* * * * *", "")).expect("a policy");
    let error = policy.rows("2026-01-01", "2028-01-01", &[]).expect_err("minutes of two years").to_string();
    assert_eq!(
        error,
        "there are more than 200000 backups between `--from` and `--to`: choose a shorter range"
    );
}
