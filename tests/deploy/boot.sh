#!/usr/bin/env bash
# boot.sh DEB: boots systemd in a container over a copy of this system that is thrown away, and there follows docs/unattended.md:
# installs the package, gives it a token and an export, runs the service, and speaks to it with lead-sync-ctl.
# Needs root, systemd-nspawn and a Debian with systemd; not a part of CI, where containers may not mount.
set -euo pipefail

# --- Inside: started by the unit below ---
if [ "${1:-}" = inside ]; then
  set -x
  export DEBIAN_FRONTEND=noninteractive
  is() { [ "$1" = "$2" ] || { echo "boot.sh: $3: '$1', not '$2'"; exit 1; }; }
  code() { local code=0; "$@" </dev/null || code=$?; echo "$code"; }
  delivered() { lead-sync-ctl leads --state delivered --format csv </dev/null | tail -n +2 | wc -l; }

  dpkg --force-depends -i /srv/boot/lead-sync.deb
  systemd-run --unit=sandbox lead-sync sandbox --listen 127.0.0.1:9999 --token boot-token
  install -m 600 /dev/stdin /etc/credstore/wegroup-api-token <<<boot-token
  mkdir -p /srv/crm/exports
  printf 'id,last_name\n1,Maes\n2,Maes\n' >/srv/crm/exports/customers.csv
  chgrp -R lead-sync /srv/crm
  chmod -R o= /srv/crm
  sed -i 's|^#api_url = .*|api_url = "http://127.0.0.1:9999"|; s|^token = .*|token = { credential = "wegroup-api-token" }|
    s|^path = "exports/.*|path = "/srv/crm/exports/*.csv"|; /^first_name = /d; /^email = /d' /etc/lead-sync/lead-sync.toml
  systemd-analyze verify lead-sync.service lead-sync-run.service lead-sync-run.timer

  is "$(code lead-sync --run-now)" 2 'root before the first run'
  lead-sync-ctl plan </dev/null
  systemctl start lead-sync-run.service
  is "$(delivered)" 2 'leads delivered'
  is "$(stat -c '%U %a' /var/lib/private/lead-sync/lead-sync.db)" 'lead-sync 600' 'the ledger'
  is "$(code lead-sync status)" 2 'root by mistake'
  is "$(script -qec 'lead-sync-ctl status' /dev/null | grep -c '2 delivered')" 1 'status on a terminal'
  is "$(code lead-sync-ctl no-such-command)" 2 'the exit code comes through'

  # The API is away: deferred, and no failed unit. What a drop-in gives the service, lead-sync-ctl gives the command.
  systemctl stop sandbox.service
  echo 3,Maes >>/srv/crm/exports/customers.csv
  install -D -m 644 /dev/stdin /etc/systemd/system/lead-sync-run.service.d/test.conf <<<$'[Service]\nEnvironment=LEAD_SYNC__CONNECTIONS__WEGROUP__PATIENCE=1s'
  systemctl daemon-reload
  systemctl start lead-sync-run.service
  is "$(systemctl is-failed lead-sync-run.service)" inactive 'after a deferred run'
  lead-sync-ctl status </dev/null | grep -q 'deferred'

  # No token: a person is needed, and the unit fails.
  rm /etc/credstore/wegroup-api-token
  systemctl start lead-sync-run.service && exit 1
  is "$(systemctl is-failed lead-sync-run.service)" failed 'without the token'
  systemctl enable --now lead-sync-run.timer
  dpkg --purge lead-sync
  is "$(systemctl is-enabled lead-sync-run.timer 2>/dev/null || :)" '' 'the timer of a package that is gone'
  [ -e /var/lib/private/lead-sync/lead-sync.db ]
  echo well >/srv/boot/result
  exit
fi

# --- Outside ---
work=$(mktemp -d)
readonly work
# The second view of / is mounted there, for the container's processes alone: rmdir refuses should it ever show here.
trap 'rmdir "$work/root" && rm -rf "$work"' EXIT
mkdir "$work/boot" "$work/root"
cp "$1" "$work/boot/lead-sync.deb"
cp "${BASH_SOURCE[0]}" "$work/boot/boot.sh"
cat >"$work/boot/boot-test.service" <<'UNIT'
[Unit]
Requires=basic.target
After=basic.target
[Service]
Type=oneshot
StandardOutput=append:/srv/boot/log
StandardError=append:/srv/boot/log
ExecStart=/srv/boot/boot.sh inside
ExecStopPost=/bin/systemctl --force --no-block exit
TimeoutStartSec=3min
UNIT
# systemd-nspawn refuses / itself, not a second view of it; what is written goes into memory.
timeout 300 unshare --mount bash -c '
  mount --make-rprivate / && mount --bind / "$1/root" && exec systemd-nspawn --quiet --directory="$1/root" --volatile=overlay \
    --register=no --keep-unit --settings=no --link-journal=no --private-network --machine=lead-sync-boot --bind="$1/boot:/srv/boot" \
    --bind-ro="$1/boot/boot-test.service:/etc/systemd/system/boot-test.service" --boot -- systemd.unit=boot-test.service
' sh "$work" </dev/null >"$work/console" 2>&1 || :
if [ ! -e "$work/boot/result" ]; then
  cat "$work/console" "$work/boot/log" >&2 || :
  echo 'boot.sh: FAILED, see above' >&2
  exit 1
fi
echo "boot.sh: $(basename "$1") does under systemd what docs/unattended.md says"
