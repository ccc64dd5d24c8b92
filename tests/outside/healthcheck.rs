//! `healthcheck`, with a daemon's server and without.

use super::receivers::Receiver;
use super::site::Site;

const ROW: [&str; 3] = ["1", "Jan", "jan@example.com"];

#[tokio::test]
async fn without_a_server_the_last_run_decides() {
    let site = Site::new("").await;
    assert_eq!(site.run(&["healthcheck"]).await.code, 2, "there is no ledger");
    site.export(&[ROW]);
    site.api.add_fault("401*9".parse().unwrap()).unwrap();
    assert_eq!(site.run(&["--run-now"]).await.code, 5);
    let ran = site.run(&["healthcheck"]).await;
    assert_eq!((ran.code, ran.stderr.contains(": auth")), (1, true), "{ran:?}");
    site.api.clear_faults();
    assert_eq!(site.run(&["--run-now"]).await.code, 0);
    assert_eq!(site.run(&["healthcheck"]).await.code, 0);
    let ran = site.run(&["healthcheck", "--max-age", "0ms"]).await;
    assert_eq!((ran.code, ran.stderr.contains("longer ago than --max-age")), (1, true), "{ran:?}");
}

#[tokio::test]
async fn with_a_server_its_answer_decides() {
    let server = Receiver::start().await;
    let site = Site::new(&format!("[http]\nlisten = \"{}\"", server.url.trim_start_matches("http://"))).await;
    assert_eq!(site.run(&["healthcheck"]).await.code, 0);
    assert_eq!(server.take()[0].0, "/healthz");
    server.answer(503);
    assert_eq!(site.run(&["healthcheck"]).await.code, 1);
}
