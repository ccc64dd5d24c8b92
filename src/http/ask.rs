//! The other end of `/healthz`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// A container's runtime gives up after 30 s; a healthy daemon answers at once.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks the daemon that listens on `listen` whether it is alive; why not.
pub async fn ask(listen: SocketAddr) -> Result<(), String> {
    let url = format!("http://{}/healthz", reachable(listen));
    let failed = |error: reqwest::Error| format!("{url}: {error}");
    let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build().map_err(failed)?;
    client.get(&url).send().await.and_then(reqwest::Response::error_for_status).map(drop).map_err(failed)
}

/// A server on all addresses is asked on this machine's own.
fn reachable(mut listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    listen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_all_addresses_is_asked_on_this_machines_own() {
        for (listen, asked) in [
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:1", "[::1]:1"),
            ("127.0.0.2:1", "127.0.0.2:1"),
            ("192.0.2.1:1", "192.0.2.1:1"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), asked);
        }
    }
}
