use super::super::kind::RetryAfter;
use super::*;

fn parse(text: &str) -> Fault {
    text.parse().unwrap()
}

fn complaint(text: &str) -> String {
    text.parse::<Fault>().unwrap_err().to_string()
}

#[test]
fn the_short_form_takes_statuses_and_plain_kinds() {
    assert_eq!(parse("lost_answer"), Fault::once(Kind::LostAnswer));
    assert_eq!(parse("503*3"), Fault::once(Kind::Status(Answer::new(503))).times(3));
}

#[test]
fn json_says_everything() {
    let fault = parse(
        r#"{"fault": {"status": {"status": 429, "retry_after": {"date": 60}}}, "external_ref": "7", "times": null}"#,
    );
    let answer = Answer { retry_after: Some(RetryAfter::Date(60)), ..Answer::new(429) };
    let expected = Fault::once(Kind::Status(answer)).for_lead("7").always();
    assert_eq!(fault, expected);
    assert_eq!(parse(r#"{"fault": "garbage"}"#), Fault::once(Kind::Garbage));
    let stall = parse(r#"{"fault": {"stall": {}}}"#);
    assert_eq!(stall.kind, Kind::Stall { ms: 600_000 });
}

#[test]
fn a_kind_has_the_same_name_in_json_and_in_the_log() {
    let kinds = [
        Kind::Pass,
        Kind::Status(Answer::new(500)),
        Kind::StoredThenStatus(Answer::new(500)),
        Kind::EarlyStatus(Answer::new(413)),
        Kind::CutBefore,
        Kind::LostAnswer,
        Kind::CutAfterBytes { bytes: 1 },
        Kind::Reset,
        Kind::StoredThenReset,
        Kind::Slow { ms: 1 },
        Kind::Stall { ms: 1 },
        Kind::Drip { ms: 1 },
        Kind::Garbage,
        Kind::HugeBody { bytes: 1 },
        Kind::HugeHeaders { bytes: 1 },
        Kind::WrongLength,
        Kind::CloseAfter,
    ];
    for kind in kinds {
        let name = match serde_json::to_value(&kind).unwrap() {
            Value::String(name) => name,
            other => other.as_object().unwrap().keys().next().unwrap().clone(),
        };
        assert_eq!(name, kind.name());
    }
}

#[test]
fn what_can_never_be_played_is_refused() {
    for (text, part) in [
        ("99", "200 to 999"),
        ("503*0", "at least 1"),
        ("503*x", "not a number of times"),
        ("tea", "unknown variant"),
        (r#"{"fault": "garbage", "tmies": 2}"#, "unknown field"),
        (r#"{"fault": "cut_before", "external_ref": "7"}"#, "before the body"),
        (r#"{"fault": "reset", "external_ref": "7", "on": "every"}"#, "on = leads"),
        (r#"{"fault": {"status": {"status": 500, "headers": {"a b": ""}}}}"#, "'a b'"),
    ] {
        let message = complaint(text);
        assert!(message.contains(part), "{text}: {message}");
    }
}
