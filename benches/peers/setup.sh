#!/bin/sh
# Fetches the programs beside which lead-sync is measured, in the versions of requirements.txt and package.json, into target/.
# wrk is used if it is installed (Debian: `apt-get install wrk`), and left out otherwise. run.py itself uses loopback only.
set -eu
cd "$(dirname "$0")/../.."
here=benches/peers
if ! cmp -s $here/requirements.txt target/peers-venv/requirements.txt; then
  mkdir -p target
  python3 -m venv target/peers-venv
  target/peers-venv/bin/pip install --quiet --disable-pip-version-check -r $here/requirements.txt
  cp $here/requirements.txt target/peers-venv/
fi
if ! cmp -s $here/package.json target/peers-node/package.json; then
  mkdir -p target/peers-node
  cp $here/package.json target/peers-node/
  npm --prefix target/peers-node install --silent --no-audit --no-fund --no-package-lock
fi
