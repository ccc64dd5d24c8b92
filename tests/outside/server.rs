//! `/healthz`, `/readyz` and `/metrics`. What is measured is the whole process's, so one test asks for all of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lead_sync::http::{Desk, Pulse, Settings, Watch, routes, serve};
use lead_sync::page::Outlook;
use lead_sync::{clock, metrics};
use reqwest::{Client, Response};
use tokio::net::TcpListener;

use super::metrics::samples;
use super::site::{Site, assert_nothing_planted};

async fn start(site: &Site, watch: &Arc<Watch>, token: Option<&str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listen = listener.local_addr().unwrap();
    let desk = Desk::new(&site.ledger(), Outlook::default);
    let settings = Settings { listen, token: token.map(Into::into) };
    tokio::spawn(serve(listener, routes(Arc::clone(watch), desk, &settings)));
    format!("http://{listen}")
}

async fn get(url: &str) -> Response {
    Client::new().get(url).send().await.unwrap()
}

#[tokio::test]
async fn the_server_shows_a_daemon_from_its_start_to_its_stop() {
    let site = Site::new("").await;
    let pulse = Arc::new(Pulse::default());
    let watch = Arc::new(Watch::new(Arc::clone(&pulse), &site.ledger(), metrics::install().unwrap()));
    let open = start(&site, &watch, None).await;
    let status = async |path: &str| get(&format!("{open}{path}")).await.status().as_u16();

    assert_eq!((status("/healthz").await, status("/readyz").await), (503, 503), "nothing has begun");
    pulse.turn(clock::instant());
    pulse.set_syncs([String::from("customers")].into(), BTreeMap::new());
    pulse.set_ready(true);
    assert_eq!((status("/healthz").await, status("/readyz").await), (200, 503), "there is no ledger");
    site.export(&[["PLANTED-KEY-1", "Plantedfirst", "planted@example.com"]]);
    assert_eq!(site.run(&["--run-now"]).await.code, 0);
    assert_eq!(status("/readyz").await, 200);

    let answer = get(&format!("{open}/metrics")).await;
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.text().await.unwrap();
    assert_nothing_planted(&text);
    let delivered = r#"lead_sync_leads{sync="customers",state="delivered"}"#;
    assert_eq!(samples(&text).get(delivered), Some(&1.0));
    site.export(&[["1", "Jan", "jan@example.com"], ["2", "Piet", "piet@example.com"]]);
    assert_eq!(site.run(&["--run-now"]).await.code, 0);
    let text = get(&format!("{open}/metrics")).await.text().await.unwrap();
    assert_eq!(samples(&text).get(delivered), Some(&3.0), "the ledger has changed since the last look");

    let guarded = start(&site, &watch, Some("s3cret")).await;
    let ask = async |token: &str| {
        let answer = Client::new().get(format!("{guarded}/metrics")).bearer_auth(token).send().await.unwrap();
        answer.status().as_u16()
    };
    assert_eq!(get(&format!("{guarded}/metrics")).await.status().as_u16(), 401);
    assert_eq!((ask("s3cre").await, ask("s3cret2").await, ask("s3cret").await), (401, 401, 200));
    assert_eq!(get(&format!("{guarded}/healthz")).await.status().as_u16(), 200);

    pulse.set_ready(false);
    assert_eq!((status("/healthz").await, status("/readyz").await), (200, 503), "it is to stop");
    pulse.turn(clock::instant().checked_sub(Duration::from_secs(61)).unwrap());
    assert_eq!(status("/healthz").await, 503, "the scheduler hangs");
}
