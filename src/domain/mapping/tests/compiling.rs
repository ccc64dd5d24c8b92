use serde_json::json;

use super::super::{Mapping, Spec};
use super::{compile, leaf, problems, record, render, sample, spec};
use crate::domain::record::Cell;

#[test]
fn every_problem_is_found_at_once_and_named() {
    let spec = Spec {
        filter: Some("consent == 'J'".into()),
        required: vec!["prospect.lastname".into(), "prospect.a.b".into(), "origin".into()],
        ..spec(json!({ "origin": "{{ a|tittle }}", "prospect": { "a": "{{ a }", "l": ["x", "{{ row }}"] } }))
    };
    assert_eq!(
        problems(&spec),
        [
            "lead.origin: there is no filter 'tittle'",
            "lead.prospect.a: syntax error: unexpected `}`, expected end of variable block",
            "lead.prospect.l[1]: `row` alone is not a value; name a column: row['E-mail']",
            "where: must be exactly one expression without text around it, such as \"{{ consent == 'J' }}\"",
            "required[0]: the lead has no field 'prospect.lastname'",
            "required[1]: 'prospect.a' is one template; require it as a whole",
        ]
    );
}

#[test]
fn a_required_field_that_is_written_without_what_it_stands_in_is_found() {
    let lead = json!({ "name": "{{ a }}", "prospect": { "last_name": "{{ a }}", "cars": [{ "vin": "{{ b }}" }] },
                       "partner": { "last_name": "{{ a }}" } });
    let required = ["last_name", "cars.0.vin", "vin", "ame"].map(str::to_owned).to_vec();
    assert_eq!(
        problems(&Spec { required, ..spec(lead) }),
        [
            "required[0]: the lead has no field 'last_name'; did you mean prospect.last_name or partner.last_name?",
            "required[1]: the lead has no field 'cars.0.vin'; did you mean prospect.cars.0.vin?",
            "required[2]: the lead has no field 'vin'; did you mean prospect.cars.0.vin?",
            "required[3]: the lead has no field 'ame'",
        ]
    );
}

#[test]
fn a_where_may_stand_on_lines_of_its_own() {
    let of = |filter: &str| Spec { filter: Some(filter.to_owned()), ..spec(json!({ "f": "{{ a }}" })) };
    let mapping = Mapping::compile(&of("\n  {{ a == 'J' }}\n")).unwrap();
    for (consent, wanted) in [("J", true), ("N", false)] {
        assert_eq!(mapping.wants(&record(&mapping, &[("a", Cell::Text(consent))])), Ok(wanted));
    }
    assert_eq!(problems(&of("{{ a }} or {{ b }}")).len(), 1);
}

