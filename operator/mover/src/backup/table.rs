//! A table as the backup knows it. There may be 100,000 of them in memory at once, so it is kept small.

use crate::format::{PgText, RowFormat, TableKind};

/// Bytes of heap and TOAST that one segment should have.
const SEGMENT_BYTES: u64 = 32 * 1024 * 1024;
/// Most pages of one segment.
const SEGMENT_PAGES: u32 = 4_096;

/// One table whose rows are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub oid: u32,
    pub schema: PgText,
    pub name: PgText,
    pub kind: TableKind,
    pub columns: Columns,
    /// How its rows are read.
    pub format: RowFormat,
    /// Whether they can be read in binary, when a row is too large for text.
    pub may_be_binary: bool,
    /// Estimated from the size of heap and TOAST.
    pub bytes: u64,
    pub cut: Cut,
}

/// How a table's rows are divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// It has no page, so it has no row.
    Empty,
    /// One COPY.
    Whole,
    /// One COPY of the rows that an extension's condition lets through.
    Condition(PgText),
    /// Ranges of heap pages.
    Pages { blocks: u32, each: u32 },
    /// Ranges of large objects, each from its first to its last OID.
    Objects(Vec<(u32, u32)>),
}

impl Cut {
    /// For a heap of so many pages whose rows, TOAST included, have so many bytes.
    pub fn of_heap(blocks: u32, bytes: u64, is_divisible: bool) -> Self {
        if blocks == 0 {
            return Self::Empty;
        }
        let each = pages_each(blocks, bytes);
        if is_divisible && each < blocks { Self::Pages { blocks, each } } else { Self::Whole }
    }
}

/// How many pages make a segment. One page may carry gigabytes of TOAST, so it is the bytes that count.
fn pages_each(blocks: u32, bytes: u64) -> u32 {
    let per_page = (bytes / u64::from(blocks.max(1))).max(1);
    u32::try_from(SEGMENT_BYTES / per_page).unwrap_or(SEGMENT_PAGES).clamp(1, SEGMENT_PAGES)
}

/// Names of columns in one piece of memory: a NUL, which no name can hold, ends each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns(Box<[u8]>);

impl Columns {
    pub fn new(names: &[PgText]) -> Self {
        let mut bytes = Vec::with_capacity(names.iter().map(|name| name.as_bytes().len() + 1).sum());
        for name in names {
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(0);
        }
        Self(bytes.into_boxed_slice())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn names(&self) -> impl Iterator<Item = PgText> {
        self.0.split_inclusive(|byte| *byte == 0).map(|name| PgText::from(&name[..name.len() - 1]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_out_as_they_went_in() {
        for names in
            [vec![], vec!["a".into()], vec!["a b".into(), PgText::new(b"\xe4\"".to_vec()), "c".into()]]
        {
            let columns = Columns::new(&names);
            assert_eq!(columns.names().collect::<Vec<_>>(), names);
            assert_eq!(columns.is_empty(), names.is_empty());
        }
    }

    #[test]
    fn segments_have_about_the_same_bytes_whatever_is_in_the_pages() {
        const PAGE: u64 = 8_192;
        assert_eq!(Cut::of_heap(0, 0, true), Cut::Empty);
        assert_eq!(Cut::of_heap(4_096, 4_096 * PAGE, true), Cut::Whole);
        assert_eq!(Cut::of_heap(5_000, 5_000 * PAGE, true), Cut::Pages { blocks: 5_000, each: 4_096 });
        assert_eq!(Cut::of_heap(5_000, 5_000 * PAGE, false), Cut::Whole);
        // Nine tenths of it in TOAST.
        assert_eq!(Cut::of_heap(5_000, 50_000 * PAGE, true), Cut::Pages { blocks: 5_000, each: 409 });
        // Pages of pointers to a gigabyte each.
        assert_eq!(Cut::of_heap(3, 3 << 30, true), Cut::Pages { blocks: 3, each: 1 });
    }
}
