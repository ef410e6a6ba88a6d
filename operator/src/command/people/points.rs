//! Which point a person means, and how points are shown.

use contract::{FailureCode, Owner, PointState, PointView, Stage};
use jiff::Timestamp;
use mover::vault::Vault;

use super::output::{Table, bytes};
use super::problem::Problem;

/// The word for the newest good point.
pub const LATEST: &str = "latest";
/// Fewer digits of a point's id than these could be a slip.
const LEAST_DIGITS: usize = 6;

/// The point that is meant by an id, by the beginning of one, or by `latest`, of one database if one is named.
///
/// # Errors
/// A failure with code `PointNotFound`; a usage problem when several are meant.
pub fn find(vault: &Vault, word: &str, database: Option<&str>) -> Result<PointView, Problem> {
    choose(vault.points(0), word, database)
}

fn choose(points: Vec<PointView>, word: &str, database: Option<&str>) -> Result<PointView, Problem> {
    let holds = |point: &PointView| {
        database.is_none_or(|name| point.data_stores.iter().any(|store| store.database == name))
    };
    if word == LATEST {
        let good = points.into_iter().filter(|point| point.state == PointState::Available && holds(point));
        return good.max_by_key(|point| point.point_time).ok_or_else(|| {
            not_found(match database {
                Some(name) => format!("the vault has no good point of database `{name}`"),
                None => "the vault has no good point yet".to_owned(),
            })
        });
    }
    let word = word.to_ascii_lowercase();
    if word.len() < LEAST_DIGITS {
        return Err(Problem::Usage(format!(
            "write at least {LEAST_DIGITS} digits of the point's id, or `{LATEST}`"
        )));
    }
    let mut meant = points.into_iter().filter(|point| point.id.0.starts_with(&word));
    match (meant.next(), meant.next()) {
        (None, _) => {
            Err(not_found(format!("the vault has no point {word}; `coffer list` shows which it has")))
        }
        (Some(_), Some(_)) => {
            Err(Problem::Usage(format!("more than one point begins with {word}: write more digits")))
        }
        (Some(point), None) if point.state == PointState::Expired => {
            Err(not_found(format!("point {} has expired and is deleted", point.id)))
        }
        (Some(point), None) if !holds(&point) => {
            Err(not_found(format!("point {} holds {}", point.id, databases(&point))))
        }
        (Some(point), None) => Ok(point),
    }
}

fn not_found(message: String) -> Problem {
    Problem::Failed(contract::Failure {
        code: FailureCode::PointNotFound,
        stage: Stage::Starting,
        message,
        cause: None,
    })
}

/// The points as rows, in the order given.
pub fn table(points: &[PointView]) -> String {
    let mut table = Table::new(["ID", "TIME", "SOURCE", "DATABASES", "TAG", "STORED", "STATE", "EXPIRES"]);
    for point in points {
        table.row([
            point.id.to_string(),
            second(point.point_time),
            source(point),
            databases(point),
            point.decision.tag.clone(),
            bytes(point.stored_bytes),
            format!("{:?}", point.state),
            point.expiration_time.map_or_else(|| "never".to_owned(), second),
        ]);
    }
    table.text()
}

/// The names of the databases in a point.
pub fn databases(point: &PointView) -> String {
    point.data_stores.iter().map(|store| store.database.as_str()).collect::<Vec<_>>().join(",")
}

/// A time to the second: nobody at a terminal wants nanoseconds.
pub fn second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn source(point: &PointView) -> String {
    match &point.owner {
        Owner::Instance { namespace, instance, .. } => format!("{namespace}/{instance}"),
        Owner::Cli { datasource_id } => datasource_id.clone(),
    }
}

#[cfg(test)]
mod tests {
    use contract::{DataStore, Decision, PointId, RunId, SourceServer, Trigger, WriterId};

    use super::*;

    fn point(id: &str, time: &str, database: &str, state: PointState) -> PointView {
        let time: Timestamp = time.parse().unwrap();
        PointView {
            id: PointId(id.into()),
            run: RunId("run".into()),
            writer: WriterId("writer".into()),
            sequence: 1,
            owner: Owner::Cli { datasource_id: format!("7/{database}") },
            decision: Decision {
                tag: "Manual".into(),
                keep: None,
                time_zone: "UTC".into(),
                reason: String::new(),
                keep_at_least: 0,
                policy: None,
                trigger: Trigger::Cli,
            },
            point_time: time,
            commit_time: time,
            expiration_time: None,
            overridden: None,
            removal: None,
            state,
            verified: contract::Verified::default(),
            source: SourceServer {
                server_version: "15.4".into(),
                system_identifier: Some("7".into()),
                size_bytes: 1,
                standby: false,
                role: None,
                program: None,
            },
            data_stores: vec![DataStore {
                database: database.into(),
                snapshot_time: time,
                tables: 1,
                rows: 1,
                large_objects: 0,
                plain_bytes: 1,
            }],
            stored_bytes: 2048,
            objects: 3,
            coverage: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn points() -> Vec<PointView> {
        vec![
            point("aaaaaa01", "2026-11-01T00:00:00Z", "app", PointState::Available),
            point("aaaaaa02", "2026-11-03T00:00:00Z", "app", PointState::Damaged),
            point("bbbbbb03", "2026-11-02T00:00:00.5Z", "shop", PointState::Available),
            point("cccccc04", "2026-11-04T00:00:00Z", "shop", PointState::Expired),
        ]
    }

    fn chosen(word: &str, database: Option<&str>) -> Result<String, String> {
        choose(points(), word, database).map(|point| point.id.0).map_err(|problem| problem.to_string())
    }

    #[test]
    fn latest_is_the_newest_good_point_of_the_database_that_is_named() {
        assert_eq!(chosen("latest", None).unwrap(), "bbbbbb03");
        assert_eq!(chosen("latest", Some("app")).unwrap(), "aaaaaa01");
        assert!(chosen("latest", Some("other")).unwrap_err().contains("`other`"));
    }

    #[test]
    fn the_beginning_of_an_id_is_enough_when_it_is_one_points_own() {
        assert_eq!(chosen("BBBBBB", None).unwrap(), "bbbbbb03");
        assert_eq!(chosen("aaaaaa02", None).unwrap(), "aaaaaa02");
        for (word, database, part) in [
            ("aaaaaa", None, "more than one"),
            ("bbb", None, "at least 6"),
            ("dddddd", None, "no point dddddd"),
            ("cccccc", None, "expired"),
            ("bbbbbb", Some("app"), "holds shop"),
        ] {
            let refused = chosen(word, database).unwrap_err();
            assert!(refused.contains(part), "{word}: {refused}");
        }
    }

    #[test]
    fn the_table_shows_what_a_person_looks_for() {
        let text = table(&points()[2..3]);
        let row = text.lines().nth(1).unwrap();
        let cells: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(
            cells,
            [
                "bbbbbb03",
                "2026-11-02T00:00:00Z",
                "7/shop",
                "shop",
                "Manual",
                "2.0",
                "KiB",
                "Available",
                "never"
            ]
        );
    }
}
