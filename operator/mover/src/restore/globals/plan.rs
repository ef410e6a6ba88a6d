//! From what a point says of its server and what the target has to what is made there. Pure.

use std::collections::{BTreeSet, HashSet};

use contract::FailureCode;

use super::{
    Facts, Stored,
    facts::Properties,
    statements::{self, Granted},
};
use crate::{
    format::{MembershipEntry, Passwords, PgText, RoleEntry},
    restore::{acl::AclItem, preflight::Objection},
};

/// The first major version whose memberships have options, and whose grantors must have the right to grant.
const WITH_OPTIONS: u32 = 16;
const WITH_PARAMETERS: u32 = 15;

/// What will be done.
#[derive(Debug, Default)]
pub struct Plan {
    /// Roles that will be there.
    pub created: BTreeSet<PgText>,
    pub steps: Vec<Step>,
    pub warnings: Vec<String>,
    pub objections: Vec<Objection>,
}

/// One statement.
#[derive(Debug)]
pub struct Step {
    /// What it does, for people. Never what it says: it may hold a password.
    pub what: String,
    pub sql: Vec<u8>,
    /// Whether the restore goes on without it.
    pub may_fail: bool,
}

/// Decides.
pub fn plan(stored: &Stored, facts: &Facts) -> Plan {
    let mut planner = Planner { stored, facts, plan: Plan::default() };
    planner.roles();
    planner.memberships();
    planner.settings();
    planner.parameters();
    planner.plan
}

struct Planner<'a> {
    stored: &'a Stored,
    facts: &'a Facts,
    plan: Plan,
}

