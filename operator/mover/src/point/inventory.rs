//! The inventory and the contents of a point while it is written. Full pages leave memory at once.

use std::collections::BTreeMap;

use super::{WriteError, page::Page};
use crate::{
    format::{ContentsTable, FORMAT, INVENTORY_OBJECTS, InventoryObject, InventoryPage, Reference},
    seal::ObjectKind,
};

/// Objects that were put and are not yet on a stored page.
#[derive(Default)]
pub(super) struct Inventory {
    open: Vec<InventoryObject>,
    pages: u32,
    pub references: Vec<Reference>,
}

impl Inventory {
    /// Adds an object; gives a page when one is full.
    pub fn add(&mut self, object: InventoryObject) -> Option<InventoryPage> {
        self.open.push(object);
        (self.open.len() >= INVENTORY_OBJECTS).then(|| self.page())
    }

    /// The last page; `None` when nothing is left.
    pub fn rest(&mut self) -> Option<InventoryPage> {
        (!self.open.is_empty()).then(|| self.page())
    }

    fn page(&mut self) -> InventoryPage {
        let page =
            InventoryPage { format: FORMAT, page: self.pages, objects: std::mem::take(&mut self.open) };
        self.pages += 1;
        page
    }
}

/// Tables that were listed and are not yet on a stored page.
#[derive(Default)]
pub(super) struct Contents {
    /// One page, with its number, for each data store whose tables are being listed.
    open: BTreeMap<usize, (u32, Page)>,
    pages: u32,
    pub references: Vec<Reference>,
}

impl Contents {
    /// Adds a table of a data store; gives a page's number and text when one is full.
    pub fn add(
        &mut self,
        data_store: usize,
        table: &ContentsTable,
    ) -> Result<Option<(u32, Vec<u8>)>, WriteError> {
        if !self.open.contains_key(&data_store) {
            self.begin(data_store);
        }
        if let Some((_, page)) = self.open.get_mut(&data_store)
            && page.push(table)?
        {
            return Ok(None);
        }
        let full = self.rest(data_store);
        self.begin(data_store).push(table)?;
        Ok(full)
    }

    /// A data store's page so far; `None` when nothing is left. Its next table begins another.
    pub fn rest(&mut self, data_store: usize) -> Option<(u32, Vec<u8>)> {
        let (number, page) = self.open.remove(&data_store)?;
        Some((number, page.finish()))
    }

    fn begin(&mut self, data_store: usize) -> &mut Page {
        let number = self.pages;
        self.pages += 1;
        let prefix =
            format!("{{\"format\":{FORMAT},\"page\":{number},\"dataStore\":{data_store},\"tables\":[");
        let page = Page::new(prefix, ObjectKind::Contents.plain_limit());
        &mut self.open.entry(data_store).insert_entry((number, page)).into_mut().1
    }
}
