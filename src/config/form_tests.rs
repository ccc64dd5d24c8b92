use config::Value;
use proptest::prelude::*;

use super::*;

fn duration_of(text: &str) -> Decoded<Duration> {
    duration(Entry::new(&Value::new(None, text)))
}

fn rate_of(text: &str) -> Decoded<Option<(NonZeroU32, Duration)>> {
    rate(Entry::new(&Value::new(None, text)))
}

#[test]
fn a_duration_is_one_whole_number_and_one_unit() {
    for (text, milliseconds) in
        [("0s", 0), ("250ms", 250), ("30s", 30_000), ("2m", 120_000), ("1h", 3_600_000), ("7d", 604_800_000)]
    {
        assert_eq!(duration_of(text), Ok(Duration::from_millis(milliseconds)), "{text}");
    }
    for text in ["", "s", "30", "30 s", " 30s", "30s ", "1.5h", "1h30m", "-1s", "+1s", "30S", "30sec", "٣s", "1w"] {
        assert!(duration_of(text).is_err(), "{text}");
    }
}

#[test]
fn a_rate_is_a_number_in_a_second_a_minute_or_an_hour() {
    let rate = |count, seconds| Ok(NonZeroU32::new(count).map(|count| (count, Duration::from_secs(seconds))));
    assert_eq!(rate_of("5/s"), rate(5, 1));
    assert_eq!(rate_of("100/min"), rate(100, 60));
    assert_eq!(rate_of("1/h"), rate(1, 3600));
    assert_eq!(rate_of("none"), Ok(None));
    for text in ["", "5", "5/", "/s", "0/s", "-1/s", "5/m", "5 / s", "5/s/s", "99999999999/s", "None"] {
        assert!(rate_of(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn every_number_with_a_unit_is_that_duration_or_too_long(number: u64, unit in 0_usize..5) {
        let (name, milliseconds) =
            [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)][unit];
        let read = duration_of(&format!("{number}{name}")).ok();
        prop_assert_eq!(read, number.checked_mul(milliseconds).map(Duration::from_millis));
    }

    #[test]
    fn no_text_makes_a_form_panic(text in "\\PC*") {
        let value = Value::new(None, text.as_str());
        let entry = Entry::new(&value);
        let _ = (duration(entry), rate(entry), delimiter(entry), quote(entry), encoding(entry), id(entry));
        let _ = (pointer(entry), address(entry), proxy(entry), request_path(entry));
        let _ = header(&text, entry, &mut HeaderMap::new());
    }

    #[test]
    fn what_is_taken_as_a_pointer_finds_what_it_points_to(names in prop::collection::vec("[a-z~/]{1,4}", 0..4)) {
        let names: Vec<String> = names.iter().map(|name| format!("/{name}")).collect();
        let escaped: Vec<String> = names.iter().map(|name| name.replace('~', "~0").replace('/', "~1")).collect();
        let escaped = escaped.iter().fold(String::new(), |all, name| all + "/" + name);
        let value = Value::new(None, escaped.as_str());
        prop_assert_eq!(pointer(Entry::new(&value)), Ok(escaped.clone()));
        let answer = names.iter().rev().fold(serde_json::json!(17), |inner, name| serde_json::json!({ name: inner }));
        prop_assert_eq!(answer.pointer(&escaped), Some(&serde_json::json!(17)));
    }

    #[test]
    fn a_request_path_never_leads_to_another_host(text in "[/a-z0-9.@:?%\\\\-]{1,12}") {
        let value = Value::new(None, text.as_str());
        if let Ok(path) = request_path(Entry::new(&value)) {
            let joined = Url::parse("https://api.example.com").unwrap().join(&path).unwrap();
            prop_assert_eq!(joined.host_str(), Some("api.example.com"), "{}", path);
        }
    }
}
