//! How a bucket is set up, asked with `GetBucketVersioning` and `GetObjectLockConfiguration`. object_store has neither call;
//! it signs them.

use std::time::Duration;

use futures::StreamExt as _;
use object_store::{
    client::{HttpConnector as _, HttpRequest, HttpRequestBody},
    path::Path,
    signer::{SignedUrlOptions, Signer as _},
};

use super::{
    S3Store, classify,
    watch::{Refusal, Watched, element, observed},
};
use crate::store::{Patience, Setup, StoreError, StoreErrorKind, Verb};

/// How long a signature is good for: one request.
const VALID: Duration = Duration::from_secs(60);
/// Nothing rests on the answers: a store that does not give them is not asked for long.
const LONGEST: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read. The two that are expected have a few hundred.
const ANSWER_LIMIT: usize = 64 << 10;

/// What the store said.
enum Answer {
    Told(String),
    Refused(Refusal),
}

impl S3Store {
    /// What the bucket says of itself. What it does not tell (the credentials may not ask, or the store does not know the
    /// question) stays unknown.
    pub(super) async fn setup(&self) -> Setup {
        Setup {
            versioning: self.told("versioning", versioning).await,
            object_lock: self.told("object-lock", object_lock).await,
        }
    }

    async fn told(&self, question: &'static str, read: fn(&Answer) -> Option<bool>) -> Option<bool> {
        let patience = Patience { total: self.patience.total.min(LONGEST), ..self.patience };
        match patience.run(|| self.ask(question)).await {
            Ok(answer) => read(&answer),
            Err(error) => {
                tracing::warn!(%error, question, "the bucket does not tell how it is set up");
                None
            }
        }
    }

    async fn ask(&self, question: &'static str) -> Result<Answer, StoreError> {
        let failed = |kind, message: String| StoreError::new(Verb::Head, &self.bucket, kind, message);
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        let options = SignedUrlOptions::default().with_query([(question, "")]);
        let (method, bucket) = (request.method().clone(), Path::default());
        let signing = self.client.signed_url_opts(method, &bucket, VALID, &options);
        let (signed, refusal) = observed(signing).await;
        let url = signed.map_err(|error| {
            classify::error(Verb::Head, &self.bucket, &self.bucket, &error, refusal.as_ref())
        })?;
        *request.uri_mut() = url
            .as_str()
            .parse()
            .map_err(|_| failed(StoreErrorKind::Misconfigured, "its address is not a URI".into()))?;
        let client = Watched::new(self.watch.clone())
            .connect(&self.options)
            .map_err(|error| failed(StoreErrorKind::Misconfigured, error.to_string()))?;
        let (response, refusal) = observed(client.execute(request)).await;
        // The signature is part of the address, which an error of the client may hold: it is not passed on.
        let unreachable = || failed(StoreErrorKind::Unreachable, "no answer came".into());
        let response = response.map_err(|_| unreachable())?;
        if let Some(refusal) = refusal {
            let error = classify::refused(Verb::Head, &self.bucket, &self.bucket, &refusal);
            let passes = matches!(error.kind, StoreErrorKind::Unreachable | StoreErrorKind::Throttled);
            return if passes { Err(error) } else { Ok(Answer::Refused(refusal)) };
        }
        let mut body = Vec::new();
        let mut pieces = response.into_body().bytes_stream();
        while let Some(piece) = pieces.next().await {
            body.extend_from_slice(&piece.map_err(|_| unreachable())?);
            if body.len() > ANSWER_LIMIT {
                return Err(failed(StoreErrorKind::TooLarge, "its answer has no end".into()));
            }
        }
        Ok(Answer::Told(String::from_utf8_lossy(&body).into_owned()))
    }
}

/// Only an answer of this kind counts: a store that does not know the question may answer another one.
fn versioning(answer: &Answer) -> Option<bool> {
    match answer {
        Answer::Told(xml) if xml.contains("<VersioningConfiguration") => {
            Some(element(xml, "Status") == "Enabled")
        }
        Answer::Told(_) | Answer::Refused(_) => None,
    }
}

fn object_lock(answer: &Answer) -> Option<bool> {
    match answer {
        Answer::Told(xml) if xml.contains("<ObjectLockConfiguration") => {
            Some(element(xml, "ObjectLockEnabled") == "Enabled")
        }
        Answer::Refused(refusal) if refusal.code == "ObjectLockConfigurationNotFoundError" => Some(false),
        Answer::Told(_) | Answer::Refused(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(xml: &str) -> Answer {
        Answer::Told(xml.into())
    }

    fn refused(status: u16, code: &str) -> Answer {
        Answer::Refused(Refusal { status, code: code.into(), message: String::new() })
    }

    #[test]
    fn versions_are_kept_only_where_the_bucket_says_so() {
        let xmlns = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";
        let enabled =
            format!("<VersioningConfiguration {xmlns}><Status>Enabled</Status></VersioningConfiguration>");
        assert_eq!(versioning(&told(&enabled)), Some(true));
        let suspended =
            format!("<VersioningConfiguration {xmlns}><Status>Suspended</Status></VersioningConfiguration>");
        assert_eq!(versioning(&told(&suspended)), Some(false));
        assert_eq!(versioning(&told(&format!("<VersioningConfiguration {xmlns}/>"))), Some(false));
        // A store that overlooks the question lists the bucket.
        assert_eq!(versioning(&told("<ListBucketResult></ListBucketResult>")), None);
        assert_eq!(versioning(&refused(403, "AccessDenied")), None);
        assert_eq!(versioning(&refused(501, "NotImplemented")), None);
    }

    #[test]
    fn a_bucket_without_a_lock_says_so_and_one_that_may_not_be_asked_stays_unknown() {
        let enabled = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>";
        assert_eq!(object_lock(&told(enabled)), Some(true));
        assert_eq!(object_lock(&refused(404, "ObjectLockConfigurationNotFoundError")), Some(false));
        assert_eq!(object_lock(&refused(404, "NoSuchBucket")), None);
        assert_eq!(object_lock(&refused(403, "AccessDenied")), None);
        assert_eq!(object_lock(&told("<ListBucketResult></ListBucketResult>")), None);
    }
}
