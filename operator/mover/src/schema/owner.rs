//! The statement that gives an object to its owner. No definition names the owner, and no entry holds this statement: it
//! is made from the kind, the name and, where a name alone does not tell the object, the drop statement.

use std::collections::{HashMap, HashSet};

use super::{Entry, Kind, SchemaError, Sql};
use crate::format::PgText;

/// Who gets the objects of which role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owners {
    replaced: HashMap<PgText, PgText>,
    missing: HashSet<PgText>,
}

impl Owners {
    /// What belonged to `missing`, a role that is not there, will belong to `instead`.
    pub fn replace(&mut self, missing: PgText, instead: PgText) {
        self.missing.insert(missing.clone());
        self.replaced.insert(missing, instead);
    }

    /// What belonged to `closed`, a role that is there and can be given nothing, will belong to `instead`.
    pub fn pass_on(&mut self, closed: PgText, instead: PgText) {
        self.replaced.insert(closed, instead);
    }

    /// Who gets what belonged to `owner`.
    pub fn of<'a>(&'a self, owner: &'a PgText) -> &'a PgText {
        self.replaced.get(owner).unwrap_or(owner)
    }

    /// Whether a role is not there, so that its objects go to another. Its settings and what it was granted do not: they
    /// were given to it and nobody else.
    pub fn is_missing(&self, role: &PgText) -> bool {
        self.missing.contains(role)
    }

    /// `None`: the entry's object cannot be owned, or only with the object that it is a part of.
    pub(super) fn statement(&self, entry: &Entry) -> Result<Option<Vec<u8>>, SchemaError> {
        // What cannot be dropped by itself is not owned by itself.
        let (Some(owner), Some(drop)) = (&entry.owner, &entry.drop_statement) else {
            return Ok(None);
        };
        if drop.as_bytes().is_empty() {
            return Ok(None);
        }
        let Some(object) = object(entry, drop)? else {
            return Ok(None);
        };
        let statement = Sql::default().text("ALTER ").raw(&object).text(" OWNER TO ").name(self.of(owner));
        Ok(Some(statement.text(";").into_bytes()))
    }
}

/// Kinds whose objects are told by their name.
const NAMED: [Kind; 19] = [
    Kind::Collation,
    Kind::Conversion,
    Kind::Domain,
    Kind::EventTrigger,
    Kind::ForeignDataWrapper,
    Kind::ForeignTable,
    Kind::Language,
    Kind::MaterializedView,
    Kind::Publication,
    Kind::Schema,
    Kind::Sequence,
    Kind::Server,
    Kind::Statistics,
    Kind::Subscription,
    Kind::Table,
    Kind::TextSearchConfiguration,
    Kind::TextSearchDictionary,
    Kind::Type,
    Kind::View,
];

/// Kinds of which several objects may share a name: their arguments tell them apart.
const TOLD_BY_DROP: [Kind; 6] = [
    Kind::Aggregate,
    Kind::Function,
    Kind::Operator,
    Kind::OperatorClass,
    Kind::OperatorFamily,
    Kind::Procedure,
];

/// Kinds that can be dropped, and belong to whoever owns what they are a part of.
const PARTS: [Kind; 11] = [
    Kind::Cast,
    Kind::CheckConstraint,
    Kind::Constraint,
    Kind::Default,
    Kind::ForeignKey,
    Kind::Index,
    Kind::Policy,
    Kind::RowSecurity,
    Kind::Rule,
    Kind::Trigger,
    Kind::UserMapping,
];

/// How `ALTER … OWNER TO` names the object.
fn object(entry: &Entry, drop: &PgText) -> Result<Option<Vec<u8>>, SchemaError> {
    let unknown = || SchemaError::OwnerStatement { kind: entry.kind, name: entry.tag.to_string() };
    if NAMED.contains(&entry.kind) {
        let kind = Sql::default().text(entry.kind.word()).text(" ");
        let object = match &entry.namespace {
            Some(namespace) => kind.qualified(namespace, &entry.tag),
            None => kind.name(&entry.tag),
        };
        Ok(Some(object.into_bytes()))
    } else if TOLD_BY_DROP.contains(&entry.kind) {
        dropped_object(drop.as_bytes()).map(Some).ok_or_else(unknown)
    } else if PARTS.contains(&entry.kind) {
        Ok(None)
    } else {
        Err(unknown())
    }
}

/// What a drop statement drops, in its own words: `FUNCTION app.f(integer)`.
fn dropped_object(drop: &[u8]) -> Option<Vec<u8>> {
    let object = drop.strip_prefix(b"DROP ")?;
    let end = object.iter().rposition(|byte| !matches!(byte, b';' | b'\n'))? + 1;
    Some(object[..end].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::entry::tests::entry;

    fn statement(entry: &Entry) -> Option<String> {
        let statement = Owners::default().statement(entry).unwrap();
        statement.map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn a_table_is_named_by_schema_and_name() {
        let mut table = entry(Kind::Table, "Odd\"name");
        table.drop_statement = Some("DROP TABLE app.\"Odd\"\"name\";\n".into());
        assert_eq!(statement(&table).unwrap(), "ALTER TABLE \"app\".\"Odd\"\"name\" OWNER TO \"alice\";");
    }

    #[test]
    fn a_function_is_named_as_its_drop_statement_names_it() {
        let mut function = entry(Kind::Function, "f(integer)");
        function.drop_statement = Some("DROP FUNCTION app.f(integer);\n".into());
        assert_eq!(statement(&function).unwrap(), "ALTER FUNCTION app.f(integer) OWNER TO \"alice\";");
    }

    #[test]
    fn parts_of_other_objects_and_undroppable_ones_have_no_owner_statement() {
        let mut index = entry(Kind::Index, "i");
        index.drop_statement = Some("DROP INDEX app.i;\n".into());
        assert_eq!(statement(&index), None);
        assert_eq!(statement(&entry(Kind::TableAttach, "p")), None);
        let mut unowned = entry(Kind::Table, "t");
        unowned.owner = None;
        unowned.drop_statement = Some("DROP TABLE app.t;\n".into());
        assert_eq!(statement(&unowned), None);
    }

    #[test]
    fn a_kind_whose_owner_statement_is_not_known_is_refused() {
        let mut transform = entry(Kind::Transform, "x");
        transform.drop_statement = Some("DROP TRANSFORM x;".into());
        assert!(matches!(Owners::default().statement(&transform), Err(SchemaError::OwnerStatement { .. })));
        let mut function = entry(Kind::Function, "f()");
        function.drop_statement = Some("-- nothing".into());
        assert!(matches!(Owners::default().statement(&function), Err(SchemaError::OwnerStatement { .. })));
    }

    #[test]
    fn an_owner_that_is_not_there_is_replaced() {
        let mut owners = Owners::default();
        owners.replace("alice".into(), "bob".into());
        let mut table = entry(Kind::Table, "t");
        table.drop_statement = Some("DROP TABLE app.t;\n".into());
        let statement = owners.statement(&table).unwrap().unwrap();
        assert_eq!(statement, b"ALTER TABLE \"app\".\"t\" OWNER TO \"bob\";");
    }
}
