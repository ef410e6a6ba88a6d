//! The nearest known zone name, for the message that refuses another.

use super::{database, windows};

/// A typing mistake has few letters wrong; anything further away would be a guess.
const FARTHEST: usize = 3;
/// Longer input is no typing mistake, and comparing it would cost time for nothing.
const LONGEST: usize = 64;

/// Finds the name that was probably meant: the same city, or a name at most three letters away.
pub(super) fn nearest_name(given: &str) -> Option<String> {
    let wanted = fold(given);
    if wanted.chars().count() > LONGEST {
        return None;
    }
    let names: Vec<String> = database()
        .available()
        .map(|name| name.as_str().to_owned())
        .chain(windows::names().map(str::to_owned))
        .collect();
    if let Some(same_city) = names.iter().find(|name| name.contains('/') && fold(city(name)) == wanted) {
        return Some(same_city.clone());
    }
    let allowed = FARTHEST.min(wanted.chars().count() / 3);
    let (distance, nearest) = names.iter().map(|name| (distance(&wanted, &fold(name)), name)).min()?;
    (distance <= allowed).then(|| nearest.clone())
}

fn city(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn fold(name: &str) -> String {
    name.trim().to_lowercase().replace(' ', "_")
}

/// How many letters must be added, removed or changed (the Levenshtein distance).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_letters_added_removed_and_changed() {
        for (left, right, expected) in
            [("", "", 0), ("abc", "", 3), ("", "ab", 2), ("berln", "berlin", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn what_resembles_nothing_gets_no_guess() {
        assert_eq!(nearest_name("qqqqqqqqqqqq"), None);
        assert_eq!(nearest_name(&"e".repeat(10_000)), None);
    }
}
