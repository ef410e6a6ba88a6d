//! Files of `[section]` and `name = value`, as libpq's service file and the AWS tools' files are.

/// The entries of one section, in order; `None` when the file has no such section. Lines that begin with `#` or `;` are
/// comments. Nested values (indented lines below an empty value) are skipped.
pub fn section<'a>(text: &'a str, name: &str) -> Option<Vec<(&'a str, &'a str)>> {
    let mut found = None;
    let mut inside = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(title) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            inside = title.trim() == name;
            if inside && found.is_none() {
                found = Some(Vec::new());
            }
            continue;
        }
        let nested = line.starts_with([' ', '\t']);
        if let (true, false, Some((key, value)), Some(entries)) =
            (inside, nested, trimmed.split_once('='), found.as_mut())
        {
            entries.push((key.trim(), value.trim()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::section;

    const FILE: &str = "# comment\n[one]\nhost=db\n port = 1\nname = a = b\n\n[two]\n; none\n[one]\nuser=x\n";

    #[test]
    fn a_section_is_read_with_its_continuation_and_without_nested_lines() {
        assert_eq!(section(FILE, "one").unwrap(), [("host", "db"), ("name", "a = b"), ("user", "x")]);
    }

    #[test]
    fn an_empty_section_is_there_and_an_absent_one_is_not() {
        assert_eq!(section(FILE, "two"), Some(Vec::new()));
        assert_eq!(section(FILE, "three"), None);
    }
}
