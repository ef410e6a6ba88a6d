//! Google Cloud Storage, by its JSON protocol. object_store speaks the one in XML, which has no word for a refusal and is
//! written to by signatures of another kind; it only makes the tokens here.

mod classify;
mod connect;
mod json;

use std::ops::Range;

use bytes::Bytes;
use object_store::{
    PutPayload,
    client::{HttpClient, HttpRequest, HttpRequestBody},
    gcp::GcpCredentialProvider,
};
use serde::Deserialize;
use url::Url;

use super::{
    listing::PAGE,
    send,
    watch::Refusal,
    wire::{Condition, Content, Page, Question, Trouble, Wire},
};
use crate::store::{StoreErrorKind, Stored, Verb};
use json::{BucketAnswer, ObjectAnswer, PageAnswer};

pub use connect::GcsSettings;

/// A bucket.
pub(in crate::store) struct Gcs {
    credentials: GcpCredentialProvider,
    http: HttpClient,
    endpoint: Url,
    bucket: String,
}

/// What is asked for of an object.
const FIELDS: (&str, &str) = ("fields", "name,size,md5Hash,generation,updated");

impl Gcs {
    /// The address of the bucket, or of what is below it.
    fn url(&self, upload: bool, below: &[&str], query: &[(&str, &str)]) -> Result<Url, Trouble> {
        let mut url = self.endpoint.clone();
        {
            let mut path =
                url.path_segments_mut().map_err(|()| Trouble::Request("the endpoint has no path".into()))?;
            path.pop_if_empty().extend(upload.then_some("upload"));
            // A whole key is one segment: its slashes are escaped.
            path.extend(["storage", "v1", "b", self.bucket.as_str()]).extend(below);
        }
        send::set_query(&mut url, query);
        Ok(url)
    }

    async fn request(
        &self,
        method: &str,
        url: &Url,
        headers: &[(&'static str, &str)],
        body: HttpRequestBody,
    ) -> Result<HttpRequest, Trouble> {
        let credential = self.credentials.get_credential().await?;
        let bearer = format!("Bearer {}", credential.bearer);
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend(headers);
        send::request(method, url, &all, body)
    }

    async fn ask<T: for<'a> Deserialize<'a>>(&self, url: &Url) -> Result<T, Trouble> {
        let request = self.request("GET", url, &[], HttpRequestBody::empty()).await?;
        json::parsed(&send::text(&self.http, request).await?)
    }
}

impl Wire for Gcs {
    async fn put(&self, key: &str, content: Content, condition: Condition<'_>) -> Result<Stored, Trouble> {
        let mut query = vec![("uploadType", "multipart"), FIELDS];
        match condition {
            Condition::Absent => query.push(("ifGenerationMatch", "0")),
            Condition::Unchanged(former) => {
                let generation = former.version.as_deref();
                let generation =
                    generation.ok_or_else(|| Trouble::Request("its generation is not known".into()))?;
                query.push(("ifGenerationMatch", generation));
            }
            Condition::Whatever => {}
        }
        let url = self.url(true, &["o"], &query)?;
        let (kind, parts) = json::upload(key, content.bytes)?;
        let body = PutPayload::from_iter(parts).into();
        let request = self.request("POST", &url, &[("content-type", kind.as_str())], body).await?;
        let answer: ObjectAnswer = json::parsed(&send::text(&self.http, request).await?)?;
        answer.stored()
    }

    async fn get(&self, key: &str, limit: u64) -> Result<(Stored, Option<Bytes>), Trouble> {
        let url = self.url(false, &["o", key], &[("alt", "media")])?;
        let request = self.request("GET", &url, &[], HttpRequestBody::empty()).await?;
        let answer = send::granted(&self.http, request).await?;
        let mut stored = json::described(&answer);
        if stored.size > limit {
            return Ok((stored, None));
        }
        let body = send::body(answer.into_body(), limit).await?;
        stored.size = body.as_ref().map_or(stored.size, |body| body.len() as u64);
        Ok((stored, body))
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, Trouble> {
        let url = self.url(false, &["o", key], &[("alt", "media")])?;
        let wanted = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
        let request =
            self.request("GET", &url, &[("range", wanted.as_str())], HttpRequestBody::empty()).await?;
        let answer = send::granted(&self.http, request).await?;
        if answer.status().as_u16() != 206 {
            return Err(Trouble::Answer("it answers with more than the part that was asked for".into()));
        }
        let body = send::body(answer.into_body(), range.end - range.start).await?;
        body.ok_or_else(|| Trouble::Answer("its answer is longer than what was asked for".into()))
    }

    async fn head(&self, key: &str) -> Result<Stored, Trouble> {
        self.ask::<ObjectAnswer>(&self.url(false, &["o", key], &[FIELDS])?).await?.stored()
    }

    async fn page(&self, prefix: &str, token: Option<&str>) -> Result<Page, Trouble> {
        let mut query = vec![
            ("prefix", prefix),
            ("maxResults", PAGE),
            ("fields", "nextPageToken,items(name,size,md5Hash,generation,updated)"),
        ];
        query.extend(token.map(|token| ("pageToken", token)));
        self.ask::<PageAnswer>(&self.url(false, &["o"], &query)?).await?.page()
    }

    async fn delete(&self, key: &str) -> Result<(), Trouble> {
        let url = self.url(false, &["o", key], &[])?;
        let request = self.request("DELETE", &url, &[], HttpRequestBody::empty()).await?;
        send::granted(&self.http, request).await.map(|_| ())
    }

    async fn tells(&self, question: Question) -> Result<Option<bool>, Trouble> {
        let bucket: BucketAnswer = self.ask(&self.url(false, &[], &[])?).await?;
        Ok(Some(match question {
            Question::Versioning => bucket.keeps_versions(),
            Question::ObjectLock => bucket.locks_objects(),
        }))
    }

    fn kind(verb: Verb, refusal: &Refusal) -> StoreErrorKind {
        classify::kind(verb, refusal)
    }
}
