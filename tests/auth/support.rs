//! The sandbox's identity provider on loopback, and a script in place of a browser.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lead_sync::auth::{
    self, Authorization, BodyFormat, Callback, ClientAuth, Context, Dialogue, Distribution, Error, Grant, LoggedIn,
    OAuth, Server, TokenSource,
};
use lead_sync::sandbox::identity::{BearerState, Provider, Settings};
use reqwest::{Client, Url};
use tokio::net::TcpListener;

/// A running provider and a folder for token files.
pub(crate) struct Sandbox {
    pub(crate) provider: Provider,
    pub(crate) settings: Settings,
    pub(crate) folder: tempfile::TempDir,
}

impl Sandbox {
    /// Starts one after the settings were changed.
    pub(crate) async fn start(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_behind(change, |provider| provider).await
    }

    /// As [`Self::start`], with something before the provider.
    pub(crate) async fn start_behind(
        change: impl FnOnce(&mut Settings),
        before: impl FnOnce(axum::Router) -> axum::Router,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let mut settings = Settings::new(issuer);
        change(&mut settings);
        let provider = Provider::new(settings.clone()).unwrap();
        let router = before(provider.router());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { provider, settings, folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn context(&self) -> Context {
        Context {
            connection: "wegroup".into(),
            login_command: "lead-sync login wegroup".into(),
            api_url: Url::parse(&self.settings.issuer).unwrap(),
            distribution: Distribution::Unused,
            tokens: self.folder.path().to_owned(),
            encryption_key: None,
            proxy: None,
            ca_file: None,
            patience: Duration::from_mins(2),
        }
    }

    pub(crate) fn token_file(&self) -> std::path::PathBuf {
        self.folder.path().join("wegroup.json")
    }

    fn oauth(&self, server: Server, grant: Grant) -> OAuth {
        OAuth {
            server,
            grant,
            client_id: self.settings.client_id.clone(),
            client_secret: Some(self.settings.client_secret.clone().into()),
            client_auth: ClientAuth::Basic,
            request: BodyFormat::Form,
            scopes: Vec::new(),
            lifetime: None,
        }
    }

    fn url(&self, path: &str) -> Server {
        Server::TokenUrl(Url::parse(&format!("{}{path}", self.settings.issuer)).unwrap())
    }

    pub(crate) fn sso(&self) -> OAuth {
        let grant = Grant::AuthorizationCode { redirect_url: Url::parse("http://127.0.0.1:0/callback").unwrap() };
        OAuth {
            scopes: ["openid", "offline", "leads:write"].map(str::to_owned).into(),
            ..self.oauth(Server::Issuer(self.settings.issuer.clone()), grant)
        }
    }

    pub(crate) fn weseedo(&self) -> OAuth {
        OAuth {
            client_auth: ClientAuth::Body,
            request: BodyFormat::Json,
            ..self.oauth(self.url("/weseedo/token"), Grant::ClientCredentials)
        }
    }

    pub(crate) fn we360(&self) -> OAuth {
        let grant = Grant::Password {
            username: self.settings.username.clone().into(),
            password: self.settings.password.clone().into(),
        };
        OAuth { client_secret: None, client_auth: ClientAuth::Body, ..self.oauth(self.url("/we360/token"), grant) }
    }

    pub(crate) fn credit(&self) -> OAuth {
        OAuth {
            scopes: vec!["person".into(), "company".into()],
            ..self.oauth(self.url("/credit/token"), Grant::ClientCredentials)
        }
    }

    /// Logs in with a script in place of a browser; `consent` is the form that it posts.
    pub(crate) async fn login(&self, settings: &OAuth, consent: Consent) -> Result<LoggedIn, Error> {
        self.login_with(settings, &self.context(), consent).await.0
    }

    /// As [`Self::login`]; also what the person saw in the browser at the end.
    pub(crate) async fn login_with(
        &self,
        settings: &OAuth,
        context: &Context,
        consent: Consent,
    ) -> (Result<LoggedIn, Error>, String) {
        let (sender, opened) = tokio::sync::oneshot::channel();
        let sender = Mutex::new(Some(sender));
        let open = |url: &Url| {
            let sender = sender.lock().unwrap().take().unwrap();
            sender.send(url.clone()).unwrap();
        };
        let dialogue = Dialogue {
            show: &|_| {},
            callback: Callback::Loopback { open: &open },
            time_limit: Duration::from_secs(20),
        };
        let browser = async {
            match opened.await {
                Ok(url) => {
                    let back = drive(&url, consent).await;
                    let page = Client::new().get(back).send().await.unwrap();
                    page.text().await.unwrap()
                }
                Err(_) => String::new(),
            }
        };
        let login = async {
            let ended = auth::login(settings, context, dialogue).await;
            // A login that fails before the browser opens leaves nothing to wait for.
            sender.lock().unwrap().take();
            ended
        };
        tokio::join!(login, browser)
    }
}

/// What the person does on the consent page.
#[derive(Clone, Copy)]
pub(crate) enum Consent {
    Allow,
    AllowOnly(&'static [&'static str]),
    Deny,
}

/// Goes through login and consent as a browser would; the address that it is sent back to in the end.
pub(crate) async fn drive(authorize: &Url, consent: Consent) -> Url {
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    let location = |at: &Url, response: &reqwest::Response| {
        let target = response.headers()["location"].to_str().unwrap();
        at.join(target).unwrap()
    };
    let query = |url: &Url, name: &str| {
        let mut pairs = url.query_pairs();
        pairs.find(|(key, _)| key == name).unwrap().1.into_owned()
    };
    let login = location(authorize, &client.get(authorize.clone()).send().await.unwrap());
    if login.path() != "/login" {
        return login;
    }
    let challenge = query(&login, "login_challenge");
    let form = form_urlencoded::Serializer::new(String::new()).append_pair("login_challenge", &challenge).finish();
    let back = client.post(login.clone()).body(form).send().await.unwrap();
    let back = location(&login, &back);
    let page = location(&back, &client.get(back.clone()).send().await.unwrap());
    assert!(client.get(page.clone()).send().await.unwrap().status().is_success());
    let asked = query(authorize, "scope");
    let scopes: Vec<&str> = match consent {
        Consent::Allow => asked.split(' ').collect(),
        Consent::AllowOnly(scopes) => scopes.to_vec(),
        Consent::Deny => Vec::new(),
    };
    let decision = if matches!(consent, Consent::Deny) { "deny" } else { "allow" };
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("consent_challenge", &query(&page, "consent_challenge"))
        .append_pair("decision", decision)
        .extend_pairs(scopes.iter().map(|scope| ("grant_scope", *scope)))
        .finish();
    let back = client.post(page.clone()).body(form).send().await.unwrap();
    let back = location(&page, &back);
    location(&back, &client.get(back.clone()).send().await.unwrap())
}

pub(crate) fn connect(settings: &OAuth, context: &Context) -> Arc<dyn TokenSource> {
    auth::connect(&auth::Settings::OAuth(Box::new(settings.clone())), context).unwrap()
}

pub(crate) fn is_accepted(sandbox: &Sandbox, authorization: &Authorization) -> bool {
    let header = authorization.header.as_ref().unwrap().1.to_str().unwrap();
    let (_, token) = header.split_once(' ').unwrap();
    matches!(sandbox.provider.check_bearer(token), BearerState::Valid { .. })
}

pub(crate) fn stored(sandbox: &Sandbox) -> serde_json::Value {
    let text = std::fs::read_to_string(sandbox.token_file()).unwrap();
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    file["session"].clone()
}

pub(crate) fn store(sandbox: &Sandbox, session: &serde_json::Value) {
    let file = serde_json::json!({"lead_sync_session": 1, "session": session});
    std::fs::write(sandbox.token_file(), format!("{file}\n")).unwrap();
}

/// Writes the stored session back with its access token at its end.
pub(crate) fn expire(sandbox: &Sandbox) {
    let mut session = stored(sandbox);
    session["expires_at"] = session["obtained_at"].clone();
    store(sandbox, &session);
}

pub(crate) async fn logged_in(change: impl FnOnce(&mut Settings)) -> Sandbox {
    let sandbox = Sandbox::start(change).await;
    sandbox.login(&sandbox.sso(), Consent::Allow).await.unwrap();
    sandbox
}

pub(crate) fn needs_person(error: &Error) -> &str {
    let Error::NeedsPerson(text) = error else {
        panic!("{error:?}");
    };
    text
}
