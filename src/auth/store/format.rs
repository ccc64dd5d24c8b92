//! The content of a token file.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::auth::Error;
use crate::auth::seal::{Key, Sealed};
use crate::auth::session::Session;

/// Grows when an older program could misread the file.
const VERSION: u32 = 1;

/// What every version of the file says about itself.
#[derive(Deserialize)]
struct Header {
    lead_sync_session: u32,
}

/// The file: one of the two is there.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File<S> {
    lead_sync_session: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed: Option<Sealed>,
}

/// Why a file cannot be read.
pub(super) enum Problem {
    Damaged,
    Version(u32),
    KeyMissing,
    WrongKey,
}

impl Problem {
    /// `another`: how another session begins once the file is moved away.
    pub(super) fn at(self, path: &Path, another: &str) -> Error {
        let away = format!("move it away and {another}");
        let what = match self {
            Self::Damaged => format!("is damaged: restore it, or {away}"),
            Self::Version(version) => format!(
                "is of version {version}, this program reads {VERSION}: use the program that wrote it, or {away}"
            ),
            Self::KeyMissing => {
                "is encrypted and no key is configured: configure the key it was written with".to_owned()
            }
            Self::WrongKey => format!(
                "is damaged or was encrypted with another key: configure the key it was written with, or {away}"
            ),
        };
        Error::Store(format!("{} {what}. It was left as it is", path.display()))
    }
}

/// The file's bytes, encrypted if there is a key.
pub(super) fn encode(session: &Session, key: Option<&Key>) -> Result<Vec<u8>, Error> {
    let unexpected = || Error::Store("the session could not be encoded".into());
    let file = match key {
        None => File { lead_sync_session: VERSION, session: Some(session), sealed: None },
        Some(key) => {
            let plain = serde_json::to_vec(session).map_err(|_| unexpected())?;
            File { lead_sync_session: VERSION, session: None, sealed: Some(key.seal(&plain).ok_or_else(unexpected)?) }
        }
    };
    let mut bytes = serde_json::to_vec(&file).map_err(|_| unexpected())?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The session of a file. A plain file is read even if a key is configured; the next write encrypts it.
pub(super) fn decode(bytes: &[u8], key: Option<&Key>) -> Result<Session, Problem> {
    // The line end comes last: a file without it was cut short, even if what is left happens to parse.
    if bytes.last() != Some(&b'\n') {
        return Err(Problem::Damaged);
    }
    let header: Header = serde_json::from_slice(bytes).map_err(|_| Problem::Damaged)?;
    if header.lead_sync_session != VERSION {
        return Err(Problem::Version(header.lead_sync_session));
    }
    let file: File<Session> = serde_json::from_slice(bytes).map_err(|_| Problem::Damaged)?;
    match (file.session, file.sealed) {
        (Some(session), None) => Ok(session),
        (None, Some(sealed)) => {
            let key = key.ok_or(Problem::KeyMissing)?;
            let plain = key.open(&sealed).ok_or(Problem::WrongKey)?;
            serde_json::from_slice(&plain).map_err(|_| Problem::Damaged)
        }
        _ => Err(Problem::Damaged),
    }
}
