use serde_json::json;

use super::super::{Mapping, Spec};
use super::{compile, leaf, record, render, spec};
use crate::domain::record::{Cell, Record};

#[test]
fn a_rejection_names_sync_field_and_column() {
    let mapping = compile(json!({ "prospect": { "birth_date": "{{ birth_date|date('%d/%m/%Y') }}" } }));
    assert_eq!(
        render(&mapping, &[("birth_date", Cell::Text("31 dec"))]),
        "sync customers: prospect.birth_date: column birth_date: not a date in format %d/%m/%Y"
    );
    assert_eq!(
        leaf("{{ a - b }}", Cell::Text("x"), Cell::Text("y")),
        "sync customers: f: column a, b: the template cannot work with this value: is the cell empty, or text where a number is needed? \
         `… if column` leaves an empty one out, column|decimal reads a number"
    );
    for template in ["{{ a }}", "{{ a }}!", "{{ a + 0 }}", "{{ [a] }}", "{{ a|string }}!"] {
        let got = leaf(template, Cell::Real(f64::INFINITY), Cell::Null);
        let typed = !template.contains("string");
        assert_eq!(got == "sync customers: f: column a: not a finite number", typed, "{template}: {got}");
    }
}

#[test]
fn a_template_cannot_hold_up_a_run() {
    let nested = "{% for x in a %}{% for y in a %}{% for z in a %}.{% endfor %}{% endfor %}{% endfor %}";
    let long = "x".repeat(1_000);
    assert_eq!(
        leaf(nested, Cell::Text(&long), Cell::Null),
        "sync customers: f: column a: the template takes too many steps for this value"
    );
}

/// MiniJinja 3.0.5 cuts a letter of several bytes in two where it reads what `%` stands for.
#[test]
fn a_value_that_breaks_a_filter_of_minijinja_refuses_its_row_and_nothing_else() {
    for template in ["{{ a|format(b) }}", "<{{ a|format(b) }}>"] {
        assert_eq!(
            leaf(template, Cell::Text("%(𝔍"), Cell::Text("x")),
            "sync customers: f: column a, b: a filter broke down over this value: that is a fault of the program, please report it with the template"
        );
        assert!(leaf(template, Cell::Text("%s!"), Cell::Text("x")).contains("x!"));
    }
}

#[test]
fn a_required_path_that_is_empty_rejects_the_row() {
    let lead = json!({
        "origin": "CRM",
        "prospect": { "last_name": "{{ last }}", "phones": ["{{ phone }}", "{{ mobile|phone }}"], "address": { "street": "{{ street }}", "city": "{{ city }}" } },
    });
    let required = |path: &str| Mapping::compile(&Spec { required: vec![path.into()], ..spec(lead.clone()) }).unwrap();
    let cells = [("last", Cell::Text("P")), ("phone", Cell::Text("1")), ("city", Cell::Text("Gent"))];
    for (path, columns) in
        [("prospect.last_name", "last"), ("prospect.phones.0", "phone"), ("prospect.address", "street, city")]
    {
        assert!(render(&required(path), &cells).starts_with('{'), "{path}");
        assert_eq!(
            render(&required(path), &[]),
            format!("sync customers: {path}: column {columns}: required, but empty")
        );
    }
    assert_eq!(
        render(&required("prospect.phones.1"), &cells),
        "sync customers: prospect.phones.1: column mobile: required, but empty"
    );
}

#[test]
fn where_takes_booleans_and_numbers_but_no_text() {
    let filter = |source: &str| {
        Mapping::compile(&Spec { filter: Some(source.into()), ..spec(json!({ "origin": "CRM" })) }).unwrap()
    };
    let wants = |source: &str, cell| {
        let mapping = filter(source);
        let record = record(&mapping, &[("consent", cell)]);
        mapping.wants(&record)
    };
    let cases = [
        ("{{ consent == 'J' }}", Cell::Text("J"), true),
        ("{{ consent == 'J' }}", Cell::Text("N"), false),
        ("{{ consent == 'J' }}", Cell::Null, false),
        ("{{ consent != '' }}", Cell::Null, false),
        ("{{ consent|bool }}", Cell::Text("x"), true),
        ("{{ consent|bool }}", Cell::Text(""), false),
        ("{{ consent|lower in ['j', 'ja', '1'] }}", Cell::Text("JA"), true),
        ("{{ consent }}", Cell::Integer(1), true),
        ("{{ consent }}", Cell::Integer(0), false),
        ("{{ consent }}", Cell::Null, false),
        ("{{ row['consent'] }}", Cell::Text(""), false),
    ];
    for (source, cell, expected) in cases {
        assert_eq!(wants(source, cell), Ok(expected), "{source} of {cell:?}");
    }
    let rejection = wants("{{ consent }}", Cell::Text("nee")).unwrap_err().to_string();
    assert!(
        rejection.starts_with(
            "sync customers: where: column consent: this cell holds text, which is no yes or no: compare it"
        ),
        "{rejection}"
    );
    for source in ["{{ row['E-mail'] and consent }}", "{{ consent and row['E-mail'] }}"] {
        let mapping = filter(source);
        let cells = [("E-mail", Cell::Integer(1)), ("consent", Cell::Text("nee"))];
        assert!(mapping.wants(&record(&mapping, &cells)).is_err(), "{source}");
    }
    let given = wants("{{ consent ~ '!' }}", Cell::Text("nee")).unwrap_err().to_string();
    assert!(given.contains("gives neither true nor false; compare it"), "{given}");
    assert_eq!(compile(json!({ "a": 1 })).wants(&Record::default()), Ok(true));
    assert_eq!(filter("{{ row['E-mail']|bool }}").columns(), ["E-mail"]);
}

#[test]
fn where_takes_no_text_for_a_yes_where_every_cell_is_text() {
    let filter = |source: &str, text_only| {
        let spec = Spec { filter: Some(source.into()), text_only, ..spec(json!({ "origin": "CRM" })) };
        Mapping::compile(&spec).map_err(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let cases = [
        ("{{ consent }}", "consent == 'J'"),
        ("{{ consent and age|decimal > 17 }}", "consent == 'J'"),
        ("{{ not (name == 'x' or row['No mail']) }}", "row['No mail'] == 'J'"),
    ];
    for (source, expected) in cases {
        let found = filter(source, true).unwrap_err();
        assert!(
            found.len() == 1 && found[0].contains("any text counts as a yes") && found[0].contains(expected),
            "{found:?}"
        );
        assert!(filter(source, false).is_ok(), "{source}: a database has numbers");
    }
    for (source, text_only) in [
        ("{{ email|trim }}", true),
        ("{{ email|trim }}", false),
        ("{{ email|email and x == '1' }}", false),
        ("{{ email|default('') }}", true),
    ] {
        assert!(filter(source, text_only).is_err(), "{source}");
    }
    for source in [
        "{{ consent == 'J' and email != '' }}",
        "{{ (mobile or phone) != '' }}",
        "{{ email|bool and consent in 'jJ' }}",
        "{{ not moved_away and consent == 'J' }}",
        "{{ not email|trim }}",
        "{{ active|decimal|default(0) }}",
        "{{ (active == '1')|default(false) }}",
    ] {
        assert!(filter(source, true).is_ok(), "{source}");
    }
}