impl Planner<'_> {
    fn step(&mut self, what: String, sql: Vec<u8>, may_fail: bool) {
        self.plan.steps.push(Step { what, sql, may_fail });
    }

    fn roles(&mut self) {
        for role in &self.stored.roles {
            match self.facts.roles.get(&role.name) {
                Some(there) => self.differs(role, there),
                None => {
                    self.plan.created.insert(role.name.clone());
                }
            }
        }
        if !self.facts.is_superuser && !self.plan.created.is_empty() {
            let names: Vec<String> = self.plan.created.iter().map(|name| format!("\"{name}\"")).collect();
            self.plan.objections.push(Objection {
                code: FailureCode::RoleMissing,
                sentence: format!(
                    "roles are missing on the target: {}; restore by a superuser, who can create them as they were, or create \
                     them first",
                    names.join(", ")
                ),
            });
        }
        for role in self.stored.roles.iter().filter(|role| !self.facts.roles.contains_key(&role.name)) {
            let what = format!("create role \"{}\"", role.name);
            self.step(what, statements::create(role), false);
            if let Some(comment) = &role.comment {
                self.step(
                    format!("comment on role \"{}\"", role.name),
                    statements::comment(&role.name, comment),
                    true,
                );
            }
            for label in &role.security_labels {
                let what = format!("security label of {} on role \"{}\"", label.provider, role.name);
                self.step(what, statements::label(&role.name, label), true);
            }
        }
        if self.stored.passwords == Passwords::Closed {
            self.tell_of_passwords();
        }
    }

    fn tell_of_passwords(&mut self) {
        let without: Vec<String> = self
            .stored
            .roles
            .iter()
            .filter(|role| self.is_created(&role.name) && role.may_log_in)
            .map(|role| format!("\"{}\"", role.name))
            .collect();
        if !without.is_empty() {
            let names = without.join(", ");
            self.plan.warnings.push(format!("the point has no passwords of these roles, set them: {names}"));
        }
    }

    fn is_created(&self, role: &PgText) -> bool {
        self.plan.created.contains(role)
    }

    fn differs(&mut self, role: &RoleEntry, there: &Properties) {
        let stored = Properties {
            flags: [
                role.is_superuser,
                role.inherits,
                role.may_create_roles,
                role.may_create_databases,
                role.may_log_in,
                role.may_replicate,
                role.bypasses_row_security,
            ],
            connection_limit: role.connection_limit,
            valid_until: role.valid_until.clone(),
        };
        if stored != *there {
            self.plan.warnings.push(format!(
                "role \"{}\" is there already and stays as it is; in the point it is {}",
                role.name,
                statements::properties(role)
            ));
        }
    }

    /// A membership comes back with a role that does. One between roles that are there already is theirs to decide.
    fn memberships(&mut self) {
        let is_there =
            |role: &PgText| self.facts.roles.contains_key(role) || self.plan.created.contains(role);
        let (mut due, mut left): (Vec<&MembershipEntry>, Vec<&MembershipEntry>) = self
            .stored
            .memberships
            .iter()
            .filter(|entry| !self.facts.memberships.contains(&(entry.role.clone(), entry.member.clone())))
            .partition(|entry| self.is_created(&entry.role) || self.is_created(&entry.member));
        due.retain(|entry| is_there(&entry.member) || !left.contains(entry));
        let (known, unknown): (Vec<_>, Vec<_>) = due.into_iter().partition(|entry| is_there(&entry.role));
        left.extend(unknown);
        for entry in left {
            self.plan.warnings.push(format!(
                "in the point \"{}\" is a member of \"{}\", and here it is not",
                entry.member, entry.role
            ));
        }
        for (entry, grantor) in in_order(known, self.stored, self.facts) {
            let what = format!("grant role \"{}\" to \"{}\"", entry.role, entry.member);
            if grantor == Granted::ByNobodyKnown {
                self.plan.warnings.push(format!(
                    "who made \"{}\" a member of \"{}\" is not kept: it was \"{}\"",
                    entry.member,
                    entry.role,
                    entry.grantor.as_ref().map_or_else(String::new, ToString::to_string)
                ));
            }
            self.step(what, statements::grant(entry, &grantor, self.facts.major >= WITH_OPTIONS), false);
        }
    }

    /// What is set for every role is the target's own; what is set for a role comes back with it.
    fn settings(&mut self) {
        for setting in &self.stored.settings {
            let is_there = self.facts.settings.contains(&(setting.role.clone(), setting.setting.clone()));
            let of = match &setting.role {
                Some(role) => format!("setting {} of role \"{role}\"", setting.setting),
                None => format!("setting {} of every role", setting.setting),
            };
            match &setting.role {
                _ if is_there => {}
                Some(role) if self.is_created(role) => match statements::setting(role, setting) {
                    Some(sql) => self.step(of, sql, true),
                    None => self.plan.warnings.push(format!("{of} was not understood and not restored")),
                },
                _ => {
                    self.plan.warnings.push(format!("{of} is the point's and not the target's: not restored"))
                }
            }
        }
    }

    fn parameters(&mut self) {
        if self.facts.major < WITH_PARAMETERS {
            return;
        }
        for parameter in &self.stored.parameters {
            for item in &parameter.acl {
                let what = format!("privileges on parameter {}: {item}", parameter.name);
                match AclItem::parse(item) {
                    Ok(item) if item.grantee().is_none_or(|role| self.is_created(role)) => {
                        for sql in statements::parameter(&parameter.name, &item) {
                            self.step(what.clone(), sql, true);
                        }
                    }
                    Ok(_) => {}
                    Err(error) => self.plan.warnings.push(format!("not restored: {what}: {error}")),
                }
            }
        }
    }
}

/// Memberships in an order in which each grantor may grant, and by whom each is granted.
fn in_order<'a>(
    mut left: Vec<&'a MembershipEntry>,
    stored: &Stored,
    facts: &Facts,
) -> Vec<(&'a MembershipEntry, Granted)> {
    let mut ordered = Vec::new();
    let has_options = stored.server_version / 10_000 >= WITH_OPTIONS;
    // Who may pass a role on: whoever was given it with that right. The first role of a server always may.
    let mut admins: HashSet<(&PgText, &PgText)> = HashSet::new();
    loop {
        let before = left.len();
        left.retain(|entry| {
            let by = match &entry.grantor {
                None => Granted::ByUs,
                Some(grantor) if *grantor == stored.bootstrap => Granted::By(facts.bootstrap.clone()),
                // In older versions anybody may have been the one who granted; newer ones would refuse.
                Some(_) if !has_options => Granted::ByUs,
                Some(grantor) if admins.contains(&(&entry.role, grantor)) => Granted::By(grantor.clone()),
                Some(_) => return true,
            };
            if entry.admin {
                admins.insert((&entry.role, &entry.member));
            }
            ordered.push((*entry, by));
            false
        });
        if left.is_empty() || left.len() == before {
            break;
        }
    }
    ordered.extend(left.into_iter().map(|entry| (entry, Granted::ByNobodyKnown)));
    ordered
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
