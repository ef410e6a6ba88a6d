//! Whether manifests and lists fit each other and the objects that are there. Read when a point is accepted, too.

use std::collections::{HashMap, HashSet};

use crate::{
    format::{
        FORMAT, FrameSpan, ListKind, ListRef, Manifest, MembershipEntry, RoleEntry, RowFormat, SegmentEntry,
        SequenceEntry, TableEntry, TableKind, TablespaceEntry,
    },
    point::{PointReader, ReadError},
    seal::HEADER_LENGTH,
    store::Name,
};

/// Reads every manifest and list of a point. `objects` are the numbers that the inventory lists.
pub(crate) async fn check(reader: &PointReader, objects: &HashSet<u32>) -> Result<(), ReadError> {
    let record = reader.record();
    if record.manifests.len() != record.data_stores.len() {
        return Err(ReadError::contradiction(
            &Name::point(record.point),
            "it does not have one manifest per data store",
        ));
    }
    for (data_store, reference) in record.manifests.iter().enumerate() {
        let manifest = reader.manifest(data_store).await?;
        let name = reader.name(reference)?;
        if manifest.format != FORMAT {
            return Err(ReadError::contradiction(&name, "its format is another one"));
        }
        check_manifest(reader, &name, &manifest, objects).await?;
    }
    check_globals(reader).await?;
    for page in 0..record.contents.len() {
        reader.contents_page(page).await?;
    }
    Ok(())
}

async fn check_globals(reader: &PointReader) -> Result<(), ReadError> {
    let Some(globals) = reader.globals().await? else { return Ok(()) };
    let lists = &globals.lists;
    let roles = reader.list_of::<RoleEntry>(lists).await?.len();
    let memberships = reader.list_of::<MembershipEntry>(lists).await?.len();
    let tablespaces = reader.list_of::<TablespaceEntry>(lists).await?.len();
    let found = [roles, memberships, tablespaces].map(|entries| entries as u64);
    if found == [globals.roles, globals.memberships, globals.tablespaces] {
        return Ok(());
    }
    let name = Name::point(reader.record().point);
    Err(ReadError::contradiction(&name, "its globals do not have as many entries as they say"))
}

async fn check_manifest(
    reader: &PointReader,
    name: &Name,
    manifest: &Manifest,
    objects: &HashSet<u32>,
) -> Result<(), ReadError> {
    let contradiction = |what: &str| ReadError::contradiction(name, what);
    if !spans_exist(&manifest.schema.spans, objects) {
        return Err(contradiction("its schema lies in an object that the inventory does not have"));
    }
    if pages(manifest, ListKind::Tables) != manifest.tables
        || pages(manifest, ListKind::Segments) != manifest.segments
        || pages(manifest, ListKind::Sequences) != manifest.sequences
    {
        return Err(contradiction("its lists do not have as many entries as it says"));
    }
    let tables = tables(reader, name, manifest).await?;
    let mut found = Found::default();
    for page in lists(manifest, ListKind::Segments) {
        for segment in reader.list_page::<SegmentEntry>(page).await? {
            let page = reader.name(&page.object)?;
            found.add(&page, &tables, &segment, objects)?;
        }
    }
    for page in lists(manifest, ListKind::Sequences) {
        reader.list_page::<SequenceEntry>(page).await?;
    }
    found.compare(name, &tables)
}

/// What a table promises of its segments.
struct Promised {
    segments: u32,
    plain_bytes: u64,
    rows: HashMap<RowFormat, u64>,
}

async fn tables(
    reader: &PointReader,
    name: &Name,
    manifest: &Manifest,
) -> Result<HashMap<u32, Promised>, ReadError> {
    let mut tables = HashMap::new();
    let (mut rows, mut bytes) = (0u64, 0u64);
    for page in lists(manifest, ListKind::Tables) {
        let page_name = reader.name(&page.object)?;
        for table in reader.list_page::<TableEntry>(page).await? {
            if matches!(table.kind, TableKind::Ordinary | TableKind::Configuration) {
                rows = rows.saturating_add(table.rows());
            }
            bytes = bytes.saturating_add(table.plain_bytes);
            let promised = Promised {
                segments: table.segments,
                plain_bytes: table.plain_bytes,
                rows: table.digests.iter().map(|digest| (digest.format, digest.rows)).collect(),
            };
            let is_one_each = promised.rows.len() == table.digests.len();
            if !is_one_each || table.id == 0 || tables.insert(table.id, promised).is_some() {
                return Err(ReadError::contradiction(&page_name, "it names a table twice or wrongly"));
            }
        }
    }
    if (rows, bytes) != (manifest.rows, manifest.plain_bytes) {
        let what = format!("it counts {} rows and {} bytes", manifest.rows, manifest.plain_bytes);
        return Err(ReadError::contradiction(name, format!("{what}, its tables {rows} and {bytes}")));
    }
    Ok(tables)
}

/// What the segments of each table come to.
#[derive(Default)]
struct Found {
    seen: HashSet<(u32, u32)>,
    bytes: HashMap<u32, u64>,
    rows: HashMap<(u32, RowFormat), u64>,
}

impl Found {
    fn add(
        &mut self,
        page: &Name,
        tables: &HashMap<u32, Promised>,
        segment: &SegmentEntry,
        objects: &HashSet<u32>,
    ) -> Result<(), ReadError> {
        let number = segment.number;
        let known = tables.get(&segment.table).is_some_and(|table| number < table.segments);
        if !known || !self.seen.insert((segment.table, number)) {
            return Err(ReadError::contradiction(page, "it names a segment twice or of no table"));
        }
        if !spans_exist(&segment.spans, objects) {
            return Err(ReadError::contradiction(
                page,
                "a segment lies in an object that the inventory does not have",
            ));
        }
        let bytes = self.bytes.entry(segment.table).or_default();
        *bytes = bytes.saturating_add(segment.plain_bytes);
        let rows = self.rows.entry((segment.table, segment.format)).or_default();
        *rows = rows.saturating_add(segment.rows);
        Ok(())
    }

    fn compare(&self, name: &Name, tables: &HashMap<u32, Promised>) -> Result<(), ReadError> {
        let segments: u64 = tables.values().map(|table| u64::from(table.segments)).sum();
        if segments != self.seen.len() as u64 {
            return Err(ReadError::contradiction(name, "a table lacks a segment"));
        }
        for (id, table) in tables {
            if self.bytes.get(id).copied().unwrap_or(0) != table.plain_bytes {
                return Err(ReadError::contradiction(
                    name,
                    format!("the segments of table {id} are not its size"),
                ));
            }
            let fits = [RowFormat::Text, RowFormat::Binary].iter().all(|format| {
                let promised = table.rows.get(format).copied().unwrap_or(0);
                self.rows.get(&(*id, *format)).copied().unwrap_or(0) == promised
            });
            if !fits {
                return Err(ReadError::contradiction(name, format!("the segments of table {id} lack rows")));
            }
        }
        Ok(())
    }
}

fn lists(manifest: &Manifest, list: ListKind) -> impl Iterator<Item = &ListRef> {
    manifest.lists.iter().filter(move |page| page.list == list)
}

fn pages(manifest: &Manifest, list: ListKind) -> u64 {
    lists(manifest, list).map(|page| u64::from(page.entries)).sum()
}

fn spans_exist(spans: &[FrameSpan], objects: &HashSet<u32>) -> bool {
    spans
        .iter()
        .all(|span| span.count > 0 && span.offset >= HEADER_LENGTH as u64 && objects.contains(&span.object))
}