#[test]
fn what_cannot_work_for_any_row_is_a_problem_before_the_first() {
    let cases = [
        ("{{ row[a] }}", "must be written out"),
        ("{{ row[:1] }}", "`row` alone"),
        ("{% filter nope %}x{% endfilter %}", "no filter 'nope'"),
        ("{% set row = 1 %}", "cannot be assigned"),
        ("{% for k in row %}{{ k }}{% endfor %}", "`row` alone"),
        ("{{ row|attr('a') }}", "`row` alone"),
        ("{{ a.b }}", "row['a.b']"),
        ("{{ a[0] }}", "a cell has no parts; for the first letter of a text, a|first"),
        ("{{ row['E-mail'][0] }}", "a cell has no parts; for the first letter of a text, row['E-mail']|first"),
        ("{{ a is nope }}", "no test 'nope'"),
        ("{{ 1 if a else b|nope }}", "no filter 'nope'"),
        ("{{ a|map('nope') }}", "no filter 'nope'"),
        ("{{ a|map(b) }}", "needs the name"),
        ("{{ a|select('nope') }}", "no test 'nope'"),
        ("{{ a|upper(1) }}", "too many arguments"),
        ("{{ a|replace('x') }}", "missing argument"),
        ("{{ a|date }}", "missing argument"),
        ("{{ a|date('%Q') }}", "does not hold a whole date"),
        ("{{ a|date('%m/%Y') }}", "does not hold a whole date"),
        ("{{ a|date('%d/%m/%Y', nope=1) }}", "too many arguments"),
        ("{{ a|date(b) }}", "must be written out"),
        ("{{ a|phone('XX') }}", "two letters"),
        ("{{ a|decimal(';') }}", "decimal sign"),
        ("{{ a|split('') }}", "separator is empty"),
        ("{{ a|split(',', 1, 2) }}", "too many arguments"),
        ("{{ a|split(sep=';') }}", "filter 'split': its arguments have no names: leave sep= out, as in split(';')"),
        ("{{ a|split(';', maxsplit=1) }}", "leave maxsplit= out, as in split(';') or split(' ', 1)"),
        (
            "{{ a|phone(country='BE') }}",
            "filter 'phone': its arguments have no names: leave country= out, as in phone('NL')",
        ),
        ("{{ a|decimal(decimal=',') }}", "leave decimal= out, as in decimal(',')"),
        ("{{ range(3) }}", "no functions"),
        ("{{ a.upper() }}", "no functions"),
        ("{% include 'x' %}", "unknown statement"),
        ("{% macro m() %}{% endmacro %}", "unknown statement"),
        ("{% do a() %}", "only the statements"),
        ("{% autoescape true %}{% endautoescape %}", "only the statements"),
        ("{{ a == none }}", "is none"),
        ("{{ a > 100 }}", "compare a|decimal"),
        ("{{ 18 <= row['age'] }}", "compare row['age']|decimal"),
        ("{{ 18 <= a < 99 }}", "compare a|decimal"),
        ("{{ (a or 0) > 17 }}", "compare each side as a number"),
        ("{{ a|default(0) > 17 }}", "compare each side as a number"),
        ("{{ a|trim >= 18 }}", "compare each side as a number"),
        ("{{ a|max > 17 }}", "compare each side as a number"),
        ("{{ [a]|max > 17 }}", "compare each side as a number"),
        ("{{ a > b|decimal }}", "compare a|decimal"),
        ("{{ 18 < a|trim < 99 }}", "compare each side as a number"),
        ("{{ a is gt 17 }}", "compare a|decimal"),
        ("{{ a is not ge(18) }}", "compare a|decimal"),
        ("{{ row['age'] is lessthan 18 }}", "compare row['age']|decimal"),
        ("{{ a|trim is le 17 }}", "compare each side as a number"),
        ("{{ [a]|select('gt', 17) }}", "as in list|map('decimal')"),
        ("{{ a|split(',')|reject('lt', 17) }}", "as in list|map('decimal')"),
        ("{{ a|split(',')|map('int', a)|select('>', 17) }}", "as in list|map('decimal')"),
        ("{% for x in [a] %}{{ x > 17 }}{% endfor %}", "compare each side as a number"),
        ("{{ a is eq none }}", "is none"),
        ("{{ a * 12 }}", "write a|decimal"),
        ("{{ 12 * row['Jaar premie'] }}", "write row['Jaar premie']|decimal"),
        ("{{ a|decimal * b }}", "write b|decimal"),
        ("{{ a|default(0) * 12 }}", "each side as a number"),
        ("{{ a|int(default=b) * 12 }}", "each side as a number"),
        ("{{ a|trim * 3 }}", "each side as a number"),
        ("{{ (a or 1) * 3 }}", "each side as a number"),
        ("{{ (a if b else 0) * 3 }}", "each side as a number"),
        ("{% set x = a %}{{ x * 3 }}", "each side as a number"),
        ("{% set x = 1 %}{% if a %}{% set x = a %}{{ x * 3 }}{% endif %}", "each side as a number"),
        ("{% set x = 1 %}{% if a %}{% set x = a %}{% endif %}{{ x * 3 }}", "each side as a number"),
        ("{% for x in [a] %}{{ x * 3 }}{% endfor %}", "each side as a number"),
        ("{{ '-' * a|decimal }}", "each side as a number"),
        ("{{ [1] * 3 }}", "each side as a number"),
        ("{{ a + row['b'] }}", "write a|decimal + row['b']|decimal for the sum, and ~ to join"),
        ("{{ a|upper(*b) }}", "not unpacked"),
        ("{{ a", "syntax error"),
        ("{{ prénom }}", "is written row['Prénom']"),
        ("{% if a %}", "syntax error"),
        ("{{ }}", "syntax error"),
    ];
    for (template, expected) in cases {
        let found = problems(&Spec { text_only: true, ..spec(json!({ "f": template })) });
        assert!(found.iter().any(|problem| problem.contains(expected)), "{template}: {found:?}");
    }
    assert_eq!(problems(&spec(json!("text"))), ["lead: must be a table"]);
}

