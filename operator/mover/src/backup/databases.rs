//! Which databases of a server go into a point, and which are left out.

use std::{collections::BTreeSet, time::Duration};

use contract::{Databases, FailureCode, NEVER_STORED};

use super::{
    facts::databases::{self, Candidate},
    pins::Pins,
    preflight::Obstacle,
};
use crate::{
    format::{LeftOut, LeftOutReason, PgText},
    postgres::{PgError, Session},
};

/// Most databases in one point: its record names each of them.
pub const MOST: usize = 100;

/// Databases that managed services keep for themselves.
const PROVIDERS: [&str; 4] = ["azure_maintenance", "azure_sys", "cloudsqladmin", "rdsadmin"];

/// What was decided on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chosen {
    pub names: Vec<String>,
    pub left_out: Vec<LeftOut>,
}

/// Asks the server and decides. The session is left in a transaction.
///
/// # Errors
/// What the server says; inside, as [`choose`].
pub async fn choose_databases(
    session: &mut Session,
    asked: &Databases,
    lock_timeout: Duration,
) -> Result<Result<Chosen, Obstacle>, PgError> {
    let pins = Pins::first(session);
    session.execute(pins.begin(None, lock_timeout)).await?;
    let candidates = databases::read(session).await?;
    Ok(choose(&candidates, asked))
}

/// Decides. `candidates` are all databases of the server.
///
/// # Errors
/// What has to be mended first: a database that is asked for by name and is not there or cannot be read; none, or too many.
pub fn choose(candidates: &[Candidate], asked: &Databases) -> Result<Chosen, Obstacle> {
    let mut chosen = Chosen::default();
    for candidate in candidates {
        match reason(candidate, asked) {
            Some(reason) => chosen.left_out.push(LeftOut { database: candidate.name.clone(), reason }),
            None => chosen.names.push(usable(candidate)?),
        }
    }
    if let Databases::Named(names) = asked {
        names.iter().try_for_each(|name| is_there(name, candidates, &chosen))?;
    }
    if let Databases::Matching { include, .. } = asked {
        include.iter().try_for_each(|pattern| has_any(pattern, candidates))?;
    }
    match chosen.names.len() {
        0 => {
            Err(obstacle(FailureCode::DatabaseNotFound, "no database of the server is asked for".to_owned()))
        }
        1..=MOST => Ok(chosen),
        many => Err(obstacle(
            FailureCode::BadAssignment,
            format!(
                "{many} databases are asked for, and a point holds {MOST} at most; make several, by patterns"
            ),
        )),
    }
}

/// What is told of those that nobody asked to leave out: of those that no backup holds, and of the others.
pub fn sentences(left_out: &[LeftOut]) -> Vec<String> {
    let told = |beginning: &str, is_of: fn(LeftOutReason) -> bool| {
        let left = left_out.iter().filter(|left| is_of(left.reason));
        let named: Vec<String> =
            left.map(|left| format!("\"{}\" ({})", left.database, words(left.reason))).collect();
        (!named.is_empty()).then(|| format!("{beginning}{}", named.join(", ")))
    };
    let never =
        told(NEVER_STORED, |reason| matches!(reason, LeftOutReason::Template | LeftOutReason::Provider));
    let missing = told("databases that are left out: ", |reason| {
        matches!(reason, LeftOutReason::NoConnections | LeftOutReason::Invalid)
    });
    never.into_iter().chain(missing).collect()
}

fn words(reason: LeftOutReason) -> &'static str {
    match reason {
        LeftOutReason::Template => "a template",
        LeftOutReason::NoConnections => "takes no connections",
        LeftOutReason::Provider => "the provider's own",
        LeftOutReason::Invalid => "half dropped",
        LeftOutReason::NotAsked => "not asked for",
    }
}

