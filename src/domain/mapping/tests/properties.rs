use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::Mapping;
use super::{leaf, record, spec};
use crate::domain::record::Cell;

fn cells() -> impl Strategy<Value = Vec<Option<Planted>>> {
    prop::collection::vec(prop::option::of(planted()), 2)
}

#[derive(Debug, Clone)]
enum Planted {
    Text(String),
    Integer(i64),
    Real(f64),
}

fn planted() -> impl Strategy<Value = Planted> {
    prop_oneof![
        any::<String>().prop_map(Planted::Text),
        "[ -~\n\t\"\\\\]{0,12}".prop_map(Planted::Text),
        any::<i64>().prop_map(Planted::Integer),
        any::<f64>().prop_map(Planted::Real),
    ]
}

impl Planted {
    fn cell(value: Option<&Self>) -> Cell<'_> {
        match value {
            None => Cell::Null,
            Some(Self::Text(text)) => Cell::Text(text),
            Some(Self::Integer(number)) => Cell::Integer(*number),
            Some(Self::Real(number)) => Cell::Real(*number),
        }
    }
}

fn expression() -> impl Strategy<Value = String> {
    let atom = prop::sample::select(vec!["a", "b", "c", "x", "row.a", "row['b']", "1", "'s'", "loop", "[]"]);
    atom.prop_map(str::to_owned).prop_recursive(3, 12, 3, |inner| {
        let shape = prop::sample::select(vec![
            "[#,#,#]",
            "{#:#}",
            "(#)[#:#:#]",
            "#|default(#)",
            "#|list|map('default',#)|list",
            "# if # else #",
            "# is eq(#)",
            "#==#",
            "not #",
            "#~#",
            "(#)[#]",
            "#|split(',')",
            "#|join(#)",
            "# in [#]",
            "# and #",
            "-#",
        ]);
        (shape, prop::collection::vec(inner, 3)).prop_map(|(shape, parts)| fill(shape, &parts))
    })
}

fn template() -> impl Strategy<Value = String> {
    let shape = prop::sample::select(vec![
        "{{ # }}",
        "{{ # }}{{ # }}",
        "{% for x in [#] if # %}{{ # }}{% else %}{{ # }}{% endfor %}{{ x }}",
        "{% if # %}{% set x = # %}{{ x }}{% endif %}{{ # }}",
        "{% with x = #, c = # %}{{ # }}{% endwith %}{{ # }}",
        "{% filter default(#) %}{{ # }}{% endfilter %}{{ # }}",
        "{% set x|default(#) %}{{ # }}{% endset %}{{ # }}",
        "{% for x in [#] %}{% set b = # %}{% endfor %}{{ # }}{{ # }}",
    ]);
    (shape, prop::collection::vec(expression(), 4)).prop_map(|(shape, parts)| fill(shape, &parts))
}

/// The shape with its `#` replaced, in brackets.
fn fill(shape: &str, parts: &[String]) -> String {
    let mut parts = parts.iter().cycle();
    shape
        .split_inclusive('#')
        .map(|piece| match piece.strip_suffix('#') {
            Some(before) => format!("{before}({})", parts.next().unwrap()),
            None => piece.to_owned(),
        })
        .collect()
}

