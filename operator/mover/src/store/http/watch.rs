//! Looks at every answer as it comes in: the store's clock, and why it refused.
//!
//! object_store hides the status and body of an error behind types that are not public. This stands between it and the HTTP
//! client, and notes what the running call was told, by the store or by who hands out tokens for it.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use bytes::Bytes;
use futures::StreamExt as _;
use object_store::{
    ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
        ReqwestConnector,
    },
};
use serde_json::Value;

use super::listing::http_date;
use crate::clock::Clock;

/// A refusal is a few hundred bytes of XML; of anything else its beginning is enough.
const REFUSAL_LIMIT: usize = 64 * 1024;

/// What the store answered when it refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Refusal {
    pub party: Party,
    pub status: u16,
    /// The store's word for it, such as `SlowDown`; empty where the answer had none.
    pub code: String,
    /// The store's sentence.
    pub message: String,
}

/// Who answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Party {
    Store,
    /// Who hands out tokens that the store takes.
    Authority,
}

tokio::task_local! {
    static REFUSAL: RefCell<Option<Refusal>>;
}

/// Runs a call and tells what the store's last refusal in it was.
pub(super) async fn observed<T>(call: impl Future<Output = T>) -> (T, Option<Refusal>) {
    REFUSAL
        .scope(RefCell::new(None), async {
            let answer = call.await;
            (answer, REFUSAL.with(|refusal| refusal.take()))
        })
        .await
}

/// The word of the running call's last refusal; empty without one.
pub(super) fn last_code() -> String {
    let code = REFUSAL.try_with(|refusal| refusal.borrow().as_ref().map(|refusal| refusal.code.clone()));
    code.ok().flatten().unwrap_or_default()
}

/// What was seen over all calls.
#[derive(Debug)]
pub(super) struct Watch {
    clock: Clock,
    skew: AtomicI64,
    /// Of who only hands out tokens.
    authority: Option<String>,
}

const UNKNOWN: i64 = i64::MIN;

impl Watch {
    pub fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), skew: AtomicI64::new(UNKNOWN), authority: None }
    }

    /// As [`Watch::new`], where tokens come from a host of its own.
    pub fn with_authority(clock: &Clock, host: &str) -> Self {
        Self { authority: Some(host.to_owned()), ..Self::new(clock) }
    }

    fn party(&self, host: Option<&str>) -> Party {
        match (&self.authority, host) {
            (Some(authority), Some(host)) if authority == host => Party::Authority,
            (Some(_) | None, _) => Party::Store,
        }
    }

    pub fn skew_seconds(&self) -> Option<i64> {
        Some(self.skew.load(Ordering::Relaxed)).filter(|skew| *skew != UNKNOWN)
    }

    fn note_date(&self, response: &HttpResponse) {
        let date = response.headers().get("date").and_then(|date| date.to_str().ok());
        if let Some(date) = date.and_then(http_date) {
            self.skew.store(date.as_second() - self.clock.wall().as_second(), Ordering::Relaxed);
        }
    }
}

/// Makes clients that are watched.
#[derive(Debug)]
pub(super) struct Watched {
    watch: Arc<Watch>,
}

impl Watched {
    pub fn new(watch: Arc<Watch>) -> Self {
        Self { watch }
    }
}

impl HttpConnector for Watched {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(WatchedClient { inner, watch: Arc::clone(&self.watch) }))
    }
}

#[derive(Debug)]
struct WatchedClient {
    inner: HttpClient,
    watch: Arc<Watch>,
}

impl WatchedClient {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let party = self.watch.party(request.uri().host());
        let response = self.inner.execute(request).await?;
        if party == Party::Store {
            self.watch.note_date(&response);
        }
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let body = beginning(body).await?;
        let header = parts.headers.get("x-ms-error-code").and_then(|code| code.to_str().ok());
        let (code, message) = said(header, &String::from_utf8_lossy(&body));
        let refusal = Refusal { party, status: status.as_u16(), code, message };
        // A client's own start, such as looking for a role's credentials, belongs to no call.
        let _ = REFUSAL.try_with(|cell| cell.replace(Some(refusal)));
        Ok(HttpResponse::from_parts(parts, body.into()))
    }
}

/// The beginning of a body: no answer, however long, may fill the memory.
async fn beginning(body: HttpResponseBody) -> Result<Bytes, HttpError> {
    let mut pieces = body.bytes_stream();
    let mut beginning = Vec::new();
    while beginning.len() < REFUSAL_LIMIT
        && let Some(piece) = pieces.next().await
    {
        beginning.extend_from_slice(&piece?);
    }
    beginning.truncate(REFUSAL_LIMIT);
    Ok(beginning.into())
}

impl HttpService for WatchedClient {
    fn call<'life, 'future>(
        &'life self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'future>>
    where
        'life: 'future,
        Self: 'future,
    {
        Box::pin(self.send(request))
    }
}

/// Word and sentence of a refusal: Azure's header has the word where there is no body; Google answers in JSON, and so does
/// who hands out tokens.
fn said(header: Option<&str>, body: &str) -> (String, String) {
    let (code, message) = match serde_json::from_str::<Value>(body) {
        Ok(json) => {
            let text = |pointers: &[&str]| {
                let found = pointers.iter().find_map(|pointer| json.pointer(pointer)?.as_str());
                shortened(found.unwrap_or_default())
            };
            let code = text(&["/error/errors/0/reason", "/error/status", "/error"]);
            (code, text(&["/error/message", "/error_description"]))
        }
        Err(_) => (element(body, "Code"), element(body, "Message")),
    };
    (header.map_or(code, shortened), message)
}

/// The text of the first XML element of a name, at most 300 characters; empty where there is none.
pub(super) fn element(xml: &str, name: &str) -> String {
    let open = format!("<{name}>");
    let text = xml.split_once(&open).and_then(|(_, rest)| rest.split_once("</")).map(|(text, _)| text);
    // What Azure adds to a sentence is of no use to people.
    let sentence = text.unwrap_or_default().split("\nRequestId:").next();
    shortened(sentence.unwrap_or_default())
}

fn shortened(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_message_are_taken_from_the_answer() {
        let xml = "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Reduce\n your rate</Message></Error>";
        assert_eq!(element(xml, "Code"), "SlowDown");
        assert_eq!(element(xml, "Message"), "Reduce your rate");
        assert_eq!(element("<html>", "Code"), "");
    }

    #[test]
    fn every_store_says_in_its_own_way_what_it_refuses() {
        let text = |code: &str, message: &str| (code.to_owned(), message.to_owned());
        let google = r#"{"error": {"code": 412, "message": "At least one.", "errors": [{"reason": "conditionNotMet"}]}}"#;
        assert_eq!(said(None, google), text("conditionNotMet", "At least one."));
        let token = r#"{"error": "invalid_client", "error_description": "AADSTS7000215: wrong"}"#;
        assert_eq!(said(None, token), text("invalid_client", "AADSTS7000215: wrong"));
        let azure =
            "<Error><Code>BlobAlreadyExists</Code><Message>It exists.\nRequestId:1\nTime:2</Message></Error>";
        assert_eq!(said(Some("BlobAlreadyExists"), azure), text("BlobAlreadyExists", "It exists."));
        assert_eq!(said(Some("BlobNotFound"), ""), text("BlobNotFound", ""));
        assert_eq!(said(None, "<html>busy</html>"), text("", ""));
    }
}
