# The steps of .ci/run, one by one. `just ci` runs them all, as CI does.

_list:
    @just --list --unsorted

# formatting, licences, advisories, lints, docs, tests
ci:
    bash .ci/run

# cargo fmt --check
format:
    bash .ci/run format

# clippy over all targets, warnings are errors
lint:
    bash .ci/run lint

# rustdoc, warnings are errors
docs:
    bash .ci/run docs

# deny.toml: licences, banned crates, sources
licences:
    bash .ci/run tools licences

# RustSec advisories, from the offline copy beside the repository
advisories:
    bash .ci/run tools advisories

# the README's test command
test:
    bash .ci/run tests

# a run against the local WeGroup
demo:
    cargo run --release -- demo

# what lead-sync reaches on this machine, beside a reference; `just bench send0` measures one figure only
bench *FIGURES:
    cargo bench --bench figures -- {{FIGURES}}
