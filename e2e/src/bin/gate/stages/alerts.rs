//! The alert rules: well formed, each fires where it should and stays quiet where it should.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::cluster::{Cache, promtool};

use super::{Context, tools};
use crate::command::{CommandError, Tally, check};

const RULES: &str = "config/alerts/coffer.rules.yaml";
const TESTS: &str = "e2e/alerts";

pub fn run(context: &Context) -> Result<Tally, CommandError> {
    let promtool = promtool(&Cache::locate().map_err(tools::other)?).map_err(tools::other)?;
    let command = |words: &[&str]| {
        let mut command = Command::new(&promtool);
        command.current_dir(&context.root).args(words);
        command
    };
    let mut tally = check(command(&["check", "rules", "--lint=all", "--lint-fatal"]).arg(RULES))?;
    for file in files(&context.root)? {
        tally += check(command(&["test", "rules"]).arg(file))?;
    }
    Ok(tally)
}

fn files(root: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root.join(TESTS)).map_err(tools::other)? {
        files.push(entry.map_err(tools::other)?.path());
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_yaml::Value;

    use super::*;

    fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
        value.get(name).and_then(Value::as_sequence).into_iter().flatten()
    }

    fn read(path: &Path) -> Value {
        serde_yaml::from_str(&fs::read_to_string(path).expect("the file is there")).expect("it is YAML")
    }

    #[test]
    fn every_alert_is_tested_firing_and_quiet_and_is_explained() {
        let root = e2e::source::root();
        let rules = read(&root.join(RULES));
        let page = fs::read_to_string(root.join("docs/alerts.md")).expect("the page is there");
        let alert = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let mut seen: BTreeMap<String, BTreeSet<bool>> = BTreeMap::new();
        for file in files(&root).expect("the tests are there") {
            let document = read(&file);
            for test in list(&document, "tests").flat_map(|test| list(test, "alert_rule_test")) {
                let fires = list(test, "exp_alerts").next().is_some();
                seen.entry(alert(test, "alertname")).or_default().insert(fires);
            }
        }
        let alerts: BTreeSet<String> = list(&rules, "groups")
            .flat_map(|group| list(group, "rules"))
            .map(|rule| {
                let name = alert(rule, "alert");
                assert!(page.contains(&format!("## {name}\n")), "{name} is not explained");
                let runbook = format!("docs/alerts.md#{}", name.to_ascii_lowercase());
                assert_eq!(alert(&rule["annotations"], "runbook"), runbook);
                name
            })
            .collect();
        let both: BTreeSet<String> =
            seen.iter().filter(|(_, fires)| fires.len() == 2).map(|(name, _)| name.clone()).collect();
        assert_eq!(alerts, both, "alerts, and those that are tested firing and quiet");
        assert!(alerts.len() > 10, "{alerts:?}");
    }
}
