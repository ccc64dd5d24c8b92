//! One POST or one mail: a timeout, one retry, and an error that shows no address.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Url, redirect};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::Error;
use super::settings::{Email, SecretUrl, Tls};
use super::story::Story;

/// A run must not wait long for a monitor that is away.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What identifies this program to a monitor.
const USER_AGENT: &str = concat!("lead-sync/", env!("CARGO_PKG_VERSION"));

/// A way to tell people.
#[derive(Debug)]
pub(super) enum Channel {
    Webhook { url: SecretUrl, client: Client },
    Email { transport: AsyncSmtpTransport<Tokio1Executor>, from: Mailbox, to: Vec<Mailbox> },
}

/// A client for notices. It follows no redirect: the body would go where nobody configured.
pub(super) fn client() -> Result<Client, Error> {
    Client::builder()
        .timeout(TIMEOUT)
        .redirect(redirect::Policy::none())
        .user_agent(USER_AGENT)
        .build()
        .map_err(|error| Error(error.without_url().to_string()))
}

impl Channel {
    /// A mail server.
    pub(super) fn email(settings: &Email) -> Result<Self, Error> {
        use lettre::transport::smtp::client::Tls as Protection;
        let tls = match settings.tls {
            Tls::StartTls => Protection::Required(parameters(settings)?),
            Tls::Tls => Protection::Wrapper(parameters(settings)?),
            Tls::None => Protection::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .port(settings.port)
            .tls(tls)
            .timeout(Some(TIMEOUT));
        if let Some((name, password)) = &settings.login {
            builder = builder.credentials(Credentials::new(name.clone(), password.expose_secret().to_owned()));
        }
        Ok(Self::Email { transport: builder.build(), from: settings.from.clone(), to: settings.to.clone() })
    }

    /// The name under which the ledger remembers what was told.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Email { .. } => "email",
        }
    }

    /// Tells a story.
    pub(super) async fn send(&self, story: &Story<'_>) -> Result<(), String> {
        match self {
            Self::Webhook { url, client } => post(client, url.expose(), &story.json()).await.map_err(|no| no.why),
            Self::Email { transport, from, to } => mail(transport, from, to, story).await,
        }
    }
}

/// Whom to trust: the system's authorities, and those of `ca_file`.
fn parameters(settings: &Email) -> Result<TlsParameters, Error> {
    let mut builder = TlsParameters::builder(settings.host.clone());
    if let Some(path) = &settings.ca_file {
        let unusable = |why: String| Error(format!("notify.email.ca_file {}: {why}", path.display()));
        let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
        // What holds none at all would be taken, too.
        let none = || unusable("holds no PEM certificates".to_owned());
        memchr::memmem::find(&pem, b"-----BEGIN CERTIFICATE-----").ok_or_else(none)?;
        builder = builder.add_root_certificate(Certificate::from_pem(&pem).map_err(|_| none())?);
    }
    builder.build_rustls().map_err(|error| Error(format!("TLS for {}: {error}", settings.host)))
}

/// A post that was not taken.
#[derive(Debug)]
pub(super) struct NotTaken {
    /// Why.
    pub(super) why: String,
    /// It was read and is not wanted: to post it later would change nothing.
    pub(super) for_good: bool,
}

/// Posts JSON, or nothing if it is null.
pub(super) async fn post(client: &Client, url: &Url, body: &Value) -> Result<(), NotTaken> {
    twice(|| post_once(client, url, body)).await
}

async fn post_once(client: &Client, url: &Url, body: &Value) -> Result<(), NotTaken> {
    let request = client.post(url.clone());
    let request = match body {
        Value::Null => request,
        body => request.header(CONTENT_TYPE, "application/json").body(body.to_string()),
    };
    // The address is a secret: whoever knows it can write there.
    let not_taken = |error: reqwest::Error, for_good| NotTaken { why: error.without_url().to_string(), for_good };
    let answer = request.send().await.map_err(|error| not_taken(error, false))?;
    // Those that ask for patience (RFC 9110 section 15.5.9, RFC 8470, RFC 6585) are no refusal.
    let for_good = answer.status().is_client_error() && !matches!(answer.status().as_u16(), 408 | 425 | 429);
    answer.error_for_status().map(drop).map_err(|error| not_taken(error, for_good))
}

async fn mail(
    transport: &AsyncSmtpTransport<Tokio1Executor>,
    from: &Mailbox,
    to: &[Mailbox],
    story: &Story<'_>,
) -> Result<(), String> {
    let mut message = Message::builder().from(from.clone()).subject(story.subject()).header(ContentType::TEXT_PLAIN);
    for recipient in to {
        message = message.to(recipient.clone());
    }
    let message = message.body(story.text()).map_err(|error| error.to_string())?;
    twice(|| mail_once(transport, &message)).await
}

async fn mail_once(transport: &AsyncSmtpTransport<Tokio1Executor>, message: &Message) -> Result<(), String> {
    // The transport's own timeout is for each command.
    let sent = tokio::time::timeout(TIMEOUT, transport.send(message.clone())).await;
    sent.map_err(|_| format!("no answer within {} s", TIMEOUT.as_secs()))?.map(drop).map_err(|error| error.to_string())
}

/// Tries once more if the first try fails. A notice that arrives twice does no harm.
async fn twice<E, F: Future<Output = Result<(), E>>>(attempt: impl Fn() -> F) -> Result<(), E> {
    match attempt().await {
        Ok(()) => Ok(()),
        Err(_) => attempt().await,
    }
}
