//! The demo's export, as a broker's CRM in Belgium writes it (semicolons, Windows-1252, CRLF, decimal commas), and the
//! configuration that goes with it. Nobody in it exists.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::options::Options;
use super::validation::REFUSED_DOMAIN;

/// Name of the file that [`write()`] creates.
pub const FILE_NAME: &str = "customers.csv";

/// What a first run has to make of the export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Rows below the header.
    pub rows: usize,
    /// Rows whose lead the sandbox takes.
    pub delivered: usize,
    /// Rows that the `where` of the configuration leaves out.
    pub without_consent: usize,
    /// Rows that are no lead: one has a cell too many, one has no key.
    pub quarantined: usize,
    /// Rows whose lead the sandbox refuses with 422.
    pub refused: usize,
}

/// What a first run has to make of the export.
pub const EXPECTED: Expected =
    Expected { rows: ROWS, delivered: ROWS - 5, without_consent: 2, quarantined: 2, refused: 1 };

const ROWS: usize = 60;
const HEADER: &str = "klantnummer;voornaam;naam;e-mail;gsm;geboortedatum;straat;postcode;gemeente;premie;toestemming";

/// Rows, counted from 0, that are not as the others.
const WITHOUT_CONSENT: [usize; 2] = [12, 40];
const RAGGED: usize = 21;
const WITHOUT_KEY: usize = 33;
const REFUSED: usize = 46;

/// First names, and how they are written in an e-mail address.
const FIRST_NAMES: [(&str, &str); 20] = [
    ("Élodie", "elodie"),
    ("Jan", "jan"),
    ("Zoë", "zoe"),
    ("François", "francois"),
    ("Annelies", "annelies"),
    ("Björn", "bjorn"),
    ("Noémie", "noemie"),
    ("Pieter-Jan", "pieterjan"),
    ("Daniëlle", "danielle"),
    ("MARC", "marc"),
    ("Hélène", "helene"),
    ("Koen", "koen"),
    ("Renée", "renee"),
    ("Joris", "joris"),
    ("Maïté", "maite"),
    ("lotte", "lotte"),
    ("Jérôme", "jerome"),
    ("Sanne", "sanne"),
    ("Loïc", "loic"),
    ("Wout", "wout"),
];

/// Last names, and how they are written in an e-mail address.
const LAST_NAMES: [(&str, &str); 23] = [
    ("Peeters", "peeters"),
    ("Lefèvre", "lefevre"),
    ("De Smet", "desmet"),
    ("D’Hondt", "dhondt"),
    ("van den Berg", "vandenberg"),
    ("Müller", "muller"),
    ("JANSSENS", "janssens"),
    ("Maes", "maes"),
    ("Dubois", "dubois"),
    ("Willems", "willems"),
    ("Génard", "genard"),
    ("Claes", "claes"),
    ("de Vries", "devries"),
    ("Mertens", "mertens"),
    ("Bäcker", "backer"),
    ("Wouters", "wouters"),
    ("Rénier", "renier"),
    ("Hermans", "hermans"),
    ("Noël", "noel"),
    ("Van Damme", "vandamme"),
    ("Aerts", "aerts"),
    ("Gonçalves", "goncalves"),
    ("Bakker", "bakker"),
];

const TOWNS: [(&str, &str); 9] = [
    ("9000", "Gent"),
    ("1000", "Brussel"),
    ("4000", "Liège"),
    ("2800", "Mechelen"),
    ("5000", "Namur"),
    ("1011 AB", "Amsterdam"),
    ("8400", "Oostende"),
    ("4700", "Eupen"),
    ("3511 CD", "Utrecht"),
];

const STREETS: [&str; 5] = ["Kerkstraat", "Rue de l’Église", "Molenweg", "Avenue du Chêne", "Stationsplein"];

/// Writes the export into `folder` and returns its path; a file of that name is replaced.
pub fn write(folder: &Path) -> io::Result<PathBuf> {
    let path = folder.join(FILE_NAME);
    std::fs::write(&path, customers_csv())?;
    Ok(path)
}

/// The bytes of the export: the same at every call.
pub fn customers_csv() -> Vec<u8> {
    let rows = (0..ROWS).map(row);
    let lines = std::iter::once(HEADER.to_owned()).chain(rows);
    let text: String = lines.flat_map(|line| [line, "\r\n".to_owned()]).collect();
    let (bytes, _, _) = encoding_rs::WINDOWS_1252.encode(&text);
    bytes.into_owned()
}

