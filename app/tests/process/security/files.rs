//! Certificates and token files, made for one test.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use crate::support::server::Variable;
pub(crate) use crate::support::server::variable;

/// A folder with a certificate authority, a server certificate by it, and tokens.
pub(crate) struct Files {
    folder: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Files {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        // Its own name: openssl takes a certificate that is named like its issuer for self-signed.
        let name = rcgen::DnType::CommonName;
        params.distinguished_name.push(name, "test authority");
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(params, key).expect("an authority");
        let folder = tempfile::tempdir().expect("a folder");
        let files = Self { folder, authority };
        files.write("ca.pem", &files.authority.pem());
        files.renew();
        files
    }

    /// A new key and a certificate for it, in the files that the server reads.
    pub(crate) fn renew(&self) {
        let params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])
            .expect("parameters");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.authority).expect("signed");
        self.write("tls.crt", &certificate.pem());
        self.write("tls.key", &key.serialize_pem());
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("UTF-8").to_owned()
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).expect("write a file");
    }

    /// The settings that make the server speak TLS.
    pub(crate) fn tls(&self) -> Vec<Variable> {
        vec![
            variable("LOG_TLS__CERTIFICATE", &self.text("tls.crt")),
            variable("LOG_TLS__KEY", &self.text("tls.key")),
            variable("LOG_AUTH__RELOAD", "100ms"),
        ]
    }

    /// The builder of a TLS client that trusts only this authority.
    pub(super) fn trusting(&self) -> Arc<ClientConfig> {
        let authority = CertificateDer::from_pem_file(self.path("ca.pem"));
        let mut roots = RootCertStore::empty();
        let added = roots.add(authority.expect("a certificate"));
        added.expect("an authority");
        let provider = Arc::new(crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config)
    }

    /// A client that trusts only this authority.
    pub(crate) fn client(&self) -> reqwest::Client {
        self.builder().build().expect("build a client")
    }

    /// As [`Files::client`], with HTTP/1.1 alone, as probes have it.
    pub(super) fn probe(&self) -> reqwest::Client {
        let builder = self.builder().http1_only();
        builder.build().expect("build a client")
    }

    fn builder(&self) -> reqwest::ClientBuilder {
        let pem = std::fs::read(self.path("ca.pem")).expect("read ca.pem");
        let authority = reqwest::Certificate::from_pem(&pem).expect("a certificate");
        reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([authority])
            .timeout(std::time::Duration::from_secs(30))
    }
}

pub(crate) fn in_memory() -> Vec<String> {
    vec!["--in-memory".to_owned()]
}
