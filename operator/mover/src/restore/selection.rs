//! Parts of a database by name, as people write them: `SCHEMA`, `SCHEMA.TABLE`, `OLD=NEW`. Letters are taken as they are; a
//! name in double quotes may hold dots and equals signs, and a doubled quote stands for one.

use crate::format::PgText;

/// Schemas and tables by name, byte for byte, and what they are to be called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    pub schemas: Vec<PgText>,
    /// Tables, views, materialised views, sequences and foreign tables: schema and name.
    pub relations: Vec<(PgText, PgText)>,
    pub renames: Vec<Rename>,
}

/// A new name, given once everything is there under the old one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rename {
    Schema { from: PgText, to: PgText },
    Relation { schema: PgText, from: PgText, to: PgText },
}

impl Selection {
    /// Whether nothing is named, so that everything is meant.
    pub fn is_everything(&self) -> bool {
        self.schemas.is_empty() && self.relations.is_empty()
    }
}

/// A text that names no part of a database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text} is not understood: write {instead}")]
pub struct SelectionError {
    text: String,
    instead: &'static str,
}

impl Selection {
    /// Reads schemas, relations and new names.
    ///
    /// # Errors
    /// With the first text that is none, and how to write it.
    pub fn parse(
        schemas: &[String],
        relations: &[String],
        renames: &[String],
    ) -> Result<Self, SelectionError> {
        let odd = |text: &str, instead| SelectionError { text: text.to_owned(), instead };
        let mut selection = Self::default();
        for text in schemas {
            match names(text).as_deref() {
                Some([schema]) => selection.schemas.push(schema.as_str().into()),
                _ => return Err(odd(text, "the name of a schema")),
            }
        }
        for text in relations {
            match names(text).as_deref() {
                Some([schema, name]) => {
                    selection.relations.push((schema.as_str().into(), name.as_str().into()))
                }
                _ => return Err(odd(text, "SCHEMA.TABLE, such as public.orders")),
            }
        }
        for text in renames {
            let (old, new) = sides(text).unwrap_or_default();
            selection.renames.push(match (names(old).as_deref(), names(new).as_deref()) {
                (Some([from]), Some([to])) => {
                    Rename::Schema { from: from.as_str().into(), to: to.as_str().into() }
                }
                (Some([schema, from]), Some([to])) => Rename::Relation {
                    schema: schema.as_str().into(),
                    from: from.as_str().into(),
                    to: to.as_str().into(),
                },
                _ => return Err(odd(text, "SCHEMA=NEW or SCHEMA.TABLE=NEW")),
            });
        }
        Ok(selection)
    }
}

/// What stands on either side of the first equals sign outside quotes.
fn sides(text: &str) -> Option<(&str, &str)> {
    let mut is_quoted = false;
    let at = text.char_indices().find_map(|(at, letter)| {
        is_quoted ^= letter == '"';
        (letter == '=' && !is_quoted).then_some(at)
    })?;
    Some((&text[..at], &text[at + 1..]))
}

/// Names with dots between them, each in quotes or not; `None`: one is empty, or a quote is left open.
fn names(text: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = text;
    loop {
        let (name, after) = match rest.strip_prefix('"') {
            Some(inside) => quoted(inside)?,
            None => {
                let end = rest.find('.').unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        if name.is_empty() {
            return None;
        }
        names.push(name);
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None => return after.is_empty().then_some(names),
        }
    }
}

/// What stands before the closing quote, and what comes after it; a doubled quote stands for one.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('"')?;
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                rest = after;
            }
            None => return Some((name, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(schema: &[&str], table: &[&str], rename: &[&str]) -> Result<Selection, String> {
        let all = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Selection::parse(&all(schema), &all(table), &all(rename)).map_err(|error| error.to_string())
    }

    #[test]
    fn names_are_taken_as_they_are_and_quotes_keep_dots() {
        let selection =
            parsed(&["App"], &["app.orders", r#""a.b"."c""d""#], &["app=app2", r#"app.orders="x=y""#])
                .unwrap();
        assert_eq!(selection.schemas, ["App".into()]);
        assert_eq!(selection.relations, [("app".into(), "orders".into()), ("a.b".into(), "c\"d".into())]);
        assert_eq!(
            selection.renames,
            [
                Rename::Schema { from: "app".into(), to: "app2".into() },
                Rename::Relation { schema: "app".into(), from: "orders".into(), to: "x=y".into() }
            ]
        );
    }

    #[test]
    fn what_is_no_name_is_refused_with_how_to_write_it() {
        for (schema, table, rename) in [
            (Some("a.b"), None, None),
            (Some(""), None, None),
            (None, Some("orders"), None),
            (None, Some("a.b.c"), None),
            (None, Some("\"a.b"), None),
            (None, None, Some("a")),
            (None, None, Some("a=b.c")),
            (None, None, Some("=b")),
        ] {
            let option = |text: Option<&'static str>| text.into_iter().collect::<Vec<_>>();
            let refused = parsed(&option(schema), &option(table), &option(rename)).unwrap_err();
            assert!(refused.contains("write"), "{refused}");
        }
    }
}
