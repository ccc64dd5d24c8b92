//! The whole policy as one text: every status with every form of `Retry-After`, and what then becomes of the lead.
//!
//! `LEAD_SYNC_TEST_WRITE=1` writes `policy.txt` anew; a change of it is a change of what users get.

use std::fmt::Write;
use std::time::Duration;

use lead_sync::domain::delivery::{Claim, Next, Post};
use lead_sync::domain::outcome::{Answer, Outcome, Reply, classify, http_status};
use lead_sync::domain::retry;
use lead_sync::domain::time::Timestamp;
use lead_sync::domain::verdict::{OnConflict, OnInDoubt, Policy, decide};

/// 1994-11-06T08:49:37Z, the date of RFC 9110's examples.
const NOW: Timestamp = Timestamp(784_111_777_000);

/// The forms of `Retry-After`. The dates are 90 s after `NOW`.
const FORMS: [(&str, Option<&str>); 11] = [
    ("absent", None),
    ("0", Some("0")),
    ("5", Some("5")),
    ("huge", Some("99999999999999999999")),
    ("negative", Some("-5")),
    ("IMF-fixdate", Some("Sun, 06 Nov 1994 08:51:07 GMT")),
    ("RFC 850", Some("Sunday, 06-Nov-94 08:51:07 GMT")),
    ("asctime", Some("Sun Nov  6 08:51:07 1994")),
    ("past", Some("Sun, 06 Nov 1994 08:00:00 GMT")),
    ("garbage", Some("soon")),
    ("empty", Some("")),
];

const HEAD: &str = "\
# What every answer means, and what becomes of a lead that was tried for the first time.
# Made from the program's own functions by `LEAD_SYNC_TEST_WRITE=1 cargo test --test torture policy`; do not edit.
# charged: it counts as an attempt. pause: nothing is sent on the connection for so long. again: not before so long (no jitter).
# The client speaks HTTP/1.1 only, follows no redirect and repeats nothing by itself.
# The third 401, 403 or wrong path in a row with no success between stops the run; that is decided over several leads.
";

fn policy(on_in_doubt: OnInDoubt, on_conflict: OnConflict) -> Policy {
    Policy { retry: retry::Policy::default(), on_in_doubt, on_conflict }
}

fn claim() -> Claim {
    Claim {
        lead: 1,
        sync: 1,
        key: "1".to_owned(),
        version: 1,
        attempts: 0,
        tries: 0,
        age: Duration::ZERO,
        possibly_sent: false,
        payload: "{}".to_owned(),
    }
}

fn words(next: &Next) -> String {
    let marked = |possibly_sent: bool| if possibly_sent { ", possibly sent" } else { "" };
    match next {
        Next::Waiting { until, possibly_sent } => {
            format!("again after {}{}", span(until.since(NOW)), marked(*possibly_sent))
        }
        Next::Failed { possibly_sent } => format!("failed{}", marked(*possibly_sent)),
        other => other.state().to_string(),
    }
}

fn span(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

/// One line of the policy: what the reply means and what becomes of the lead.
fn line(reply: &Reply) -> String {
    let outcome = classify(reply, NOW);
    let asked = if let Outcome::Throttled(Some(asked)) = &outcome { Some(asked.wait) } else { None };
    let pause = asked.map(|wait| NOW + wait);
    let becomes = |on_in_doubt, on_conflict| {
        let post = Post::new(&outcome, http_status(reply), String::new(), NOW, 1);
        let pause = pause.filter(|until| *until > NOW);
        words(&decide(&policy(on_in_doubt, on_conflict), claim(), &outcome, post, None, pause, 1.0).to)
    };
    let usual = becomes(OnInDoubt::Resend, OnConflict::Reject);
    let mut text = format!("{:<12} {:<9}", outcome.kind(), if outcome.is_charged() { "charged" } else { "free" });
    let paused = match (&outcome, asked) {
        (Outcome::Throttled(None), _) => "pause: backoff".to_owned(),
        (_, Some(pause)) => format!("pause: {}", span(pause)),
        (_, None) => String::new(),
    };
    write!(text, " {paused:<15} {usual}").unwrap();
    for (name, other) in [
        ("hold", becomes(OnInDoubt::Hold, OnConflict::Reject)),
        ("on_conflict = delivered", becomes(OnInDoubt::Resend, OnConflict::Delivered)),
    ] {
        if other != usual {
            write!(text, "; {name}: {other}").unwrap();
        }
    }
    text
}

/// The lines of a status, the forms that mean the same taken together.
fn lines_of(status: u16) -> Vec<String> {
    let mut lines: Vec<(Vec<&str>, String)> = Vec::new();
    for (name, retry_after) in FORMS {
        let retry_after = retry_after.map(str::to_owned);
        let line = line(&Reply::Answered(Answer { status, retry_after, date: None, body: None }));
        match lines.iter_mut().find(|(_, known)| *known == line) {
            Some((names, _)) => names.push(name),
            None => lines.push((vec![name], line)),
        }
    }
    let any = lines.len() == 1;
    let names = |names: Vec<&str>| if any { "any".to_owned() } else { names.join(", ") };
    lines.into_iter().map(|(forms, line)| format!("{line}  [Retry-After: {}]", names(forms))).collect()
}

fn whole_policy() -> String {
    let mut text = HEAD.to_owned();
    for surely_not_sent in [true, false] {
        let reply = Reply::Unanswered { surely_not_sent, cause: String::new() };
        let sent = if surely_not_sent { "surely not sent" } else { "perhaps sent" };
        writeln!(text, "\nno answer, {sent}\n  {}", line(&reply)).unwrap();
    }
    let mut first = 100;
    for status in 100..=999 {
        let lines = lines_of(status);
        if status == 999 || lines_of(status + 1) != lines {
            let range = if first == status { first.to_string() } else { format!("{first}-{status}") };
            writeln!(text, "\n{range}\n  {}", lines.join("\n  ")).unwrap();
            first = status + 1;
        }
    }
    text
}

#[test]
fn the_policy_is_the_one_that_was_reviewed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/torture/policy.txt");
    let policy = whole_policy();
    if std::env::var("LEAD_SYNC_TEST_WRITE").is_ok_and(|write| write == "1") {
        std::fs::write(path, &policy).unwrap();
    }
    let reviewed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        policy == reviewed,
        "policy.txt differs; if the change is meant, write it anew and have it reviewed:\n{policy}"
    );
}
