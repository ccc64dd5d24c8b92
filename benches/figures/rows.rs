//! The export that every figure works on, and the bodies that its rows become: about 210 and 450 bytes each.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::Path;

use crate::Result;

/// The mapping of `subject.rs` turns a row into [`body`]: the server's count of bytes shows that it does.
const HEADER: &str = "id,first_name,last_name,email,phone,birth_date,street,house_number,postcode,city,language,product,agent,updated_at,note";

const FIRST: [&str; 8] = ["Anna", "Bram", "Chloé", "Daan", "Emma", "Finn", "Gitte", "Hugo"];
const LAST: [&str; 8] = ["Peeters", "Janssens", "Maes", "Jacobs", "Mertens", "Willems", "Claes", "Goossens"];
const CITY: [&str; 4] = ["Antwerpen", "Gent", "Liège", "Leuven"];

/// One row's values that differ.
struct Person {
    number: usize,
    first: &'static str,
    last: &'static str,
    city: &'static str,
    day: usize,
    month: usize,
    year: usize,
}

impl Person {
    fn new(number: usize) -> Self {
        let pick = |words: &'static [&'static str], at: usize| words.get(at % words.len()).copied().unwrap_or_default();
        Self {
            number,
            first: pick(&FIRST, number),
            last: pick(&LAST, number / 8),
            city: pick(&CITY, number / 64),
            day: 1 + number % 28,
            month: 1 + number / 28 % 12,
            year: 1950 + number / 336 % 50,
        }
    }
}

/// The first argument that writes an export, for what is not written in Rust; then file and number of rows.
pub(crate) const ROLE: &str = "export";

/// Does what [`ROLE`] says.
pub(crate) fn export(args: &[String]) -> Result<()> {
    let [path, count] = args else { return Err("export FILE COUNT".into()) };
    write(Path::new(path), count.parse()?)
}

/// Writes an export of `count` rows.
pub(crate) fn write(path: &Path, count: usize) -> Result<()> {
    write_rows(path, 0..count)
}

/// Puts an export with these rows in the place of another one, in one step.
pub(crate) fn replace(path: &Path, numbers: Range<usize>) -> Result<()> {
    let aside = path.with_extension("new");
    write_rows(&aside, numbers)?;
    Ok(std::fs::rename(aside, path)?)
}

fn write_rows(path: &Path, numbers: Range<usize>) -> Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    writeln!(file, "{HEADER}")?;
    for number in numbers {
        let Person { number, first, last, city, day, month, year } = Person::new(number);
        writeln!(
            file,
            "C{number:07},{first},{last},{first}.{last}.{number}@example.com,+32 470 {:02} {:02} {:02},{day:02}/{month:02}/{year},\
             Grote Steenweg,{},{},{city},nl,family insurance,broker-{:03},2026-11-{day:02}T08:15:00Z,imported from the old system in spring",
            number / 10_000 % 100,
            number / 100 % 100,
            number % 100,
            1 + number % 300,
            1000 + number % 9000,
            number % 250,
        )?;
    }
    file.into_inner()?.sync_all()?;
    Ok(())
}

/// The body that row `number` becomes.
pub(crate) fn body(number: usize) -> String {
    let Person { number, first, last, city, day, month, year } = Person::new(number);
    format!(
        "{{\"origin\":\"CRM\",\"backref\":\"https://crm.example.com/customers/C{number:07}\",\
         \"product\":\"family insurance\",\"agent\":\"broker-{:03}\",\"prospect\":{{\
         \"first_name\":\"{first}\",\"last_name\":\"{last}\",\"email\":\"{first}.{last}.{number}@example.com\",\
         \"phone\":\"+32 470 {:02} {:02} {:02}\",\"birth_date\":\"{year}-{month:02}-{day:02}\",\
         \"address\":{{\"street\":\"Grote Steenweg\",\"house_number\":\"{}\",\"postcode\":\"{}\",\"city\":\"{city}\"}},\
         \"language\":\"nl\",\"external_ref\":{{\"external_ref\":\"C{number:07}\",\"external_ref_company\":\"crm\"}}}}}}",
        number % 250,
        number / 10_000 % 100,
        number / 100 % 100,
        number % 100,
        1 + number % 300,
        1000 + number % 9000,
    )
}
