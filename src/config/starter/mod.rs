//! A configuration to begin with: what `init` writes.

mod columns;

use std::fmt::Write as _;

pub use columns::{Columns, Field};

/// WeGroup's installation that leads go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// Where a first run does no harm.
    Staging,
    /// The real one.
    Production,
}

/// What is known when the file is written. What is not known stands in it as an empty text, which every command refuses
/// with the key's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Starter {
    /// `environment`.
    pub environment: Environment,
    /// `distribution_id`; with a login it may be left out.
    pub distribution_id: Option<String>,
    /// The auth table.
    pub access: Access,
    /// The export, if one was looked at.
    pub export: Option<Export>,
}

/// How a connection gets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// `kind = "apikey"`, the token in the environment.
    ApiKey,
    /// `kind = "sso"`, the client's secret in the environment.
    Sso {
        /// `client_id`.
        client_id: Option<String>,
        /// `redirect_url`.
        redirect_url: String,
    },
}

/// Where `login` listens unless another address is registered.
pub const REDIRECT_URL: &str = "http://127.0.0.1:8400/callback";

/// What is known of the export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// An absolute path or glob.
    pub path: String,
    /// The key column.
    pub key: String,
    /// Which column is what.
    pub columns: Columns,
    /// How dates of birth are written, in the words of `strftime`; `None`: that was not found out.
    pub date_format: Option<&'static str>,
}

/// How CRMs of this part of the world write dates, the more usual form first.
const DATE_FORMATS: [&str; 5] = ["%d/%m/%Y", "%Y-%m-%d", "%d-%m-%Y", "%d.%m.%Y", "%Y%m%d"];

/// The form that all of the dates have; `None` if there are none, or none of the usual forms is common to them.
pub fn date_format(dates: &[String]) -> Option<&'static str> {
    let reads = |format: &&&str| dates.iter().all(|date| jiff::civil::Date::strptime(format, date.trim()).is_ok());
    DATE_FORMATS.iter().find(reads).copied().filter(|_| !dates.is_empty())
}

impl Starter {
    /// The text of the file.
    pub fn text(&self) -> String {
        let environment = match self.environment {
            Environment::Staging => "staging",
            Environment::Production => "production",
        };
        let mut text = HEAD.to_owned();
        let environment = commented(&format!("environment = \"{environment}\""), "staging | production");
        let _ = writeln!(text, "[connections.wegroup]\nkind = \"wegroup\"\n{environment}");
        self.access(&mut text);
        text.push_str(SYNC);
        self.filter(&mut text);
        self.source(&mut text);
        self.lead(&mut text);
        text
    }

    /// The rest of the connection, with its auth table.
    fn access(&self, text: &mut String) {
        let id = self.distribution_id.as_deref();
        let _ = match &self.access {
            Access::ApiKey => {
                let id = setting("distribution_id", id, "WeGroup gives it together with the API token");
                write!(text, "{id}\n{CONNECTION}{API_KEY}")
            }
            Access::Sso { client_id, redirect_url } => {
                let id = id.map_or_else(
                    || "# distribution_id is left out: the session tells it.".to_owned(),
                    |id| setting("distribution_id", Some(id), "a session of another one is refused"),
                );
                let client_id = setting("client_id", client_id.as_deref(), "WeGroup issues it for your redirect_url");
                let redirect_url = setting("redirect_url", Some(redirect_url), "the one registered with WeGroup");
                write!(text, "{id}\n{CONNECTION}{SSO}{client_id}\n{redirect_url}\n{SSO_REST}")
            }
        };
    }

    /// Which rows may go is for a person to say: the line is written, but switched off.
    fn filter(&self, text: &mut String) {
        let consent = self.export.as_ref().and_then(|export| export.columns.column(Field::Consent));
        let column = variable(consent.unwrap_or("consent"));
        let line = format!("# where = {}", quoted(&format!("{{{{ {column} == 'J' }}}}")));
        let _ =
            writeln!(text, "{}\n", commented(&line, "rows for which it is false are not sent, e.g. without consent"));
    }

    fn source(&self, text: &mut String) {
        let export = self.export.as_ref();
        let path = setting(
            "path",
            export.map(|export| export.path.as_str()),
            "one file, or a pattern such as /srv/crm/customers*.csv",
        );
        let key =
            setting("key", export.map(|export| export.key.as_str()), "the column with the CRM's own id of the row");
        let _ = write!(text, "[syncs.customers.source]\nkind = \"csv\"\n{path}\n{key}\n\n");
    }

