//! A page of a list in the making: JSON text that grows entry by entry and stays within its bound.

use serde::Serialize;

use super::WriteError;

/// One page. `prefix` is the text up to and including the `[` of the entries; `]}` ends it.
pub(super) struct Page {
    text: Vec<u8>,
    start: usize,
    entries: u32,
    limit: usize,
}

impl Page {
    pub fn new(prefix: String, limit: usize) -> Self {
        let text = prefix.into_bytes();
        Self { start: text.len(), text, entries: 0, limit }
    }

    pub fn entries(&self) -> u32 {
        self.entries
    }

    /// Adds an entry; `false` when the page is full, with nothing added.
    ///
    /// # Errors
    /// When the entry would not even fit on an empty page.
    pub fn push(&mut self, entry: &impl Serialize) -> Result<bool, WriteError> {
        let before = self.text.len();
        if self.entries > 0 {
            self.text.push(b',');
        }
        serde_json::to_writer(&mut self.text, entry)
            .map_err(|error| crate::seal::SealError::Document(error.to_string()))?;
        if self.text.len() + 2 <= self.limit {
            self.entries += 1;
            return Ok(true);
        }
        let bytes = self.text.len() - before;
        self.text.truncate(before);
        if self.entries == 0 {
            return Err(WriteError::EntryTooLarge { bytes, limit: self.limit - self.start });
        }
        Ok(false)
    }

    /// The whole text of the page.
    pub fn finish(mut self) -> Vec<u8> {
        self.text.extend_from_slice(b"]}");
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_takes_what_fits_and_no_more() {
        let mut page = Page::new("{\"entries\":[".into(), 12 + 2 + 5);
        assert!(page.push(&"a").unwrap());
        assert!(!page.push(&"b").unwrap());
        assert_eq!(page.entries(), 1);
        assert_eq!(page.finish(), b"{\"entries\":[\"a\"]}");
    }

    #[test]
    fn an_entry_larger_than_a_page_is_an_error_and_not_an_endless_loop() {
        let mut page = Page::new("[".into(), 8);
        assert!(matches!(page.push(&"0123456789"), Err(WriteError::EntryTooLarge { .. })));
    }
}
