//! A policy that holds together: what the rest of the operator works with instead of the spec.

use crds::policy::BackupRule;
use crds::{BackupPolicySpec, Reason};
use policy::spread;
use policy::tag::Retention;
use policy::{Schedule, ScheduleError, Windows, Zone, ZoneError};

use super::retention::{self, RetentionFault};

/// A policy's rules as schedules, windows and periods that are known to be sound.
#[derive(Debug, Clone)]
pub struct ParsedPolicy {
    /// In the order of the spec; never empty.
    pub rules: Vec<ParsedRule>,
    /// Which tag a point gets, in the order in which the rules are asked.
    pub retention: Retention,
    /// How many of the newest good points of an instance nothing may delete.
    pub keep_at_least: u32,
}

/// One backup rule.
#[derive(Debug, Clone)]
pub struct ParsedRule {
    pub name: String,
    pub schedule: Schedule,
    pub windows: Windows,
    pub start_window_minutes: u32,
    pub spread_minutes: u32,
}

/// What keeps a policy from being used: the first fault, by the order of its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFault {
    pub reason: Reason,
    /// Names the field and what to write instead.
    pub message: String,
}

impl ParsedPolicy {
    /// Reads a spec. What the API server has already refused is refused again, since rules can be switched off.
    ///
    /// # Errors
    /// The first [`PolicyFault`].
    pub fn parse(spec: &BackupPolicySpec) -> Result<Self, PolicyFault> {
        let rules = spec.rules.iter().map(ParsedRule::parse).collect::<Result<Vec<_>, _>>()?;
        if rules.is_empty() {
            return Err(PolicyFault::invalid("`rules` is empty: a policy needs at least one backup rule"));
        }
        let retention = retention::parse(&spec.retention)?;
        Ok(Self {
            rules,
            retention,
            keep_at_least: u32::try_from(spec.keep_at_least)
                .map_err(|_| PolicyFault::invalid("`keepAtLeast` must be 1 or more"))?
                .max(1),
        })
    }

    /// The rule of this name.
    pub fn rule(&self, name: &str) -> Option<&ParsedRule> {
        self.rules.iter().find(|rule| rule.name == name)
    }
}

impl ParsedRule {
    fn parse(rule: &BackupRule) -> Result<Self, PolicyFault> {
        let zone =
            Zone::parse_or_utc(rule.time_zone.as_deref()).map_err(|error| zone_fault(&rule.name, &error))?;
        let schedule = schedule(rule, zone).map_err(|error| schedule_fault(&rule.name, &error))?;
        let minutes = |name: &str, value: i32| {
            u32::try_from(value).map_err(|_| {
                PolicyFault::invalid(format!("rule {:?}: `{name}` must not be negative", rule.name))
            })
        };
        let start = minutes("startWindowMinutes", rule.start_window_minutes())?;
        let completion = minutes("completionWindowMinutes", rule.completion_window_minutes())?;
        let spread = minutes("spreadMinutes", rule.spread_minutes())?;
        let windows = Windows::new(start, completion)
            .map_err(|error| PolicyFault::invalid(format!("rule {:?}: {error}", rule.name)))?;
        spread::delay("", spread, start).map_err(|error| PolicyFault {
            reason: Reason::SpreadTooLong,
            message: format!("rule {:?}: {error}", rule.name),
        })?;
        Ok(Self {
            name: rule.name.clone(),
            schedule,
            windows,
            start_window_minutes: start,
            spread_minutes: spread,
        })
    }
}

impl PolicyFault {
    fn invalid(message: impl Into<String>) -> Self {
        Self { reason: Reason::InvalidSpec, message: message.into() }
    }
}

impl From<RetentionFault> for PolicyFault {
    fn from(fault: RetentionFault) -> Self {
        Self { reason: fault.reason(), message: fault.to_string() }
    }
}

fn schedule(rule: &BackupRule, zone: Zone) -> Result<Schedule, ScheduleError> {
    match (&rule.schedule.cron, &rule.schedule.intervals) {
        (Some(cron), _) => Schedule::cron(cron, zone),
        (None, intervals) => {
            let texts: Vec<&str> = intervals.iter().flatten().map(String::as_str).collect();
            Schedule::intervals(&texts, zone)
        }
    }
}

fn schedule_fault(rule: &str, error: &ScheduleError) -> PolicyFault {
    let reason = if error.is_impossible() { Reason::ImpossibleSchedule } else { Reason::InvalidSchedule };
    PolicyFault { reason, message: format!("rule {rule:?}: {error}") }
}

fn zone_fault(rule: &str, error: &ZoneError) -> PolicyFault {
    PolicyFault { reason: Reason::InvalidTimeZone, message: format!("rule {rule:?}: {error}") }
}
