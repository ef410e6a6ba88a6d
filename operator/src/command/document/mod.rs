//! docs/cli.md and docs/kubectl.md, written from the commands themselves, so that they cannot disagree with them.

use std::fmt::Write as _;

use clap::{Arg, CommandFactory as _};

use super::people::Exit;
use super::{CommandLine, plugin};

/// What is said around the lists, with a mark where each of them goes.
const TEMPLATE: &str = include_str!("template.md");
const PLUGIN_TEMPLATE: &str = include_str!("plugin.md");
const CLUSTER_OPTIONS: &str = "{{cluster options}}";
const COMMANDS: &str = "{{commands}}";
const EXIT_CODES: &str = "{{exit codes}}";
const VARIABLES: &str = "{{variables}}";

/// What is said of `kubectl coffer`, in Markdown.
pub fn plugin_document() -> String {
    let mut command = plugin::described();
    command.build();
    let (everywhere, _) = options(&command);
    let code = |(exit, meaning): &(Exit, &str)| format!("| {} | {meaning} |\n", *exit as u8);
    let codes: String = plugin::EXIT_CODES.iter().map(code).collect();
    PLUGIN_TEMPLATE
        .replace(COMMANDS, commands(&command).trim_end())
        .replace(CLUSTER_OPTIONS, everywhere.trim_end())
        .replace(EXIT_CODES, format!("| code | meaning |\n|---|---|\n{codes}").trim_end())
}

/// The whole of what is said of `coffer`, in Markdown.
pub fn command_line_document() -> String {
    let mut command = CommandLine::command();
    command.build();
    TEMPLATE
        .replace(COMMANDS, commands(&command).trim_end())
        .replace(EXIT_CODES, exit_codes().trim_end())
        .replace(VARIABLES, variables(&command).trim_end())
}

fn commands(parent: &clap::Command) -> String {
    let mut text = String::new();
    for command in parent.get_subcommands().filter(|command| is_told(command)) {
        let inner = commands(command);
        if inner.is_empty() {
            text.push_str(&one(command));
        } else {
            text.push_str(&inner);
        }
    }
    text
}

fn is_told(command: &clap::Command) -> bool {
    !command.is_hide_set() && command.get_name() != "help"
}

fn one(command: &clap::Command) -> String {
    let mut command = command.clone();
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim().to_owned();
    let name = command.get_bin_name().unwrap_or_default().to_owned();
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let mut text = format!("### {name}\n\n{}\n\n```\n{usage}\n```\n\n", about.trim());
    text.push_str("| | meaning |\n|---|---|\n");
    text.push_str(&options(&command).1);
    if let Some(examples) = command.get_after_help() {
        // The heading of the examples is the document's own.
        let examples = examples.to_string();
        let lines: Vec<&str> =
            examples.lines().filter(|line| *line != "Examples:").map(|line| line.trim_start()).collect();
        let _infallible = write!(text, "\n```sh\n{}\n```\n", lines.join("\n").trim());
    }
    text.push('\n');
    text
}

/// The rows of the options that every command has, and of those that are its own.
fn options(command: &clap::Command) -> (String, String) {
    let told = |argument: &&Arg| {
        !argument.is_hide_set() && argument.get_id() != "help" && argument.get_id() != "version"
    };
    let (everywhere, own): (Vec<&Arg>, Vec<&Arg>) =
        command.get_arguments().filter(told).partition(|argument| argument.is_global_set());
    let rows = |arguments: Vec<&Arg>| arguments.into_iter().map(row).collect();
    (rows(everywhere), rows(own))
}

fn row(argument: &Arg) -> String {
    let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
    let mut meaning = help.split_whitespace().collect::<Vec<_>>().join(" ");
    if !meaning.ends_with('.') {
        meaning.push('.');
    }
    let possible: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|_| argument.get_action().takes_values())
        .map(|value| match value.get_help() {
            Some(help) => format!("`{}`: {}", value.get_name(), help.to_string().trim_end_matches('.')),
            None => format!("`{}`", value.get_name()),
        })
        .collect();
    if !possible.is_empty() {
        let _infallible = write!(meaning, " {}.", possible.join("; "));
    }
    let defaults: Vec<_> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if argument.get_action().takes_values() && !defaults.is_empty() {
        let _infallible = write!(meaning, " Default: `{}`.", defaults.join(" "));
    }
    if let Some(variable) = argument.get_env() {
        let _infallible = write!(meaning, " Or variable `{}`.", variable.to_string_lossy());
    }
    format!("| `{}` | {} |\n", spelling(argument), meaning.replace('|', "\\|"))
}

/// `-o, --output FORMAT`, or the name of what has no flag.
fn spelling(argument: &Arg) -> String {
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let flags = short.into_iter().chain(long).collect::<Vec<_>>().join(", ");
    let values: Vec<&str> = argument
        .get_value_names()
        .filter(|_| argument.get_action().takes_values())
        .unwrap_or_default()
        .iter()
        .map(clap::builder::Str::as_str)
        .collect();
    [flags, values.join(" ")].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn exit_codes() -> String {
    let row = |exit: &Exit| format!("| {} | {} |\n", *exit as u8, exit.meaning());
    let rows: String = Exit::ALL.iter().map(row).collect();
    format!("| code | meaning |\n|---|---|\n{rows}")
}

/// Variables that stand for options; those of other programs are in the template.
fn variables(command: &clap::Command) -> String {
    let mut known = std::collections::BTreeMap::new();
    for command in command.get_subcommands().filter(|command| is_told(command)) {
        for argument in command.get_arguments() {
            if let (Some(variable), Some(long)) = (argument.get_env(), argument.get_long()) {
                known.insert(variable.to_string_lossy().into_owned(), long.to_owned());
            }
        }
    }
    known.iter().map(|(variable, long)| format!("| `{variable}` | `--{long}` |\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_of_the_plugin_is_told_with_its_options_and_an_example() {
        let document = plugin_document();
        for part in
            ["### kubectl coffer status", "### kubectl coffer logs", "| `--context NAME` |", "| 124 |"]
        {
            assert!(document.contains(part), "{part}");
        }
        assert!(!document.contains("{{"), "{document}");
        let (_, sections) = document.split_once("\n### ").unwrap();
        for section in sections.split("\n### ") {
            assert!(section.contains("```sh"), "{section}");
            assert!(!section.contains("`--kubeconfig"), "told once, and not of each command: {section}");
        }
    }

    #[test]
    fn every_command_for_people_is_told_with_its_options_and_an_example() {
        let document = command_line_document();
        for part in [
            "### coffer backup",
            "### coffer vault init",
            "### coffer doctor",
            "| `--progress HOW` |",
            "| `COFFER_VAULT` | `--vault` |",
            "| 12 |",
        ] {
            assert!(document.contains(part), "{part}");
        }
        assert!(!document.contains("{{") && !document.contains("### coffer keeper"), "{document}");
        let sections = document.split("\n### ").skip(1);
        for section in sections.filter(|section| section.starts_with("coffer ")) {
            assert!(section.contains("```sh"), "{section}");
        }
    }
}
