//! Where a vault is, as a URL on the command line: `file:///directory`, `s3://bucket/prefix`, `az://account/container/prefix`
//! or `gs://bucket/prefix`.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use contract::{Addressing, Storage};
use url::Url;

use super::aws::{self, AwsError};
use super::azure::{self, AzureError};
use super::environment::Environment;
use super::google::{self, GoogleError};

/// The place of a vault, without what is needed to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    Filesystem(PathBuf),
    S3 { bucket: String, prefix: String },
    AzureBlob { account: String, container: String, prefix: String },
    Gcs { bucket: String, prefix: String },
}

/// What the environment does not say of a storage.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    #[error(transparent)]
    Aws(#[from] AwsError),
    #[error(transparent)]
    Azure(#[from] AzureError),
    #[error(transparent)]
    Google(#[from] GoogleError),
}

/// Why a text is not the place of a vault.
#[derive(Debug, thiserror::Error)]
pub enum LocationError {
    #[error("`{given}` is not a URL: write {KINDS}")]
    NotUrl { given: String },
    #[error("`{scheme}` is no kind of vault: use {KINDS}")]
    UnknownScheme { scheme: String },
    #[error("a file vault needs an absolute directory with three slashes in front: file:///directory")]
    NotAbsolute,
    #[error("the bucket is missing: write {scheme}://bucket or {scheme}://bucket/prefix")]
    NoBucket { scheme: String },
    #[error("the container is missing: write az://account/container or az://account/container/prefix")]
    NoContainer,
    #[error(
        "a vault's URL has no user, password, port, query or fragment: credentials and endpoint come from the \
         environment (such as AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL, AWS_REGION; \
         AZURE_STORAGE_KEY; GOOGLE_APPLICATION_CREDENTIALS)"
    )]
    Decorated,
    #[error("the path in the URL is not UTF-8 once its percent signs are decoded")]
    NotText,
}

const KINDS: &str =
    "file:///directory, s3://bucket/prefix, az://account/container/prefix or gs://bucket/prefix";

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        let url = Url::parse(text).map_err(|_| match Path::new(text).is_absolute() {
            true => LocationError::NotUrl { given: text.to_owned() },
            false if text.starts_with("s3:") => LocationError::NoBucket { scheme: "s3".to_owned() },
            false => LocationError::NotUrl { given: without_user(text) },
        })?;
        let decorated = !url.username().is_empty()
            || url.password().is_some()
            || url.port().is_some()
            || url.query().is_some()
            || url.fragment().is_some();
        if decorated {
            return Err(LocationError::Decorated);
        }
        match url.scheme() {
            "file" => filesystem(text, &url),
            "s3" => in_bucket(&url).map(|(bucket, prefix)| Self::S3 { bucket, prefix }),
            "gs" => in_bucket(&url).map(|(bucket, prefix)| Self::Gcs { bucket, prefix }),
            "az" => in_container(&url),
            scheme => Err(LocationError::UnknownScheme { scheme: scheme.to_owned() }),
        }
    }
}

impl Location {
    /// The storage at this place, with credentials, endpoint and region of the environment.
    ///
    /// # Errors
    /// [`EntryError`] when the environment does not say what the storage needs.
    pub fn storage(&self, environment: &Environment) -> Result<Storage, EntryError> {
        match self.clone() {
            Self::Filesystem(path) => Ok(Storage::Filesystem { path: path.to_string_lossy().into_owned() }),
            Self::S3 { bucket, prefix } => {
                let aws::Settings { credentials, region, endpoint, ca } = aws::settings(environment)?;
                // A store at an endpoint of one's own seldom has a DNS name for each bucket.
                let addressing = if endpoint.is_some() { Addressing::Path } else { Addressing::VirtualHost };
                let credentials = Some(credentials);
                Ok(Storage::S3 { bucket, prefix, endpoint, region, addressing, ca, credentials })
            }
            Self::AzureBlob { account, container, prefix } => {
                let azure::Settings { credentials, endpoint, ca } = azure::settings(environment)?;
                let credentials = Some(credentials);
                Ok(Storage::AzureBlob { account, container, prefix, endpoint, ca, credentials })
            }
            Self::Gcs { bucket, prefix } => {
                let google::Settings { credentials, endpoint, ca } = google::settings(environment)?;
                Ok(Storage::Gcs { bucket, prefix, endpoint, ca, credentials: Some(credentials) })
            }
        }
    }
}

fn filesystem(text: &str, url: &Url) -> Result<Location, LocationError> {
    // `file:dir` and `file://dir/x` parse, but mean something else than was meant.
    if !text.starts_with("file:///") {
        return Err(LocationError::NotAbsolute);
    }
    let path = percent_decoded(url.path())?;
    match path.trim_end_matches('/') {
        "" => Err(LocationError::NotAbsolute),
        path => Ok(Location::Filesystem(PathBuf::from(path))),
    }
}

