//! A certificate authority of the story's own, for servers that clients verify in full.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// Signs certificates for Services of the cluster.
pub struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its private key, PEM.
pub struct Certificate {
    pub certificate: String,
    pub private_key: String,
}

impl Authority {
    pub fn new(name: &str) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key)?.pem();
        Ok(Self { certificate, issuer: Issuer::new(params, key) })
    }

    /// The authority's own certificate, PEM: what clients are given to trust.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A server certificate for `<service>.<namespace>.svc` and the shorter and longer names of the same Service.
    pub fn issue(&self, service: &str, namespace: &str) -> Result<Certificate, rcgen::Error> {
        let name = format!("{service}.{namespace}.svc");
        let names = vec![
            service.to_owned(),
            format!("{service}.{namespace}"),
            name.clone(),
            format!("{name}.cluster.local"),
        ];
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Certificate { certificate, private_key: key.serialize_pem() })
    }
}
