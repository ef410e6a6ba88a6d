//! The names that an unfinished restore goes by.

use contract::{PointId, RunId};

use crate::format::PgText;

/// PostgreSQL cuts longer names.
pub const NAME_LIMIT: usize = 63;
/// How much of the run's name is enough to tell runs apart.
const RUN_DIGITS: usize = 8;

/// What a database is called until its restore is finished and checked: the name that it will get, cut where needed,
/// `_incomplete_` and the beginning of the run's name. What is cut is told apart by a digest.
pub fn incomplete_database(name: &str, run: &RunId) -> String {
    let mut suffix = format!("_incomplete_{}", run_digits(run));
    if name.len() > NAME_LIMIT - suffix.len() {
        // Two long names that begin alike stay two.
        let rest = xxhash_rust::xxh3::xxh3_64(name.as_bytes()) >> 32;
        suffix = format!("_{rest:08x}{suffix}");
    }
    let mut end = name.len().min(NAME_LIMIT - suffix.len());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{suffix}", &name[..end])
}

/// The schema that holds, while a database is being restored, the list of segments that have landed.
pub fn progress_schema(run: &RunId) -> PgText {
    format!("coffer_restore_{}", run_digits(run)).into()
}

/// What a schema is called that is out of the way of one of its name, before the transaction ends.
pub fn aside_schema(run: &RunId, number: usize) -> PgText {
    format!("coffer_aside_{}_{number}", run_digits(run)).into()
}

/// The comment of a database whose restore is not finished.
pub fn unfinished_comment(run: &RunId, point: &PointId) -> String {
    format!("Unfinished restore, run {run}, point {point}. Not usable: drop it if that run is over.")
}

/// Whether a comment says that this run, and no other, left the database unfinished.
pub fn is_unfinished_by(comment: &str, run: &RunId) -> bool {
    comment.starts_with(&format!("Unfinished restore, run {run}, point "))
}

fn run_digits(run: &RunId) -> String {
    let letters = run.0.chars().filter(char::is_ascii_alphanumeric);
    letters.take(RUN_DIGITS).map(|letter| letter.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_at_a_character_so_that_the_whole_fits() {
        let run = RunId("0D3B4A5C-ffff".into());
        assert_eq!(incomplete_database("shop", &run), "shop_incomplete_0d3b4a5c");
        for name in ["ä".repeat(40), "x".repeat(63), "xä".repeat(20), String::new()] {
            let long = incomplete_database(&name, &run);
            assert!(long.len() <= NAME_LIMIT && long.ends_with("_incomplete_0d3b4a5c"), "{long}");
        }
        let other = incomplete_database(&format!("{}y", "x".repeat(62)), &run);
        assert_ne!(incomplete_database(&"x".repeat(63), &run), other);
    }

    #[test]
    fn only_the_run_that_left_a_database_is_recognised_in_its_comment() {
        let (run, point) = (RunId("ab-1".into()), PointId("cd".into()));
        let comment = unfinished_comment(&run, &point);
        assert!(is_unfinished_by(&comment, &run));
        assert!(!is_unfinished_by(&comment, &RunId("ab-12".into())));
        assert!(!is_unfinished_by(&comment, &RunId("ab".into())));
        assert!(!is_unfinished_by(&format!("Not an {comment}"), &run));
    }
}
