//! `[http]`: the daemon's server for monitoring.

use std::net::SocketAddr;

use super::entry::{Decoded, Entry};
use super::reader::Table;
use super::secret::{self, Secret};
use super::{Env, Problems};
use crate::http::Settings;

/// Where the daemon listens, its secret not yet looked up.
#[derive(Debug, Clone)]
pub struct Http {
    /// The address.
    pub listen: SocketAddr,
    /// What `/metrics` asks for.
    pub token: Option<Secret>,
}

impl Http {
    pub(super) fn resolve(&self, env: &Env, problems: &mut Problems) -> Option<Settings> {
        let look_up = |secret: &Secret| secret.resolve(env).map_err(|what| problems.add("http.token", what));
        match self.token.as_ref().map(look_up) {
            Some(Err(())) => None,
            Some(Ok(token)) => Some(Settings { listen: self.listen, token: Some(token) }),
            None => Some(Settings { listen: self.listen, token: None }),
        }
    }
}

/// Reads the table; `None` if there is no server, or a problem with it.
pub(super) fn read(mut table: Table<'_>) -> Option<Http> {
    let listen = table.optional("listen", address);
    let token = secret::optional(&mut table, "token");
    if table.has("token") && !table.has("listen") {
        table.problem("listen", "missing; write e.g. \"127.0.0.1:9632\", or remove token");
    }
    // A token that is wrong itself has its own problem.
    if listen.is_some_and(|address| !address.ip().is_loopback()) && !table.has("token") {
        table.problem("listen", "others could read it there; add token, or listen on 127.0.0.1");
    }
    table.finish();
    Some(Http { listen: listen?, token })
}

fn address(entry: Entry<'_>) -> Decoded<SocketAddr> {
    let text = entry.filled()?;
    text.parse().map_err(|_| format!("'{text}' is no address with a port; write e.g. 127.0.0.1:9632 or [::1]:9632"))
}
