//! The requests that object_store does not make.

use bytes::Bytes;
use futures::StreamExt as _;
use object_store::{
    HeaderValue,
    client::{HttpClient, HttpRequest, HttpRequestBody, HttpResponse, HttpResponseBody},
};
use url::{Url, form_urlencoded};

use super::wire::Trouble;

/// Bytes of an answer about a bucket or its keys that are read; a page of 1,000 keys has fewer than 2 MiB.
pub(super) const ANSWER_LIMIT: u64 = 16 << 20;

/// A request that is not signed yet.
pub(super) fn request(
    method: &str,
    url: &Url,
    headers: &[(&'static str, &str)],
    body: HttpRequestBody,
) -> Result<HttpRequest, Trouble> {
    let mut request = HttpRequest::new(body);
    *request.method_mut() = method.parse().map_err(|_| Trouble::Request(format!("{method} is no method")))?;
    // The address may hold a signature: it is not repeated.
    *request.uri_mut() =
        url.as_str().parse().map_err(|_| Trouble::Request("its address is not a URI".into()))?;
    for (name, value) in headers {
        let value = HeaderValue::from_str(value)
            .map_err(|_| Trouble::Request(format!("the header {name} cannot be written")))?;
        request.headers_mut().insert(*name, value);
    }
    Ok(request)
}

/// Gives an address its query, with blanks in the way that every server reads.
pub(super) fn set_query(url: &mut Url, pairs: &[(&str, &str)]) {
    if pairs.is_empty() {
        return;
    }
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    url.set_query(Some(&query.replace('+', "%20")));
}

/// Sends a signed request. An answer that grants it is passed on; of one that does not, the watch has seen why.
pub(super) async fn granted(client: &HttpClient, request: HttpRequest) -> Result<HttpResponse, Trouble> {
    let response = client.execute(request).await?;
    if response.status().is_success() {
        return Ok(response);
    }
    Err(Trouble::Answer(format!("HTTP {}", response.status())))
}

/// A whole body of at most `limit` bytes; `None` when there are more.
pub(super) async fn body(body: HttpResponseBody, limit: u64) -> Result<Option<Bytes>, Trouble> {
    let mut whole = Vec::new();
    let mut pieces = body.bytes_stream();
    while let Some(piece) = pieces.next().await {
        whole.extend_from_slice(&piece?);
        if whole.len() as u64 > limit {
            return Ok(None);
        }
    }
    Ok(Some(whole.into()))
}

/// The text that the store grants, of at most [`ANSWER_LIMIT`] bytes.
pub(super) async fn text(client: &HttpClient, request: HttpRequest) -> Result<String, Trouble> {
    let response = granted(client, request).await?;
    let Some(bytes) = body(response.into_body(), ANSWER_LIMIT).await? else {
        return Err(Trouble::Answer("its answer has no end".into()));
    };
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The text of a header; empty where it is not there.
pub(super) fn header<'a>(response: &'a HttpResponse, name: &str) -> &'a str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
