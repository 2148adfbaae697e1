//! TLS: a certificate and its key from files, read again when they change.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};

use crate::small_file::SmallFile;

/// A certificate with its chain, and its private key, in PEM files.
#[derive(Debug)]
pub struct Certificate {
    files: Files,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
    /// What was last read, good or bad: the certificates (or why not), and the key's bytes.
    read: RwLock<Read>,
}

#[derive(Debug)]
struct Files {
    certificate: SmallFile,
    key: SmallFile,
}

/// Why a certificate cannot be used. Names the file, and never quotes a key.
#[derive(Debug)]
pub struct BadCertificate(String);

impl fmt::Display for BadCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadCertificate {}

/// The content of both files, or why there is none.
#[derive(Clone, PartialEq, Eq)]
struct Read {
    certificate: Result<Vec<u8>, String>,
    key: Result<Vec<u8>, String>,
}

impl Read {
    fn of(certificate: io::Result<Vec<u8>>, key: io::Result<Vec<u8>>) -> Self {
        Self {
            certificate: certificate.map_err(|error| error.to_string()),
            key: key.map_err(|error| error.to_string()),
        }
    }
}

impl fmt::Debug for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Read(..)")
    }
}

impl Certificate {
    /// Reads the certificate chain, the server's own first, and the private key.
    ///
    /// # Errors
    /// [`BadCertificate`] when a file cannot be read or is not PEM, or when the key is not the certificate's.
    pub fn open(certificate: &Path, key: &Path) -> Result<Arc<Self>, BadCertificate> {
        let files = Files {
            certificate: SmallFile::new(certificate),
            key: SmallFile::new(key),
        };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let read = files.read();
        let current = files.parse(&read, &provider)?;
        Ok(Arc::new(Self {
            files,
            provider,
            current: RwLock::new(Arc::new(current)),
            read: RwLock::new(read),
        }))
    }

    /// Reads the files again; answers whether there is a new certificate. New connections get it, those that are open
    /// keep theirs. After an error the previous one stays in use, and the same bad content is not reported again.
    ///
    /// # Errors
    /// As [`Certificate::open`].
    pub async fn reload(&self) -> Result<bool, BadCertificate> {
        let now = self.files.read_again().await;
        if std::mem::replace(&mut *self.read.write(), now.clone()) == now {
            return Ok(false);
        }
        *self.current.write() = Arc::new(self.files.parse(&now, &self.provider)?);
        Ok(true)
    }

    /// TLS 1.3 and 1.2 with forward-secret authenticated ciphers only, HTTP/2 preferred, with whatever certificate is
    /// current when a client comes.
    ///
    /// # Errors
    /// [`BadCertificate`] if the cryptographic library has neither version.
    pub fn server(self: &Arc<Self>) -> Result<Arc<ServerConfig>, BadCertificate> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|error| BadCertificate(error.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read()))
    }
}

impl Files {
    fn read(&self) -> Read {
        Read::of(self.certificate.read(), self.key.read())
    }

    async fn read_again(&self) -> Read {
        let (certificate, key) = (&self.certificate, &self.key);
        let (certificate, key) = tokio::join!(certificate.read_again(), key.read_again());
        Read::of(certificate, key)
    }

    fn parse(
        &self,
        read: &Read,
        provider: &CryptoProvider,
    ) -> Result<CertifiedKey, BadCertificate> {
        let bad = |path: &Path, why: &str| BadCertificate(format!("{}: {why}", path.display()));
        let (certificate, key) = (self.certificate.path(), self.key.path());
        let pem = read
            .certificate
            .as_deref()
            .map_err(|why| bad(certificate, why))?;
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(without_bom(pem))
            .collect::<Result<_, _>>()
            .map_err(|_| bad(certificate, "not a certificate in PEM format"))?;
        if chain.is_empty() {
            return Err(bad(
                certificate,
                "there is no certificate in PEM format in it",
            ));
        }
        let pem = read.key.as_deref().map_err(|why| bad(key, why))?;
        if is_encrypted(pem) {
            return Err(bad(
                key,
                "the private key is encrypted, and the server cannot ask for its passphrase: decrypt it, for example with \
                 openssl pkey -in FILE -out FILE",
            ));
        }
        let private = PrivateKeyDer::from_pem_slice(without_bom(pem))
            .map_err(|_| bad(key, "there is no private key in PEM format in it"))?;
        let made = CertifiedKey::from_der(chain, private, provider);
        made.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => bad(
                key,
                &format!(
                    "not the key of the certificate in {}",
                    certificate.display()
                ),
            ),
            // All that the library says of a key is that it cannot parse it.
            rustls::Error::General(_) => bad(
                key,
                "its kind of private key is not supported; accepted are RSA with 2048 to 8192 bits, ECDSA with P-256, P-384 or P-521, and \
                 Ed25519",
            ),
            error => bad(certificate, &format!("with {}: {error}", key.display())),
        })
    }
}

/// Without the byte order mark that some editors put first.
fn without_bom(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

/// Whether a key is encrypted, in PKCS #8 or in the older format of OpenSSL.
fn is_encrypted(pem: &[u8]) -> bool {
    let text = String::from_utf8_lossy(pem);
    text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
        || text
            .lines()
            .any(|line| line.starts_with("Proc-Type:") && line.contains("ENCRYPTED"))
}
