//! A plan: backup rules, each with a cron expression, windows and a lifecycle of its own.

use std::collections::BTreeSet;

use crds::policy::{BackupRule, Schedule};
use policy::{Keep, Zone};

use super::super::PolicyError;
use super::draft::{self, Draft};
use super::json::{Object, Warnings};
use super::plan_cron::Cron;
use super::plan_retention;

/// When a rule without an expression runs.
const USUAL_SCHEDULE: &str = "cron(0 5 ? * * *)";

/// A rule with what its points are to be kept for.
#[derive(Debug)]
pub struct PlanRule {
    pub rule: BackupRule,
    pub cron: Cron,
    pub zone: Zone,
    pub keep: Keep,
    /// Where the lifecycle stands.
    pub field: String,
    vault: Option<String>,
}

/// Converts a plan, bare or as it is got from the service.
pub fn convert(root: Object<'_>, warnings: &Warnings) -> Result<Draft, PolicyError> {
    root.pass_over(&[
        "BackupPlanId",
        "BackupPlanArn",
        "VersionId",
        "CreatorRequestId",
        "CreationDate",
        "DeletionDate",
        "LastExecutionDate",
        "ResponseMetadata",
    ]);
    root.warn("BackupPlanTags", "tags of the plan were left out: put labels on the BackupPolicy");
    let draft = match root.object("BackupPlan")? {
        Some(plan) => self::plan(plan, warnings)?,
        None => return plan(root, warnings),
    };
    // What the service itself adds beside the plan repeats what is in it.
    root.pass_over(&["AdvancedBackupSettings"]);
    root.finish();
    Ok(draft)
}

fn plan(plan: Object<'_>, warnings: &Warnings) -> Result<Draft, PolicyError> {
    let name = plan.text("BackupPlanName")?.map(|name| (plan.path("BackupPlanName"), name.to_owned()));
    plan.warn("AdvancedBackupSettings", "settings of other kinds of resources were left out");
    plan.warn("ScanSettings", "points are not scanned for malware");
    let origin = plan.path("Rules");
    let mut rules = Vec::new();
    for item in plan.objects("Rules")? {
        rules.push(rule(item, warnings)?);
    }
    plan.finish();
    draft::no_name_twice(&origin, rules.iter().map(|rule| rule.rule.name.as_str()))?;
    let retention = plan_retention::of(&rules, &origin)?;
    let remarks = vaults(&rules, &origin, warnings);
    let rules = rules.into_iter().map(|rule| rule.rule).collect();
    Ok(Draft { name, origin, rules, retention, remarks })
}

/// Which vault is meant is said by each instance. One name is a remark; several cannot be had.
fn vaults(rules: &[PlanRule], origin: &str, warnings: &Warnings) -> Vec<String> {
    let named: BTreeSet<&str> = rules.iter().filter_map(|rule| rule.vault.as_deref()).collect();
    let listed = named.iter().copied().collect::<Vec<_>>().join(", ");
    match named.len() {
        0 => Vec::new(),
        1 => {
            let printable = listed.replace(char::is_control, " ");
            vec![format!("Points go to the vault that a BackupInstance names; the plan names {printable}.")]
        }
        _ => {
            let what =
                format!("several vaults are named ({listed}): all points of an instance go to its one vault");
            warnings.tell(&format!("{origin}[].TargetBackupVaultName"), &what);
            Vec::new()
        }
    }
}

fn rule(item: Object<'_>, warnings: &Warnings) -> Result<PlanRule, PolicyError> {
    item.pass_over(&["RuleId"]);
    let name = draft::rule_name(&item.path("RuleName"), item.required_text("RuleName")?, warnings)?;
    let expression = item.text("ScheduleExpression")?.unwrap_or(USUAL_SCHEDULE);
    let cron = Cron::parse(expression).map_err(|reason| item.refuse("ScheduleExpression", reason))?;
    let zone_name = item.text("ScheduleExpressionTimezone")?;
    let zone = Zone::parse_or_utc(zone_name)
        .map_err(|error| item.refuse("ScheduleExpressionTimezone", error.to_string()))?;
    policy::Schedule::cron(&cron.text, zone.clone())
        .map_err(|error| item.refuse("ScheduleExpression", error.to_string()))?;
    let vault = item.text("TargetBackupVaultName")?.map(str::to_owned);
    let keep = lifecycle(&item, warnings)?;
    if item.flag("EnableContinuousBackup")? {
        let what = "there are no continuous backups: a point holds the state at its own time only";
        warnings.tell(&item.path("EnableContinuousBackup"), what);
    }
    item.warn("CopyActions", "copies in other vaults are not supported yet: none is made");
    item.warn("RecoveryPointTags", "labels of points are not supported yet: they get none");
    item.warn("IndexActions", "points are not indexed");
    item.warn("ScanActions", "points are not scanned for malware");
    item.warn("TargetLogicallyAirGappedBackupVaultArn", "all points of an instance go to its one vault");
    let rule = BackupRule {
        name,
        schedule: Schedule { cron: Some(cron.text.clone()), intervals: None },
        time_zone: zone_name.map(str::to_owned),
        type_: None,
        start_window_minutes: item.small("StartWindowMinutes")?,
        completion_window_minutes: item.small("CompletionWindowMinutes")?,
        spread_minutes: None,
        copies: None,
        point_labels: None,
    };
    let field = item.path("Lifecycle");
    item.finish();
    Ok(PlanRule { rule, cron, zone, keep, field, vault })
}

/// How long a point is kept in all. What would move to cold storage stays where it is.
fn lifecycle(rule: &Object<'_>, warnings: &Warnings) -> Result<Keep, PolicyError> {
    let forever = "without it points would be kept for ever, which a BackupPolicy cannot say: at most P100Y";
    let Some(lifecycle) = rule.object("Lifecycle")? else {
        return Err(rule.refuse("Lifecycle", forever));
    };
    let days = match lifecycle.integer("DeleteAfterDays")? {
        None | Some(-1) => return Err(lifecycle.refuse("DeleteAfterDays", forever)),
        Some(days) => days,
    };
    let keep = Keep::parse(&format!("P{days}D"))
        .map_err(|error| lifecycle.refuse("DeleteAfterDays", error.to_string()))?;
    if lifecycle.integer("MoveToColdStorageAfterDays")?.is_some_and(|days| days >= 0) {
        let what = format!("there is no cold storage: points stay in the vault for the whole time, {keep}");
        warnings.tell(&lifecycle.path("MoveToColdStorageAfterDays"), &what);
    }
    lifecycle.flag("OptInToArchiveForSupportedResources")?;
    if lifecycle.has("DeleteAfterEvent") {
        let reason = "points here are deleted at a time of their own and not after an event";
        return Err(lifecycle.refuse("DeleteAfterEvent", reason));
    }
    lifecycle.finish();
    Ok(keep)
}
