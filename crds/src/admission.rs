//! The shipped ValidatingAdmissionPolicies: what cannot be judged from one object alone.
//!
//! They are checked again by the reconcilers, since a cluster may run without them. They refuse everybody, cluster
//! administrators included; who is in the right edits what they look at, or removes the binding.

use serde_json::{Value, json};

use crate::{annotations, labels};

/// Every policy with its binding, for an operator with this user name.
///
/// `operator` is `system:serviceaccount:NAMESPACE:NAME`; the chart gives it as a template.
pub fn policies(operator: &str) -> Vec<Policy> {
    vec![
        in_use(operator),
        slots(operator),
        points(operator),
        deleted_instances(operator),
        vault_namespaces(),
        requested_by(),
    ]
}

/// A policy and the binding that puts it in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Name of both objects.
    pub name: &'static str,
    /// The ValidatingAdmissionPolicy.
    pub policy: Value,
    /// The ValidatingAdmissionPolicyBinding.
    pub binding: Value,
}

/// A vault or policy that instances use is not deleted, nor one that deleted instances with points would need again. A
/// finalizer could only make the deletion hang.
fn in_use(operator: &str) -> Policy {
    policy(
        "coffer-in-use",
        json!({
            "resourceRules": rules("coffer.dev", &["backupvaults", "backuppolicies"], &["DELETE"]),
        }),
        json!([not_by_the_cluster(operator)]),
        json!([
            {
                "expression": format!("{} == 0", count("instances")),
                "message": "instances use it: delete them or let them use another first",
                "messageExpression": format!(
                    "oldObject.kind + ' ' + oldObject.metadata.name + ' is used by ' + string({}) + ' instance(s) and ' + \
                     string({}) + ' deleted one(s) that still have points: delete them or let them use another first \
                     (kubectl get binst,dbinst -A shows them)'",
                    count("instances"),
                    count("deletedInstances")
                ),
            },
            {
                "expression": format!("{} == 0", count("deletedInstances")),
                "message": "deleted instances that still have points use it: it may go when their points are gone",
                "messageExpression": format!(
                    "oldObject.kind + ' ' + oldObject.metadata.name + ' is needed by ' + string({}) + ' deleted instance(s) \
                     that still have points: it may go when those are gone (kubectl get dbinst -A shows them and when)'",
                    count("deletedInstances")
                ),
            },
        ]),
    )
}

/// A count of the object's status, in CEL.
fn count(field: &str) -> String {
    format!("(has(oldObject.status) && has(oldObject.status.{field}) ? oldObject.status.{field} : 0)")
}

/// A due time yields at most one job, so only the operator says that a job is for one.
fn slots(operator: &str) -> Policy {
    policy(
        "coffer-slots",
        json!({"resourceRules": rules("coffer.dev", &["backupjobs"], &["CREATE"])}),
        json!([not_by_the_operator(operator)]),
        json!([{
            "expression": "!has(object.spec.slot)",
            "message": "`slot` belongs to the schedule: leave it out and set `retentionTag` for a backup on demand",
        }]),
    )
}

/// Points are a view that the operator keeps; what people do to a view would have no effect or the wrong one.
fn points(operator: &str) -> Policy {
    policy(
        "coffer-points",
        json!({"resourceRules": rules("coffer.dev", &["recoverypoints"], &["CREATE", "DELETE"])}),
        json!([not_by_the_cluster(operator)]),
        json!([
            {
                "expression": "request.operation != 'CREATE'",
                "message": "RecoveryPoints are written by Coffer from the vault's catalogue: create a BackupJob to make a new point",
            },
            {
                "expression": "request.operation != 'DELETE'",
                "message": "deleting a RecoveryPoint deletes no data, and it would return: points go when their keeping ends, or set `deletionRequest` to let one go before; `recoveryPointWindow` of the vault says how many are shown",
            },
        ]),
    )
}

