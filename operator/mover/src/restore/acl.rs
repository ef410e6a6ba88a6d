//! Privileges as the catalogue keeps them, `grantee=privileges/grantor`, and the statements that grant them again.

use crate::{
    format::PgText,
    schema::{Owners, Sql},
};

/// One aclitem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclItem {
    /// `None`: PUBLIC.
    grantee: Option<PgText>,
    /// The letter of each privilege, and whether it may be passed on.
    privileges: Vec<(u8, bool)>,
    grantor: PgText,
}

/// Why a text is no aclitem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read the privileges {0:?}")]
pub struct AclError(String);

impl AclItem {
    /// `None`: PUBLIC.
    pub fn grantee(&self) -> Option<&PgText> {
        self.grantee.as_ref()
    }

    /// The letter of each privilege, and whether it may be passed on.
    pub fn privileges(&self) -> &[(u8, bool)] {
        &self.privileges
    }

    /// Reads PostgreSQL's notation.
    pub fn parse(text: &PgText) -> Result<Self, AclError> {
        let error = || AclError(text.to_string());
        let (grantee, rest) = role(text.as_bytes()).ok_or_else(error)?;
        let rest = rest.strip_prefix(b"=").ok_or_else(error)?;
        let slash = rest.iter().position(|byte| *byte == b'/').ok_or_else(error)?;
        let (grantor, rest_of_all) = role(&rest[slash + 1..]).ok_or_else(error)?;
        if !rest_of_all.is_empty() || grantor.is_empty() {
            return Err(error());
        }
        let mut privileges: Vec<(u8, bool)> = Vec::new();
        for letter in &rest[..slash] {
            match (letter, privileges.last_mut()) {
                (b'*', Some((_, may_pass_on))) => *may_pass_on = true,
                (b'a'..=b'z' | b'A'..=b'Z', _) => privileges.push((*letter, false)),
                _ => return Err(error()),
            }
        }
        Ok(Self { grantee: Some(grantee).filter(|name| !name.is_empty()), privileges, grantor })
    }
}

/// A kind of object with privileges of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Database,
    LargeObject,
}

impl Target {
    fn word(self) -> &'static str {
        match self {
            Self::Database => "DATABASE",
            Self::LargeObject => "LARGE OBJECT",
        }
    }

    /// The privilege of a letter; `None` for one that this kind of object does not have.
    fn privilege(self, letter: u8) -> Option<&'static str> {
        match (self, letter) {
            (Self::Database, b'C') => Some("CREATE"),
            (Self::Database, b'T') => Some("TEMPORARY"),
            (Self::Database, b'c') => Some("CONNECT"),
            (Self::LargeObject, b'r') => Some("SELECT"),
            (Self::LargeObject, b'w') => Some("UPDATE"),
            _ => None,
        }
    }
}

/// The statements that give an object, which has the privileges of a new one, those of `items`. `object` is its name as
/// SQL writes it. Another role than the owner is made the grantor only where the session is a superuser's
/// (`may_become`); else the owner grants.
pub fn statements(
    target: Target,
    object: &[u8],
    items: &[AclItem],
    owner: &PgText,
    owners: &Owners,
    may_become: bool,
) -> Vec<Vec<u8>> {
    let on = |words: &str| Sql::default().text(words).text(" ON ").text(target.word()).text(" ").raw(object);
    let before = owner;
    let owner = owners.of(before);
    let mut statements = vec![
        on("REVOKE ALL").text(" FROM PUBLIC").into_bytes(),
        on("REVOKE ALL").text(" FROM ").name(owner).into_bytes(),
    ];
    // What the owner before had, the new one has; what else was granted to a missing role is nobody's.
    let is_for_nobody =
        |item: &&AclItem| item.grantee.as_ref().is_some_and(|role| role != before && owners.is_missing(role));
    for item in items.iter().filter(|item| !is_for_nobody(item)) {
        let grantor = owners.of(&item.grantor);
        let is_foreign = grantor != owner && may_become;
        if is_foreign {
            let become_grantor = Sql::default().text("SET SESSION AUTHORIZATION ").name(grantor);
            statements.push(become_grantor.into_bytes());
        }
        for (letter, may_pass_on) in &item.privileges {
            let Some(privilege) = target.privilege(*letter) else { continue };
            let grant = on(&format!("GRANT {privilege}")).text(" TO ");
            let grant = match &item.grantee {
                Some(grantee) if grantee == before => grant.name(owner),
                Some(grantee) => grant.name(grantee),
                None => grant.text("PUBLIC"),
            };
            let option = if *may_pass_on { " WITH GRANT OPTION" } else { "" };
            statements.push(grant.text(option).into_bytes());
        }
        if is_foreign {
            statements.push(b"RESET SESSION AUTHORIZATION".to_vec());
        }
    }
    statements
}