fn in_bucket(url: &Url) -> Result<(String, String), LocationError> {
    let missing = || LocationError::NoBucket { scheme: url.scheme().to_owned() };
    let bucket = url.host_str().filter(|host| !host.is_empty()).ok_or_else(missing)?;
    let prefix = percent_decoded(url.path())?.trim_matches('/').to_owned();
    Ok((bucket.to_owned(), prefix))
}

fn in_container(url: &Url) -> Result<Location, LocationError> {
    let account = url.host_str().filter(|host| !host.is_empty()).ok_or(LocationError::NoContainer)?;
    let path = percent_decoded(url.path())?;
    let path = path.trim_matches('/');
    let (container, prefix) = path.split_once('/').unwrap_or((path, ""));
    if container.is_empty() {
        return Err(LocationError::NoContainer);
    }
    Ok(Location::AzureBlob {
        account: account.to_owned(),
        container: container.to_owned(),
        prefix: prefix.trim_matches('/').to_owned(),
    })
}

fn percent_decoded(path: &str) -> Result<String, LocationError> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let decoded = (first == b'%').then(|| hex_pair(after)).flatten();
        bytes.push(decoded.unwrap_or(first));
        rest = if decoded.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).map_err(|_| LocationError::NotText)
}

fn hex_pair(bytes: &[u8]) -> Option<u8> {
    let pair = std::str::from_utf8(bytes.get(..2)?).ok()?;
    u8::from_str_radix(pair, 16).ok()
}

/// A text that failed to parse may hold a password before its `@`, and goes into a message.
fn without_user(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, place)) => format!("...@{place}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Location, String> {
        text.parse().map_err(|error: LocationError| error.to_string())
    }

    #[test]
    fn every_kind_of_vault_is_read() {
        assert_eq!(parsed("file:///backups/"), Ok(Location::Filesystem("/backups".into())));
        assert_eq!(parsed("file:///a%20b/c%C3%BC"), Ok(Location::Filesystem("/a b/cü".into())));
        let s3 = |bucket: &str, prefix: &str| Location::S3 { bucket: bucket.into(), prefix: prefix.into() };
        assert_eq!(parsed("s3://bucket"), Ok(s3("bucket", "")));
        assert_eq!(parsed("s3://bucket/one/two/"), Ok(s3("bucket", "one/two")));
        let (bucket, prefix) = ("bucket.example_1".into(), "one/two".into());
        assert_eq!(parsed("gs://bucket.example_1/one/two"), Ok(Location::Gcs { bucket, prefix }));
        let azure = |prefix: &str| Location::AzureBlob {
            account: "account".into(),
            container: "container".into(),
            prefix: prefix.into(),
        };
        assert_eq!(parsed("az://account/container"), Ok(azure("")));
        assert_eq!(parsed("az://account/container/one/two/"), Ok(azure("one/two")));
    }

    #[test]
    fn what_is_no_vault_is_refused_with_the_way_to_write_one() {
        for (text, part) in [
            ("/backups", "is not a URL"),
            ("backups", "is not a URL"),
            ("file://backups", "three slashes"),
            ("file:backups", "three slashes"),
            ("file:///", "three slashes"),
            ("s3://", "bucket is missing"),
            ("s3:///prefix", "bucket is missing"),
            ("az://account", "container is missing"),
            ("az://account/", "container is missing"),
            ("gs://", "bucket is missing"),
            ("https://bucket", "no kind of vault"),
            ("s3://key:secret@bucket", "credentials and endpoint come from the environment"),
            ("s3://bucket:9000/x", "credentials and endpoint come from the environment"),
            ("s3://bucket/x?region=eu", "credentials and endpoint come from the environment"),
            ("file:///a%ff", "not UTF-8"),
        ] {
            let refused = parsed(text).unwrap_err();
            assert!(refused.contains(part), "{text}: {refused}");
            assert!(!refused.contains("secret"), "{text}: {refused}");
        }
    }

    #[test]
    fn an_endpoint_of_ones_own_is_addressed_by_path() {
        let keys =
            [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "key"), ("AWS_REGION", "eu-central-1")];
        let location: Location = "s3://bucket/p".parse().unwrap();
        let Storage::S3 { addressing, endpoint, region, .. } = location.storage(&keys.into()).unwrap() else {
            panic!("not S3");
        };
        assert_eq!((addressing, endpoint, region.as_str()), (Addressing::VirtualHost, None, "eu-central-1"));
        let with_endpoint = [keys[0], keys[1], ("AWS_ENDPOINT_URL", "http://127.0.0.1:7070")];
        let Storage::S3 { addressing, endpoint, region, .. } =
            location.storage(&with_endpoint.into()).unwrap()
        else {
            panic!("not S3");
        };
        assert_eq!(addressing, Addressing::Path);
        assert_eq!(endpoint.as_deref(), Some("http://127.0.0.1:7070"));
        assert_eq!(region, "us-east-1");
    }
}