    fn lead(&self, text: &mut String) {
        let Some(export) = &self.export else {
            text.push_str(EXAMPLE_LEAD);
            return;
        };
        let key = template(&export.key, "");
        text.push_str(LEAD);
        let _ = writeln!(text, "# backref = {}", quoted(&format!("https://crm.example.com/customers/{key}")));
        text.push_str("[syncs.customers.lead.prospect]\n");
        for (field, filter) in
            [(Field::FirstName, ""), (Field::LastName, ""), (Field::Email, "|email"), (Field::Phone, "|phone")]
        {
            if let Some(column) = export.columns.column(field) {
                let _ = writeln!(text, "{} = {}", field.name(), quoted(&template(column, filter)));
            }
        }
        if let Some(column) = export.columns.column(Field::BirthDate) {
            text.push_str(&birth_date(column, export.date_format));
        }
        let _ = writeln!(text, "external_ref = {{ external_ref = {}, external_ref_company = \"crm\" }}", quoted(&key));
    }
}

/// The line of the date of birth, switched off if its form is not known: a guess would reject each row that has one.
fn birth_date(column: &str, format: Option<&str>) -> String {
    let date = template(column, &format!("|date('{}')", format.unwrap_or_default()));
    let line = format!("birth_date = {}", quoted(&date));
    match format {
        Some(_) => format!("{line}\n"),
        None => format!(
            "# FILL IN: in the quotes of date('') how the export writes dates, such as %d/%m/%Y %H:%M:%S, and take the # before birth_date away\n\
             # {line}\n"
        ),
    }
}

/// A setting with its value, or empty with the mark for what is to be filled in.
fn setting(key: &str, value: Option<&str>, meaning: &str) -> String {
    match value {
        Some(value) => commented(&format!("{key} = {}", quoted(value)), meaning),
        None => commented(&format!("{key} = \"\""), &format!("FILL IN: {meaning}")),
    }
}

/// The width that comments begin at.
const MARGIN: usize = 40;

/// A line and its comment, beside it where there is room, else above it.
fn commented(line: &str, comment: &str) -> String {
    if line.chars().count() < MARGIN { format!("{line:<MARGIN$}# {comment}") } else { format!("# {comment}\n{line}") }
}

/// `{{ column|filter }}`.
fn template(column: &str, filter: &str) -> String {
    format!("{{{{ {}{filter} }}}}", variable(column))
}

/// A column as a template names it: a variable where its name is an identifier, else a subscript of `row`.
fn variable(column: &str) -> String {
    /// Words with a meaning of their own in an expression.
    const RESERVED: [&str; 16] = [
        "row", "and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None", "loop",
        "self",
    ];
    let starts = column.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let word = column.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if starts && word && !RESERVED.contains(&column) {
        column.to_owned()
    } else {
        format!("row['{}']", column.replace('\\', r"\\").replace('\'', r"\'"))
    }
}

/// A TOML basic string. Its escapes are those of JSON, except that TOML wants U+007F escaped, too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

const HEAD: &str = "\
# The configuration of lead-sync: which export goes where. Relative paths are relative to the folder of this file.
# Every other setting, with its default, is in config/lead-sync.toml of lead-sync's own repository.
# `lead-sync check` looks at everything short of sending; `lead-sync plan` shows what a run would send.

";

const CONNECTION: &str = r#"rate_limit = "5/s"                      # at most so many leads a second
on_in_doubt = "resend"                  # a lead that may have arrived: resend: none is ever lost | hold: none is ever sent twice

[connections.wegroup.auth]
"#;

const API_KEY: &str = r#"kind = "apikey"
token = { env = "WEGROUP_API_TOKEN" }   # or { file = "path" }, or { credential = "name" } with systemd
"#;

const SSO: &str = r#"kind = "sso"
"#;

const SSO_REST: &str = r#"# The secret: or { file = "path" }, or { credential = "name" } with systemd.
client_secret = { env = "WEGROUP_CLIENT_SECRET" }
# offline: a session that renews itself. openid: whose it is. leads:write: pushing leads.
scopes = ["openid", "offline", "leads:write"]
"#;

const SYNC: &str = r#"
[syncs.customers]
connection = "wegroup"
max_new = 500                           # more new and changed leads to send than this: stop before sending, until a run with --confirm
no_rows = "warn"                        # an export without a single row: stop before sending, likewise
# schedule = "0 */15 * * * *"           # for the daemon: second minute hour day month weekday
"#;

const LEAD: &str = r#"# What is sent of each row. Text in {{ }} is filled in from the row's columns; what comes out empty is left out.
[syncs.customers.lead]
origin = "CRM"
# The link from WeGroup back to the row in your CRM.
"#;

const EXAMPLE_LEAD: &str = r#"# What is sent of each row. Text in {{ }} is filled in from the row's columns; what comes out empty is left out.
# FILL IN: the columns of your export. One whose name is no single word is {{ row['E-mail'] }}.
[syncs.customers.lead]
origin = "CRM"
# The link from WeGroup back to the row in your CRM.
# backref = "https://crm.example.com/customers/{{ id }}"
[syncs.customers.lead.prospect]
first_name = "{{ first_name }}"
last_name = "{{ last_name }}"
email = "{{ email|email }}"
# phone = "{{ phone|phone }}"
# birth_date = "{{ birth_date|date('%d/%m/%Y') }}"
external_ref = { external_ref = "{{ id }}", external_ref_company = "crm" }
"#;

#[cfg(test)]
mod tests;
