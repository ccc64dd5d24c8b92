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

# 50,000 kills, a fault at every system call of every story, a million posts on connections that close, thousands of stops, clocks set and
# operators' acts, eight processes with a thousand refused tokens each: hours; needs strace
torture:
    LEAD_SYNC_TEST_STRACE=1 LEAD_SYNC_TEST_KILLS=50000 LEAD_SYNC_TEST_POINTS=100000 LEAD_SYNC_TEST_POSTS=1000000 \
        LEAD_SYNC_TEST_CHAOS=5000 LEAD_SYNC_TEST_SESSION_KILLS=2000 LEAD_SYNC_TEST_STOPS=2000 LEAD_SYNC_TEST_CROWDS=50 \
        LEAD_SYNC_TEST_CLOCKS=500 LEAD_SYNC_TEST_ACTS=5000 LEAD_SYNC_TEST_DAMAGES=2000 \
        cargo test --locked --test torture -- --nocapture
    LEAD_SYNC_TEST_TOKENS=1000 cargo test --locked --test auth -- --nocapture rotation

# every fuzz target for an hour; the inputs it learns are kept in target/fuzz for the next time
fuzz:
    FUZZ_SECONDS=3600 bash .ci/run fuzz

# systemd-analyze verify and security
units:
    bash .ci/run units

# hadolint
image:
    bash .ci/run image

# target/debian/*.deb from a release build, installed and removed in a test root
package:
    bash .ci/run release_package

# target/assets/lead-sync.cdx.json: what the program is made of, CycloneDX; part of the package
sbom:
    bash .ci/run sbom

# the last commit, built twice in folders of different names and compared; takes two release builds
reproducible:
    bash .ci/run reproducible

# the package on a booted systemd, in a container of systemd's own; needs root and systemd-nspawn
boot:
    bash .ci/run package
    tests/deploy/boot.sh target/lead-sync-dev.deb

# a run against the local WeGroup
demo:
    cargo run --release -- demo

# what lead-sync reaches on this machine, beside a reference; `just bench send0` measures one figure only
bench *FIGURES:
    cargo bench --bench figures -- {{FIGURES}}

# every figure of lead-sync alone, ten million rows included, into docs/BENCHMARKS.md: a quarter of an hour, on a machine that does nothing else
figures:
    LEAD_SYNC_BENCH_PAGE=docs/BENCHMARKS.md cargo bench --bench figures -- server start send0 matrix reread reread10 admit desk

# lead-sync beside what people use today (docs/BENCHMARKS.md): fetches those programs into target/, measures on loopback; `--quick` takes two minutes
peers *OPTIONS:
    benches/peers/setup.sh
    cargo build --release
    cargo bench --bench figures --no-run
    python3 benches/peers/run.py {{OPTIONS}}
    python3 benches/peers/plot.py

# an idle daemon, and one with a run every second for ten minutes and faults on; draws docs/soak.svg (LEAD_SYNC_SOAK_MINUTES)
soak:
    cargo bench --bench figures -- idle soak
