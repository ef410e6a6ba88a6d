//! Pages of listings in XML. Read here and not by object_store, which fails a whole listing for one foreign key that is no
//! path of its own, such as one with `//`.

use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};
use serde::Deserialize;

use super::{
    object::etag,
    wire::{Page, PageObject, Trouble},
};

/// Keys that are asked for at once.
pub(super) const PAGE: &str = "1000";

/// A page as `ListObjectsV2` gives it.
pub(super) fn s3(xml: &str) -> Result<Page, Trouble> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        #[serde(default)]
        is_truncated: bool,
        #[serde(default)]
        contents: Vec<Contents>,
        next_continuation_token: Option<String>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Contents {
        key: String,
        size: u64,
        #[serde(rename = "ETag")]
        etag: Option<String>,
        last_modified: Option<String>,
    }
    let answer: Answer = parsed(xml, "<ListBucketResult")?;
    let next = answer.next_continuation_token.filter(|token| !token.is_empty());
    if answer.is_truncated && next.is_none() {
        return Err(Trouble::Answer(
            "the store says that there are more keys, and not how to get them".into(),
        ));
    }
    let objects = answer.contents.into_iter().map(|object| PageObject {
        key: object.key,
        size: object.size,
        etag: object.etag.as_deref().map(etag),
        modified: object.last_modified.and_then(|time| time.parse().ok()),
    });
    Ok(Page { objects: objects.collect(), next: next.filter(|_| answer.is_truncated) })
}

/// A page as Azure's `List Blobs` gives it.
pub(super) fn azure(xml: &str) -> Result<Page, Trouble> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        blobs: Blobs,
        next_marker: Option<String>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Blobs {
        #[serde(default)]
        blob: Vec<Blob>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Blob {
        name: String,
        properties: Properties,
    }
    #[derive(Deserialize)]
    struct Properties {
        #[serde(rename = "Content-Length")]
        size: Option<u64>,
        #[serde(rename = "Etag")]
        etag: Option<String>,
        #[serde(rename = "Last-Modified")]
        modified: Option<String>,
    }
    let answer: Answer = parsed(xml, "<EnumerationResults")?;
    let objects = answer.blobs.blob.into_iter().filter_map(|blob| {
        Some(PageObject {
            key: blob.name,
            // A directory of a hierarchical account has none.
            size: blob.properties.size?,
            etag: blob.properties.etag.as_deref().map(etag),
            modified: blob.properties.modified.and_then(|time| http_date(&time)),
        })
    });
    Ok(Page { objects: objects.collect(), next: answer.next_marker.filter(|marker| !marker.is_empty()) })
}

/// A time as HTTP headers have it.
pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
}

/// Only an answer of this kind counts: what a server says that did not understand the question lists nothing.
fn parsed<T: for<'a> Deserialize<'a>>(xml: &str, root: &str) -> Result<T, Trouble> {
    if !xml.contains(root) {
        return Err(Trouble::Answer("its answer is no listing".into()));
    }
    quick_xml::de::from_str(xml.trim_start_matches('\u{feff}'))
        .map_err(|error| Trouble::Answer(format!("its listing cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_s3_keeps_keys_that_are_no_paths() {
        let xml = "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
            <Name>b</Name><IsTruncated>true</IsTruncated><Contents><Key>v//x &amp; y</Key><Size>3</Size>\
            <ETag>&quot;e1&quot;</ETag><LastModified>2026-01-02T03:04:05.000Z</LastModified></Contents>\
            <CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes>\
            <Contents><Key>w</Key><Size>0</Size></Contents>\
            <NextContinuationToken>t</NextContinuationToken></ListBucketResult>";
        let page = s3(xml).unwrap();
        assert_eq!(page.next.as_deref(), Some("t"));
        let [first, second] = &page.objects[..] else { panic!("{page:?}") };
        assert_eq!((first.key.as_str(), first.size, first.etag.as_deref()), ("v//x & y", 3, Some("e1")));
        assert_eq!(first.modified, "2026-01-02T03:04:05Z".parse().ok());
        assert_eq!((second.key.as_str(), second.size, &second.etag), ("w", 0, &None));
    }

    #[test]
    fn a_page_of_azure_is_read_and_its_directories_are_left_out() {
        let xml = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ContainerName=\"c\"><Blobs>\
            <Blob><Name>v/a//b</Name><Properties><Last-Modified>Fri, 02 Jan 2026 03:04:05 GMT</Last-Modified>\
            <Etag>0x8D</Etag><Content-Length>7</Content-Length><BlobType>BlockBlob</BlobType></Properties></Blob>\
            <Blob><Name>v/d</Name><Properties><ResourceType>directory</ResourceType></Properties></Blob>\
            </Blobs><NextMarker /></EnumerationResults>";
        let page = azure(xml).unwrap();
        assert_eq!(page.next, None);
        let [only] = &page.objects[..] else { panic!("{page:?}") };
        assert_eq!((only.key.as_str(), only.size, only.etag.as_deref()), ("v/a//b", 7, Some("0x8D")));
        assert_eq!(only.modified, "2026-01-02T03:04:05Z".parse().ok());
    }

    #[test]
    fn an_empty_listing_is_told_from_an_answer_that_is_none() {
        assert!(s3("<ListBucketResult></ListBucketResult>").unwrap().objects.is_empty());
        let empty = "<EnumerationResults><Blobs /><NextMarker></NextMarker></EnumerationResults>";
        assert_eq!(azure(empty).unwrap(), Page { objects: Vec::new(), next: None });
        for none in ["", "<html></html>", "{}"] {
            assert!(s3(none).is_err(), "{none}");
            assert!(azure(none).is_err(), "{none}");
        }
        let cut = "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>";
        assert!(s3(cut).is_err(), "a listing whose rest is out of reach is no listing");
    }
}
