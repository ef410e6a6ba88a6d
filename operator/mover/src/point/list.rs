//! Writes a list of a manifest page by page.

use std::marker::PhantomData;

use super::{PointWriter, WriteError, page::Page};
use crate::{
    format::{FORMAT, ListEntry, ListRef},
    seal::ObjectKind,
};

/// A list in the making. Each page is put as it fills.
pub struct ListWriter<E: ListEntry> {
    writer: PointWriter,
    data_store: usize,
    open: Page,
    pages: Vec<ListRef>,
    entry: PhantomData<fn(E)>,
}

impl<E: ListEntry> ListWriter<E> {
    pub(super) fn new(writer: PointWriter, data_store: usize) -> Self {
        Self { writer, data_store, open: page::<E>(0), pages: Vec::new(), entry: PhantomData }
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// When a page that was full could not be put, or the entry is larger than a page.
    pub async fn push(&mut self, entry: E) -> Result<(), WriteError> {
        if let Some(table) = entry.contents() {
            self.writer.add_contents(self.data_store, &table).await?;
        }
        if !self.open.push(&entry)? {
            self.put().await?;
            self.open.push(&entry)?;
        }
        Ok(())
    }

    /// Puts the last page. Returns the pages for the manifest; none for an empty list.
    ///
    /// # Errors
    /// When the page could not be put.
    pub async fn finish(mut self) -> Result<Vec<ListRef>, WriteError> {
        if self.open.entries() > 0 {
            self.put().await?;
        }
        Ok(self.pages)
    }

    async fn put(&mut self) -> Result<(), WriteError> {
        let next = u32::try_from(self.pages.len() + 1).map_err(|_| WriteError::TooManyObjects)?;
        let full = std::mem::replace(&mut self.open, page::<E>(next));
        let entries = full.entries();
        let object = self.writer.put_text(ObjectKind::List, full.finish()).await?;
        self.pages.push(ListRef { list: E::LIST, entries, object });
        Ok(())
    }
}

fn page<E: ListEntry>(number: u32) -> Page {
    let list = serde_json::to_string(&E::LIST).expect("a list's name is a plain word");
    let prefix = format!("{{\"format\":{FORMAT},\"list\":{list},\"page\":{number},\"entries\":[");
    Page::new(prefix, ObjectKind::List.plain_limit())
}
