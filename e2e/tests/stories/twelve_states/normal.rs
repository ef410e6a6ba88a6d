//! What of kubectl's output differs from run to run, replaced by a word that says what it was. Nothing else is touched:
//! what a golden file shows is what a person sees.

/// Names that this run has made up, each with the word for it.
pub type Names<'a> = [(&'a str, &'a str)];

/// Fields of `kubectl describe` whose value is a measurement, or a version that comes with the images.
const MEASURED: [&str; 13] = [
    "Resource Version:",
    "Bytes Done:",
    "Bytes Total:",
    "Bytes Per Second:",
    "Data Transferred Bytes:",
    "Stored Bytes:",
    "Size Bytes:",
    "Percent:",
    "Relations:",
    "System Identifier:",
    "Datasource Id:",
    "Server Version:",
    "Program:",
];
const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];

/// Stages that pass in a blink: which of them was told last is chance.
const EARLY: [&str; 4] = ["Starting", "Connecting", "Preflight", "Locking"];

/// Begins the list of a job's stages, and what is within it.
const STAGES: &str = "  Sub Tasks:";
const WITHIN: &str = "    ";

/// The output of `kubectl describe`.
pub fn description(text: &str, names: &Names<'_>) -> String {
    let mut lines = Vec::new();
    let mut in_events = false;
    let mut in_stages = false;
    for line in text.lines() {
        in_events |= line.starts_with("Events:");
        let line = line.trim_end();
        // Which stages were heard of between two looks is chance, but for the one that all begin with.
        in_stages = line == STAGES || (in_stages && line.starts_with(WITHIN));
        if in_stages {
            if line == STAGES {
                lines.push(format!("{STAGES}  <stages>"));
            }
            continue;
        }
        lines.push(if in_events { event(line, names) } else { field(line, names) });
    }
    lines.join("\n")
}

