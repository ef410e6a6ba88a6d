//! The S3 protocol. object_store signs and sends what concerns one object; about the bucket it is asked here.

mod classify;
mod connect;
mod known;

use std::{ops::Range, time::Duration};

use bytes::Bytes;
use object_store::{
    ObjectStoreExt as _,
    aws::AmazonS3,
    client::{HttpClient, HttpRequest, HttpRequestBody},
    path::Path,
    signer::{SignedUrlOptions, Signer as _},
};

use super::{
    listing, object, send,
    watch::{self, Refusal, element},
    wire::{Condition, Content, Page, Question, Trouble, Wire},
};
use crate::store::{StoreErrorKind, Stored, Verb};
use known::Known;

pub use connect::S3Settings;

/// How long a signature is good for: one request.
const VALID: Duration = Duration::from_secs(60);

/// A bucket that honours `If-None-Match: *`.
pub(in crate::store) struct S3 {
    client: AmazonS3,
    /// For what `client` does not ask.
    http: HttpClient,
    known: Known,
}

impl S3 {
    /// Asks the bucket.
    async fn ask(&self, query: &[(&str, &str)]) -> Result<String, Trouble> {
        let options = SignedUrlOptions::default().with_query(query.iter().copied());
        let get = HttpRequest::new(HttpRequestBody::empty()).method().clone();
        let url = self.client.signed_url_opts(get, &Path::default(), VALID, &options).await?;
        send::text(&self.http, send::request("GET", &url, &[], HttpRequestBody::empty())?).await
    }
}

impl Wire for S3 {
    async fn put(&self, key: &str, content: Content, condition: Condition<'_>) -> Result<Stored, Trouble> {
        let _sending = content.sha256.map(|hash| self.known.while_sending(&content.bytes, hash));
        object::put(&self.client, key, content.bytes.clone(), condition).await
    }

    async fn get(&self, key: &str, limit: u64) -> Result<(Stored, Option<Bytes>), Trouble> {
        object::get(&self.client, key, limit).await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, Trouble> {
        object::get_range(&self.client, key, range).await
    }

    async fn head(&self, key: &str) -> Result<Stored, Trouble> {
        object::head(&self.client, key).await
    }

    async fn page(&self, prefix: &str, token: Option<&str>) -> Result<Page, Trouble> {
        let mut query = vec![("list-type", "2"), ("max-keys", listing::PAGE), ("prefix", prefix)];
        query.extend(token.map(|token| ("continuation-token", token)));
        listing::s3(&self.ask(&query).await?)
    }

    async fn delete(&self, key: &str) -> Result<(), Trouble> {
        Ok(self.client.delete(&object::path(key)?).await?)
    }

    async fn tells(&self, question: Question) -> Result<Option<bool>, Trouble> {
        match question {
            Question::Versioning => Ok(versioning(&self.ask(&[("versioning", "")]).await?)),
            Question::ObjectLock => match self.ask(&[("object-lock", "")]).await {
                Ok(answer) => Ok(object_lock(&answer)),
                Err(_) if watch::last_code() == "ObjectLockConfigurationNotFoundError" => Ok(Some(false)),
                Err(trouble) => Err(trouble),
            },
        }
    }

    fn kind(verb: Verb, refusal: &Refusal) -> StoreErrorKind {
        classify::kind(verb, refusal)
    }
}

/// Only an answer of this kind counts: a store that does not know the question may answer another one.
fn versioning(xml: &str) -> Option<bool> {
    xml.contains("<VersioningConfiguration").then(|| element(xml, "Status") == "Enabled")
}

fn object_lock(xml: &str) -> Option<bool> {
    xml.contains("<ObjectLockConfiguration").then(|| element(xml, "ObjectLockEnabled") == "Enabled")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_kept_only_where_the_bucket_says_so() {
        let xmlns = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";
        let enabled =
            format!("<VersioningConfiguration {xmlns}><Status>Enabled</Status></VersioningConfiguration>");
        assert_eq!(versioning(&enabled), Some(true));
        let suspended =
            format!("<VersioningConfiguration {xmlns}><Status>Suspended</Status></VersioningConfiguration>");
        assert_eq!(versioning(&suspended), Some(false));
        assert_eq!(versioning(&format!("<VersioningConfiguration {xmlns}/>")), Some(false));
        // A store that overlooks the question lists the bucket.
        assert_eq!(versioning("<ListBucketResult></ListBucketResult>"), None);
    }

    #[test]
    fn a_lock_is_known_only_from_a_bucket_that_speaks_of_it() {
        let enabled = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>";
        assert_eq!(object_lock(enabled), Some(true));
        assert_eq!(object_lock("<ObjectLockConfiguration/>"), Some(false));
        assert_eq!(object_lock("<ListBucketResult></ListBucketResult>"), None);
    }
}
