//! Looks at every answer as it comes in: the store's clock, and why it refused.
//!
//! object_store hides the status and body of an error behind types that are not public. This stands between it and the HTTP
//! client, and notes what the running call was told.

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
use jiff::Timestamp;
use object_store::{
    ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
        ReqwestConnector,
    },
};

use crate::clock::Clock;

/// A refusal is a few hundred bytes of XML; of anything else its beginning is enough.
const REFUSAL_LIMIT: usize = 64 * 1024;

/// What the store answered when it refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub status: u16,
    /// S3's word for it, such as `SlowDown`; empty where the answer had none.
    pub code: String,
    /// S3's sentence.
    pub message: String,
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

/// What was seen over all calls.
#[derive(Debug)]
pub(super) struct Watch {
    clock: Clock,
    skew: AtomicI64,
}

const UNKNOWN: i64 = i64::MIN;

impl Watch {
    pub fn new(clock: Clock) -> Self {
        Self { clock, skew: AtomicI64::new(UNKNOWN) }
    }

    pub fn skew_seconds(&self) -> Option<i64> {
        Some(self.skew.load(Ordering::Relaxed)).filter(|skew| *skew != UNKNOWN)
    }

    fn note_date(&self, response: &HttpResponse) {
        let date = response.headers().get("date").and_then(|date| date.to_str().ok());
        let date: Option<Timestamp> =
            date.and_then(|date| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok());
        if let Some(date) = date {
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
        let response = self.inner.execute(request).await?;
        self.watch.note_date(&response);
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let body = beginning(body).await?;
        let text = String::from_utf8_lossy(&body);
        let refusal = Refusal {
            status: status.as_u16(),
            code: element(&text, "Code"),
            message: element(&text, "Message"),
        };
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

/// The text of the first XML element of a name, at most 300 characters; empty where there is none.
pub(super) fn element(xml: &str, name: &str) -> String {
    let open = format!("<{name}>");
    let text = xml.split_once(&open).and_then(|(_, rest)| rest.split_once("</")).map(|(text, _)| text);
    text.unwrap_or_default().chars().filter(|character| !character.is_control()).take(300).collect()
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
}
