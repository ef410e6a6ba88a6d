//! The inventory and the contents of a point while it is written. Full pages leave memory at once.

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
    open: Option<Page>,
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
        let page = self.open.get_or_insert_with(|| open(self.pages, data_store));
        if page.push(table)? {
            return Ok(None);
        }
        let full = self.rest();
        let mut next = open(self.pages, data_store);
        next.push(table)?;
        self.open = Some(next);
        Ok(full)
    }

    /// The page so far; `None` when nothing is left. The next table begins another.
    pub fn rest(&mut self) -> Option<(u32, Vec<u8>)> {
        let page = self.open.take()?;
        let number = self.pages;
        self.pages += 1;
        Some((number, page.finish()))
    }
}

fn open(page: u32, data_store: usize) -> Page {
    let prefix = format!("{{\"format\":{FORMAT},\"page\":{page},\"dataStore\":{data_store},\"tables\":[");
    Page::new(prefix, ObjectKind::Contents.plain_limit())
}
