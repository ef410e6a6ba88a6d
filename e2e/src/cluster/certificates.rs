//! The cluster's certificates and kubeconfigs: one authority, and a name for each program as Kubernetes expects it.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use serde_json::json;

use super::Error;
use super::layout::{API_PORT, API_SERVICE, Layout, NODE_ADDRESS};

/// The group that may do everything; it needs no role.
const ADMINISTRATORS: &str = "system:masters";

/// A program's client certificate: file name, user and group.
const CLIENTS: [(&str, &str, Option<&str>); 6] = [
    ("admin", "admin", Some(ADMINISTRATORS)),
    ("apiserver-to-kubelet", "kube-apiserver", Some(ADMINISTRATORS)),
    ("controller-manager", "system:kube-controller-manager", None),
    ("scheduler", "system:kube-scheduler", None),
    ("proxy", "system:kube-proxy", None),
    ("coredns", "coredns", Some(ADMINISTRATORS)),
];

/// Writes all keys, certificates and kubeconfigs of a cluster. The host reaches the API server at `node`.
pub(crate) fn write(layout: &Layout, cluster: &str, node: Ipv4Addr) -> Result<(), Error> {
    let directory = layout.certificates();
    fs::create_dir_all(&directory).map_err(Error::file("create", &directory))?;
    let authority = Authority::create(layout)?;
    for (file, user, group) in CLIENTS {
        authority.issue(layout, file, &Subject { user, group, names: &[], addresses: &[] })?;
    }
    let user = format!("system:node:{cluster}");
    authority.issue(
        layout,
        "kubelet",
        &Subject {
            user: &user,
            group: Some("system:nodes"),
            names: &[cluster],
            addresses: &[NODE_ADDRESS, node],
        },
    )?;
    let names = [
        "localhost",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    ];
    let addresses = [Ipv4Addr::LOCALHOST, API_SERVICE, NODE_ADDRESS, node];
    authority.issue(
        layout,
        "apiserver",
        &Subject { user: "kube-apiserver", group: None, names: &names, addresses: &addresses },
    )?;
    write_service_account_key(layout)?;

    for file in ["controller-manager", "scheduler", "proxy", "coredns", "kubelet"] {
        write_kubeconfig(
            layout,
            cluster,
            file,
            NODE_ADDRESS,
            &layout.configuration(&format!("{file}.kubeconfig")),
        )?;
    }
    write_kubeconfig(layout, cluster, "admin", node, &layout.kubeconfig())
}

/// Whom a certificate names.
struct Subject<'a> {
    user: &'a str,
    group: Option<&'a str>,
    names: &'a [&'a str],
    addresses: &'a [Ipv4Addr],
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn create(layout: &Layout) -> Result<Self, Error> {
        let failed = |source| Error::Certificate { subject: "the authority".to_owned(), source };
        let key = KeyPair::generate().map_err(failed)?;
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, "coffer test cluster");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages =
            vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = parameters.self_signed(&key).map_err(failed)?;
        store(layout, "authority", &certificate, &key)?;
        Ok(Self { issuer: Issuer::new(parameters, key) })
    }

    fn issue(&self, layout: &Layout, file: &str, subject: &Subject<'_>) -> Result<(), Error> {
        let failed = |source| Error::Certificate { subject: subject.user.to_owned(), source };
        let key = KeyPair::generate().map_err(failed)?;
        let names: Vec<String> = subject.names.iter().map(ToString::to_string).collect();
        let mut parameters = CertificateParams::new(names).map_err(failed)?;
        let addresses = subject.addresses.iter().map(|&address| SanType::IpAddress(IpAddr::V4(address)));
        parameters.subject_alt_names.extend(addresses);
        parameters.distinguished_name.push(DnType::CommonName, subject.user);
        if let Some(group) = subject.group {
            parameters.distinguished_name.push(DnType::OrganizationName, group);
        }
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if !(subject.names.is_empty() && subject.addresses.is_empty()) {
            parameters.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        parameters.use_authority_key_identifier_extension = true;
        let certificate = parameters.signed_by(&key, &self.issuer).map_err(failed)?;
        store(layout, file, &certificate, &key)
    }
}

fn store(layout: &Layout, name: &str, certificate: &Certificate, key: &KeyPair) -> Result<(), Error> {
    let path = layout.certificate(name);
    fs::write(&path, certificate.pem()).map_err(Error::file("write", &path))?;
    write_secret(&layout.key(name), key.serialize_pem().as_bytes())
}

/// The key that signs the tokens of service accounts.
fn write_service_account_key(layout: &Layout) -> Result<(), Error> {
    let failed = |source| Error::Certificate { subject: "service accounts".to_owned(), source };
    let key = KeyPair::generate().map_err(failed)?;
    write_secret(&layout.key("service-account"), key.serialize_pem().as_bytes())?;
    let public = layout.certificates().join("service-account.pub");
    fs::write(&public, key.public_key_pem()).map_err(Error::file("write", &public))
}

/// A kubeconfig that holds its certificates, so that it can be copied elsewhere.
fn write_kubeconfig(
    layout: &Layout,
    cluster: &str,
    user: &str,
    server: Ipv4Addr,
    to: &Path,
) -> Result<(), Error> {
    let content =
        |path: &Path| fs::read(path).map(|bytes| STANDARD.encode(bytes)).map_err(Error::file("read", path));
    let name = format!("coffer-{cluster}");
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {
            "server": format!("https://{server}:{API_PORT}"),
            "certificate-authority-data": content(&layout.certificate("authority"))?,
        }}],
        "users": [{"name": user, "user": {
            "client-certificate-data": content(&layout.certificate(user))?,
            "client-key-data": content(&layout.key(user))?,
        }}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": user}}],
    });
    write_secret(to, format!("{kubeconfig:#}\n").as_bytes())
}

fn write_secret(path: &Path, content: &[u8]) -> Result<(), Error> {
    let mut file = fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::file("create", path))?;
    std::io::Write::write_all(&mut file, content).map_err(Error::file("write", path))
}
