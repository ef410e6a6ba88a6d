//! Argo CD's health script gives every fixture the health that its first line names, with no Lua library at hand.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what failed by panicking"
)]

use std::fs;
use std::path::PathBuf;

use mlua::{Lua, LuaOptions, LuaSerdeExt, StdLib, Table};

fn root() -> PathBuf {
    e2e::source::root()
}

fn script() -> String {
    fs::read_to_string(root().join("config/argocd/health.lua"))
        .expect("the health script is in config/argocd")
}

#[test]
fn every_fixture_has_the_health_that_it_names() {
    let folder = root().join("e2e/tests/fixtures/argocd");
    let mut seen = 0;
    for entry in fs::read_dir(folder).expect("the fixtures are in their folder") {
        let path = entry.expect("a readable folder entry").path();
        let text = fs::read_to_string(&path).expect("a readable fixture");
        let expected =
            text.lines().next().and_then(|line| line.strip_prefix("# health: ")).expect("a first line");
        assert_eq!(health(&text), expected, "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 8, "only {seen} fixtures were found");
}

#[test]
fn the_config_map_carries_the_script_as_it_is() {
    let text = fs::read_to_string(root().join("config/argocd/argocd-cm.yaml")).expect("the ConfigMap");
    let config: serde_yaml::Value = serde_yaml::from_str(&text).expect("YAML");
    let customizations = config["data"]["resource.customizations"].as_str().expect("the key");
    let customizations: serde_yaml::Value =
        serde_yaml::from_str(customizations).expect("YAML inside the key");
    assert_eq!(customizations["coffer.dev/*"]["health.lua"].as_str(), Some(script().as_str()));
}

/// Argo CD loads Lua's base and table libraries only, unless it is told otherwise.
fn health(object: &str) -> String {
    let object: serde_json::Value = serde_yaml::from_str(object).expect("a fixture is YAML");
    let lua = Lua::new_with(StdLib::TABLE, LuaOptions::default()).expect("a Lua state");
    lua.globals().set("obj", lua.to_value(&object).expect("an object for Lua")).expect("a global");
    let answer: Table = lua.load(script()).eval().expect("the script ends with a table");
    answer.get("status").expect("a status")
}
