//! A ledger with leads of every kind, some of them hostile, and a daemon that shows it.

use std::net::TcpListener;

use lead_sync::sandbox::{self, Fault, Kind, Received};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::json;

use crate::process::Daemon;
use crate::support::Scene;

/// A key that is a script. What a browser that ran it would do is change the title.
pub(crate) const SCRIPT: &str = "<script>document.title='ran'</script>";

/// Hostile text in a server's answer: an element that runs as soon as it is there.
pub(crate) const IMAGE: &str = "<img src=q onerror=open()>";

const LEAD: &str = r#"
origin = "CRM"
backref = "{{ link }}"
prospect = { last_name = "{{ name }}", external_ref = { external_ref = "{{ id }}", external_ref_company = "crm" } }
"#;

/// The name of every prospect, which no page may show.
pub(crate) const NAME: &str = "Peeters-Planted";

/// Leads delivered, rejected, and rows in quarantine.
pub(crate) const DELIVERED: usize = 12;

/// A run over thirteen leads and a bad row: twelve delivered, the hostile one rejected. `more` is added to the configuration.
pub(crate) fn stage(more: &str) -> Scene {
    let mut scene = Scene::new();
    scene.lead(&format!("{LEAD}\n{more}")).sync("schedule", "\"0 0 3 1 1 *\"");
    let good = (1..DELIVERED).map(|key| format!("K{key},{NAME},https://crm.example.com/customers/{key}\n"));
    let rows: String = good.collect();
    scene.export(
        "customers.csv",
        format!(
            "id,name,link\n{rows}J1,{NAME},javascript:alert(1)//\n\"{SCRIPT}\",{NAME},javascript:alert(2)//\nshort,row\n"
        ),
    );
    let body = Some(json!({"message": format!("no such thing as {IMAGE}")}));
    let refusal = sandbox::Answer { body, ..sandbox::Answer::new(422) };
    scene.fault(Fault::once(Kind::Status(refusal)).for_lead(SCRIPT).always());
    assert_eq!(scene.run().code, 3);
    let requests: Vec<Received> = scene.requests();
    assert_eq!(requests.len(), DELIVERED + 1);
    scene
}

/// A stage whose daemon serves pages.
pub(crate) struct Served {
    pub(crate) scene: Scene,
    pub(crate) url: String,
    _daemon: Daemon,
}

impl Served {
    /// `more` are lines of `[http]`.
    pub(crate) fn new(more: &str) -> Self {
        // Free at this moment; nothing else here asks for ports that it has not been given.
        let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let scene = stage(&format!("[http]\nlisten = \"{listen}\"\n{more}\n"));
        let daemon = Daemon::start(&scene);
        daemon.until_said("ready");
        Self { scene, url: format!("http://{listen}"), _daemon: daemon }
    }

    /// A request, ready for [`send`].
    pub(crate) fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        Client::builder().no_proxy().build().unwrap().request(method, format!("{}{path}", self.url))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        send(self.ask(Method::GET, path))
    }
}

/// What a server answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

pub(crate) fn send(request: RequestBuilder) -> Answer {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, text: answer.text().await.unwrap() }
    })
}

/// The text of the element with this id.
pub(crate) fn text_of<'p>(page: &'p str, id: &str) -> &'p str {
    let start = page.find(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("nothing has the id {id}"));
    let (_, inside) = page[start..].split_once('>').unwrap();
    inside.split_once('<').unwrap().0
}

/// Asserts that the numbers of the page are those of the `leads` view.
#[track_caller]
pub(crate) fn assert_true_numbers(page: &str, scene: &Scene) {
    let count = |state: &str| scene.query(&format!("SELECT count(*) FROM leads WHERE state = '{state}'")).remove(0);
    assert_eq!((count("delivered").as_str(), count("rejected").as_str()), ("12", "2"), "the stage is as it should be");
    assert_eq!(text_of(page, "delivered-today"), count("delivered"));
    assert_eq!(text_of(page, "unsuccessful-today"), count("rejected"));
    assert_eq!(text_of(page, "open"), count("rejected"));
    assert_eq!(text_of(page, "to-send"), "0");
    assert!(page.contains("<li class=\"state delivered\"><b>12</b> delivered</li>"), "{page}");
    let (_, table) = page.split_once("id=\"days-customers\"").unwrap();
    let (table, _) = table.split_once("</table>").unwrap();
    assert!(table.contains("</th><td>12</td><td>2</td></tr>"), "{table}");
    let (_, latency) = page.split_once("id=\"latency\"").unwrap();
    assert!(latency.contains("wegroup</th><td>13</td>"), "thirteen requests: {latency}");
}