fn row(index: usize) -> String {
    let key = match index {
        WITHOUT_KEY => String::new(),
        _ => format!("K{:04}", 1001 + index),
    };
    let (first, first_ascii) = pick(&FIRST_NAMES, index);
    let (last, last_ascii) = pick(&LAST_NAMES, index * 7);
    let email = match index {
        REFUSED => format!("{first_ascii}.{last_ascii}@{REFUSED_DOMAIN}"),
        _ if index % 11 == 5 => String::new(),
        _ => format!("{first_ascii}.{last_ascii}@example.com"),
    };
    let (postcode, town) = pick(&TOWNS, index * 5);
    let consent = if WITHOUT_CONSENT.contains(&index) { 'N' } else { 'J' };
    let cells = [
        key,
        first.to_owned(),
        last.to_owned(),
        email,
        phone(index),
        birth_date(index),
        street(index),
        postcode.to_owned(),
        town.to_owned(),
        premium(index),
        consent.to_string(),
    ];
    cells.join(";")
}

/// The item at `index`, counted round and round.
fn pick<'a>(items: &[(&'a str, &'a str)], index: usize) -> (&'a str, &'a str) {
    items.get(index % items.len().max(1)).copied().unwrap_or_default()
}

/// Mobile numbers of a block of zeros, in the ways people write them; some rows have none.
fn phone(index: usize) -> String {
    let last = format!("{:02}", index + 1);
    match index % 6 {
        0 => format!("0470/00.00.{last}"),
        1 => format!("+32 470 00 00 {last}"),
        2 => format!("0470 00 00 {last}"),
        3 => format!("0032 470 00 00 {last}"),
        4 => format!("+31 6 10 00 00 {last}"),
        _ => String::new(),
    }
}

fn birth_date(index: usize) -> String {
    if index % 13 == 7 {
        return String::new();
    }
    let (day, month, year) = (1 + index * 11 % 28, 1 + index * 5 % 12, 1948 + index);
    format!("{day:02}/{month:02}/{year}")
}

/// One street has a semicolon in quotes, as it should be, and one without.
fn street(index: usize) -> String {
    let name = STREETS.get(index % STREETS.len()).copied().unwrap_or_default();
    let number = 1 + index * 3 % 90;
    match index {
        RAGGED => format!("{name} {number}; bus 2"),
        _ if index % 17 == 4 => format!("\"{name} {number}; bus 3\""),
        _ => format!("{name} {number}"),
    }
}

fn premium(index: usize) -> String {
    format!("{},{:02}", 180 + index * 37 % 900, index * 25 % 100)
}

/// A configuration that sends the export, lying beside it, to the sandbox at `address`.
pub fn configuration(address: SocketAddr, options: &Options) -> String {
    let mut text = format!(
        r#"# The demo: customers.csv goes to a local WeGroup at {address}.
[ledger]
path = "lead-sync.db"

[connections.wegroup]
kind = "wegroup"
api_url = "http://{address}"
distribution_id = "{distribution}"
rate_limit = "none"
"#,
        distribution = options.distribution_id,
    );
    let token = options.api_tokens.first().map_or(Options::API_TOKEN, String::as_str);
    let _ = write!(
        text,
        r#"
[connections.wegroup.auth]
kind = "apikey"
token = "{token}"
{SYNC}"#
    );
    text
}

const SYNC: &str = r#"
[syncs.customers]
connection = "wegroup"
where = "{{ toestemming == 'J' }}"          # no consent, no lead
required = ["prospect.last_name"]

[syncs.customers.source]
kind = "csv"
path = "customers.csv"
key = "klantnummer"

[syncs.customers.lead]
origin = "CRM"
backref = "https://crm.example.com/customers/{{ klantnummer }}"
[syncs.customers.lead.prospect]
first_name = "{{ voornaam|title }}"
last_name = "{{ naam|title }}"
email = "{{ row['e-mail']|email }}"
phone = "{{ gsm|phone }}"
birth_date = "{{ geboortedatum|date('%d/%m/%Y') }}"
address = { street = "{{ straat }}", postcode = "{{ postcode }}", city = "{{ gemeente }}" }
yearly_premium = "{{ premie|decimal(',') }}"
external_ref = { external_ref = "{{ klantnummer }}", external_ref_company = "crm" }
"#;

#[cfg(test)]
mod tests;
