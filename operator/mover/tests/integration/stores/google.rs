//! A bucket of a server that speaks as Google Cloud Storage.

use std::process::Command;

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use contract::{GcsCredentials, Secret, Storage};
use mover::store::{Network, SharedStore, connect_with};
use object_store::{
    ClientOptions, HeaderValue,
    client::{HttpConnector as _, HttpRequest, ReqwestConnector},
};

use crate::support::free_port;

use super::{
    clock,
    programs::{Program, find},
};

pub const BUCKET: &str = "coffer-test";

/// The server with one bucket, stopped when dropped. It keeps everything in memory.
pub struct GoogleServer {
    program: Program,
    key: String,
}

impl GoogleServer {
    pub async fn start() -> Self {
        let port = free_port();
        let mut command = Command::new(find("COFFER_FAKE_GCS_SERVER", "fake-gcs-server-", "fake-gcs-server"));
        command.args(["-scheme", "http", "-host", "127.0.0.1", "-port", &port.to_string()]).args([
            "-public-host",
            "127.0.0.1",
            "-backend",
            "memory",
            "-log-level",
            "error",
        ]);
        let server = Self { program: Program::start(&mut command, port), key: service_account_key() };
        server.make_bucket(BUCKET, false).await;
        server
    }

    pub fn port(&self) -> u16 {
        self.program.port
    }

    pub fn storage(&self) -> Storage {
        Storage::Gcs {
            bucket: BUCKET.into(),
            prefix: "team a/vault".into(),
            endpoint: Some(format!("http://127.0.0.1:{}", self.port())),
            ca: None,
            credentials: Some(GcsCredentials { service_account_key: Secret::new(&*self.key) }),
        }
    }

    pub fn store(&self) -> SharedStore {
        connect_with(&self.storage(), &clock(), &Network::default()).expect("a store")
    }

    pub async fn make_bucket(&self, name: &str, keeps_versions: bool) {
        let body = format!("{{\"name\": \"{name}\", \"versioning\": {{\"enabled\": {keeps_versions}}}}}");
        let mut request = HttpRequest::new(body.into());
        *request.method_mut() = "POST".parse().expect("a method");
        let uri = format!("http://127.0.0.1:{}/storage/v1/b", self.port());
        *request.uri_mut() = uri.parse().expect("an address");
        request.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
        let options = ClientOptions::new().with_allow_http(true);
        let client = ReqwestConnector::default().connect(&options).expect("a client");
        let answer = client.execute(request).await.expect("an answer");
        assert!(answer.status().is_success(), "{answer:?}");
    }
}

/// As Google gives one out, of a key pair that is made here.
fn service_account_key() -> String {
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key pair");
    let der: Pkcs8V1Der<'_> = pair.as_der().expect("the key in PKCS #8");
    let lines = BASE64_STANDARD.encode(der.as_ref());
    let key = format!("-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n");
    serde_json::json!({
        "type": "service_account",
        "private_key_id": "1",
        "private_key": key,
        "client_email": "coffer@example.org",
    })
    .to_string()
}
