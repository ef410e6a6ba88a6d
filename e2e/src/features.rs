//! Which promise is shown by which test: the rows of `e2e/features/rows.yaml` and the names of the tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Where tests with rows in their names are, from the top of the source tree.
const SOURCES: [&str; 3] = ["crds", "operator", "e2e"];

const ROWS: &str = "e2e/features/rows.yaml";

/// How every such test begins.
const MARK: &str = "fn row_";

/// Why the rows or the tests could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FeaturesError {
    #[error("failed to read {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("failed to read the rows in {path}")]
    Rows { path: PathBuf, source: serde_yaml::Error },
}

/// What a test stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Functions and types alone.
    Unit,
    /// A program or a server of another kind.
    Component,
    /// A whole cluster.
    Story,
}

/// A test that shows rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Test {
    pub level: Level,
    /// The crate's name.
    pub package: String,
    pub name: String,
}

/// The rows and the tests that show them.
#[derive(Debug, Default)]
pub struct Features {
    /// What is promised, by id.
    rows: BTreeMap<String, String>,
    /// By id; also of rows that there are not.
    tests: BTreeMap<String, BTreeSet<Test>>,
}

impl Features {
    /// Reads the rows and the tests below the top of a source tree.
    ///
    /// # Errors
    /// [`FeaturesError`] for a file that cannot be read.
    pub fn read(root: &Path) -> Result<Self, FeaturesError> {
        let path = root.join(ROWS);
        let text =
            fs::read_to_string(&path).map_err(|source| FeaturesError::Read { path: path.clone(), source })?;
        let rows = serde_yaml::from_str(&text).map_err(|source| FeaturesError::Rows { path, source })?;
        let mut features = Self { rows, tests: BTreeMap::new() };
        for source in SOURCES {
            features.read_all(root, &root.join(source))?;
        }
        Ok(features)
    }

    /// Tests that name a row which there is not.
    pub fn unknown(&self) -> Vec<String> {
        let strangers = self.tests.iter().filter(|(id, _)| !self.rows.contains_key(*id));
        strangers
            .flat_map(|(id, tests)| tests.iter().map(move |test| format!("{id}: {}", test.name)))
            .collect()
    }

    /// Rows that no test shows.
    pub fn untested(&self) -> Vec<&str> {
        self.rows.keys().filter(|id| !self.tests.contains_key(*id)).map(String::as_str).collect()
    }

    /// The count in one line.
    pub fn count(&self) -> String {
        let rows = self.rows.len();
        format!("features: {} of {rows} rows have a test", rows - self.untested().len())
    }

    /// The table of rows and tests, in Markdown.
    pub fn table(&self) -> String {
        let mut text = format!(
            "# Rows and their tests\n\nWritten by `cargo generate` from `{ROWS}` and the names of the tests: do not \
             edit. A *unit* test stands on functions alone, a *component* test on a program or server, a *story* on a \
             whole cluster. {}.\n\n| row | what | tests |\n|---|---|---|\n",
            self.count()
        );
        for (id, what) in &self.rows {
            let tests = self.tests.get(id).into_iter().flatten().map(|test| {
                let level = match test.level {
                    Level::Unit => "unit",
                    Level::Component => "component",
                    Level::Story => "story",
                };
                format!("{level}: `{}` {}", test.package, test.name)
            });
            let tests = tests.collect::<Vec<_>>().join("<br>");
            let _infallible =
                writeln!(text, "| {id} | {what} | {} |", if tests.is_empty() { "—" } else { &tests });
        }
        text
    }

    /// Of each row how many of its tests passed in a run, by the tests' names.
    pub fn results(&self, passed: &BTreeMap<String, bool>) -> String {
        let mut text =
            String::from("| row | tests | passed | failed | not run |\n|---|---:|---:|---:|---:|\n");
        for id in self.rows.keys() {
            let tests: Vec<&Test> = self.tests.get(id).into_iter().flatten().collect();
            let count =
                |wanted| tests.iter().filter(|test| passed.get(&test.name).copied() == wanted).count();
            let counts = [Some(true), Some(false), None].map(count);
            let _infallible =
                writeln!(text, "| {id} | {} | {} | {} | {} |", tests.len(), counts[0], counts[1], counts[2]);
        }
        text
    }

