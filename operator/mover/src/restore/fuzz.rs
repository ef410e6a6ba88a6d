//! What a manifest and a schema say of privileges and roles.

use std::collections::HashSet;

use super::{acl::AclItem, preflight::mentioned};
use crate::format::PgText;

/// An aclitem; and a statement in which names are looked for.
pub fn privileges(bytes: &[u8]) {
    let _parsed = AclItem::parse(&PgText::from(bytes));
    let (name, statement) = bytes.split_at(bytes.len().min(3));
    let wanted = HashSet::from([PgText::from(name), PgText::from("role")]);
    assert!(mentioned(statement, &wanted).is_subset(&wanted), "a name was found that nobody looked for");
}