#[test]
fn whether_a_cell_of_a_database_is_a_number_is_seen_row_by_row() {
    let cases = [
        ("{{ a >= 18 }}", "true"),
        ("{{ 18 <= row.a < 99 }}", "true"),
        ("{{ row['E-mail'] is gt 40 }}", "false"),
        ("{{ 17 < a and a * 2 == 80 }}", "true"),
        ("{{ a * 12 }}", "480"),
        ("{{ 12*a+a * b }}", "600"),
        ("{{ a + b }}", "43"),
        ("{{ 'é' ~ (a*b) }}", "\"é120\""),
        ("{% if a > 17 %}old{% else %}young{% endif %} {{ a * 2 }}", "\"old 80\""),
        ("{{ b > 17 }}", "false"),
    ];
    for (template, expected) in cases {
        let body = leaf(template, Cell::Integer(40), Cell::Integer(3));
        assert_eq!(body, format!("{{\"f\":{expected},\"end\":1}}"), "{template}");
        let refused = leaf(template, Cell::Text("veertig"), Cell::Text("drie"));
        assert!(refused.contains("this cell holds text where a number is needed"), "{template}: {refused}");
        assert!(!refused.contains("veertig"), "{refused}");
        let guarded = format!("{{{{ 'no number' if a is string else {} }}}}", template.trim_matches(['{', '}', ' ']));
        if !template.contains('%') {
            let body = leaf(&guarded, Cell::Text("veertig"), Cell::Integer(3));
            assert_eq!(body, r#"{"f":"no number","end":1}"#, "{guarded}");
        }
    }
    assert_eq!(leaf("{{ a > 17 }}", Cell::Null, Cell::Null), r#"{"f":false,"end":1}"#, "nothing is not old");
    assert_eq!(leaf("{{ a is not none and a > 17 }}", Cell::Null, Cell::Null), r#"{"f":false,"end":1}"#);
    assert!(leaf("{{ a * 12 }}", Cell::Null, Cell::Null).contains("cannot work with this value"));
    assert_eq!(leaf("{{ a * 12 if a }}", Cell::Null, Cell::Null), r#"{"end":1}"#);
}

#[test]
fn nothing_in_a_database_is_true() {
    let found = problems(&spec(json!({ "f": "{{ a is true }}", "g": "{{ row['b'] is false }}" })));
    assert_eq!(
        found,
        [
            "lead.f: a database has no true: compare with the number that stands for it, as in flag == 1",
            "lead.g: a database has no false: compare with the number that stands for it, as in flag == 1",
        ]
    );
}

#[test]
fn the_filters_of_the_compiler_are_nobody_elses() {
    assert_eq!(
        problems(&spec(json!({ "f": "{{ a|number_of_cell }}" }))),
        ["lead.f: there is no filter 'number_of_cell'"]
    );
}

#[test]
fn what_is_a_number_can_be_multiplied_and_two_columns_added() {
    let cases = [
        ("{{ a|decimal * 12 }}", r#""f":480,"#),
        ("{{ 12 * row['a']|decimal }}", r#""f":480,"#),
        ("{{ a|decimal * b|decimal }}", r#""f":120,"#),
        ("{{ a|decimal * 12 if a }}", r#""f":480,"#),
        ("{{ nothing|decimal * 12 if nothing }}", ""),
        ("{{ nothing|decimal|default(0) * 12 }}", r#""f":0,"#),
        ("{{ nothing|decimal|default(2, true) * 12 }}", r#""f":24,"#),
        ("{{ (nothing|decimal or 2) * 12 }}", r#""f":24,"#),
        ("{{ (a|int if b else 1) * -2 }}", r#""f":-80,"#),
        ("{{ a|int(default=0) * 12 }}", r#""f":480,"#),
        ("{% set x = a|decimal + 2 %}{% set y = x %}{{ y * 2 }}", r#""f":"84","#),
        ("{% for x in [a, b] %}{{ loop.index * 2 }}{% endfor %}", r#""f":"24","#),
        ("{{ (a|length - 1) * 3 }}", r#""f":3,"#),
        ("{{ a|decimal + b|decimal }}", r#""f":43,"#),
        ("{{ a ~ b }}", r#""f":"403","#),
        ("{{ a + ' ' + b }}", r#""f":"40 3","#),
    ];
    for (template, expected) in cases {
        let body = leaf(template, Cell::Text("40"), Cell::Text("3"));
        assert_eq!(body, format!("{{{expected}\"end\":1}}"), "{template}");
    }
}

#[test]
fn numbers_are_compared_with_numbers_and_texts_with_texts() {
    let cases = [
        ("{{ a|decimal > 17 }}", "true"),
        ("{{ (a|decimal or 0) > 17 }}", "true"),
        ("{{ a|int is ge 41 }}", "false"),
        ("{{ a|decimal > b|decimal }}", "true"),
        ("{{ [a, b]|map('decimal')|max > 17 }}", "true"),
        ("{{ [a|decimal, b|decimal]|sum > 43 }}", "false"),
        ("{{ [a, b]|map('int')|select('gt', 17) }}", "[40]"),
        ("{% for x in [a, b]|map('int') if x > 17 %}{{ x }}{% endfor %}", "\"40\""),
        ("{{ a|length > 1 }}", "true"),
        ("{{ a > b }}", "true"),
        ("{{ a >= '2026-01-01' }}", "true"),
        ("{{ a is gt '5' }}", "false"),
        ("{{ [a, b]|select('gt', '39') }}", "[\"40\"]"),
    ];
    for (template, expected) in cases {
        let body = leaf(template, Cell::Text("40"), Cell::Text("3"));
        assert_eq!(body, format!("{{\"f\":{expected},\"end\":1}}"), "{template}");
    }
}

#[test]
fn what_equals_no_text_is_a_problem_where_every_cell_is_text() {
    let number = "text equals no number: write '1' in quotes, or compare a|decimal";
    let boolean = "text is neither true nor false: compare it with what the export holds";
    let cases = [
        ("{{ a == 1 }}", number),
        ("{{ 1 != a }}", number),
        ("{{ a in [1, 2] }}", number),
        ("{{ a not in (1, 2) }}", number),
        ("{{ a is eq 1 }}", number),
        ("{{ a is in [1, 2] }}", number),
        ("{{ b == a == 1 }}", number),
        ("{{ 'x' if a == 1 }}", number),
        ("{{ row['a b'] == 1 }}", "compare row['a b']|decimal"),
        ("{{ a == true }}", boolean),
        ("{{ a is false }}", boolean),
        ("{{ a in [true] }}", boolean),
    ];
    let text_only = |template: &str| Spec { text_only: true, ..spec(json!({ "f": template })) };
    for (template, expected) in cases {
        let found = problems(&text_only(template));
        assert!(found.iter().any(|problem| problem.contains(expected)), "{template}: {found:?}");
        let of_database = Mapping::compile(&spec(json!({ "f": template })));
        assert!(of_database.is_ok() || expected == boolean, "{template}: a database has numbers");
    }
    // A filter that gives text does so for a database, too.
    assert_eq!(
        problems(&spec(json!({ "f": "{{ a|trim == 1 }}" }))),
        [
            "lead.f: text equals no number: write '1' in quotes, or compare each side as a number, such as premie|decimal"
        ]
    );
    for template in
        ["{{ a == '1' }}", "{{ a|decimal == 1 }}", "{{ a in ['J', 1] }}", "{{ a == b }}", "{{ (a == 'J') == true }}"]
    {
        assert!(Mapping::compile(&text_only(template)).is_ok(), "{template}");
    }
}

#[test]
fn columns_are_found_wherever_a_template_can_read_them() {
    let cases: [(&str, &[&str]); 13] = [
        ("{{ b }}{{ a }}{{ b }}", &["a", "b"]),
        ("{{ row['E-mail'] }}{{ row[\"x y\"] }}{{ row.z }}", &["E-mail", "x y", "z"]),
        ("{{ a[b:c:d] }}", &["a", "b", "c", "d"]),
        ("{{ a if b else c }}", &["a", "b", "c"]),
        ("{{ a|default(b) }}{{ c is eq(d) }}", &["a", "b", "c", "d"]),
        ("{{ {a: b}[c] }}{{ (a, d) }}", &["a", "b", "c", "d"]),
        ("{{ a == b == c }}{{ not d }}", &["a", "b", "c", "d"]),
        ("{% for x in a if b %}{{ x }}{{ loop.index }}{{ c }}{% else %}{{ x }}{% endfor %}", &["a", "b", "c", "x"]),
        ("{% for x, y in a %}{{ x ~ y }}{% endfor %}{{ loop }}", &["a", "loop"]),
        ("{% set x = x %}{{ x }}{{ a }}", &["a", "x"]),
        ("{% if a %}{% set y = b %}{{ y }}{% endif %}{{ y }}", &["a", "b", "y"]),
        ("{% with x = a, z = x %}{{ x }}{{ z }}{% endwith %}{{ z }}", &["a", "z"]),
        (
            "{% filter replace('x', a) %}{{ b }}{% endfilter %}{% set t|default(c) %}{{ d }}{% endset %}{{ t }}",
            &["a", "b", "c", "d"],
        ),
    ];
    for (template, expected) in cases {
        let mapping = compile(json!({ "f": template, "end": 1 }));
        assert_eq!(mapping.columns(), expected, "{template}");
        let got = render(&mapping, &[]);
        assert!(!got.contains("not asked for"), "{template}: {got}");
    }
}

#[test]
fn digests_are_stable_and_tell_columns_and_mappings_apart() {
    let hex = |digest| format!("{:032x}", u128::from_be_bytes(digest));
    let mapping = Mapping::compile(&sample()).unwrap();
    assert_eq!(hex(mapping.columns_digest()), "9b240fa238abd0fcc8c4228190bd0c65");
    assert_ne!(mapping.query_digest(), mapping.columns_digest());
    assert_eq!(hex(mapping.mapping_digest()), "32ca6ba263c951844f7438d7e0ab00b9");
    let moved = compile(json!({ "x": "{{ last_name }}{{ id|upper }}{{ first_name }}{{ email }}" }));
    assert_eq!(moved.columns_digest(), mapping.columns_digest());
    assert_ne!(moved.mapping_digest(), mapping.mapping_digest());
    let filtered = Mapping::compile(&Spec { filter: Some("{{ consent == 1 }}".into()), ..sample() }).unwrap();
    assert_ne!(filtered.columns_digest(), mapping.columns_digest());
    let other_key = Mapping::compile(&Spec { key: "nr".into(), ..sample() }).unwrap();
    assert_ne!(other_key.columns_digest(), mapping.columns_digest());
}
