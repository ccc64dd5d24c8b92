//! A mail server on loopback that keeps what it receives.

use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// How the server lets a client protect the connection.
#[derive(Clone)]
enum Protection {
    Nothing,
    StartTls(TlsAcceptor),
    Tls(TlsAcceptor),
}

/// Receives mails.
#[derive(Clone)]
pub(crate) struct Mailbox {
    pub(crate) port: u16,
    protection: Protection,
    mails: Arc<Mutex<Vec<String>>>,
}

impl Mailbox {
    /// In the clear.
    pub(crate) async fn start() -> Self {
        Self::with(Protection::Nothing).await
    }

    /// As `tls` of `[notify.email]` says, with a certificate for `localhost`; gives its authority, as PEM.
    pub(crate) async fn protected(tls: &str) -> (Self, String) {
        let (acceptor, authority) = authority();
        let protection = if tls == "tls" { Protection::Tls(acceptor) } else { Protection::StartTls(acceptor) };
        (Self::with(protection).await, authority)
    }

    async fn with(protection: Protection) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mailbox = Self { port: listener.local_addr().unwrap().port(), protection, mails: Arc::default() };
        let server = mailbox.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(server.clone().greet(stream));
            }
        });
        mailbox
    }

    /// The mails received since the last call, envelopes first.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.mails.lock().unwrap())
    }

    async fn greet(self, mut stream: TcpStream) {
        match &self.protection {
            Protection::Tls(acceptor) => {
                // A client that does not trust the certificate leaves.
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                stream.write_all(b"220 sink\r\n").await.unwrap();
                self.serve(stream).await;
            }
            Protection::StartTls(acceptor) => {
                stream.write_all(b"220 sink\r\n").await.unwrap();
                let mut lines = BufReader::new(&mut stream);
                let mut line = String::new();
                while !line.starts_with("STARTTLS") {
                    line.clear();
                    if lines.read_line(&mut line).await.unwrap_or(0) == 0 {
                        return;
                    }
                    let answer: &[u8] =
                        if line.starts_with("EHLO") { b"250-sink\r\n250 STARTTLS\r\n" } else { b"220 go on\r\n" };
                    lines.write_all(answer).await.unwrap();
                }
                if let Ok(stream) = acceptor.accept(stream).await {
                    self.serve(stream).await;
                }
            }
            Protection::Nothing => {
                stream.write_all(b"220 sink\r\n").await.unwrap();
                self.serve(stream).await;
            }
        }
    }

    /// As much of SMTP (RFC 5321) as a mail needs.
    async fn serve(self, stream: impl AsyncRead + AsyncWrite) {
        let (read, mut write) = tokio::io::split(Box::pin(stream));
        let mut lines = BufReader::new(read).lines();
        let mut mail = String::new();
        while let Ok(Some(line)) = lines.next_line().await {
            let answer: &[u8] = match line.split([' ', ':']).next().unwrap() {
                "EHLO" => b"250-sink\r\n250 AUTH PLAIN\r\n",
                "AUTH" => b"235 ok\r\n",
                "DATA" => {
                    write.write_all(b"354 go on\r\n").await.unwrap();
                    while let Ok(Some(line)) = lines.next_line().await
                        && line != "."
                    {
                        mail += &(line + "\n");
                    }
                    self.mails.lock().unwrap().push(std::mem::take(&mut mail));
                    b"250 ok\r\n"
                }
                _ => b"250 ok\r\n",
            };
            if line.starts_with("MAIL") || line.starts_with("RCPT") || line.starts_with("AUTH") {
                mail += &(line + "\n");
            }
            if write.write_all(answer).await.is_err() {
                return;
            }
        }
    }
}

/// A server's side of TLS, and the authority that vouches for it: nobody else's.
fn authority() -> (TlsAcceptor, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap().der().clone();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    (TlsAcceptor::from(Arc::new(config)), authority)
}
