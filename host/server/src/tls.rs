//! TLS: connections are encrypted here where the configuration has a certificate. A new one is taken up while the server runs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use abide_model::{Error, ErrorCode};
use axum::serve::Listener;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, crypto};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{interval, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a client may take to say hello.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Clients that say hello at the same time; the others wait for their turn.
const HANDSHAKES: usize = 256;
/// How often the files of the certificate are looked at.
const LOOK: Duration = Duration::from_secs(30);

/// `[tls]`: the files of the certificate. Relative paths begin at the folder of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The certificate and those between it and its root, as PEM.
    pub cert: PathBuf,
    /// Its private key, as PEM.
    pub key: PathBuf,
}

impl TlsFiles {
    /// Refuses files that cannot be used, before anybody is told that the server is there.
    pub(crate) fn check(&self) -> Result<(), Error> {
        read(self).map(drop)
    }
}

/// Gives the certificate that was read last.
#[derive(Debug)]
struct Certificate {
    files: TlsFiles,
    read: RwLock<(Arc<CertifiedKey>, Times)>,
}

/// When the two files were written.
type Times = [Option<SystemTime>; 2];

impl Certificate {
    fn open(files: &TlsFiles) -> Result<Self, Error> {
        let times = times(files);
        Ok(Self { files: files.clone(), read: RwLock::new((Arc::new(read(files)?), times)) })
    }

    /// Takes up new files. Bad ones leave what was there.
    fn look(&self) {
        let now = times(&self.files);
        if self.read.read().unwrap_or_else(PoisonError::into_inner).1 == now {
            return;
        }
        let mut last = self.read.write().unwrap_or_else(PoisonError::into_inner);
        // A bad one is told once, not at every look.
        last.1 = now;
        match read(&self.files) {
            Ok(key) => {
                last.0 = Arc::new(key);
                tracing::info!(file = %self.files.cert.display(), "the TLS certificate was read anew");
            }
            Err(error) => tracing::error!(%error, "the new TLS certificate is not taken"),
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.read.read().unwrap_or_else(PoisonError::into_inner).0.clone())
    }
}

fn times(files: &TlsFiles) -> Times {
    [&files.cert, &files.key].map(|path| std::fs::metadata(path).and_then(|file| file.modified()).ok())
}

fn read(files: &TlsFiles) -> Result<CertifiedKey, Error> {
    let bad = |path: &Path, key: &str, error: &dyn std::fmt::Display| {
        let message = format!("`tls.{key}`: `{}` cannot be used: {error}", path.display());
        Error::new(ErrorCode::InvalidConfig, message)
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(&files.cert).and_then(Iterator::collect);
    let chain = chain.map_err(|error| bad(&files.cert, "cert", &error))?;
    if chain.is_empty() {
        return Err(bad(&files.cert, "cert", &"there is no certificate in it"));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| bad(&files.key, "key", &error))?;
    CertifiedKey::from_der(chain, key, &crypto::ring::default_provider())
        .map_err(|error| bad(&files.key, "key", &error))
}

/// Takes connections, and gives them when both sides have said hello.
pub(crate) struct TlsListener {
    accepted: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
}

impl TlsListener {
    pub(crate) fn new(listener: TcpListener, address: SocketAddr, files: &TlsFiles) -> Result<Self, Error> {
        let certificate = Arc::new(Certificate::open(files)?);
        let mut config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::new(ErrorCode::Internal, format!("cannot set up TLS: {error}")))?
            .with_no_client_auth()
            .with_cert_resolver(certificate.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let (sender, accepted) = mpsc::channel(HANDSHAKES);
        tokio::spawn(accept(listener, TlsAcceptor::from(Arc::new(config)), certificate, sender));
        Ok(Self { accepted, address })
    }
}

/// Takes connections until nobody wants them any more.
async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    certificate: Arc<Certificate>,
    accepted: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let hellos = Arc::new(Semaphore::new(HANDSHAKES));
    let mut looks = interval(LOOK);
    loop {
        let Ok(turn) = hellos.clone().acquire_owned().await else { return };
        let taken = tokio::select! {
            taken = listener.accept() => taken,
            _ = looks.tick() => {
                certificate.look();
                continue;
            }
            () = accepted.closed() => return,
        };
        let (stream, address) = match taken {
            Ok(taken) => taken,
            Err(error) => {
                // Mostly there are too many open files: others have to end first.
                tracing::warn!(%error, "cannot take a connection");
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
        };
        let (acceptor, accepted) = (acceptor.clone(), accepted.clone());
        tokio::spawn(async move {
            let _turn = turn;
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "cannot switch off Nagle's algorithm for a connection");
            }
            match timeout(HANDSHAKE, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => drop(accepted.send((stream, address)).await),
                Ok(Err(error)) => tracing::debug!(%address, %error, "a client does not speak TLS as this server does"),
                Err(_) => tracing::debug!(%address, "a client did not say hello in time"),
            }
        });
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.accepted.recv().await {
            Some(accepted) => accepted,
            // The task that takes them ends only after this listener.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        Ok(self.address)
    }
}
