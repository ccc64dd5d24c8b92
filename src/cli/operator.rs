//! Who gives a command, for the leads' histories.

use std::fs;

/// Characters kept of the name.
const LONGEST: usize = 64;

/// The account the command runs under, and in brackets the one `sudo` says it was called from. Only the first is sure: whoever can write to the
/// ledger can set `$SUDO_USER`.
pub(super) fn operator() -> String {
    let uid = rustix::process::getuid().as_raw();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let claims = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    told(uid, &users, claims("SUDO_USER").as_deref(), claims("USER").as_deref())
}

/// `users` is a passwd(5) file. Accounts of a directory are not in it: they are told by number, with what `$USER` says.
fn told(uid: u32, users: &str, sudo: Option<&str>, user: Option<&str>) -> String {
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    });
    let account = match (name, user) {
        (Some(name), _) => name.to_owned(),
        (None, Some(user)) => format!("uid {uid} (says {user})"),
        (None, None) => format!("uid {uid}"),
    };
    let whole = sudo.map_or_else(|| account.clone(), |sudo| format!("{account} (sudo by {sudo})"));
    whole.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n";

    #[test]
    fn an_operator_is_the_account_of_the_process_whatever_the_environment_says() {
        assert_eq!(told(1000, USERS, None, Some("bob")), "ann");
        assert_eq!(told(0, USERS, Some("ann"), Some("root")), "root (sudo by ann)");
        assert_eq!(told(77, USERS, None, Some("carol")), "uid 77 (says carol)");
        assert_eq!(told(77, "", None, None), "uid 77");
    }

    #[test]
    fn a_name_can_neither_drive_a_terminal_nor_fill_a_screen() {
        let long = "x".repeat(100);
        assert_eq!(told(1000, USERS, Some("a\u{1b}[2J\nb"), None), "ann (sudo by a[2Jb)");
        assert_eq!(told(1000, USERS, Some(&long), None).chars().count(), LONGEST);
    }
}
