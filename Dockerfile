# syntax=docker/dockerfile:1
# The image of the server: the binary, the few libraries it needs, certificates, and nothing else: no shell, no package manager.
# Dependencies are a layer of their own, which is built again only when Cargo.lock or a manifest changes.
#
#   docker build --tag opendata-log .

# Both are Debian 12, so that the binary finds the C library that it was linked with.
ARG BUILDER=docker.io/library/rust:1.95-bookworm
ARG RUNTIME=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILDER} AS tools
# cargo-auditable writes the list of crates into the binary, where scanners and SBOM generators find it.
RUN cargo install --locked cargo-chef@0.1.78 cargo-auditable@0.7.7
WORKDIR /src

FROM tools AS plan
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM tools AS build
COPY --from=plan /src/recipe.json recipe.json
RUN cargo chef cook --release --locked --package log-app --recipe-path recipe.json
COPY . .
RUN cargo auditable build --release --locked --package log-app \
    && install -D --mode 0755 target/release/opendata-log /out/usr/local/bin/opendata-log \
    && install -d --mode 0755 /out/var/lib/opendata-log

FROM ${RUNTIME} AS runtime
ARG VERSION=dev
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="opendata-log" \
      org.opencontainers.image.description="A key-oriented, append-only log server on object storage" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
COPY --from=build /out/usr/local/bin/opendata-log /usr/local/bin/opendata-log
# Somewhere to write for who runs the image without more ado; the chart has no use for it.
COPY --from=build --chown=65532:65532 /out/var/lib/opendata-log /var/lib/opendata-log
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/opendata-log"]
CMD ["--host", "0.0.0.0", "--data-dir", "/var/lib/opendata-log"]
