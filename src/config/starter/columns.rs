//! Which column of an export is what, by its name: Dutch, French, English and German, as CRMs in Belgium and the Netherlands
//! are set up.

/// What a column can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// The CRM's own id of the row.
    Key,
    /// First name.
    FirstName,
    /// Last name.
    LastName,
    /// E-mail address.
    Email,
    /// Phone number, a mobile one rather than another.
    Phone,
    /// Date of birth.
    BirthDate,
    /// Whether the person agreed to be passed on.
    Consent,
}

/// Names of each field, the more certain one first; compared by [`plain`].
const NAMES: [(Field, &[&str]); 7] = [
    (
        Field::Key,
        &[
            "id",
            "klantid",
            "klantnummer",
            "klantnr",
            "klantno",
            "relatieid",
            "relatienummer",
            "relatienr",
            "customerid",
            "customernumber",
            "customerno",
            "clientid",
            "idclient",
            "numeroclient",
            "numclient",
            "nrclient",
            "noclient",
            "nclient",
            "codeclient",
            "contactid",
            "personid",
            "leadid",
            "crmid",
            "kundennummer",
            "kundennr",
            "externalid",
            "recordid",
            "guid",
            "uuid",
            "nummer",
            "numero",
            "number",
            "nr",
            "ref",
            "reference",
            "referentie",
        ],
    ),
    (Field::FirstName, &["firstname", "voornaam", "prenom", "givenname", "vorname", "roepnaam", "fname"]),
    (
        Field::LastName,
        &[
            "lastname",
            "achternaam",
            "familienaam",
            "nomdefamille",
            "surname",
            "familyname",
            "nachname",
            "lname",
            "naam",
            "nom",
            "name",
        ],
    ),
    (
        Field::Email,
        &[
            "email",
            "emailadres",
            "emailaddress",
            "mail",
            "mailadres",
            "adresseemail",
            "adressemail",
            "courriel",
            "emailadresse",
        ],
    ),
    (
        Field::Phone,
        &[
            "gsm",
            "gsmnummer",
            "gsmnr",
            "mobile",
            "mobilephone",
            "mobiel",
            "mobielnummer",
            "portable",
            "handy",
            "phone",
            "phonenumber",
            "telefoon",
            "telefoonnummer",
            "telefoonnr",
            "telephone",
            "tel",
            "telefon",
            "numerodetelephone",
        ],
    ),
    (
        Field::BirthDate,
        &[
            "birthdate",
            "dateofbirth",
            "dob",
            "birthday",
            "geboortedatum",
            "gebdatum",
            "datedenaissance",
            "datenaissance",
            "geburtsdatum",
        ],
    ),
    (
        Field::Consent,
        &[
            "consent",
            "toestemming",
            "optin",
            "consentement",
            "marketingconsent",
            "gdprconsent",
            "avgtoestemming",
            "einwilligung",
        ],
    ),
];

impl Field {
    /// Its name in the body of a lead, or what the person calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::BirthDate => "birth_date",
            Self::Consent => "where",
        }
    }
}

/// Which column is what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Columns(Vec<(Field, String)>);

impl Columns {
    /// Takes each column for what its name says. Of several names for one field the more certain one counts; a name that is
    /// there twice names nothing.
    pub fn guess(found: &[String]) -> Self {
        let plain: Vec<String> = found.iter().map(|name| self::plain(name)).collect();
        let column = |known: &&str| {
            let mut places = plain.iter().zip(found).filter(|(plain, _)| plain.as_str() == *known);
            let (_, name) = places.next()?;
            places.next().is_none().then(|| name.clone())
        };
        let guess = |(field, names): &(Field, &[&str])| Some((*field, names.iter().find_map(column)?));
        Self(NAMES.iter().filter_map(guess).collect())
    }

    /// Says which column a field is; `None`: there is none.
    pub fn set(&mut self, field: Field, column: Option<String>) {
        self.0.retain(|(known, _)| *known != field);
        self.0.extend(column.map(|column| (field, column)));
        self.0.sort_by_key(|(field, _)| *field);
    }

    /// The column of a field.
    pub fn column(&self, field: Field) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == field).map(|(_, column)| column.as_str())
    }

    /// All fields that were found, with their columns.
    pub fn iter(&self) -> impl Iterator<Item = (Field, &str)> {
        self.0.iter().map(|(field, column)| (*field, column.as_str()))
    }
}

/// A name without capitals, accents, blanks and punctuation.
fn plain(name: &str) -> String {
    let letter = |c: char| match c {
        'à' | 'á' | 'â' | 'ä' => 'a',
        'ç' => 'c',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'î' | 'ï' => 'i',
        'ô' | 'ö' => 'o',
        'ù' | 'û' | 'ü' => 'u',
        other => other,
    };
    name.chars().flat_map(char::to_lowercase).map(letter).filter(char::is_ascii_alphanumeric).collect()
}
