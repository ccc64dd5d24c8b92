use proptest::prelude::*;

use super::*;

fn columns(header: &str) -> Columns {
    Columns::guess(&header.split(';').map(str::to_owned).collect::<Vec<_>>())
}

fn guessed(header: &str) -> String {
    let columns = columns(header);
    columns.iter().map(|(field, column)| format!("{}={column}", field.name())).collect::<Vec<_>>().join(" ")
}

#[test]
fn columns_are_known_by_their_dutch_french_english_and_german_names() {
    assert_eq!(
        guessed("klantnummer;voornaam;naam;e-mail;gsm;geboortedatum;straat;toestemming"),
        "key=klantnummer first_name=voornaam last_name=naam email=e-mail phone=gsm birth_date=geboortedatum where=toestemming"
    );
    assert_eq!(
        guessed("N° client;Prénom;Nom;Adresse e-mail;Téléphone;Date de naissance"),
        "key=N° client first_name=Prénom last_name=Nom email=Adresse e-mail phone=Téléphone birth_date=Date de naissance"
    );
    assert_eq!(guessed("ID;First Name;LAST_NAME;Mail"), "key=ID first_name=First Name last_name=LAST_NAME email=Mail");
    assert_eq!(guessed("Kundennr.;Vorname;Nachname"), "key=Kundennr. first_name=Vorname last_name=Nachname");
}

#[test]
fn the_more_certain_name_counts_and_a_name_that_is_there_twice_counts_for_nothing() {
    assert_eq!(guessed("name;last_name;tel;gsm"), "last_name=last_name phone=gsm");
    assert_eq!(guessed("e-mail;E-Mail;naam"), "last_name=naam");
}

#[test]
fn dates_are_read_in_the_form_that_all_of_them_have() {
    let format = |dates: &[&str]| date_format(&dates.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(format(&["1980-02-01", "1999-12-31"]), Some("%Y-%m-%d"));
    assert_eq!(format(&["01.02.1980"]), Some("%d.%m.%Y"));
    assert_eq!(format(&["1/2/1980", "31/12/1999"]), Some("%d/%m/%Y"));
    assert_eq!(format(&[]), None);
    assert_eq!(format(&["soon"]), None);
}

fn starter(key: &str, column: &str) -> Starter {
    let columns = Columns::guess(&[column.to_owned()]);
    let export =
        Export { path: format!("/srv/{column}.csv"), key: key.to_owned(), columns, date_format: Some("%d/%m/%Y") };
    Starter { environment: Environment::Staging, distribution_id: None, access: Access::ApiKey, export: Some(export) }
}

#[test]
fn a_column_is_a_variable_only_if_its_name_is_an_identifier() {
    assert_eq!(variable("naam_2"), "naam_2");
    for (column, subscript) in
        [("E-mail", "row['E-mail']"), ("row", "row['row']"), ("2x", "row['2x']"), ("l'id\\", r"row['l\'id\\']")]
    {
        assert_eq!(variable(column), subscript);
    }
}

#[test]
fn a_corrected_column_takes_the_place_of_the_guess() {
    let mut columns = columns("id;naam;voornaam");
    columns.set(Field::LastName, None);
    columns.set(Field::Email, Some("post".to_owned()));
    columns.set(Field::FirstName, Some("naam".to_owned()));
    let told: Vec<(&str, &str)> = columns.iter().map(|(field, column)| (field.name(), column)).collect();
    assert_eq!(told, [("key", "id"), ("first_name", "naam"), ("email", "post")]);
}

proptest! {
    #[test]
    fn whatever_a_column_is_called_the_mapping_reads_that_column(key in "[^\\x00]{1,12}") {
        let text = starter(&key, "naam").text();
        let values: toml::Table = text.parse().unwrap();
        let sync = &values["syncs"]["customers"];
        prop_assert_eq!(sync["source"]["key"].as_str(), Some(key.as_str()));
        let spec = crate::domain::mapping::Spec {
            sync: "customers".to_owned(),
            key: key.clone(),
            text_only: true,
            lead: serde_json::to_value(&sync["lead"]).unwrap(),
            filter: None,
            required: Vec::new(),
        };
        let mapping = crate::domain::mapping::Mapping::compile(&spec).unwrap();
        let mut expected = vec![key, "naam".to_owned()];
        expected.sort();
        expected.dedup();
        prop_assert_eq!(mapping.columns(), expected.as_slice());
    }
}
