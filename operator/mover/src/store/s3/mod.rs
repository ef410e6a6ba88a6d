//! A store that speaks the S3 protocol and honours `If-None-Match: *`.
//!
//! object_store signs and sends; it is told not to repeat anything, because only here is it known that a write whose answer
//! was lost may be repeated and then recognised by its content.

mod classify;
mod connect;
mod known;
mod setup;
mod watch;

use std::{future::Future, ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, future::BoxFuture};
use jiff::Timestamp;
use object_store::{
    ClientOptions, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions,
    PutPayload, PutResult, UpdateVersion, aws::AmazonS3, path::Path,
};

use super::{
    Listed, Name, Overwrite, Place, Setup, Store, StoreError, StoreErrorKind, Stored, Verb,
    patience::Patience,
};
use crate::{
    clock::Clock,
    format::{Hash, Id},
};
use known::Known;
use watch::Watch;

pub use connect::S3Settings;

/// A prefix of a bucket.
pub struct S3Store {
    client: AmazonS3,
    /// For the few calls that `client` does not have.
    options: ClientOptions,
    bucket: String,
    /// Empty, or ending in `/`.
    prefix: String,
    location: String,
    watch: Arc<Watch>,
    known: Known,
    patience: Patience,
}

impl S3Store {
    /// Prepares a store; nothing is sent yet.
    ///
    /// # Errors
    /// When the description cannot be used.
    pub fn open(settings: &S3Settings<'_>, clock: &Clock) -> Result<Self, StoreError> {
        connect::open(settings, clock)
    }

    fn path(&self, verb: Verb, name: &str) -> Result<Path, StoreError> {
        Path::parse(format!("{}{name}", self.prefix))
            .map_err(|error| StoreError::new(verb, name, StoreErrorKind::Misconfigured, error.to_string()))
    }

    /// Calls until it works, or the failure is one that repeating does not mend.
    async fn call<T, F, R>(&self, verb: Verb, object: &str, call: F) -> Result<T, StoreError>
    where
        F: Fn(Path) -> R + Send + Sync,
        R: Future<Output = object_store::Result<T>> + Send,
        T: Send,
    {
        let path = self.path(verb, object)?;
        self.patience
            .run(|| {
                let answer = call(path.clone());
                async {
                    let (answer, refusal) = watch::observed(answer).await;
                    answer.map_err(|error| {
                        classify::error(verb, object, &self.bucket, &error, refusal.as_ref())
                    })
                }
            })
            .await
    }

    async fn put(&self, verb: Verb, name: &Name, bytes: Bytes, mode: PutMode) -> Result<Stored, StoreError> {
        let size = bytes.len() as u64;
        let result = self
            .call(verb, name.as_str(), |path| {
                let options = PutOptions { mode: mode.clone(), ..PutOptions::default() };
                let payload = PutPayload::from(bytes.clone());
                async move { self.client.put_opts(&path, payload, options).await }
            })
            .await?;
        Ok(stored(size, result))
    }

    /// Whether what is there are these very bytes: then an earlier try had stored them.
    async fn holds(&self, name: &Name, bytes: &Bytes) -> Result<Option<Stored>, StoreError> {
        let (there, stored) = match self.read(name, bytes.len() as u64).await {
            Ok(found) => found,
            Err(error) if error.kind == StoreErrorKind::TooLarge => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok((there == *bytes).then_some(stored))
    }

    async fn read(&self, name: &Name, limit: u64) -> Result<(Bytes, Stored), StoreError> {
        let (meta, body) = self
            .call(Verb::Get, name.as_str(), |path| async move {
                let found = self.client.get_opts(&path, GetOptions::default()).await?;
                let meta = found.meta.clone();
                let body = if meta.size > limit { None } else { Some(found.bytes().await?) };
                Ok((meta, body))
            })
            .await?;
        match body {
            Some(body) if body.len() as u64 <= limit => Ok((body, described(&meta))),
            _ => Err(super::too_large(Verb::Get, name, meta.size, limit)),
        }
    }

    async fn create(&self, name: &Name, bytes: Bytes) -> Result<Stored, StoreError> {
        // A store may refuse a write because another one of the same name is under way, and then have neither.
        const TRIES: usize = 5;
        let mut refused = None;
        for attempt in 0..TRIES {
            match self.put(Verb::Create, name, bytes.clone(), PutMode::Create).await {
                Ok(stored) => return Ok(stored),
                Err(error) if error.already_exists() => match self.holds(name, &bytes).await {
                    Ok(Some(stored)) => return Ok(stored),
                    Ok(None) => return Err(error),
                    Err(lost) if lost.is_not_found() => refused = Some(error),
                    Err(failed) => return Err(failed),
                },
                Err(error) => return Err(error),
            }
            self.patience.pause(attempt).await;
        }
        // Nothing is there and nothing may be put there: another attempt may find it decided.
        let said = refused.map_or_else(String::new, |error: StoreError| error.message);
        let message = format!("the store refuses it as if something were there, and nothing is: {said}");
        Err(StoreError::new(Verb::Create, name, StoreErrorKind::Unreachable, message))
    }

    async fn overwrite(&self, name: &Name, tag: &str, bytes: Bytes) -> Result<Overwrite, StoreError> {
        let mode = PutMode::Update(UpdateVersion { e_tag: Some(format!("\"{tag}\"")), version: None });
        match self.put(Verb::Replace, name, bytes, mode).await {
            Ok(stored) => Ok(Overwrite::Done(stored)),
            Err(error) if error.already_exists() => Ok(Overwrite::Refused),
            // A plain write of the same name worked: it is the condition that the store does not know.
            Err(error) if error.kind == StoreErrorKind::Unexpected => Ok(Overwrite::NotOffered),
            Err(error) => Err(error),
        }
    }

    async fn range(&self, name: &Name, range: Range<u64>) -> Result<Bytes, StoreError> {
        let length = range.end - range.start;
        let bytes = self
            .call(Verb::Get, name.as_str(), |path| {
                let options =
                    GetOptions { range: Some(GetRange::Bounded(range.clone())), ..GetOptions::default() };
                async move { self.client.get_opts(&path, options).await?.bytes().await }
            })
            .await?;
        if bytes.len() as u64 > length {
            return Err(super::too_large(Verb::Get, name, bytes.len() as u64, length));
        }
        Ok(bytes)
    }

    async fn listing(&self, place: &Place) -> Result<Vec<Listed>, StoreError> {
        let found: Vec<ObjectMeta> = self
            .call(Verb::List, place.as_str().trim_end_matches('/'), |path| async move {
                self.client.list(Some(&path)).boxed().try_collect().await
            })
            .await?;
        let listed = found.into_iter().filter_map(|meta| {
            let name = Name::listed(meta.location.as_ref().strip_prefix(&self.prefix)?)?;
            let described = described(&meta);
            Some(Listed { name, size: meta.size, etag: described.etag, modified: described.modified })
        });
        Ok(listed.collect())
    }
}

impl Store for S3Store {
    fn create<'a>(&'a self, name: &'a Name, bytes: Bytes) -> BoxFuture<'a, Result<Stored, StoreError>> {
        Box::pin(self.create(name, bytes))
    }