/// Records of deleted instances are a view of the ledger, and people write `undelete` into them.
fn deleted_instances(operator: &str) -> Policy {
    policy(
        "coffer-deleted-instances",
        json!({"resourceRules": rules("coffer.dev", &["deletedbackupinstances"], &["CREATE", "DELETE"])}),
        json!([not_by_the_cluster(operator)]),
        json!([
            {
                "expression": "request.operation != 'CREATE'",
                "message": "DeletedBackupInstances are written by Coffer from the vault's ledger: delete a BackupInstance to get one",
            },
            {
                "expression": "request.operation != 'DELETE'",
                "message": "deleting a DeletedBackupInstance deletes no data, and it would return: it goes when the last of its points does; `undelete: true` brings the instance back",
            },
        ]),
    )
}

/// A namespace that holds a vault holds its key as well: deleting it by mistake would be the end of every backup.
fn vault_namespaces() -> Policy {
    policy(
        "coffer-vault-namespaces",
        json!({
            "resourceRules": rules("", &["namespaces"], &["DELETE"]),
            "objectSelector": {"matchLabels": {labels::HOLDS_BACKUPS: "true"}},
        }),
        json!([]),
        json!([{
            "expression": format!("oldObject.metadata.labels['{}'] != 'true'", labels::HOLDS_BACKUPS),
            "message": format!("the namespace holds backups and the key that opens them: remove its label {} first if they may go", labels::HOLDS_BACKUPS),
        }]),
    )
}

/// Who asked is what the API server says, or nothing.
fn requested_by() -> Policy {
    let key = annotations::REQUESTED_BY;
    policy(
        "coffer-requested-by",
        json!({
            "resourceRules": rules("coffer.dev", &["backupjobs", "restorejobs", "recoverypoints"], &["CREATE", "UPDATE"]),
        }),
        json!([{
            "name": "names-somebody",
            "expression": format!("has(object.metadata.annotations) && '{key}' in object.metadata.annotations"),
        }]),
        json!([{
            "expression": format!(
                "object.metadata.annotations['{key}'] == request.userInfo.username || \
                 (oldObject != null && has(oldObject.metadata.annotations) && '{key}' in oldObject.metadata.annotations && \
                 oldObject.metadata.annotations['{key}'] == object.metadata.annotations['{key}'])"
            ),
            "message": format!("annotation {key} must be your own user name, or be left out"),
        }]),
    )
}

fn policy(name: &'static str, constraints: Value, conditions: Value, validations: Value) -> Policy {
    let mut spec = json!({
        "failurePolicy": "Fail",
        "matchConstraints": constraints,
        "validations": validations,
    });
    if conditions.as_array().is_some_and(|conditions| !conditions.is_empty()) {
        spec["matchConditions"] = conditions;
    }
    Policy {
        name,
        policy: json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": spec,
        }),
        binding: json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny"]},
        }),
    }
}

fn rules(group: &str, resources: &[&str], operations: &[&str]) -> Value {
    let version = if group.is_empty() { "v1" } else { crate::VERSION };
    json!([{"apiGroups": [group], "apiVersions": [version], "resources": resources, "operations": operations}])
}

/// Exempts the operator alone.
fn not_by_the_operator(operator: &str) -> Value {
    json!({"name": "not-by-the-operator", "expression": format!("request.userInfo.username != '{operator}'")})
}

/// Exempts the operator, and what empties a namespace or collects owned objects.
fn not_by_the_cluster(operator: &str) -> Value {
    json!({
        "name": "not-by-the-cluster",
        "expression": format!(
            "!(request.userInfo.username in ['{operator}', 'system:kube-controller-manager', \
             'system:serviceaccount:kube-system:namespace-controller', \
             'system:serviceaccount:kube-system:generic-garbage-collector'])"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_names_its_policy_and_denies() {
        for Policy { name, policy, binding } in policies("system:serviceaccount:coffer-system:coffer") {
            assert_eq!(policy["metadata"]["name"], name);
            assert_eq!(binding["spec"]["policyName"], name);
            assert_eq!(binding["spec"]["validationActions"], json!(["Deny"]));
        }
    }

    #[test]
    fn every_refusal_says_what_to_do() {
        for Policy { name, policy, .. } in policies("someone") {
            for validation in policy["spec"]["validations"].as_array().expect("a policy validates") {
                let message = validation["message"].as_str().expect("a validation has a message");
                assert!(message.contains(':') || message.contains("must"), "{name}: {message}");
            }
        }
    }
}
