//! New names. Definitions come word for word, with the names that they were stored with, so a new name is given when
//! everything is there; a schema of the old name that is in use meanwhile goes by another one, which only this transaction sees.

use contract::RunId;

use super::{RestoreError, names, selection::Rename};
use crate::{
    format::PgText,
    postgres::{PgError, Session},
    schema::{Kind, Sql},
};

/// A schema that is out of the way: its own name, and the one that it goes by.
pub struct Aside {
    own: PgText,
    meanwhile: PgText,
}

/// Gives what was restored its new names.
pub async fn apply(session: &mut Session, renames: &[(Kind, Rename)]) -> Result<(), RestoreError> {
    for (kind, rename) in renames {
        let (sql, what) = statement(*kind, rename);
        let failed = |source: PgError| match source {
            source if source.is("42P07") || source.is("42P06") => {
                RestoreError::ObjectExists { object: what.clone(), source }
            }
            source => RestoreError::Statement { what: format!("rename {what}"), source },
        };
        session.execute(sql).await.map_err(failed)?;
    }
    Ok(())
}

fn statement(kind: Kind, rename: &Rename) -> (Vec<u8>, String) {
    match rename {
        Rename::Schema { from, to } => (rename_schema(from, to), format!("schema \"{from}\" to \"{to}\"")),
        Rename::Relation { schema, from, to } => {
            let sql = Sql::default().text("ALTER ").text(kind.word()).text(" ").qualified(schema, from);
            let sql = sql.text(" RENAME TO ").name(to).into_bytes();
            (sql, format!("\"{schema}\".\"{from}\" to \"{to}\""))
        }
    }
}

fn rename_schema(from: &PgText, to: &PgText) -> Vec<u8> {
    Sql::default().text("ALTER SCHEMA ").name(from).text(" RENAME TO ").name(to).into_bytes()
}

/// Gets schemas out of the way whose names the definitions need.
pub async fn put_aside(
    session: &mut Session,
    renames: &[(Kind, Rename)],
    run: &RunId,
) -> Result<Vec<Aside>, RestoreError> {
    let mut aside = Vec::new();
    for (_, rename) in renames {
        let Rename::Schema { from, .. } = rename else { continue };
        let what = || format!("put schema \"{from}\" out of the way");
        let there = Sql::default()
            .text("SELECT FROM pg_catalog.pg_namespace WHERE nspname = ")
            .literal(from.as_bytes());
        let there = session.query(there.into_bytes()).await.map_err(RestoreError::statement(what()))?;
        if there.is_empty() {
            continue;
        }
        let meanwhile = names::aside_schema(run, aside.len());
        session.execute(rename_schema(from, &meanwhile)).await.map_err(RestoreError::statement(what()))?;
        // Every definition takes it for granted, and none makes it.
        if from.as_bytes() == b"public" {
            session.execute("CREATE SCHEMA public").await.map_err(RestoreError::statement(what()))?;
        }
        aside.push(Aside { own: from.clone(), meanwhile });
    }
    Ok(aside)
}

/// Gives them their own names back.
pub async fn put_back(session: &mut Session, aside: Vec<Aside>) -> Result<(), RestoreError> {
    for Aside { own, meanwhile } in aside {
        let what = format!("give schema \"{own}\" its name back");
        session.execute(rename_schema(&meanwhile, &own)).await.map_err(RestoreError::statement(what))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relation_is_renamed_by_its_kind_and_a_schema_as_such() {
        let text = |kind, rename: &Rename| String::from_utf8(statement(kind, rename).0).unwrap();
        let view = Rename::Relation { schema: "a".into(), from: "v".into(), to: "w\"".into() };
        assert_eq!(
            text(Kind::MaterializedView, &view),
            "ALTER MATERIALIZED VIEW \"a\".\"v\" RENAME TO \"w\"\"\""
        );
        let schema = Rename::Schema { from: "a".into(), to: "b".into() };
        assert_eq!(text(Kind::Schema, &schema), "ALTER SCHEMA \"a\" RENAME TO \"b\"");
    }
}