/// Why a database is left out.
fn reason(candidate: &Candidate, asked: &Databases) -> Option<LeftOutReason> {
    let name = candidate.name.as_bytes();
    if !is_asked(name, asked) {
        return Some(LeftOutReason::NotAsked);
    }
    if candidate.is_invalid {
        Some(LeftOutReason::Invalid)
    } else if candidate.is_template {
        Some(LeftOutReason::Template)
    } else if !candidate.allows_connections {
        Some(LeftOutReason::NoConnections)
    } else if PROVIDERS.iter().any(|provider| provider.as_bytes() == name) {
        Some(LeftOutReason::Provider)
    } else {
        None
    }
}

fn is_asked(name: &[u8], asked: &Databases) -> bool {
    match asked {
        Databases::Connected => true,
        Databases::Named(names) => names.iter().any(|asked| asked.as_bytes() == name),
        Databases::Matching { include, exclude } => {
            let name = String::from_utf8_lossy(name);
            let fits = |patterns: &[String]| patterns.iter().any(|pattern| is_like(pattern, &name));
            fits(include) && !fits(exclude)
        }
    }
}

/// Whether a name is like a pattern, in which `*` stands for any characters and `?` for one.
fn is_like(pattern: &str, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    // Of how many of the name's first characters what was read of the pattern can stand for.
    let mut lengths = BTreeSet::from([0]);
    for one in pattern.chars() {
        lengths = match (one, lengths.first()) {
            ('*', Some(least)) => (*least..=name.len()).collect(),
            _ => lengths
                .into_iter()
                .filter(|length| name.get(*length).is_some_and(|next| one == '?' || one == *next))
                .map(|length| length + 1)
                .collect(),
        };
    }
    lengths.contains(&name.len())
}

/// The name of a database that can be logged in to.
fn usable(candidate: &Candidate) -> Result<String, Obstacle> {
    let name = &candidate.name;
    let Some(text) = name.as_str() else {
        let message = format!(
            "the name of database \"{name}\" is not UTF-8, so that nobody can log in to it from here; rename it, or leave it out"
        );
        return Err(obstacle(FailureCode::BadAssignment, message));
    };
    if !candidate.is_open {
        let message = format!(
            "the role may not connect to database \"{name}\"; GRANT CONNECT ON DATABASE \"{}\" to it, or leave it out",
            text.replace('"', "\"\"")
        );
        return Err(obstacle(FailureCode::PrivilegesMissing, message));
    }
    Ok(text.to_owned())
}

/// A pattern that is like nothing is more likely a slip than a wish.
fn has_any(pattern: &str, candidates: &[Candidate]) -> Result<(), Obstacle> {
    if candidates.iter().any(|candidate| is_like(pattern, &candidate.name.to_lossy())) {
        return Ok(());
    }
    let message = format!("no database of the server is called like \"{pattern}\"");
    Err(obstacle(FailureCode::DatabaseNotFound, message))
}

/// Whoever names a database wants it.
fn is_there(name: &String, candidates: &[Candidate], chosen: &Chosen) -> Result<(), Obstacle> {
    if chosen.names.contains(name) {
        return Ok(());
    }
    let is_known = candidates.iter().any(|candidate| candidate.name == PgText::from(name.as_str()));
    let left = chosen.left_out.iter().find(|left| left.database == PgText::from(name.as_str()));
    let message = match left.filter(|_| is_known) {
        Some(left) => format!("database \"{name}\" cannot be backed up: it is {}", words(left.reason)),
        None => format!("there is no database \"{name}\""),
    };
    Err(obstacle(FailureCode::DatabaseNotFound, message))
}

