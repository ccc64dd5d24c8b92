#!/bin/sh
# `parallel_curl.sh EXPORT URL IN_FLIGHT`: one curl for all leads, which keeps its connections.
set -eu
python3 "$(dirname "$0")/lead.py" "$1" "$2" | curl --parallel --parallel-max "$3" --fail-early --config -
