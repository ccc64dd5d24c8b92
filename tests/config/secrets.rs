//! Where secrets come from, and that they stay hidden.

use std::fs;

use lead_sync::auth;
use lead_sync::config::Env;
use secrecy::ExposeSecret;

use super::{ESSENTIALS, File, none};

/// The example with another token: what `check` shows of it, and the token or the problem that a run meets.
fn token(secret: &str, env: &Env) -> (String, String) {
    let file = File::new(&ESSENTIALS.replace("{ env = \"WEGROUP_API_TOKEN\" }", secret));
    fs::write(file.dir.path().join("good"), "t0ken\r\n").unwrap();
    fs::write(file.dir.path().join("windows"), "\u{feff}t0ken\r\n\r\n\n").unwrap();
    fs::write(file.dir.path().join("blank"), "\u{feff}\n\n").unwrap();
    fs::write(file.dir.path().join("empty"), "\n").unwrap();
    let loaded = file.load(env).unwrap();
    let dir = format!("{}/", file.dir.path().display());
    let shown = loaded.unresolved.connections[0].auth.secrets()[0].1.to_string();
    assert!(!format!("{loaded:?} {shown}").contains("t0ken"), "a secret is shown");
    let resolved = match loaded.settings(env) {
        Err(problems) => problems.to_string().replace(&dir, ""),
        Ok(settings) => {
            assert!(!format!("{settings:?}").contains("t0ken"), "a secret is shown");
            match &settings.connections[0].auth {
                auth::Settings::ApiKey { token, .. } => token.expose_secret().to_owned(),
                other => panic!("no API key: {other:?}"),
            }
        }
    };
    (shown.replace(&dir, ""), resolved)
}

#[test]
fn a_file_that_others_can_read_is_warned_of_only_if_it_holds_a_secret() {
    let plain = ESSENTIALS.replace("{ env = \"WEGROUP_API_TOKEN\" }", "\"s3cret\"");
    let warnings = |text: &str, mode: u32| {
        let file = File::new(text);
        file.chmod(mode);
        file.load(&none()).unwrap().warnings
    };
    assert_eq!(warnings(&plain, 0o600), [""; 0]);
    assert_eq!(warnings(ESSENTIALS, 0o644), [""; 0]);
    assert_eq!(
        warnings(&plain, 0o640),
        [
            "connections.wegroup.auth.token: a secret stands here as plain text and others can read the file (mode 0640); \
          use { env = … }, { file = … } or { credential = … }, or chmod 600"
        ]
    );
}

#[test]
fn a_secret_comes_from_where_the_configuration_says() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("wegroup"), "t0ken").unwrap();
    let env = Env::from([("TOKEN", "t0ken"), ("CREDENTIALS_DIRECTORY", folder.path().to_str().unwrap())]);
    for (secret, shown) in [
        ("{ env = \"TOKEN\" }", "environment variable TOKEN"),
        ("{ file = \"good\" }", "file good"),
        ("{ file = \"windows\" }", "file windows"),
        ("{ credential = \"wegroup\" }", "systemd credential wegroup"),
        ("\"t0ken\"", "configuration file, as plain text"),
    ] {
        assert_eq!(token(secret, &env), (shown.to_owned(), "t0ken".to_owned()));
    }
}

#[test]
fn a_credential_that_systemd_was_not_given_says_where_it_belongs() {
    let folder = tempfile::tempdir().unwrap();
    let shown = folder.path().display();
    let problem =
        token("{ credential = \"wegroup\" }", &Env::from([("CREDENTIALS_DIRECTORY", folder.path().to_str().unwrap())]))
            .1;
    assert_eq!(
        problem,
        format!(
            "lead-sync.toml: connections.wegroup.auth.token: {shown}/wegroup is not there; \
             put the secret there, or with systemd into /etc/credstore/wegroup (LoadCredential=wegroup)"
        )
    );
}

#[test]
fn a_secret_that_is_missing_is_a_problem_of_its_key_once_it_is_needed() {
    for (secret, problem) in [
        ("{ env = \"TOKEN\" }", "the environment variable TOKEN is not set; set it to the secret"),
        ("{ file = \"gone\" }", "gone cannot be read: No such file or directory (os error 2); put the secret there"),
        ("{ file = \"empty\" }", "empty is empty; put the secret there"),
        ("{ file = \"blank\" }", "blank is empty; put the secret there"),
        (
            "{ credential = \"wegroup\" }",
            "$CREDENTIALS_DIRECTORY is not set; start lead-sync from a systemd unit with LoadCredential=wegroup:PATH",
        ),
    ] {
        let expected = format!("lead-sync.toml: connections.wegroup.auth.token: {problem}");
        assert_eq!(token(secret, &Env::from([("TOKEN", "")])).1, expected);
    }
}
