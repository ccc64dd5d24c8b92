#!/usr/bin/env bash
# package.sh DEB: installs the package into an empty root, looks at what came, uses it, removes and purges it.
set -euo pipefail
[ "$(id -u)" -eq 0 ] || exec unshare --map-root-user "${BASH_SOURCE[0]}" "$@"
readonly deb=$1
root=$(mktemp -d)
readonly root
trap 'rm -rf "$root"' EXIT

fail() { echo "package.sh: $*" >&2; exit 1; }
# The empty root has no shell and no other package: scripts run outside of it, with $DPKG_ROOT.
in_root() { dpkg --root="$root" --force-script-chrootless --force-depends --log=/dev/null "$@" >/dev/null; }
is() { # is MODE PATH: is there, root's, with this mode
  local found
  found=$(stat -c '%a %u' "$root/$2") || fail "$2 is missing"
  [ "$found" = "$1 0" ] || fail "$2 has mode and owner $found, not $1 0"
}

mkdir -p "$root"/{etc,tmp,var/lib/dpkg/{info,updates}}
touch "$root/var/lib/dpkg/status"
in_root --install "$deb" 2>/dev/null

is 755 usr/bin/lead-sync
is 755 usr/sbin/lead-sync-ctl
for unit in lead-sync.service lead-sync-run.service lead-sync-run.timer; do is 644 "usr/lib/systemd/system/$unit"; done
is 644 etc/lead-sync/lead-sync.toml
is 644 usr/share/bash-completion/completions/lead-sync
is 644 usr/share/zsh/vendor-completions/_lead-sync
is 644 usr/share/fish/vendor_completions.d/lead-sync.fish
is 644 usr/share/doc/lead-sync/copyright
is 700 etc/credstore
grep -q '^lead-sync:.*:/usr/sbin/nologin$' "$root/etc/passwd" || fail 'there is no user lead-sync without a shell'
[ ! -e "$root/etc/systemd/system" ] || fail 'something was enabled before it was configured'

# A man page for the program and for each command that its help lists.
commands=$("$root/usr/bin/lead-sync" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p' | grep -vx help)
[ -n "$commands" ] || fail 'the help lists no command'
for page in lead-sync $(sed 's/^/lead-sync-/' <<<"$commands"); do is 644 "usr/share/man/man1/$page.1.gz"; done

# The configuration as shipped is valid up to what the operator has to fill in.
said=$("$root/usr/bin/lead-sync" --config "$root/etc/lead-sync/lead-sync.toml" --run-now 2>&1) && fail 'it ran without a token'
grep -q WEGROUP_API_TOKEN <<<"$said" || fail "the shipped configuration: $said"

echo '# mine' >>"$root/etc/lead-sync/lead-sync.toml"
install -d -m 700 "$root/var/lib/private/lead-sync"
touch "$root/var/lib/private/lead-sync/lead-sync.db"
in_root --install "$deb" 2>/dev/null
grep -qx '# mine' "$root/etc/lead-sync/lead-sync.toml" || fail 'an update changed the configuration'
in_root --remove lead-sync 2>/dev/null
[ ! -e "$root/usr/bin/lead-sync" ] || fail 'the program is still there'
[ -z "$(find "$root" -path "$root/usr/*" -name '*lead-sync*')" ] || fail 'removing left files in /usr'
grep -qx '# mine' "$root/etc/lead-sync/lead-sync.toml" || fail 'removing took the configuration'
said=$(in_root --purge lead-sync 2>&1)
grep -q 'the ledger stays' <<<"$said" || fail "purging did not tell where the ledger is: $said"
[ ! -e "$root/etc/lead-sync/lead-sync.toml" ] || fail 'purging left the configuration'
[ -e "$root/var/lib/private/lead-sync/lead-sync.db" ] || fail 'purging took the ledger'
echo "package.sh: $(basename "$deb") installs, works, updates, leaves"
