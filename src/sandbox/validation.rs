//! What a real API would refuse in the body of a lead.

use serde::Serialize;
use serde_json::{Map, Value};

/// E-mail addresses at this domain are refused (422), so that a demo has a lead that the API does not take.
pub(super) const REFUSED_DOMAIN: &str = "refused.example";
/// Leads with an e-mail address at this domain get 409 when their external reference is stored already.
pub(super) const CONFLICT_DOMAIN: &str = "conflict.example";

/// One thing wrong with a lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Complaint {
    /// Path of the field, e.g. `prospect.email`; empty for the whole body.
    pub(super) field: &'static str,
    /// What is wrong, without the value.
    pub(super) message: &'static str,
}

const fn complaint(field: &'static str, message: &'static str) -> Complaint {
    Complaint { field, message }
}

/// All complaints about one lead; none if it is good.
pub(super) fn complaints(lead: &Value) -> Vec<Complaint> {
    let Some(lead) = lead.as_object() else {
        return vec![complaint("", "the body must be an object")];
    };
    let mut found = Vec::new();
    text(lead, "origin", "origin", &mut found);
    text(lead, "backref", "backref", &mut found);
    match lead.get("prospect") {
        Some(Value::Object(prospect)) => check_prospect(prospect, &mut found),
        Some(_) => found.push(complaint("prospect", "must be an object")),
        None => found.push(complaint("prospect", "is required")),
    }
    found
}

fn check_prospect(prospect: &Map<String, Value>, found: &mut Vec<Complaint>) {
    let before = found.len();
    let first = text(prospect, "first_name", "prospect.first_name", found);
    let last = text(prospect, "last_name", "prospect.last_name", found);
    let unnamed = [first, last].into_iter().flatten().all(str::is_empty);
    if unnamed && found.len() == before {
        found.push(complaint("prospect.last_name", "last_name or first_name is required"));
    }
    if let Some(email) = text(prospect, "email", "prospect.email", found) {
        if !plausible(email) {
            found.push(complaint("prospect.email", "is not an e-mail address"));
        } else if at_domain(email, REFUSED_DOMAIN) {
            found.push(complaint("prospect.email", "is at a domain that takes no mail"));
        }
    }
    match prospect.get("external_ref") {
        None => {}
        Some(Value::Object(reference)) => {
            text(reference, "external_ref", "prospect.external_ref.external_ref", found);
        }
        Some(_) => found.push(complaint("prospect.external_ref", "must be an object")),
    }
}

/// The text at `name`, if there; a complaint if it is something else.
fn text<'a>(
    object: &'a Map<String, Value>,
    name: &str,
    field: &'static str,
    found: &mut Vec<Complaint>,
) -> Option<&'a str> {
    match object.get(name) {
        None => None,
        Some(Value::String(text)) => Some(text),
        Some(_) => {
            found.push(complaint(field, "must be a string"));
            None
        }
    }
}

fn plausible(email: &str) -> bool {
    let Some((local, domain)) = email.rsplit_once('@') else {
        return false;
    };
    let labels_are_full = domain.split('.').all(|label| !label.is_empty());
    !local.is_empty()
        && !local.contains('@')
        && domain.contains('.')
        && labels_are_full
        && !email.contains(char::is_whitespace)
}

fn at_domain(email: &str, domain: &str) -> bool {
    email.rsplit_once('@').is_some_and(|(_, found)| found.eq_ignore_ascii_case(domain))
}

/// True if the lead asks for a 409 by its e-mail address.
pub(super) fn wants_conflict(lead: &Value) -> bool {
    lead.pointer("/prospect/email").and_then(Value::as_str).is_some_and(|email| at_domain(email, CONFLICT_DOMAIN))
}

/// The sender's own id of the lead: WeGroup's place for it, or `/external_ref` in a lead of another shape.
pub(super) fn external_ref(lead: &Value) -> Option<&str> {
    ["/prospect/external_ref/external_ref", "/external_ref"].iter().find_map(|pointer| lead.pointer(pointer)?.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(lead: &Value) -> Vec<&'static str> {
        complaints(lead).iter().map(|found| found.field).collect()
    }

    #[test]
    fn a_full_lead_is_good() {
        let lead = json!({"origin": "CRM", "backref": "https://crm.example/1", "prospect": {
            "first_name": "Ann", "last_name": "Maes", "email": "ann.maes@mail.example.com",
            "external_ref": {"external_ref": "1", "external_ref_company": "crm"}}});
        assert_eq!(complaints(&lead), []);
    }

    #[test]
    fn one_name_is_enough() {
        assert_eq!(fields(&json!({"prospect": {"first_name": "Ann"}})), [""; 0]);
        assert_eq!(fields(&json!({"prospect": {"last_name": "Maes"}})), [""; 0]);
    }

    #[test]
    fn each_fault_is_named_by_its_field() {
        let cases = [
            (json!([]), vec![""]),
            (json!({}), vec!["prospect"]),
            (json!({"prospect": []}), vec!["prospect"]),
            (json!({"prospect": {}}), vec!["prospect.last_name"]),
            (json!({"prospect": {"first_name": "", "last_name": ""}}), vec!["prospect.last_name"]),
            (json!({"prospect": {"last_name": 7}}), vec!["prospect.last_name"]),
            (json!({"origin": 1, "backref": 2, "prospect": {"last_name": "M"}}), vec!["origin", "backref"]),
            (
                json!({"prospect": {"last_name": "M", "email": 3, "external_ref": {"external_ref": 4}}}),
                vec!["prospect.email", "prospect.external_ref.external_ref"],
            ),
            (json!({"prospect": {"last_name": "M", "external_ref": "4"}}), vec!["prospect.external_ref"]),
            (json!({"prospect": {"last_name": "M", "email": "m@refused.example"}}), vec!["prospect.email"]),
        ];
        for (lead, expected) in cases {
            assert_eq!(fields(&lead), expected, "{lead}");
        }
    }

    #[test]
    fn an_email_address_needs_a_name_and_a_domain_with_a_dot() {
        for good in ["a@b.be", "a.b+c@sub.example.com"] {
            assert!(plausible(good), "{good}");
        }
        for bad in ["", "a", "@b.be", "a@", "a@b", "a@b..be", "a@.be", "a b@c.be", "a@b@c.be"] {
            assert!(!plausible(bad), "{bad}");
        }
    }

    #[test]
    fn the_external_reference_is_found_in_either_shape() {
        let wegroup = json!({"prospect": {"external_ref": {"external_ref": "7"}}});
        assert_eq!(external_ref(&wegroup), Some("7"));
        assert_eq!(external_ref(&json!({"external_ref": "8"})), Some("8"));
        assert_eq!(external_ref(&json!({"external_ref": 8})), None);
    }
}
