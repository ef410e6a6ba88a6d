//! The requests that object_store makes, in the same way for each of its protocols.

use std::ops::Range;

use bytes::Bytes;
use jiff::Timestamp;
use object_store::{
    GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload,
    UpdateVersion, path::Path,
};

use super::wire::{Condition, Trouble};
use crate::store::Stored;

pub(super) fn path(key: &str) -> Result<Path, Trouble> {
    Path::parse(key).map_err(|error| Trouble::Request(error.to_string()))
}

pub(super) async fn put(
    client: &impl ObjectStore,
    key: &str,
    bytes: Bytes,
    condition: Condition<'_>,
) -> Result<Stored, Trouble> {
    let size = bytes.len() as u64;
    let mode = match condition {
        Condition::Absent => PutMode::Create,
        Condition::Unchanged(former) => PutMode::Update(UpdateVersion {
            e_tag: former.etag.as_ref().map(|etag| format!("\"{etag}\"")),
            version: None,
        }),
        Condition::Whatever => PutMode::Overwrite,
    };
    let options = PutOptions { mode, ..PutOptions::default() };
    let result = client.put_opts(&path(key)?, PutPayload::from(bytes), options).await?;
    let etag = result.e_tag.as_deref().map(etag);
    Ok(Stored { size, etag, version: result.version, modified: None })
}

pub(super) async fn get(
    client: &impl ObjectStore,
    key: &str,
    limit: u64,
) -> Result<(Stored, Option<Bytes>), Trouble> {
    let found = client.get_opts(&path(key)?, GetOptions::default()).await?;
    let stored = described(&found.meta);
    let body = if stored.size > limit { None } else { Some(found.bytes().await?) };
    Ok((stored, body))
}

pub(super) async fn get_range(
    client: &impl ObjectStore,
    key: &str,
    range: Range<u64>,
) -> Result<Bytes, Trouble> {
    let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
    Ok(client.get_opts(&path(key)?, options).await?.bytes().await?)
}

pub(super) async fn head(client: &impl ObjectStore, key: &str) -> Result<Stored, Trouble> {
    Ok(described(&client.head(&path(key)?).await?))
}

fn described(meta: &ObjectMeta) -> Stored {
    Stored {
        size: meta.size,
        etag: meta.e_tag.as_deref().map(etag),
        version: meta.version.clone(),
        modified: Timestamp::from_second(meta.last_modified.timestamp()).ok(),
    }
}

/// Without quotes: stores do not agree on them between their own answers.
pub(super) fn etag(text: &str) -> String {
    text.trim_start_matches("W/").trim_matches('"').to_owned()
}