proptest! {
    #[test]
    fn the_fast_path_and_minijinja_agree(values in cells()) {
        let (a, b) = (Planted::cell(values[0].as_ref()), Planted::cell(values[1].as_ref()));
        // The right side of each pair is the same template in a form that has no fast path.
        for (fast, slow) in [
            ("{{ a }}", "{{ a if true }}"),
            ("{{ row['E-mail'] }}", "{{ (a) if true else b }}"),
            ("{{ a }}{{ b }}", "{% if true %}{{ a }}{{ b }}{% endif %}"),
            ("x \"{{ a }}\" \\ {{ b }}\n.", "x \"{{ a }}\" \\ {% if true %}{{ b }}{% endif %}\n."),
        ] {
            let (fast_body, slow_body) = (leaf(fast, a, b), leaf(slow, a, b));
            let strip = |text: &str| text.replace("column a, b", "column").replace("column E-mail", "column").replace("column a", "column");
            prop_assert_eq!(strip(&fast_body), strip(&slow_body), "{} / {}", fast, slow);
            if !fast_body.starts_with("sync") {
                let _: Value = serde_json::from_str(&fast_body).unwrap();
            }
        }
    }

    #[test]
    fn text_arrives_as_it_stood_in_the_source(text in any::<String>()) {
        let body: Value = serde_json::from_str(&leaf("{{ a }}", Cell::Text(&text), Cell::Null)).unwrap();
        prop_assert_eq!(body["f"].as_str().unwrap_or_default(), text.as_str());
        let body: Value = serde_json::from_str(&leaf("<{{ a }}>", Cell::Text(&text), Cell::Null)).unwrap();
        prop_assert_eq!(body["f"].as_str().unwrap(), format!("<{text}>"));
    }

    #[test]
    fn numbers_arrive_as_they_are(integer in any::<i64>(), real in any::<f64>().prop_filter("finite", |real| real.is_finite())) {
        for template in ["{{ [a, b] }}", "[{{ a }},{{ b }}]"] {
            let body = leaf(template, Cell::Integer(integer), Cell::Real(real));
            let (_, list) = body.split_once('[').unwrap();
            let (first, rest) = list.split_once(',').unwrap();
            let (second, _) = rest.split_once(']').unwrap();
            prop_assert_eq!(first.parse(), Ok(integer));
            prop_assert_eq!(second.parse(), Ok(real));
        }
    }

    #[test]
    fn no_template_reads_a_column_that_was_not_asked_for(template in template()) {
        let Ok(mapping) = Mapping::compile(&spec(json!({ "f": template, "end": 1 }))) else { return Ok(()) };
        let cells: Vec<_> = ["a", "b", "c", "x"].map(|name| (name, Cell::Integer(3))).into();
        let got = super::render(&mapping, &cells);
        prop_assert!(!got.contains("not asked for"), "{}", got);
    }

    #[test]
    fn no_rejection_holds_a_value(secret in "[a-zA-Z]{8}[0-9]{4}\\PC{0,6}") {
        let templates = [
            "{{ a|date('%d/%m/%Y') }}", "{{ a|email }}", "{{ a|phone }}", "{{ a|decimal }}", "{{ a + 1 }}", "{{ a / b }}", "{{ -a }}",
            "{{ a|int }}", "{{ a|float }}", "{{ a|round }}", "{{ a|abs }}", "{{ a|items }}", "{{ a|dictsort }}", "{{ a|sum }}",
            "{{ a|format(b) }}", "{{ a|replace(b, 1) }}", "{{ 'x'|indent(a) }}", "{{ b|batch(a) }}", "{{ a is divisibleby(b) }}",
            "{{ a in 1 }}", "{{ 1 in a }}", "{{ a|list|map('phone') }}", "{{ [a]|map('email') }}", "{{ [a]|map(attribute='b.c') }}",
            "{% for x, y in [a] %}{{ x }}{% endfor %}", "{% for x in a|decimal %}{{ x }}{% endfor %}", "{{ {}[a].x.y }}", "{{ [][a].x.y }}",
            "{{ a|join(b, attribute=a) }}", "{{ [a]|groupby(b) }}", "{{ a[b:] }}", "{{ a[::b] }}",
        ];
        for template in templates {
            let Ok(mapping) = Mapping::compile(&spec(json!({ "f": template }))) else { continue };
            for cells in [[("a", Cell::Text(&secret)), ("b", Cell::Text(&secret))], [("a", Cell::Text(&secret)), ("b", Cell::Integer(3))]] {
                if let Err(rejection) = mapping.render(&record(&mapping, &cells)) {
                    let text = format!("{rejection} {rejection:?}");
                    prop_assert!(!text.contains(&secret[..8]), "{}: {}", template, text);
                }
            }
        }
    }
}
