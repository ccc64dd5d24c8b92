//! Logins and token endpoints.

use lead_sync::auth::{BodyFormat, ClientAuth, Grant, OAuth, Server, Settings};
use lead_sync::config::Env;
use secrecy::ExposeSecret;

use super::{File, none};

/// The credential of a configuration's only connection, every variable and credential being set.
fn oauth(text: &str) -> OAuth {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("wegroup-client-secret"), "s3cret").unwrap();
    let env = Env::from([
        ("CREDENTIALS_DIRECTORY", folder.path().to_str().unwrap()),
        ("WESEEDO_CLIENT_SECRET", "s3cret"),
        ("WE360_PASSWORD", "s3cret"),
        ("CREDIT_CLIENT_SECRET", "s3cret"),
    ]);
    let loaded = File::new(text).load(&env).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(loaded.warnings, [""; 0]);
    let settings = loaded.settings(&env).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(!format!("{loaded:?} {settings:?}").contains("s3cret"), "a secret is shown");
    match &settings.connections[0].auth {
        Settings::OAuth(oauth) => oauth.as_ref().clone(),
        other => panic!("no session: {other:?}"),
    }
}

#[test]
fn the_example_of_a_login_at_wegroup_loads() {
    let example = include_str!("../../config/examples/wegroup-sso.toml");
    let sso = oauth(example);
    assert_eq!(sso.server, Server::Issuer("https://sso.staging.wegroup.be".into()));
    assert_eq!(sso.scopes, ["openid", "offline", "leads:write"]);
    assert_eq!(sso.client_auth, ClientAuth::Basic);
    assert!(matches!(sso.grant, Grant::AuthorizationCode { .. }));
    let production = oauth(&example.replace("\"staging\"", "\"production\""));
    assert_eq!(production.server, Server::Issuer("https://sso.wegroup.be".into()));
    let local =
        oauth(&example.replace("kind = \"wegroup\"", "kind = \"wegroup\"\nsso_url = \"http://127.0.0.1:4000\""));
    assert_eq!(local.server, Server::Issuer("http://127.0.0.1:4000".into()));
    let named = oauth(&example.replace("#issuer", "issuer"));
    assert_eq!(named.server, Server::Issuer("https://sso.staging.wegroup.be/".into()));
}

#[test]
fn the_examples_of_the_other_services_have_the_shape_that_each_documents() {
    let weseedo = oauth(include_str!("../../config/examples/weseedo.toml"));
    assert_eq!((weseedo.request, weseedo.client_auth), (BodyFormat::Json, ClientAuth::Body));
    assert!(matches!(weseedo.grant, Grant::ClientCredentials));
    let we360 = oauth(include_str!("../../config/examples/we360.toml"));
    assert_eq!((we360.request, we360.client_auth), (BodyFormat::Form, ClientAuth::Body));
    assert!(matches!(we360.grant, Grant::Password { .. }) && we360.client_secret.is_none());
    assert_eq!(we360.lifetime, Some(std::time::Duration::from_hours(10)));
    let credit = include_str!("../../config/examples/credit.toml");
    let as_written = oauth(credit);
    let credit = oauth(&credit.replace("\ngrant = \"client_credentials\"", ""));
    assert_eq!(format!("{as_written:?}"), format!("{credit:?}"), "the grant that is shown is the default");
    assert!(matches!(credit.grant, Grant::ClientCredentials));
    assert_eq!((credit.request, credit.client_auth), (BodyFormat::Form, ClientAuth::Basic));
    assert_eq!(credit.scopes, ["person", "company"]);
    let plain = include_str!("../../config/examples/credit.toml").replace("\"basic\"", "\"basic_plain\"");
    assert_eq!(oauth(&plain).client_auth, ClientAuth::BasicPlain);
}

#[test]
fn every_secret_that_is_missing_is_named_at_once() {
    let text = include_str!("../../config/examples/weseedo.toml").replace("#grant", "grant");
    let text = text.replace("#username", "username").replace("#password", "password");
    let problems = File::new(&text).load(&none()).unwrap().settings(&none()).unwrap_err().to_string();
    for key in ["connections.weseedo.auth.client_secret", "connections.weseedo.auth.password"] {
        assert!(problems.contains(key), "{problems}");
    }
}

#[test]
fn the_name_of_a_user_comes_from_wherever_a_secret_can_and_in_plain_text_without_a_warning() {
    let example = include_str!("../../config/examples/we360.toml");
    let env = Env::from([("NAME", "jan@example.com"), ("WE360_PASSWORD", "s3cret")]);
    for name in ["\"jan@example.com\"", "{ env = \"NAME\" }", "{ file = \"name\" }"] {
        let file = File::new(&example.replace("\"you@example.com\"", name));
        file.chmod(0o644);
        std::fs::write(file.dir.path().join("name"), "jan@example.com\n").unwrap();
        let loaded = file.load(&env).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(loaded.warnings, [""; 0]);
        let settings = loaded.settings(&env).unwrap_or_else(|problems| panic!("{problems}"));
        assert!(!format!("{loaded:?} {settings:?}").contains("jan@"), "a name is shown");
        let Settings::OAuth(oauth) = &settings.connections[0].auth else { panic!("no session") };
        let Grant::Password { username, .. } = &oauth.grant else { panic!("another grant") };
        assert_eq!(username.expose_secret(), "jan@example.com");
    }
    let problems = File::new(&example.replace("\"you@example.com\"", "{ env = \"NAME\" }")).load(&none()).unwrap();
    let problems = problems.settings(&none()).unwrap_err().to_string();
    assert!(
        problems.contains("connections.we360.auth.username: the environment variable NAME is not set"),
        "{problems}"
    );
}
