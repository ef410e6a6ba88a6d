//! Azure Blob Storage. object_store makes the requests about one blob, save for the one that removes it: that one it sends as
//! a batch, which asks for rights of its own and hides a refusal.

mod classify;
mod connect;

use std::ops::Range;

use bytes::Bytes;
use object_store::{
    azure::{AzureAuthorizer, MicrosoftAzure},
    client::{HttpClient, HttpRequest, HttpRequestBody},
};
use url::Url;

use super::{
    listing, object, send,
    watch::Refusal,
    wire::{Condition, Content, Page, Question, Trouble, Wire},
};
use crate::store::{StoreErrorKind, Stored, Verb};

pub use connect::AzureSettings;

/// A container.
pub(in crate::store) struct Azure {
    client: MicrosoftAzure,
    /// For what `client` does not ask.
    http: HttpClient,
    account: String,
    /// The container's address.
    container: Url,
}

impl Azure {
    async fn request(
        &self,
        method: &str,
        key: Option<&str>,
        query: &[(&str, &str)],
    ) -> Result<HttpRequest, Trouble> {
        let mut url = self.container.clone();
        if let Some(key) = key {
            let mut path =
                url.path_segments_mut().map_err(|()| Trouble::Request("its address has no path".into()))?;
            path.extend(key.split('/'));
        }
        send::set_query(&mut url, query);
        let mut request = send::request(method, &url, &[], HttpRequestBody::empty())?;
        let credential = self.client.credentials().get_credential().await?;
        AzureAuthorizer::new(&credential, &self.account).try_authorize(&mut request)?;
        Ok(request)
    }
}

impl Wire for Azure {
    async fn put(&self, key: &str, content: Content, condition: Condition<'_>) -> Result<Stored, Trouble> {
        object::put(&self.client, key, content.bytes, condition).await
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
        let mut query = vec![
            ("restype", "container"),
            ("comp", "list"),
            ("maxresults", listing::PAGE),
            ("prefix", prefix),
        ];
        query.extend(token.map(|token| ("marker", token)));
        let request = self.request("GET", None, &query).await?;
        listing::azure(&send::text(&self.http, request).await?)
    }

    async fn delete(&self, key: &str) -> Result<(), Trouble> {
        let request = self.request("DELETE", Some(key), &[]).await?;
        send::granted(&self.http, request).await.map(|_| ())
    }

    /// The container tells whether it can hold versions that cannot be changed; whether versions are kept at all is a
    /// property of the account, which these credentials may not ask for.
    async fn tells(&self, question: Question) -> Result<Option<bool>, Trouble> {
        let request = self.request("GET", None, &[("restype", "container")]).await?;
        let answer = send::granted(&self.http, request).await?;
        let told = |name: &str| send::header(&answer, name).parse::<bool>().ok();
        let of_versions = told("x-ms-immutable-storage-with-versioning-enabled");
        Ok(match question {
            Question::Versioning => of_versions.filter(|enabled| *enabled),
            Question::ObjectLock => match (of_versions, told("x-ms-has-immutability-policy")) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), _) | (_, Some(false)) => Some(false),
                (None, None) => None,
            },
        })
    }

    fn kind(verb: Verb, refusal: &Refusal) -> StoreErrorKind {
        classify::kind(verb, refusal)
    }
}