    fn read_all(&mut self, root: &Path, directory: &Path) -> Result<(), FeaturesError> {
        let failed = |source| FeaturesError::Read { path: directory.to_owned(), source };
        for entry in fs::read_dir(directory).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let is_hidden =
                path.file_name().is_some_and(|name| name == "target" || name.as_encoded_bytes()[0] == b'.');
            if path.is_dir() && !is_hidden {
                self.read_all(root, &path)?;
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = fs::read_to_string(&path)
                    .map_err(|source| FeaturesError::Read { path: path.clone(), source })?;
                self.read_file(path.strip_prefix(root).unwrap_or(&path), &text);
            }
        }
        Ok(())
    }

    fn read_file(&mut self, path: &Path, text: &str) {
        for name in text.lines().filter_map(test_name) {
            let test = Test { level: level(path), package: package(path), name: name.to_owned() };
            for id in ids(name) {
                self.tests.entry(id).or_default().insert(test.clone());
            }
        }
    }
}

/// The `row_a34_b14_year_before_month` of `async fn row_a34_b14_year_before_month() {`.
fn test_name(line: &str) -> Option<&str> {
    let (before, rest) = line.split_once(MARK)?;
    let is_declared = matches!(before.trim(), "" | "async");
    let start = before.len() + MARK.len() - "row_".len();
    let end = rest.find('(')?;
    let name = &line[start..start + "row_".len() + end];
    (is_declared && !ids(name).is_empty()).then_some(name)
}

/// The rows in a test's name: those right behind `row`.
fn ids(name: &str) -> Vec<String> {
    let is_id = |word: &&str| {
        let bytes = word.as_bytes();
        bytes.len() == 3 && bytes[0].is_ascii_lowercase() && bytes[1..].iter().all(u8::is_ascii_digit)
    };
    name.split('_').skip(1).take_while(is_id).map(str::to_ascii_uppercase).collect()
}

fn level(path: &Path) -> Level {
    let is_in = |folder: &str| path.components().any(|part| part.as_os_str() == folder);
    match (is_in("tests"), path.starts_with("e2e")) {
        (true, true) => Level::Story,
        (true, false) => Level::Component,
        (false, _) => Level::Unit,
    }
}

/// The crate whose file it is.
fn package(path: &Path) -> String {
    let mut parts = path.iter().map(|part| part.to_string_lossy().into_owned());
    let first = parts.next().unwrap_or_default();
    match (first.as_str(), parts.next().as_deref()) {
        ("operator", Some(inner @ ("contract" | "mover" | "policy"))) => inner.to_owned(),
        ("operator", _) => "coffer".to_owned(),
        _ => first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_that_names_a_row_names_one_that_there_is() {
        let features = Features::read(&crate::source::root()).expect("rows and tests can be read");
        println!("\n{}; none yet: {}", features.count(), features.untested().join(", "));
        assert_eq!(features.unknown(), [""; 0], "each row is in {ROWS}");
        assert_eq!(features.rows.len(), 67);
    }

    #[test]
    fn an_unknown_row_and_one_without_a_test_are_noticed() {
        let rows = ["A34", "B14", "E04"].map(|id| (id.to_owned(), format!("Promise {id}.")));
        let mut features = Features { rows: BTreeMap::from(rows), tests: BTreeMap::new() };
        let text = format!(
            "#[test]\n{0}a34_b14_year_before_month() {{\n    async {0}z99_of_nowhere() {{\n// {0}e04_only_said()\n\
             pub {0}security() {{\n",
            MARK
        );
        features.read_file(Path::new("operator/policy/src/tag_tests.rs"), &text);
        features.read_file(Path::new("e2e/tests/policy.rs"), &format!("{MARK}a34_on_a_cluster() {{"));
        assert_eq!(features.unknown(), ["Z99: row_z99_of_nowhere"]);
        assert_eq!(features.untested(), ["E04"]);
        assert_eq!(features.count(), "features: 2 of 3 rows have a test");
        let results = features.results(&BTreeMap::from([("row_a34_on_a_cluster".to_owned(), false)]));
        assert!(results.lines().any(|line| line == "| A34 | 2 | 0 | 1 | 1 |"), "{results}");
        let table = features.table();
        for line in [
            "| A34 | Promise A34. | unit: `policy` row_a34_b14_year_before_month<br>story: `e2e` row_a34_on_a_cluster |",
            "| E04 | Promise E04. | — |",
        ] {
            assert!(table.lines().any(|held| held == line), "{line}\n{table}");
        }
    }

    #[test]
    fn levels_and_crates_follow_from_the_place() {
        for (path, expected, owner) in [
            ("operator/src/controller/policy/retention.rs", Level::Unit, "coffer"),
            ("operator/tests/keeper.rs", Level::Component, "coffer"),
            ("operator/mover/tests/integration/main.rs", Level::Component, "mover"),
            ("crds/src/words.rs", Level::Unit, "crds"),
            ("e2e/tests/stories.rs", Level::Story, "e2e"),
        ] {
            assert_eq!(
                (level(Path::new(path)), package(Path::new(path)).as_str()),
                (expected, owner),
                "{path}"
            );
        }
    }
}
