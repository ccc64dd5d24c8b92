//! What surrounds the program and can ruin the ledger: the wrong user, a container, storage that does not last.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::exit::Failure;
use super::out;
use crate::config::Env;
use crate::ledger::storage_warning;

/// Where the system's configuration lies, and no ledger should.
const SYSTEM_FOLDER: &str = "/etc/lead-sync";

/// Where systemd keeps the state of services with `DynamicUser=`: only root and the service get in.
const PRIVATE_STATE: &str = "/var/lib/private";

/// Says it if the ledger lies where it will be lost or damaged.
pub(super) fn warn(ledger: &Path, env: &Env) {
    if let Some(warning) = storage(ledger, env) {
        out::warn(warning);
    }
}

/// What threatens the ledger where it lies, and what to do.
pub(super) fn storage(ledger: &Path, env: &Env) -> Option<String> {
    storage_warning(ledger, in_container(env))
}

/// True in a container: Docker and Podman leave a file, Kubernetes a variable.
fn in_container(env: &Env) -> bool {
    ["/.dockerenv", "/run/.containerenv"].iter().any(|mark| Path::new(mark).exists())
        || env.get("KUBERNETES_SERVICE_HOST").is_some()
}

/// Refuses root where another user owns the ledger or its folder: what root creates there, that user could not open any more. Refuses it, too,
/// where the ledger would be a second one beside the service's.
pub(super) fn refuse_root(ledger: &Path) -> Result<(), Failure> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    match owned(ledger) {
        Some(owned) if owned.uid != 0 => Err(Failure::usage(belongs_to_another(&owned, &users))),
        None if ledger.starts_with(SYSTEM_FOLDER) => Err(Failure::usage(format!(
            "this would begin a second ledger, {}, beside that of the service, and send every lead again: \
             `lead-sync-ctl COMMAND` does what `lead-sync COMMAND` does, with the service's user and ledger. \
             Without the service, set [ledger] path",
            ledger.display()
        ))),
        _ => Ok(()),
    }
}

/// A file or folder and who owns it.
struct Owned {
    path: PathBuf,
    uid: u32,
    gid: u32,
}

/// The ledger, or its folder if there is no ledger yet.
fn owned(ledger: &Path) -> Option<Owned> {
    let look = |path: &Path| {
        let path = fs::canonicalize(path).ok()?;
        let metadata = fs::metadata(&path).ok()?;
        Some(Owned { uid: metadata.uid(), gid: metadata.gid(), path })
    };
    let folder = ledger.parent().filter(|folder| *folder != Path::new(SYSTEM_FOLDER));
    look(ledger).or_else(|| look(folder?))
}

fn belongs_to_another(owned: &Owned, users: &str) -> String {
    let Owned { path, uid, gid } = owned;
    let name = user_name(users, *uid);
    let command = match &name {
        _ if path.starts_with(PRIVATE_STATE) => "lead-sync-ctl COMMAND".to_owned(),
        Some(name) => format!("runuser -u {name} -- lead-sync COMMAND"),
        None => format!("setpriv --reuid={uid} --regid={gid} --clear-groups lead-sync COMMAND"),
    };
    let whose = name.unwrap_or_else(|| format!("user {uid}"));
    format!(
        "{} belongs to {whose}, who could not open what root creates there: run it as that user: {command}",
        path.display()
    )
}

/// The name of a user, from the lines of /etc/passwd (passwd(5)).
fn user_name(users: &str, uid: u32) -> Option<String> {
    let uid = uid.to_string();
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/sh\nlead-sync:x:998:997::/nonexistent:/usr/sbin/nologin\n";

    fn text(path: &str, uid: u32) -> String {
        belongs_to_another(&Owned { path: path.into(), uid, gid: 7 }, USERS)
    }

    #[test]
    fn the_command_that_is_named_works_for_the_owner_there_is() {
        assert_eq!(
            text("/srv/leads/lead-sync.db", 998),
            "/srv/leads/lead-sync.db belongs to lead-sync, who could not open what root creates there: \
             run it as that user: runuser -u lead-sync -- lead-sync COMMAND"
        );
        assert!(
            text("/srv/leads", 65532).ends_with("setpriv --reuid=65532 --regid=7 --clear-groups lead-sync COMMAND")
        );
        assert!(
            text("/var/lib/private/lead-sync", 998).ends_with("lead-sync-ctl COMMAND"),
            "runuser does not get in there"
        );
    }

    #[test]
    fn a_broken_line_of_passwd_is_passed_over() {
        assert_eq!(user_name(&format!("+\n\n{USERS}"), 998).as_deref(), Some("lead-sync"));
        assert_eq!(user_name(USERS, 99), None);
    }
}