    fn create_hashed<'a>(
        &'a self,
        name: &'a Name,
        bytes: Bytes,
        sha256: Hash,
    ) -> BoxFuture<'a, Result<Stored, StoreError>> {
        Box::pin(async move {
            let _sending = self.known.while_sending(&bytes, sha256);
            self.create(name, bytes).await
        })
    }

    fn replace<'a>(&'a self, name: &'a Name, bytes: Bytes) -> BoxFuture<'a, Result<Stored, StoreError>> {
        Box::pin(self.put(Verb::Replace, name, bytes, PutMode::Overwrite))
    }

    fn get<'a>(&'a self, name: &'a Name, limit: u64) -> BoxFuture<'a, Result<Bytes, StoreError>> {
        Box::pin(async move { self.read(name, limit).await.map(|(bytes, _)| bytes) })
    }

    fn get_range<'a>(
        &'a self,
        name: &'a Name,
        offset: u64,
        length: u64,
    ) -> BoxFuture<'a, Result<Bytes, StoreError>> {
        Box::pin(self.range(name, offset..offset.saturating_add(length)))
    }

    fn head<'a>(&'a self, name: &'a Name) -> BoxFuture<'a, Result<Stored, StoreError>> {
        Box::pin(async move {
            let meta = self
                .call(Verb::Head, name.as_str(), |path| async move { self.client.head(&path).await })
                .await?;
            Ok(described(&meta))
        })
    }

    fn list<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<Vec<Listed>, StoreError>> {
        Box::pin(self.listing(place))
    }

    fn delete<'a>(&'a self, name: &'a Name) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let gone = self
                .call(Verb::Delete, name.as_str(), |path| async move { self.client.delete(&path).await })
                .await;
            match gone {
                Err(error) if error.is_not_found() => Ok(()),
                other => other,
            }
        })
    }

    fn clear_unfinished<'a>(&'a self, _writer: Id) -> BoxFuture<'a, Result<(), StoreError>> {
        // Every object is one request: it is there as a whole or not at all.
        Box::pin(std::future::ready(Ok(())))
    }

    fn overwrite<'a>(
        &'a self,
        name: &'a Name,
        etag: &'a str,
        bytes: Bytes,
    ) -> BoxFuture<'a, Result<Overwrite, StoreError>> {
        Box::pin(self.overwrite(name, etag, bytes))
    }

    fn setup(&self) -> BoxFuture<'_, Setup> {
        Box::pin(self.setup())
    }

    fn skew_seconds(&self) -> Option<i64> {
        self.watch.skew_seconds()
    }

    fn location(&self) -> String {
        self.location.clone()
    }
}

fn stored(size: u64, result: PutResult) -> Stored {
    Stored { size, etag: result.e_tag.as_deref().map(etag), version: result.version, modified: None }
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
fn etag(text: &str) -> String {
    text.trim_start_matches("W/").trim_matches('"').to_owned()
}

/// How long one request may take, from the first byte to the last.
const REQUEST_TIME: Duration = Duration::from_secs(120);
/// How long a connection may take to come about.
const CONNECT_TIME: Duration = Duration::from_secs(10);
