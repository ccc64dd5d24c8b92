//! The dashboard.

use std::time::Duration;

use askama::Template;

use super::attention::{self, Item};
use super::chart::Chart;
use super::facts::{Facts, count};
use super::{Outlook, Place, STYLE, content_policy, words};
use crate::domain::delivery::State;
use crate::domain::latency::Latency;
use crate::domain::time::{Day, Timestamp};
use crate::ledger::{RunRow, SyncStatus};

#[derive(Template)]
#[template(path = "overview.html")]
struct Page<'p> {
    title: String,
    style: &'p str,
    policy: Option<String>,
    now: String,
    place: Place,
    key: &'p str,
    running: Option<&'p str>,
    tiles: Vec<Tile>,
    attention: Vec<Item>,
    syncs: Vec<Sync<'p>>,
    connections: Vec<Connection<'p>>,
    runs: Vec<Run<'p>>,
}

/// One number that is seen first.
struct Tile {
    id: &'static str,
    number: String,
    what: &'static str,
    is_bad: bool,
}

/// One sync.
struct Sync<'p> {
    name: &'p str,
    connection: &'p str,
    /// It is no longer configured: its leads are not sent.
    is_gone: bool,
    /// Leads by state, those without leads left out.
    states: Vec<(&'p str, String)>,
    quarantined: Option<String>,
    last_run: Option<(String, &'p str)>,
    next_run: Option<String>,
    is_running: bool,
    chart: Chart,
}

/// One connection.
struct Connection<'p> {
    name: &'p str,
    /// Today, and over all days shown.
    times: [Times; 2],
    session: &'p str,
}

/// How long requests took; empty without any.
struct Times {
    median: String,
    slowest: String,
    requests: String,
}

/// One run.
struct Run<'p> {
    number: i64,
    started: String,
    took: String,
    trigger: &'p str,
    outcome: &'p str,
    read: String,
    new: String,
    delivered: String,
    unsuccessful: String,
    pending: String,
}

/// The dashboard as HTML.
pub fn overview(facts: &Facts, outlook: &Outlook, place: Place) -> Result<String, askama::Error> {
    let syncs: Vec<Sync<'_>> = facts.syncs.iter().map(|sync| sync_of(sync, facts, outlook)).collect();
    let page = Page {
        title: "lead-sync".to_owned(),
        style: STYLE,
        // Over HTTP the policy is a header.
        policy: (place == Place::File).then(|| content_policy(place)),
        now: words::minute(facts.now),
        place,
        key: "",
        running: outlook.running.as_deref(),
        tiles: tiles(facts, outlook, &syncs),
        attention: attention::items(facts, outlook),
        connections: connections(facts, outlook),
        runs: facts.runs.iter().map(run).collect(),
        syncs,
    };
    page.render()
}

fn tiles(facts: &Facts, outlook: &Outlook, syncs: &[Sync<'_>]) -> Vec<Tile> {
    let sum = |of: fn(&Sync<'_>) -> u64| syncs.iter().map(of).sum::<u64>();
    let in_states = |states: &[State]| -> u64 {
        let configured = facts.syncs.iter().filter(|sync| outlook.configured.contains(&sync.sync));
        configured.flat_map(|sync| states.iter().map(|state| count(sync, *state))).sum()
    };
    let configured = facts.open.iter().filter(|open| outlook.configured.contains(&open.sync));
    let open: u64 = configured.map(|open| open.count).sum();
    let unsuccessful = sum(|sync| sync.chart.panels[1].today);
    let tile = |id, number, what, is_bad| Tile { id, number: words::number(number), what, is_bad };
    vec![
        tile("delivered-today", sum(|sync| sync.chart.panels[0].today), "delivered today", false),
        tile("unsuccessful-today", unsuccessful, "rejected, held or failed today", unsuccessful > 0),
        tile("to-send", in_states(&[State::Pending, State::Sending, State::Waiting]), "still to be sent", false),
        tile("open", open, "leads need a person", open > 0),
    ]
}

fn sync_of<'p>(sync: &'p SyncStatus, facts: &Facts, outlook: &Outlook) -> Sync<'p> {
    let next = outlook.next.get(&sync.sync);
    let last = sync.last_run.as_deref().zip(sync.last_outcome.as_deref());
    Sync {
        name: &sync.sync,
        connection: &sync.connection,
        is_gone: !outlook.configured.contains(&sync.sync),
        states: sync.leads.iter().map(|(state, count)| (state.as_str(), words::number(*count))).collect(),
        quarantined: Some(sync.quarantined).filter(|rows| *rows > 0).map(words::number),
        last_run: last.map(|(at, outcome)| (words::second(at), outcome)),
        next_run: next.map(|at| format!("{} ({})", words::minute(*at), words::distance(*at, facts.now))),
        is_running: outlook.running.as_ref() == Some(&sync.sync),
        chart: Chart::new(&sync.sync, &facts.days, Day::of(facts.now)),
    }
}

fn connections<'p>(facts: &'p Facts, outlook: &'p Outlook) -> Vec<Connection<'p>> {
    let mut names: Vec<&str> = facts.syncs.iter().map(|sync| sync.connection.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let session = |name: &str| outlook.sessions.iter().find(|session| session.connection == name);
    let connection = |name| Connection {
        name,
        times: [&facts.latency_today, &facts.latency].map(|latency| Times::new(latency.get(name))),
        session: session(name).map_or("–", |session| session.text.as_str()),
    };
    names.into_iter().map(connection).collect()
}

impl Times {
    fn new(latency: Option<&Latency>) -> Self {
        let within = |percent| latency.and_then(|latency| latency.percentile(percent));
        let text = |ms: Option<u64>| ms.map_or_else(|| "–".to_owned(), words::milliseconds);
        Self {
            median: text(within(50)),
            slowest: text(within(95)),
            requests: words::number(latency.map_or(0, Latency::requests)),
        }
    }
}

fn run(run: &RunRow) -> Run<'_> {
    let counts = &run.counts;
    Run {
        number: run.run,
        started: words::second(&run.started_at),
        took: run.finished_at.as_deref().and_then(|end| took(&run.started_at, end)).unwrap_or_default(),
        trigger: &run.trigger,
        outcome: run.outcome.as_deref().unwrap_or("running"),
        read: words::number(counts.read),
        new: words::number(counts.new),
        delivered: words::number(counts.delivered),
        unsuccessful: words::number(counts.rejected + counts.held + counts.failed),
        pending: words::number(counts.pending),
    }
}

fn took(start: &str, end: &str) -> Option<String> {
    let at = |text: &str| text.parse::<jiff::Timestamp>().ok().map(|at| Timestamp(at.as_millisecond()));
    let took: Duration = at(end)?.since(at(start)?);
    Some(words::roughly(took))
}