fn obstacle(code: FailureCode, message: String) -> Obstacle {
    Obstacle { code, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(name: &str) -> Candidate {
        Candidate {
            name: name.into(),
            is_template: false,
            allows_connections: true,
            is_invalid: false,
            is_open: true,
        }
    }

    fn server() -> Vec<Candidate> {
        vec![
            candidate("app"),
            candidate("postgres"),
            candidate("rdsadmin"),
            candidate("scratch_1"),
            Candidate { is_template: true, ..candidate("template1") },
            Candidate { allows_connections: false, ..candidate("sealed") },
            Candidate { is_invalid: true, ..candidate("torn") },
        ]
    }

    fn matching(include: &[&str], exclude: &[&str]) -> Databases {
        let owned = |patterns: &[&str]| patterns.iter().map(ToString::to_string).collect();
        Databases::Matching { include: owned(include), exclude: owned(exclude) }
    }

    #[test]
    fn row_b02_all_databases_are_those_of_users_and_the_others_are_told() {
        let provided = PROVIDERS.map(candidate);
        assert_eq!(choose(&[&server()[..1], &provided].concat(), &Databases::all()).unwrap().names, ["app"]);
        let chosen = choose(&server(), &matching(&["*"], &["scratch_*"])).unwrap();
        assert_eq!(chosen.names, ["app", "postgres"]);
        let left: Vec<_> = chosen.left_out.iter().map(|left| left.reason).collect();
        assert_eq!(
            left,
            [
                LeftOutReason::Provider,
                LeftOutReason::NotAsked,
                LeftOutReason::Template,
                LeftOutReason::NoConnections,
                LeftOutReason::Invalid
            ]
        );
        let told = sentences(&chosen.left_out);
        assert_eq!(
            told,
            [
                "databases that no backup holds: \"rdsadmin\" (the provider's own), \"template1\" (a template)",
                "databases that are left out: \"sealed\" (takes no connections), \"torn\" (half dropped)",
            ]
        );
    }

    #[test]
    fn who_names_a_database_gets_it_or_hears_why_not() {
        let named = |names: &[&str]| Databases::Named(names.iter().map(ToString::to_string).collect());
        let code = |asked| choose(&server(), &asked).map_err(|found| found.code);
        assert_eq!(choose(&server(), &named(&["postgres", "app"])).unwrap().names, ["app", "postgres"]);
        assert_eq!(code(named(&["app", "gone"])), Err(FailureCode::DatabaseNotFound));
        assert_eq!(code(named(&["app", "template1"])), Err(FailureCode::DatabaseNotFound));
        assert_eq!(code(matching(&["app", "none"], &[])), Err(FailureCode::DatabaseNotFound));
        assert_eq!(code(matching(&["app"], &["*"])), Err(FailureCode::DatabaseNotFound));
    }

    #[test]
    fn a_database_that_the_role_cannot_log_in_to_is_no_reason_to_leave_it_out() {
        let closed = [candidate("app"), Candidate { is_open: false, ..candidate("b\"b") }];
        let refused = choose(&closed, &Databases::all()).unwrap_err();
        assert_eq!(refused.code, FailureCode::PrivilegesMissing);
        assert!(refused.message.contains("GRANT CONNECT ON DATABASE \"b\"\"b\""), "{}", refused.message);
        assert_eq!(choose(&closed, &matching(&["*"], &["b*"])).unwrap().names, ["app"]);
        let strange = [Candidate { name: PgText::new(b"h\xe4".to_vec()), ..candidate("") }];
        assert!(choose(&strange, &Databases::all()).unwrap_err().message.contains("not UTF-8"));
    }

    #[test]
    fn more_than_a_record_holds_are_refused() {
        let many: Vec<Candidate> = (0..=MOST).map(|number| candidate(&format!("db{number}"))).collect();
        assert_eq!(choose(&many[1..], &Databases::all()).unwrap().names.len(), MOST);
        assert!(choose(&many, &Databases::all()).unwrap_err().message.contains("101 databases"));
    }

    #[test]
    fn a_star_stands_for_anything_a_question_mark_for_one_and_all_else_for_itself() {
        for (pattern, name) in
            [("*", ""), ("a*", "a"), ("a*b*c", "aXbYbZc"), ("*_test", "x_test"), ("a", "a"), ("?b?", "äb*")]
        {
            assert!(is_like(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("", "a"), ("a", "ab"), ("a*b", "abc"), ("?", ""), ("A*", "a")] {
            assert!(!is_like(pattern, name), "{pattern} {name}");
        }
    }
}
