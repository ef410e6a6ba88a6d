//! What Google Cloud Storage is told and answers, in JSON and in headers.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use crc_fast::{CrcAlgorithm, checksum};
use jiff::Timestamp;
use object_store::client::HttpResponse;
use serde::Deserialize;
use serde_json::json;

use crate::{
    seal::random_id,
    store::{
        Stored,
        http::{
            listing::http_date,
            send,
            wire::{Page, PageObject, Trouble},
        },
    },
};

/// An object, as the store describes it. Numbers come as text.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ObjectAnswer {
    name: String,
    size: String,
    /// Its content's: the ETag of an object changes with what is noted about it.
    md5_hash: Option<String>,
    generation: Option<String>,
    updated: Option<Timestamp>,
}

impl ObjectAnswer {
    pub fn stored(self) -> Result<Stored, Trouble> {
        let size = self.size()?;
        Ok(Stored { size, etag: self.md5_hash, version: self.generation, modified: self.updated })
    }

    fn size(&self) -> Result<u64, Trouble> {
        self.size.parse().map_err(|_| Trouble::Answer("an object's size is no number".into()))
    }
}

/// A part of a listing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageAnswer {
    #[serde(default)]
    items: Vec<ObjectAnswer>,
    next_page_token: Option<String>,
}

impl PageAnswer {
    pub fn page(self) -> Result<Page, Trouble> {
        let object = |item: ObjectAnswer| {
            let size = item.size()?;
            Ok(PageObject { size, key: item.name, etag: item.md5_hash, modified: item.updated })
        };
        let objects = self.items.into_iter().map(object).collect::<Result<_, Trouble>>()?;
        Ok(Page { objects, next: self.next_page_token.filter(|token| !token.is_empty()) })
    }
}

/// A bucket, as far as it concerns us.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BucketAnswer {
    versioning: Option<Versioning>,
    object_retention: Option<ObjectRetention>,
    retention_policy: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct Versioning {
    #[serde(default)]
    enabled: bool,
}

#[derive(Debug, Deserialize)]
struct ObjectRetention {
    #[serde(default)]
    mode: String,
}

impl BucketAnswer {
    pub fn keeps_versions(&self) -> bool {
        self.versioning.as_ref().is_some_and(|versioning| versioning.enabled)
    }

    /// Objects can be kept from being removed: each by itself, or all of them for a time.
    pub fn locks_objects(&self) -> bool {
        self.object_retention.as_ref().is_some_and(|retention| retention.mode == "Enabled")
            || self.retention_policy.is_some()
    }
}

pub(super) fn parsed<T: for<'a> Deserialize<'a>>(text: &str) -> Result<T, Trouble> {
    serde_json::from_str(text).map_err(|error| Trouble::Answer(format!("its answer cannot be read: {error}")))
}

/// The parts of a request that writes an object, and the type they have together. The store checks the sum.
pub(super) fn upload(key: &str, bytes: Bytes) -> Result<(String, [Bytes; 3]), Trouble> {
    let boundary = random_id().map_err(|error| Trouble::Request(error.to_string()))?;
    let about = json!({ "name": key, "crc32c": sum(&bytes), "contentType": "application/octet-stream" });
    let head = format!(
        "--{boundary}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n{about}\r\n\
         --{boundary}\r\ncontent-type: application/octet-stream\r\n\r\n"
    );
    let tail = format!("\r\n--{boundary}--\r\n");
    Ok((format!("multipart/related; boundary={boundary}"), [head.into(), bytes, tail.into()]))
}

/// CRC32C, as the store writes it.
fn sum(bytes: &[u8]) -> String {
    let sum = checksum(CrcAlgorithm::Crc32Iscsi, bytes).to_be_bytes();
    BASE64_STANDARD.encode(&sum[4..])
}

/// What the headers of an object's content say of it.
pub(super) fn described(answer: &HttpResponse) -> Stored {
    let hashes = answer.headers().get_all("x-goog-hash").iter().filter_map(|value| value.to_str().ok());
    let md5 = hashes.flat_map(|value| value.split(',')).find_map(|hash| hash.trim().strip_prefix("md5="));
    let generation = send::header(answer, "x-goog-generation");
    Stored {
        size: send::header(answer, "content-length").parse().unwrap_or(0),
        etag: md5.map(str::to_owned),
        version: Some(generation.to_owned()).filter(|text| !text.is_empty()),
        modified: http_date(send::header(answer, "last-modified")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_crc32c_most_significant_byte_first() {
        // The check value of the algorithm is e3069283.
        assert_eq!(sum(b"123456789"), BASE64_STANDARD.encode([0xe3, 0x06, 0x92, 0x83]));
    }

    #[test]
    fn a_page_is_read_with_its_numbers_as_text() {
        let text = r#"{"items": [{"name": "v/a//b", "size": "7", "md5Hash": "m==", "generation": "5",
            "updated": "2026-01-02T03:04:05.678Z"}], "nextPageToken": "t"}"#;
        let page = parsed::<PageAnswer>(text).unwrap().page().unwrap();
        assert_eq!(page.next.as_deref(), Some("t"));
        let [only] = &page.objects[..] else { panic!("{page:?}") };
        assert_eq!((only.key.as_str(), only.size, only.etag.as_deref()), ("v/a//b", 7, Some("m==")));
        assert!(parsed::<PageAnswer>("{}").unwrap().page().unwrap().objects.is_empty());
        let odd = parsed::<PageAnswer>(r#"{"items": [{"name": "v", "size": "-1"}]}"#).unwrap();
        assert!(odd.page().is_err());
        assert!(parsed::<PageAnswer>("<html>").is_err());
    }

    #[test]
    fn a_bucket_says_what_it_keeps() {
        let bucket = |text: &str| {
            let answer: BucketAnswer = parsed(text).unwrap();
            (answer.keeps_versions(), answer.locks_objects())
        };
        assert_eq!(bucket("{}"), (false, false));
        assert_eq!(bucket(r#"{"versioning": {"enabled": true}}"#), (true, false));
        assert_eq!(bucket(r#"{"objectRetention": {"mode": "Enabled"}}"#), (false, true));
        assert_eq!(bucket(r#"{"retentionPolicy": {"retentionPeriod": "9"}}"#), (false, true));
    }
}
