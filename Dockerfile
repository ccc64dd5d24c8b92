# The image: the program, the C library it needs, the system's certificates; no shell. `docker build -t lead-sync .`
#
# For builds that can be repeated bit by bit, name the base images by digest:
#   docker build --build-arg BUILD_IMAGE=rust@sha256:… --build-arg RUNTIME_IMAGE=gcr.io/distroless/cc-debian12@sha256:… .
ARG BUILD_IMAGE=rust:1.95-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot

# hadolint ignore=DL3006
FROM ${BUILD_IMAGE} AS build
WORKDIR /build
# What the release profile keeps of debugging information is left out.
ENV CARGO_INCREMENTAL=0 CARGO_PROFILE_RELEASE_STRIP=debuginfo
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    cargo build --release --locked --bin lead-sync
# A volume that is mounted for the first time takes owner and mode from here.
RUN install -d -m 0700 /state

# hadolint ignore=DL3006
FROM ${RUNTIME_IMAGE}
COPY --from=build /build/target/release/lead-sync /usr/bin/lead-sync
COPY --from=build --chown=65532:65532 /state /var/lib/lead-sync
# The names that systemd gives to a service, so that one configuration serves both: the ledger lies in the first, { credential = "…" } in the second.
ENV STATE_DIRECTORY=/var/lib/lead-sync CREDENTIALS_DIRECTORY=/run/secrets
# As in the systemd unit: a daemon's runs move between threads, for each of which the C library would keep a pool of memory, large blocks too.
ENV MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072
# As a number: Kubernetes does not look names up (runAsNonRoot).
USER 65532:65532
# For the daemon: with [http] listen = "127.0.0.1:9632" in the configuration it is asked itself. Switch this off for runs that a cron starts.
HEALTHCHECK --interval=1m --timeout=10s --start-period=1m CMD ["lead-sync", "healthcheck"]
# SIGTERM ends a run within shutdown_grace (20 s): give it 60 s to stop.
STOPSIGNAL SIGTERM
# There is no VOLUME: an anonymous one would be forgotten with the container, and the ledger in it. Mount one at /var/lib/lead-sync, and the
# configuration at /etc/lead-sync.
ENTRYPOINT ["lead-sync"]