/// A role's name, quoted or not, and what follows it.
fn role(text: &[u8]) -> Option<(PgText, &[u8])> {
    let Some(mut rest) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(|byte| matches!(byte, b'=' | b'/' | b'"')).unwrap_or(text.len());
        return Some((PgText::from(&text[..end]), &text[end..]));
    };
    let mut name = Vec::new();
    loop {
        let end = rest.iter().position(|byte| *byte == b'"')?;
        name.extend_from_slice(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix(b"\"") {
            Some(after) => {
                name.push(b'"');
                rest = after;
            }
            None => return Some((PgText::new(name), rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn granted(target: Target, items: &[&str], may_become: bool) -> Vec<String> {
        let items: Vec<AclItem> = items.iter().map(|item| AclItem::parse(&(*item).into()).unwrap()).collect();
        let statements = statements(target, b"x", &items, &"alice".into(), &Owners::default(), may_become);
        statements.into_iter().skip(2).map(|statement| String::from_utf8(statement).unwrap()).collect()
    }

    #[test]
    fn every_privilege_is_granted_again_with_its_option() {
        assert_eq!(
            granted(Target::Database, &["=Tc/alice", "\"we\"\"ird\"=C*c/alice"], true),
            [
                "GRANT TEMPORARY ON DATABASE x TO PUBLIC",
                "GRANT CONNECT ON DATABASE x TO PUBLIC",
                "GRANT CREATE ON DATABASE x TO \"we\"\"ird\" WITH GRANT OPTION",
                "GRANT CONNECT ON DATABASE x TO \"we\"\"ird\"",
            ]
        );
        assert_eq!(
            granted(Target::LargeObject, &["bob=r/alice"], true),
            ["GRANT SELECT ON LARGE OBJECT x TO \"bob\""]
        );
    }

    #[test]
    fn a_grant_of_another_role_is_made_by_that_role_where_that_is_possible() {
        assert_eq!(
            granted(Target::Database, &["carl=c/bob"], true),
            [
                "SET SESSION AUTHORIZATION \"bob\"",
                "GRANT CONNECT ON DATABASE x TO \"carl\"",
                "RESET SESSION AUTHORIZATION"
            ]
        );
        assert_eq!(granted(Target::Database, &["carl=c/bob"], false).len(), 1);
    }

    #[test]
    fn a_new_owner_has_what_the_one_before_had_and_nobody_has_what_another_missing_role_had() {
        let mut owners = Owners::default();
        owners.replace("alice".into(), "bob".into());
        owners.replace("carl".into(), "bob".into());
        let items = ["alice=c/alice", "carl=C/alice", "dora=T/alice"];
        let items: Vec<AclItem> = items.iter().map(|item| AclItem::parse(&(*item).into()).unwrap()).collect();
        let statements = statements(Target::Database, b"x", &items, &"alice".into(), &owners, false);
        let statements: Vec<String> =
            statements.into_iter().map(|statement| String::from_utf8(statement).unwrap()).collect();
        assert_eq!(
            statements,
            [
                "REVOKE ALL ON DATABASE x FROM PUBLIC",
                "REVOKE ALL ON DATABASE x FROM \"bob\"",
                "GRANT CONNECT ON DATABASE x TO \"bob\"",
                "GRANT TEMPORARY ON DATABASE x TO \"dora\"",
            ]
        );
    }

    #[test]
    fn what_is_no_aclitem_is_refused() {
        for text in
            ["", "alice", "alice=r", "alice=r/", "alice=*/bob", "\"alice=r/bob", "a=1/bob", "a=r/bob=c"]
        {
            assert!(AclItem::parse(&text.into()).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_item_or_an_error(bytes: Vec<u8>) {
            let _either = AclItem::parse(&PgText::new(bytes));
        }
    }
}
