//! A container of Azurite's.

use std::process::Command;

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use contract::{AzureCredentials, Secret, Storage};
use mover::store::{Network, SharedStore, connect_with};
use object_store::{
    ClientOptions,
    azure::{AzureAccessKey, AzureAuthorizer, AzureCredential},
    client::{HttpConnector as _, HttpRequest, HttpRequestBody, ReqwestConnector},
};
use tempfile::TempDir;

use crate::support::free_port;

use super::{
    clock,
    programs::{Program, find},
};

const ACCOUNT: &str = "coffertest";
const KEY: &[u8] = b"a key of an account that is only in this test's memory and nowhere";
pub const CONTAINER: &str = "backups";

/// Azurite with one container, stopped when dropped.
pub struct Azurite {
    program: Program,
    _directory: TempDir,
}

impl Azurite {
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let port = free_port();
        let mut command = Command::new("node");
        command
            .arg(find("COFFER_AZURITE", "azurite-", "node_modules/azurite/dist/src/blob/main.js"))
            .args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string(), "--inMemoryPersistence"])
            .args(["--silent", "--disableTelemetry", "--disableProductStyleUrl"])
            .current_dir(directory.path())
            .env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{}", key()));
        let server = Self { program: Program::start(&mut command, port), _directory: directory };
        server.make_container().await;
        server
    }

    pub fn port(&self) -> u16 {
        self.program.port
    }

    pub fn storage(&self) -> Storage {
        Storage::AzureBlob {
            account: ACCOUNT.into(),
            container: CONTAINER.into(),
            prefix: "team a/vault".into(),
            endpoint: Some(self.endpoint()),
            ca: None,
            credentials: Some(AzureCredentials::AccountKey(Secret::new(key()))),
        }
    }

    pub fn store(&self) -> SharedStore {
        connect_with(&self.storage(), &clock(), &Network::default()).expect("a store")
    }

    /// The same, let in by a signature of the account that lets do `permissions`.
    pub fn signed_storage(&self, permissions: &str) -> Storage {
        let mut storage = self.storage();
        if let Storage::AzureBlob { credentials, .. } = &mut storage {
            *credentials = Some(AzureCredentials::Sas(Secret::new(signature(permissions))));
        }
        storage
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/{ACCOUNT}", self.port())
    }

    async fn make_container(&self) {
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.method_mut() = "PUT".parse().expect("a method");
        let uri = format!("{}/{CONTAINER}?restype=container", self.endpoint());
        *request.uri_mut() = uri.parse().expect("an address");
        let credential = AzureCredential::AccessKey(AzureAccessKey::try_new(&key()).expect("a key"));
        AzureAuthorizer::new(&credential, ACCOUNT).try_authorize(&mut request).expect("a signature");
        let options = ClientOptions::new().with_allow_http(true);
        let client = ReqwestConnector::default().connect(&options).expect("a client");
        let answer = client.execute(request).await.expect("an answer");
        assert!(answer.status().is_success(), "{answer:?}");
    }
}

fn key() -> String {
    BASE64_STANDARD.encode(KEY)
}

/// A shared access signature of the account, as Azure's documentation says how to make one.
fn signature(permissions: &str) -> String {
    let (version, until) = ("2021-12-02", "2099-01-01T00:00:00Z");
    let text = format!("{ACCOUNT}\n{permissions}\nb\nsco\n\n{until}\n\nhttps,http\n{version}\n\n");
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, KEY), text.as_bytes());
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("sv", version)
        .append_pair("ss", "b")
        .append_pair("srt", "sco")
        .append_pair("sp", permissions)
        .append_pair("se", until)
        .append_pair("spr", "https,http")
        .append_pair("sig", &BASE64_STANDARD.encode(tag.as_ref()))
        .finish();
    format!("?{query}")
}
