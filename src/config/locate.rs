//! Which configuration file is in force.

use std::path::{Path, PathBuf};

use super::Env;

/// Names the configuration file where `--config` is not given.
const VARIABLE: &str = "LEAD_SYNC_CONFIG";

/// Where the file is looked for when neither names one: the working directory first, then the system's.
const PLACES: [&str; 2] = [USUAL, "/etc/lead-sync/lead-sync.toml"];

/// The place in the working directory.
const USUAL: &str = "config/lead-sync.toml";

/// There is no configuration file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither named nor in one of the usual places.
    #[error(
        "no configuration file: looked for {}; name one with --config FILE or ${VARIABLE}, or write one with lead-sync init",
        .looked.join(" and ")
    )]
    NotFound {
        /// The places that were looked at, in order.
        looked: Vec<String>,
    },
}

/// The configuration file: `cli` (`--config`), else `$LEAD_SYNC_CONFIG`, else `config/lead-sync.toml`, else
/// `/etc/lead-sync/lead-sync.toml`. A file that is named is not looked for here: [`super::load`] says what is wrong with it.
pub fn locate(cli: Option<&Path>, env: &Env) -> Result<PathBuf, Error> {
    locate_among(cli, env, &PLACES)
}

/// Where a new configuration is written, so that [`locate`] finds it: `cli`, else `$LEAD_SYNC_CONFIG`, else
/// `config/lead-sync.toml`.
pub fn place_for_new(cli: Option<&Path>, env: &Env) -> PathBuf {
    cli.map(PathBuf::from).or_else(|| env.path(VARIABLE)).unwrap_or_else(|| PathBuf::from(USUAL))
}

/// What has to follow the program's name so that it reads the configuration at `path`: nothing where it looks by itself.
pub fn option_for(path: &Path, env: &Env) -> String {
    if locate(None, env).is_ok_and(|usual| usual == path) {
        return String::new();
    }
    // Absolute: a person reads the text in a log, and is somewhere else.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    format!(" --config {}", super::pasted(&path))
}

fn locate_among(cli: Option<&Path>, env: &Env, places: &[&str]) -> Result<PathBuf, Error> {
    if let Some(path) = cli.map(PathBuf::from).or_else(|| env.path(VARIABLE)) {
        return Ok(path);
    }
    places
        .iter()
        .map(PathBuf::from)
        // A place that cannot be looked at (no permission) counts as found, so that reading it says why.
        .find(|path| path.try_exists().unwrap_or(true))
        .ok_or_else(|| Error::NotFound { looked: places.iter().map(ToString::to_string).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn located(cli: Option<&str>, env: &Env, places: &[&str]) -> String {
        match locate_among(cli.map(Path::new), env, places) {
            Ok(path) => path.display().to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_option_comes_before_the_variable_and_both_before_the_usual_places() {
        let here = [env!("CARGO_MANIFEST_DIR")];
        let env = Env::from([("LEAD_SYNC_CONFIG", "from-env.toml")]);
        assert_eq!(located(Some("cli.toml"), &env, &here), "cli.toml");
        assert_eq!(located(None, &env, &here), "from-env.toml");
        assert_eq!(located(None, &Env::default(), &here), here[0]);
    }

    #[test]
    fn the_first_place_that_exists_is_taken() {
        let places = ["no/such/file.toml", env!("CARGO_MANIFEST_DIR")];
        assert_eq!(located(None, &Env::default(), &places), places[1]);
    }

    #[test]
    fn without_a_file_the_error_lists_the_places_and_the_cure() {
        assert_eq!(
            located(None, &Env::default(), &["no/a.toml", "no/b.toml"]),
            "no configuration file: looked for no/a.toml and no/b.toml; name one with --config FILE or $LEAD_SYNC_CONFIG, \
             or write one with lead-sync init"
        );
    }
}
