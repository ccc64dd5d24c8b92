//! Servers that are not who they say they are get no byte of a lead.

use std::sync::Arc;

use lead_sync::domain::outcome::Outcome;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::peer::Peer;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server with a certificate for `name` by `issuer`.
fn server(issuer: &Authority, name: &str, protocol: &[u8], change: impl FnOnce(&mut CertificateParams)) -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    change(&mut params);
    let certificate = params.signed_by(&key, issuer).unwrap();
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    config.alpn_protocols = vec![protocol.to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// One post; gives what it means and how often it arrived.
async fn post(tls: Option<TlsAcceptor>, trusted: &Authority) -> (Outcome, u32, String) {
    let peer = Peer::start(tls).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), trusted.pem()).unwrap();
    let client = peer.client(|settings| {
        settings.api_url = format!("https://127.0.0.1:{}", peer.port).parse().unwrap();
        settings.ca_file = Some(file.path().to_owned());
    });
    let (outcome, reply) = client.post("tls").await;
    (outcome, peer.heard("tls"), format!("{reply:?}"))
}

#[tokio::test]
async fn a_server_with_a_good_certificate_gets_the_lead() {
    let authority = authority();
    let (outcome, heard, reply) = post(Some(server(&authority, "127.0.0.1", b"http/1.1", |_| {})), &authority).await;
    assert_eq!((outcome, heard), (Outcome::Accepted, 1), "{reply}");
}

#[tokio::test]
async fn a_server_that_proves_nothing_gets_no_byte_of_it() {
    let (ours, other) = (authority(), authority());
    let expired = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    };
    let too_early = |params: &mut CertificateParams| params.not_before = date_time_ymd(2999, 1, 1);
    for (name, tls) in [
        ("a wrong name", Some(server(&ours, "other.example.com", b"http/1.1", |_| {}))),
        ("an expired certificate", Some(server(&ours, "127.0.0.1", b"http/1.1", expired))),
        ("a certificate of the future", Some(server(&ours, "127.0.0.1", b"http/1.1", too_early))),
        ("another authority", Some(server(&other, "127.0.0.1", b"http/1.1", |_| {}))),
        // The client speaks HTTP/1.1 only: over TLS it says so (ALPN), and a server that wants HTTP/2 hangs up.
        ("HTTP/2 only", Some(server(&ours, "127.0.0.1", b"h2", |_| {}))),
        ("no TLS at all", None),
    ] {
        let (outcome, heard, reply) = post(tls, &ours).await;
        assert_eq!((outcome, heard), (Outcome::NotSent, 0), "{name}: {reply}");
    }
}
