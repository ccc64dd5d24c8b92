//! The image, without a container engine: this build's program in an empty root that holds what the image would hold, read-only, as its user.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::site::{Ended, KEYS, PROGRAM, Site, end, message};

/// The user of the image.
const USER: u32 = 65_532;

/// What the base image has of the C library and of GCC.
const LIBRARIES: [&str; 4] = ["ld-linux-x86-64.so.2", "libc.so.6", "libgcc_s.so.1", "libm.so.6"];

/// The authorities that the base image trusts, where Debian has them, too.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The shared libraries of the program, as the loader finds them.
fn libraries() -> Vec<PathBuf> {
    let listed = end(Command::new("ldd").arg(PROGRAM));
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let paths = listed.stdout.split_whitespace().filter(|word| word.starts_with('/'));
    paths.map(PathBuf::from).collect()
}

/// An empty root with the program, its libraries, the configuration, the secret and an empty folder for the state; nothing else.
fn root(site: &Site) -> PathBuf {
    let root = site.path("root");
    let put = |from: &Path, to: &str| {
        let to = root.join(to.trim_start_matches('/'));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    };
    put(Path::new(PROGRAM), "/usr/bin/lead-sync");
    for library in libraries() {
        put(&library, library.to_str().unwrap());
    }
    // Without them no HTTP client can be set up, whatever it is to talk to.
    put(Path::new(CERTIFICATES), CERTIFICATES);
    put(&site.path("config/lead-sync.toml"), "/etc/lead-sync/lead-sync.toml");
    put(&site.path("config/exports/customers.csv"), "/etc/lead-sync/exports/customers.csv");
    put(&site.path("credentials/wegroup-api-token"), "/run/secrets/wegroup-api-token");
    fs::create_dir_all(root.join("var/lib/lead-sync")).unwrap();
    fs::create_dir(site.path("root.own")).unwrap();
    chown(site.path("state"), Some(USER), Some(USER)).unwrap();
    chown(root.join("var/lib/lead-sync"), Some(USER), Some(USER)).unwrap();
    root
}

/// The volume at its place and the rest read-only, as the Compose file and the `CronJob` have it.
const VOLUME: &str = r#"mount --bind "$state" "$root/var/lib/lead-sync" && mount -o remount,bind,ro "$root""#;

/// No volume, and a root that can be written, as a container's is unless it is told otherwise.
const NO_VOLUME: &str = ":";

/// In mounts of its own, an overlay over the image as container engines make it, and nothing of the environment but what the Dockerfile sets.
const CONTAINER: &str = r#"
set -e
root=$1 state=$2 mounts=$3 user=$4
shift 4
mount -t tmpfs tmpfs "$root.own"
mkdir "$root.own/upper" "$root.own/work"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$root.own/upper,workdir=$root.own/work" "$root"
eval "$mounts"
cd /
exec env -i PATH=/usr/bin STATE_DIRECTORY=/var/lib/lead-sync CREDENTIALS_DIRECTORY=/run/secrets \
  /usr/sbin/chroot --userspec="$user:$user" --groups= "$root" /usr/bin/lead-sync "$@"
"#;

fn run(site: &Site, mounts: &str, arguments: &[&str]) -> Ended {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", CONTAINER, "sh"]).args([site.path("root"), site.path("state")]);
    command.args([mounts, &USER.to_string()]).args(arguments);
    end(&mut command)
}

/// True if this process may mount; elsewhere a test that needs it is skipped, and says so.
fn may_mount() -> bool {
    let may = Command::new("unshare").args(["--mount", "true"]).status().is_ok_and(|status| status.success());
    if !may {
        eprintln!("skipped: needs root and leave to mount");
    }
    may
}

#[test]
fn the_program_needs_no_library_that_the_base_image_lacks() {
    let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let found: BTreeSet<String> = libraries().into_iter().map(name).collect();
    let lacking: Vec<_> = found.iter().filter(|name| !LIBRARIES.contains(&name.as_str())).collect();
    assert!(lacking.is_empty() || cfg!(not(target_arch = "x86_64")), "the image lacks {lacking:?}");
}

#[test]
fn in_a_read_only_root_with_a_volume_it_runs_as_the_images_user() {
    if !may_mount() {
        return;
    }
    let site = Site::new("");
    root(&site);
    let help = run(&site, VOLUME, &["--help"]);
    assert!(help.code == Some(0) && help.stdout.contains("Usage:"), "{help:?}");
    let first = run(&site, VOLUME, &["--run-now"]);
    assert_eq!((first.code, first.stderr.as_str()), (Some(0), ""), "{first:?}");
    assert_eq!(site.delivered(), KEYS);
    let next = run(&site, VOLUME, &["--run-now"]);
    assert!(next.stdout.contains("0 new, 0 changed, 3 unchanged"), "the ledger outlived the container: {next:?}");
    assert!(site.path("state/lead-sync.db").exists());
}

#[test]
fn without_a_volume_it_warns_that_the_ledger_vanishes_with_the_container() {
    if !may_mount() {
        return;
    }
    let site = Site::new("");
    root(&site);
    let checked = run(&site, NO_VOLUME, &["check"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(
        checked.stdout.contains("warn  ledger: the ledger /var/lib/lead-sync/lead-sync.db lies inside the container")
    );
    let warned = run(&site, NO_VOLUME, &["--run-now"]);
    assert_eq!(warned.code, Some(0), "{warned:?}");
    assert_eq!(
        message(&warned.stderr),
        "the ledger /var/lib/lead-sync/lead-sync.db lies inside the container and vanishes with it; \
         without it every lead of the export is sent again. Mount a volume on its folder"
    );
}
