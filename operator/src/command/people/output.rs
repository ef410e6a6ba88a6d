//! What a command prints: a table for people, JSON for programs.

use std::error::Error;
use std::io::{self, Write as _};

use clap::ValueEnum;
use contract::Summary;
use serde::Serialize;

/// How the result is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns of text.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// JSON lines: of a list, one element a line.
    Jsonl,
}

/// The option that chooses it.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct OutputOption {
    /// How to print the result.
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,
}

impl OutputOption {
    /// Prints a value as one JSON document, or what `text` makes of it.
    ///
    /// # Errors
    /// When standard output does not take it.
    pub fn print<T: Serialize>(self, value: &T, text: impl FnOnce(&T) -> String) -> io::Result<()> {
        let mut whole = match self.format {
            Format::Json | Format::Jsonl => serde_json::to_string(value)?,
            Format::Table => text(value),
        };
        if !whole.ends_with('\n') {
            whole.push('\n');
        }
        write(&whole)
    }

    /// Prints what is a list, or holds one: as JSON lines its elements, otherwise as [`Self::print`] does.
    ///
    /// # Errors
    /// When standard output does not take it.
    pub fn print_list<T: Serialize, E: Serialize>(
        self,
        value: &T,
        elements: impl FnOnce(&T) -> &[E],
        text: impl FnOnce(&T) -> String,
    ) -> io::Result<()> {
        if self.format != Format::Jsonl {
            return self.print(value, text);
        }
        let mut lines = String::new();
        for element in elements(value) {
            lines.push_str(&serde_json::to_string(element)?);
            lines.push('\n');
        }
        write(&lines)
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.flush()
}

/// Rows under a heading, each column as wide as its widest cell.
pub struct Table<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub fn new(heading: [&str; N]) -> Self {
        Self { rows: vec![heading.map(str::to_owned)] }
    }

    pub fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells.map(|cell| printable(&cell)));
    }

    pub fn text(&self) -> String {
        let width =
            |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; N] = std::array::from_fn(width);
        let line = |row: &[String; N]| {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            let line = cells.collect::<Vec<_>>().join("  ");
            format!("{}\n", line.trim_end())
        };
        self.rows.iter().map(line).collect()
    }
}

/// The message of an error with the causes behind it, each that says something new.
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        cause = error.source();
    }
    text
}

/// Names come from databases, and a terminal obeys control characters: they are shown, not sent.
pub fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// A text in lines of at most so many letters; a word that is longer has a line of its own.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + word.chars().count() < width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// How much came back, in one line.
pub fn totals(summary: &Summary) -> String {
    let Summary { tables, rows, large_objects, plain_bytes, seconds, .. } = summary;
    let size = bytes(*plain_bytes);
    format!("{tables} tables, {rows} rows, {large_objects} large objects, {size}, {seconds} s\n")
}

/// A line for each warning.
pub fn warning_lines(warnings: &[String]) -> String {
    warnings.iter().map(|warning| format!("warning: {}\n", printable(warning))).collect()
}

/// Bytes in a unit that leaves at most four digits before the point.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "one digit after the point is shown")]
    let mut value = count as f64 / 1024.0;
    let mut unit = UNITS[0];
    for larger in &UNITS[1..] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    format!("{value:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_nothing_trails() {
        let mut table = Table::new(["ID", "NAME"]);
        table.row(["1".into(), "one".into()]);
        table.row(["1000".into(), String::new()]);
        assert_eq!(table.text(), "ID    NAME\n1     one\n1000\n");
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        let mut table = Table::new(["NAME"]);
        table.row(["a\u{1b}[2Jb\nc".into()]);
        assert_eq!(table.text(), "NAME\na\\u{1b}[2Jb\\nc\n");
    }

    #[test]
    fn sentences_are_wrapped_between_words_and_nothing_of_them_is_lost() {
        let text = "a word and ".repeat(20) + &"x".repeat(80) + " end";
        let lines = wrapped(&text, 50);
        assert_eq!(lines.join(" "), text.split_whitespace().collect::<Vec<_>>().join(" "));
        assert!(lines.iter().all(|line| line.len() <= 50 || !line.contains(' ')), "{lines:?}");
        assert_eq!(wrapped("", 50), [""]);
    }

    #[test]
    fn sizes_are_short() {
        for (count, shown) in
            [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (u64::MAX, "16384.0 PiB")]
        {
            assert_eq!(bytes(count), shown);
        }
    }
}