/// The output of `kubectl get`: cells are replaced and the columns set anew, since their widths follow the values.
pub fn table(text: &str, names: &Names<'_>) -> String {
    let Some(header) = text.lines().next() else { return String::new() };
    let starts = columns(header);
    let rows: Vec<Vec<String>> = text
        .lines()
        .map(|line| {
            let cells = cells(line, &starts);
            cells
                .iter()
                .zip(cells_of(header, &starts))
                .map(|(cell, title)| value(cell, &title, names))
                .collect()
        })
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..starts.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("   ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Where the titles begin: they are set apart by at least three blanks, and hold single ones.
fn columns(header: &str) -> Vec<usize> {
    let mut starts = vec![0];
    let mut blanks = 0;
    for (index, letter) in header.char_indices() {
        if letter != ' ' && blanks >= 3 {
            starts.push(index);
        }
        blanks = if letter == ' ' { blanks + 1 } else { 0 };
    }
    starts
}

fn cells_of(line: &str, starts: &[usize]) -> Vec<String> {
    cells(line, starts)
}

fn cells(line: &str, starts: &[usize]) -> Vec<String> {
    let letters: Vec<char> = line.chars().collect();
    let cell = |index: usize| {
        let from = starts[index].min(letters.len());
        let to = starts.get(index + 1).copied().unwrap_or(letters.len()).clamp(from, letters.len());
        letters[from..to].iter().collect::<String>().trim_end().to_owned()
    };
    (0..starts.len()).map(cell).collect()
}

fn value(cell: &str, title: &str, names: &Names<'_>) -> String {
    let under_way = title == "PERCENT" && cell != title && cell != "100" && !cell.is_empty();
    if under_way { "<n>".to_owned() } else { words(cell, names) }
}

/// A line of the description: a measured field keeps its name and indent.
fn field(line: &str, names: &Names<'_>) -> String {
    let name = line.trim_start();
    match MEASURED.iter().find(|field| name.starts_with(**field)) {
        // All is all: an end at 100 is told as it is.
        Some(field) if !(*field == "Percent:" && name.ends_with(" 100")) => {
            let rest = name[field.len()..].trim_start();
            format!("{}<n>", &line[..line.len() - rest.len()])
        }
        Some(_) | None => words(line, names),
    }
}

/// A line of the table of events, whose widths follow the ages.
fn event(line: &str, names: &Names<'_>) -> String {
    let indent = line.len() - line.trim_start().len();
    let cells: Vec<&str> =
        line.trim_start().split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    let cells: Vec<String> =
        cells
            .iter()
            .map(|cell| {
                if cell.chars().all(|letter| letter == '-') { "----".to_owned() } else { words(cell, names) }
            })
            .map(|cell| cell.split(" (x").next().unwrap_or_default().to_owned())
            .collect();
    format!("{}{}", " ".repeat(indent), cells.join("  "))
}

/// Every word by itself, the blanks between them as they are.
fn words(text: &str, names: &Names<'_>) -> String {
    let named = names.iter().fold(text.to_owned(), |text, (name, word)| text.replace(name, word));
    let mut out: Vec<String> = Vec::new();
    for word in named.split(' ') {
        let unit = UNITS.contains(&word.trim_end_matches(['.', ',', ';']));
        match out.last_mut() {
            // A number and its unit are one size.
            Some(number) if unit && is_number(number) => {
                let end = word.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
                *number = format!("<size>{end}");
            }
            _ => out.push(replaced(word)),
        }
    }
    out.join(" ").replace("<span> <span>", "<span>")
}

/// One word, in which names may stand with a sign before or after.
fn replaced(word: &str) -> String {
    let start = word.trim_start_matches(['(', '"', '/', '`']);
    let bare = start.trim_end_matches([')', '"', '.', ',', ';', ':', '`']);
    let shown = match bare {
        _ if EARLY.contains(&bare) => "<early>".to_owned(),
        _ if is_time(bare) => "<time>".to_owned(),
        _ if is_span(bare) => "<span>".to_owned(),
        _ if is_address(bare) => "<address>".to_owned(),
        _ => parts(bare),
    };
    word.replacen(bare, &shown, usize::from(!bare.is_empty()))
}

/// Names are made of parts: a UID, a hash, an instant.
fn parts(word: &str) -> String {
    let parts: Vec<&str> = word.split('-').collect();
    if parts.len() == 5 && parts.iter().all(|part| is_hex(part)) && word.len() == 36 {
        return "<uid>".to_owned();
    }
    let dated = parts.iter().any(|part| is_instant(part));
    let job = parts.first() == Some(&"cj");
    let part = |part: &&str| match *part {
        part if is_instant(part) => "<instant>".to_owned(),
        part if is_hex(part)
            && (part.len() >= 16 || (dated && part.len() == 6) || (job && part.len() == 8)) =>
        {
            "<hex>".to_owned()
        }
        part => part.to_owned(),
    };
    parts.iter().map(part).collect::<Vec<_>>().join("-")
}

fn is_number(word: &str) -> bool {
    word.chars().all(|letter| letter.is_ascii_digit() || letter == '.')
        && word.contains(|letter: char| letter.is_ascii_digit())
}

fn is_hex(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|letter| matches!(letter, '0'..='9' | 'a'..='f'))
}

/// Such as `20261101t023000z`.
fn is_instant(word: &str) -> bool {
    word.len() == 16 && word.ends_with('z') && word.as_bytes()[8] == b't' && is_number(&word[..8])
}

fn is_time(word: &str) -> bool {
    word.len() >= 20 && word.ends_with('Z') && word.as_bytes()[10] == b'T' && is_number(&word[..4])
}

/// Such as `12s` and `3m8s`; kubectl calls an age invalid when the test clock is ahead of its own.
fn is_span(word: &str) -> bool {
    let unit = |letter| matches!(letter, 's' | 'm' | 'h' | 'd');
    let counted = word.starts_with(|letter: char| letter.is_ascii_digit())
        && word.ends_with(unit)
        && word.chars().all(|letter| letter.is_ascii_digit() || unit(letter));
    counted || word == "<invalid>"
}

fn is_address(word: &str) -> bool {
    let host = word.split(':').next().unwrap_or_default();
    let parts: Vec<&str> = host.split('.').collect();
    parts.len() == 4 && parts.iter().all(|part| part.parse::<u8>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_replaced_and_nothing_else() {
        let names = [("shop-1a-0", "<tenant>")];
        for (line, expected) in [
            ("  Message:  Every check passed.", "  Message:  Every check passed."),
            ("  UID:  2b0a4d1e-7c55-4f0a-9d61-0b9a4f5e6c7d", "  UID:  <uid>"),
            ("  Last Transition Time:  2026-11-21T07:40:24Z", "  Last Transition Time:  <time>"),
            ("  Job Name:  cj-0a1b2c3d-1", "  Job Name:  cj-<hex>-1"),
            ("    Name:  shop-20261101t023000z-012345", "    Name:  shop-<instant>-<hex>"),
            ("  Host:  postgres.shop-1a-0.svc", "  Host:  postgres.<tenant>.svc"),
            ("  Message:  12 tables, 18.3 MiB stored.", "  Message:  12 tables, <size> stored."),
            ("    Bytes Done:  1234", "    Bytes Done:  <n>"),
            ("    Percent:  100", "    Percent:  100"),
            ("    Percent:  42", "    Percent:  <n>"),
            ("  Duration:  1m 12s", "  Duration:  <span>"),
            ("  Message:  connect to 10.96.0.7:5432: refused", "  Message:  connect to <address>: refused"),
            ("    Keep:  P7D", "    Keep:  P7D"),
            ("    Stage:  Connecting", "    Stage:  <early>"),
            ("    Stage:  Data", "    Stage:  Data"),
        ] {
            assert_eq!(description(line, &names), expected);
        }
    }

    #[test]
    fn events_are_the_same_however_old_they_are() {
        let events = |age: &str| {
            description(
                &format!(
                    "Events:\n  Type    Reason   Age   From    Message\n  ----    ------   ----  ----    -------\n  Normal  Started  {age}  coffer  It has begun."
                ),
                &[],
            )
        };
        assert_eq!(events("3s"), events("12s (x2 over 14s)"));
        assert!(events("3s").contains("Normal  Started  <span>  coffer  It has begun."), "{}", events("3s"));
    }

    #[test]
    fn columns_are_set_by_what_is_left_and_empty_cells_stay_empty() {
        let text = "NAME    STATE       PERCENT   LAST BACKUP   AGE\nfirst   Running     42                      3m8s\nlast    Completed   100       12s           4h\n";
        let expected = "NAME    STATE       PERCENT   LAST BACKUP   AGE\nfirst   Running     <n>                     <span>\nlast    Completed   100       <span>        <span>";
        assert_eq!(table(text, &[]), expected);
    }
}
