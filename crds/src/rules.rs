//! The CEL rules that several kinds share, as the expressions an API server accepts.

use kube::core::Rule;

/// The lock on terminal jobs: once `status.state` is final, it never becomes another.
///
/// `replace` without a status is caught as well, since the rule asks for the new state to be there.
pub(crate) fn terminal_is_terminal() -> Rule {
    Rule::new(
        "!(has(oldSelf.status) && has(oldSelf.status.state) && oldSelf.status.state in \
         ['Completed','CompletedWithWarnings','Failed','Cancelled','Expired']) || \
         (has(self.status) && has(self.status.state) && self.status.state == oldSelf.status.state)",
    )
    .message("a job that has ended keeps its state: create a new job instead")
}

/// A storage that is let in to by credentials of its own.
pub(crate) fn credentials_needed() -> Rule {
    Rule::new("has(self.credentialsSecretRef)").message(
        "`credentialsSecretRef` must be set: credentials from the pod's own identity are not supported yet",
    )
}

/// Refuses a block that the schema knows and this version does not act on.
///
/// `field` is the name as it is written in YAML. Nothing may be accepted and then ignored.
pub(crate) fn not_yet(field: &str) -> Rule {
    Rule::new(format!("!has(self.{field})")).message(format!("`{field}` is not supported yet").as_str())
}

/// As [`not_yet`], with a second half that says what to do instead.
pub(crate) fn not_yet_but(field: &str, instead: &str) -> Rule {
    Rule::new(format!("!has(self.{field})"))
        .message(format!("`{field}` is not supported yet: {instead}").as_str())
}

/// Refuses one value of a field; `shown` is how the message names it.
pub(crate) fn value_not_yet(field: &str, value: &str, instead: &str) -> Rule {
    Rule::new(format!("!has(self.{field}) || self.{field} != '{value}'"))
        .message(format!("`{field}: {value}` is not supported yet: {instead}").as_str())
}

/// A required or defaulted field that never changes.
pub(crate) fn fixed(field: &str, message: &str) -> Rule {
    Rule::new(format!("self.{field} == oldSelf.{field}")).message(message)
}

/// An optional field that, once it is there, stays as it is.
pub(crate) fn one_way(field: &str, message: &str) -> Rule {
    Rule::new(format!("!has(oldSelf.{field}) || (has(self.{field}) && self.{field} == oldSelf.{field})"))
        .message(message)
}

/// An optional field that never changes, appears or disappears.
///
/// A rule on the field itself would be skipped when the field comes or goes, so this one stands on the parent.
/// `field` is written the way CEL wants it: `namespace` is a reserved word there and is `__namespace__`.
pub(crate) fn fixed_optional(field: &str, message: &str) -> Rule {
    Rule::new(format!(
        "has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})"
    ))
    .message(message)
}

/// A soft delete that is always on stays so, and its days only grow.
pub(crate) fn always_on_stays() -> Rule {
    let days =
        |spec: &str| format!("(has({spec}.softDelete.retentionDays) ? {spec}.softDelete.retentionDays : 14)");
    Rule::new(format!(
        "!has(oldSelf.softDelete) || oldSelf.softDelete.state != 'AlwaysOn' || (has(self.softDelete) && \
         self.softDelete.state == 'AlwaysOn' && {} >= {})",
        days("self"),
        days("oldSelf")
    ))
    .message(
        "`softDelete` that is AlwaysOn may not be weakened: neither another state nor fewer `retentionDays`",
    )
}

/// What an instance had goes to one other.
pub(crate) fn adopted_once() -> Rule {
    Rule::new(
        "!has(self.adopt) || self.adopt.all(a, self.adopt.exists_one(b, b.from.cluster == a.from.cluster && \
         b.from.__namespace__ == a.from.__namespace__ && b.from.instance == a.from.instance))",
    )
    .message("`adopt` names an instance in `from` twice: what it had can be taken over by one instance only")
}

/// Bringing a deleted instance back is one way: `undelete` goes from false to true and stays.
pub(crate) fn undelete_is_one_way() -> Rule {
    Rule::new("!oldSelf.undelete || self.undelete")
        .message("`undelete` may not be taken back: delete the instance again instead")
}

/// Letting the points of a deleted instance go is one way: `undelete` is the way back.
pub(crate) fn purge_is_one_way() -> Rule {
    Rule::new("!oldSelf.purge || self.purge").message(
        "`purge` may not be taken back: `undelete: true` brings the instance back while its points are there",
    )
}

/// Cancelling is one way: `cancel` goes from false to true and stays.
pub(crate) fn cancel_is_one_way() -> Rule {
    Rule::new("!oldSelf.cancel || self.cancel")
        .message("a cancelled job stays cancelled: create a new job instead")
}

/// Job names are written as label values on pods, which hold 63 characters.
pub(crate) fn job_name_fits_a_label() -> Rule {
    Rule::new("size(self.metadata.name) <= 63")
        .message("the name of a job must have at most 63 characters: it is a label of its pods")
}
