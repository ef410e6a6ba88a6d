//! Stores that are asked over HTTP: what holds for all of them, whichever protocol they speak.
//!
//! A protocol sends one request and repeats nothing, because only here is it known that a write whose answer was lost may be
//! repeated and then recognised by its content.

mod azure;
mod failure;
mod gcs;
mod listing;
mod network;
mod object;
mod s3;
mod send;
mod watch;
mod way;
mod wire;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::BoxFuture;

use super::{
    Listed, Name, Overwrite, Patience, Place, Setup, Store, StoreError, StoreErrorKind, Stored, Verb,
};
use crate::format::{Hash, Id};
use watch::Watch;
use way::Way;
use wire::{Condition, Content, Question, Trouble, Wire};

pub use azure::AzureSettings;
pub use gcs::GcsSettings;
pub use network::Network;
pub use s3::S3Settings;
pub use way::BucketSettings;

/// A prefix of a bucket or container.
pub struct HttpStore<W> {
    wire: W,
    /// For messages.
    bucket: String,
    /// Empty, or ending in `/`.
    prefix: String,
    location: String,
    watch: Arc<Watch>,
    patience: Patience,
}

impl<W: Wire> HttpStore<W> {
    fn new(wire: W, way: Way<'_>) -> Self {
        let prefix = match way.prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        let Way { bucket, location, watch, patience, .. } = way;
        Self { wire, bucket: bucket.to_owned(), prefix, location, watch, patience }
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Calls until it works, or the failure is one that repeating does not mend.
    async fn call<T, F, R>(&self, verb: Verb, object: &str, call: F) -> Result<T, StoreError>
    where
        F: Fn() -> R + Send + Sync,
        R: Future<Output = Result<T, Trouble>> + Send,
        T: Send,
    {
        self.repeated(&self.patience, verb, object, call).await
    }

    async fn repeated<T, F, R>(
        &self,
        patience: &Patience,
        verb: Verb,
        object: &str,
        call: F,
    ) -> Result<T, StoreError>
    where
        F: Fn() -> R + Send + Sync,
        R: Future<Output = Result<T, Trouble>> + Send,
        T: Send,
    {
        patience
            .run(|| {
                let answer = call();
                async {
                    let (answer, refusal) = watch::observed(answer).await;
                    answer.map_err(|trouble| {
                        failure::explain(W::kind, verb, object, &self.bucket, trouble, refusal.as_ref())
                    })
                }
            })
            .await
    }

    async fn put(
        &self,
        verb: Verb,
        name: &Name,
        content: &Content,
        condition: Condition<'_>,
    ) -> Result<Stored, StoreError> {
        let key = self.key(name.as_str());
        self.call(verb, name.as_str(), || self.wire.put(&key, content.clone(), condition)).await
    }

    async fn read(&self, name: &Name, limit: u64) -> Result<(Bytes, Stored), StoreError> {
        let key = self.key(name.as_str());
        let (stored, body) = self.call(Verb::Get, name.as_str(), || self.wire.get(&key, limit)).await?;
        match body {
            Some(body) if body.len() as u64 <= limit => Ok((body, stored)),
            _ => Err(super::too_large(Verb::Get, name, stored.size, limit)),
        }
    }

    /// Whether an object has no byte at `offset`: each server has its own way to refuse to send any from there on.
    async fn ends_before(&self, name: &Name, offset: u64) -> bool {
        let key = self.key(name.as_str());
        let stored = self.call(Verb::Head, name.as_str(), || self.wire.head(&key)).await;
        stored.is_ok_and(|stored| stored.size <= offset)
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

    async fn create(&self, name: &Name, content: Content) -> Result<Stored, StoreError> {
        // A store may refuse a write because another one of the same name is under way, and then have neither.
        const TRIES: usize = 5;
        let mut refused = None;
        for attempt in 0..TRIES {
            match self.put(Verb::Create, name, &content, Condition::Absent).await {
                Ok(stored) => return Ok(stored),
                Err(error) if error.already_exists() => match self.holds(name, &content.bytes).await {
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

    async fn overwrite(&self, name: &Name, former: &Stored, bytes: Bytes) -> Result<Overwrite, StoreError> {
        let content = Content { bytes, sha256: None };
        match self.put(Verb::Replace, name, &content, Condition::Unchanged(former)).await {
            Ok(stored) => Ok(Overwrite::Done(stored)),
            Err(error) if error.already_exists() => Ok(Overwrite::Refused),
            // A plain write of the same name worked: it is the condition that the store does not know.
            Err(error)
                if matches!(
                    error.kind,
                    StoreErrorKind::Unexpected | StoreErrorKind::ConditionNotHonoured
                ) =>
            {
                Ok(Overwrite::NotOffered)
            }
            Err(error) => Err(error),
        }
    }

    async fn told(&self, question: Question) -> Option<bool> {
        let patience = Patience { total: self.patience.total.min(LONGEST), ..self.patience };
        let asked = self.repeated(&patience, Verb::Head, &self.bucket, || self.wire.tells(question));
        asked.await.unwrap_or_else(|error| {
            tracing::warn!(%error, ?question, "the bucket does not tell how it is set up");
            None
        })
    }

    async fn list(&self, place: &Place) -> Result<Vec<Listed>, StoreError> {
        let prefix = self.key(place.as_str());
        let mut listed = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let page =
                self.call(Verb::List, place.as_str(), || self.wire.page(&prefix, next.as_deref())).await?;
            listed.extend(page.objects.into_iter().filter_map(|object| {
                let name = Name::listed(object.key.strip_prefix(&self.prefix)?)?;
                Some(Listed { name, size: object.size, etag: object.etag, modified: object.modified })
            }));
            match page.next {
                None => return Ok(listed),
                Some(token) if next.as_ref() == Some(&token) => {
                    return Err(StoreError::new(
                        Verb::List,
                        place.as_str(),
                        StoreErrorKind::Unexpected,
                        "the store gives the same page again and again",
                    ));
                }
                Some(token) => next = Some(token),
            }
        }
    }
}

/// Nothing rests on how a bucket is set up: a store that does not tell is not asked for long.
const LONGEST: Duration = Duration::from_secs(10);

impl<W: Wire> Store for HttpStore<W> {
    fn create<'a>(&'a self, name: &'a Name, bytes: Bytes) -> BoxFuture<'a, Result<Stored, StoreError>> {
        Box::pin(self.create(name, Content { bytes, sha256: None }))
    }

    fn create_hashed<'a>(
        &'a self,
        name: &'a Name,
        bytes: Bytes,
        sha256: Hash,
    ) -> BoxFuture<'a, Result<Stored, StoreError>> {
        Box::pin(self.create(name, Content { bytes, sha256: Some(sha256) }))
    }

    fn replace<'a>(&'a self, name: &'a Name, bytes: Bytes) -> BoxFuture<'a, Result<Stored, StoreError>> {
        Box::pin(async move {
            self.put(Verb::Replace, name, &Content { bytes, sha256: None }, Condition::Whatever).await
        })
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
        Box::pin(async move {
            let key = self.key(name.as_str());
            let range = offset..offset.saturating_add(length);
            let read = || self.wire.get_range(&key, range.clone());
            let bytes = match self.call(Verb::Get, name.as_str(), read).await {
                Err(error)
                    if error.kind == StoreErrorKind::Unexpected && self.ends_before(name, offset).await =>
                {
                    Bytes::new()
                }
                read => read?,
            };
            if bytes.len() as u64 > length {
                return Err(super::too_large(Verb::Get, name, bytes.len() as u64, length));
            }
            Ok(bytes)
        })
    }

    fn head<'a>(&'a self, name: &'a Name) -> BoxFuture<'a, Result<Stored, StoreError>> {
        Box::pin(async move {
            let key = self.key(name.as_str());
            self.call(Verb::Head, name.as_str(), || self.wire.head(&key)).await
        })
    }

    fn list<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<Vec<Listed>, StoreError>> {
        Box::pin(self.list(place))
    }

    fn delete<'a>(&'a self, name: &'a Name) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let key = self.key(name.as_str());
            match self.call(Verb::Delete, name.as_str(), || self.wire.delete(&key)).await {
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
        former: &'a Stored,
        bytes: Bytes,
    ) -> BoxFuture<'a, Result<Overwrite, StoreError>> {
        Box::pin(self.overwrite(name, former, bytes))
    }

    fn setup(&self) -> BoxFuture<'_, Setup> {
        Box::pin(async move {
            Setup {
                versioning: self.told(Question::Versioning).await,
                object_lock: self.told(Question::ObjectLock).await,
            }
        })
    }

    fn skew_seconds(&self) -> Option<i64> {
        self.watch.skew_seconds()
    }

    fn location(&self) -> String {
        self.location.clone()
    }
}
