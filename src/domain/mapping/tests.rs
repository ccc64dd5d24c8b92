use serde_json::{Value, json};

use super::{Mapping, Spec};
use crate::domain::record::{Cell, Record};

mod compiling;
mod properties;
mod rejecting;

fn spec(lead: Value) -> Spec {
    Spec { sync: "customers".into(), key: "id".into(), text_only: false, lead, filter: None, required: Vec::new() }
}

fn compile(lead: Value) -> Mapping {
    Mapping::compile(&spec(lead)).unwrap()
}

/// The problems as `path: message`.
fn problems(spec: &Spec) -> Vec<String> {
    Mapping::compile(spec).unwrap_err().iter().map(ToString::to_string).collect()
}

/// A record with these cells by name, in the order the mapping asks for them; cells not named are NULL.
fn record(mapping: &Mapping, cells: &[(&str, Cell<'_>)]) -> Record {
    let mut record = Record::default();
    record.set_key("k1");
    for column in mapping.columns() {
        let cell = cells.iter().find(|(name, _)| name == column);
        record.push(cell.map_or(Cell::Null, |(_, cell)| *cell));
    }
    record
}

/// The body, or the rejection's text.
fn render(mapping: &Mapping, cells: &[(&str, Cell<'_>)]) -> String {
    match mapping.render(&record(mapping, cells)) {
        Ok(lead) => lead.body,
        Err(rejection) => rejection.to_string(),
    }
}

/// What one leaf `f` with this template gives for cells `a` and `b`.
fn leaf(template: &str, a: Cell<'_>, b: Cell<'_>) -> String {
    render(&compile(json!({ "f": template, "end": 1 })), &[("a", a), ("b", b), ("E-mail", a)])
}

fn sample() -> Spec {
    spec(json!({
        "origin": "CRM",
        "backref": "https://crm.example.com/customers/{{ id }}",
        "prospect": {
            "first_name": "{{ first_name }}",
            "last_name": "{{ last_name }}",
            "email": "{{ email }}",
            "external_ref": { "external_ref": "{{ id }}", "external_ref_company": "crm" },
        },
    }))
}

#[test]
fn the_sample_mapping_gives_a_lead_in_the_configured_order() {
    let mapping = Mapping::compile(&sample()).unwrap();
    assert_eq!(mapping.columns(), ["email", "first_name", "id", "last_name"]);
    let cells =
        [("id", Cell::Integer(7)), ("first_name", Cell::Text("Zoë \"Z\"")), ("last_name", Cell::Text("O'Neil\n"))];
    let lead = mapping.render(&record(&mapping, &cells)).unwrap();
    assert_eq!(
        lead.body,
        r#"{"origin":"CRM","backref":"https://crm.example.com/customers/7","prospect":{"first_name":"Zoë \"Z\"","last_name":"O'Neil\n","external_ref":{"external_ref":"7","external_ref_company":"crm"}}}"#
    );
    assert_eq!(lead.backref.as_deref(), Some("https://crm.example.com/customers/7"));
}

#[test]
fn one_expression_keeps_its_type_and_other_text_renders_to_text() {
    let cases = [
        ("{{ a }}", r#"{"f":5,"end":1}"#),
        ("{{- a -}}", r#"{"f":5,"end":1}"#),
        ("{{ a + 1 }}", r#"{"f":6,"end":1}"#),
        ("{{ a|decimal > b|decimal }}", r#"{"f":false,"end":1}"#),
        ("{{ a == 5 }}", r#"{"f":true,"end":1}"#),
        ("{{ [a, b] }}", r#"{"f":[5,"x,y"],"end":1}"#),
        ("{{ {'z': a, 'y': b, 'x': ''} }}", r#"{"f":{"z":5,"y":"x,y"},"end":1}"#),
        ("{{ b|split(',') }}", r#"{"f":["x","y"],"end":1}"#),
        ("{{ b|split(',')|last }}", r#"{"f":"y","end":1}"#),
        ("{{ (b|split(','))[9] }}", r#"{"end":1}"#),
        ("{{ a }} ", r#"{"f":"5 ","end":1}"#),
        ("{{ a }}{{ b }}", r#"{"f":"5x,y","end":1}"#),
        ("{{ a }}{{ b|upper }}", r#"{"f":"5X,Y","end":1}"#),
        ("{{ a ~ b }}", r#"{"f":"5x,y","end":1}"#),
        ("{% if a == 5 %}five{% else %}{{ b }}{% endif %}", r#"{"f":"five","end":1}"#),
        ("{% set c = b|upper %}{{ c }}", r#"{"f":"X,Y","end":1}"#),
        ("{% for part in b|split(',') %}<{{ part }}>{% endfor %}", r#"{"f":"<x><y>","end":1}"#),
        ("{# a comment #}plain", r#"{"f":"plain","end":1}"#),
        ("{{ '}}' }}", r#"{"f":"}}","end":1}"#),
        ("{{ row.a }}", r#"{"f":5,"end":1}"#),
        ("{{ row['E-mail'] }}", r#"{"f":5,"end":1}"#),
        ("{{ row[\"E-mail\"] + 1 }}", r#"{"f":6,"end":1}"#),
        ("{{ b[:1] }}", r#"{"f":"x","end":1}"#),
    ];
    for (template, expected) in cases {
        let as_number = if template.contains("|decimal") { Cell::Text("7,5") } else { Cell::Text("x,y") };
        assert_eq!(leaf(template, Cell::Integer(5), as_number), expected, "{template}");
    }
    let dotted = compile(json!({ "a.b": "{% if 1 %}x{% endif %}", "a": { "b": "{% if 1 %}y{% endif %}" } }));
    assert_eq!(render(&dotted, &[]), r#"{"a.b":"x","a":{"b":"y"}}"#);
    // Columns called `row` or like a MiniJinja function are columns like any other.
    let mapping = compile(json!({ "f": "{{ row['row'] }}{{ range }}{{ dict|upper }}" }));
    let cells = [("row", Cell::Text("1")), ("range", Cell::Text("2")), ("dict", Cell::Text("c"))];
    assert_eq!(render(&mapping, &cells), r#"{"f":"12C"}"#);
}

#[test]
fn null_and_empty_are_left_out_with_the_objects_and_lists_they_empty() {
    for nothing in [Cell::Null, Cell::Text("")] {
        for template in [
            "{{ a }}",
            "{{ a }}{{ b }}",
            "{{ a|trim }}",
            "{% if a %}x{% endif %}",
            "{{ a|decimal }}",
            "{{ a|split(',') }}",
            "{{ [a, b] }}",
            "{{ a if a }}",
            "",
        ] {
            assert_eq!(leaf(template, nothing, nothing), r#"{"end":1}"#, "{template}");
        }
        for template in ["{{ a == '' }}", "{{ a is none }}", "{{ not a }}", "{{ a ~ 'x' == 'x' }}"] {
            assert_eq!(leaf(template, nothing, nothing), r#"{"f":true,"end":1}"#, "{template}");
        }
        let lead = json!({ "o": { "p": { "f": "{{ a }}" }, "l": ["{{ a }}", { "f": "{{ b|trim }}" }] }, "l": ["", "{{ a }}", 1, "{{ b }}", "x"] });
        assert_eq!(render(&compile(lead), &[("a", nothing), ("b", nothing)]), r#"{"l":[1,"x"]}"#);
        let all = compile(json!({ "o": { "f": "{{ a }}" } }));
        assert_eq!(render(&all, &[("a", nothing)]), "sync customers: lead: every field is empty");
    }
    assert_eq!(leaf("{{ a }}", Cell::Text(" "), Cell::Null), r#"{"f":" ","end":1}"#);
}

#[test]
fn leaves_that_are_no_strings_are_constants() {
    let lead = json!({ "n": 7, "f": 1.5, "t": true, "no": false, "none": null, "l": [1, "x"], "empty": {}, "text": "a {{ '{{' }} b" });
    assert_eq!(render(&compile(lead), &[]), r#"{"n":7,"f":1.5,"t":true,"no":false,"l":[1,"x"],"text":"a {{ b"}"#);
}

#[test]
fn an_external_reference_and_a_backref_are_always_text() {
    let lead = |template: &str| {
        compile(json!({
            "backref": template,
            "external_ref": { "external_ref": template },
            "prospect": { "external_ref": { "external_ref": template } },
            "x_external_ref": { "external_ref": template },
        }))
    };
    for template in ["{{ a }}", "{{ a|int }}"] {
        let mapping = lead(template);
        let expected = r#"{"backref":"7","external_ref":{"external_ref":"7"},"prospect":{"external_ref":{"external_ref":"7"}},"x_external_ref":{"external_ref":7}}"#;
        assert_eq!(render(&mapping, &[("a", Cell::Integer(7))]), expected, "{template}");
    }
    let constant = compile(json!({ "external_ref": { "external_ref": 7 } }));
    assert_eq!(render(&constant, &[]), r#"{"external_ref":{"external_ref":"7"}}"#);
    let list = lead("{{ [a] }}");
    assert_eq!(
        render(&list, &[("a", Cell::Integer(7))]),
        "sync customers: backref: column a: gives a list or an object where text is needed; join it"
    );
}

#[test]
fn a_mapping_is_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&compile(json!({ "f": "{{ a|upper }}" })));
}
