#!/bin/sh
# `xargs_curl.sh EXPORT URL IN_FLIGHT`: a process and a connection for each lead.
set -eu
python3 "$(dirname "$0")/lead.py" "$1" |
  xargs -0 -n 1 -P "$3" curl --silent --fail --output /dev/null \
    --header "Authorization: apikey bench-token" --header "Content-Type: application/json" --url "$2" --data-raw
