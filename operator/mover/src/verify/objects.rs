//! Levels 1 and 2: every object is there, and every byte of it is what was written.

use bytes::Bytes;
use futures::{StreamExt as _, stream};

use super::{Progress, VerifyReport};
use crate::{
    format::{Hash, InventoryObject},
    point::{PointReader, ReadError, cpu},
    seal::{Header, ObjectKind, Opener, decompressor},
};

/// Objects in memory at the same time.
const AHEAD: usize = 3;

/// Every object that the inventory lists.
pub(super) async fn inventory(
    reader: &PointReader,
    report: &mut VerifyReport,
) -> Result<Vec<InventoryObject>, ReadError> {
    let mut objects = Vec::new();
    for page in 0..reader.record().inventory.len() {
        match reader.inventory_page(page).await {
            Ok(page) => objects.extend(page.objects),
            Err(error) => report.note(error)?,
        }
    }
    Ok(objects)
}

/// Level 1: each is there with its size and ETag.
pub(super) async fn sizes(
    reader: &PointReader,
    inventory: &[InventoryObject],
    report: &mut VerifyReport,
) -> Result<(), ReadError> {
    let mut checks = stream::iter(inventory).map(|object| reader.check_stored(object)).buffered(8);
    while let Some(checked) = checks.next().await {
        report.objects += 1;
        if let Err(error) = checked {
            report.note(error)?;
        }
        if report.is_full() {
            break;
        }
    }
    Ok(())
}

/// Level 2: each is read to its end, hash and seals.
pub(super) async fn contents(
    reader: &PointReader,
    inventory: &[InventoryObject],
    report: &mut VerifyReport,
    progress: Progress<'_>,
) -> Result<(), ReadError> {
    let fetch = |object| async move {
        (object, reader.stored(object_reference(object), ObjectKind::Pack.stored_limit()).await)
    };
    let mut fetched = stream::iter(inventory).map(fetch).buffered(AHEAD);
    while let Some((object, stored)) = fetched.next().await {
        let checked = match stored {
            Ok(stored) => {
                let size = stored.len() as u64;
                let checked = cpu(|| open(reader, object, stored));
                report.stored_bytes += size;
                progress(size);
                checked
            }
            Err(error) => Err(error),
        };
        if let Err(error) = checked {
            report.note(error)?;
        }
        if report.is_full() {
            break;
        }
    }
    Ok(())
}

fn open(reader: &PointReader, object: &InventoryObject, stored: Bytes) -> Result<(), ReadError> {
    let name = reader.name(&object.object)?;
    if Hash::of(&stored) != object.object.sha256 {
        return Err(ReadError::contradiction(&name, "its SHA-256 is not the one it was stored with"));
    }
    let kind = Header::decode(&name, &stored)?.kind;
    let number =
        object.object.name.parse().map_err(|_| {
            ReadError::contradiction(&name, "it is named where an object with a number belongs")
        })?;
    let (expected, key) = reader.object(kind, number);
    let mut opener = Opener::open(&name, stored, &expected, key).map_err(|error| error.with_proven_key())?;
    let mut decompressor = decompressor(&name)?;
    let mut plain = Vec::new();
    while opener.next(&mut decompressor, &mut plain)? {}
    Ok(())
}

fn object_reference(object: &InventoryObject) -> &crate::format::Reference {
    &object.object
}
